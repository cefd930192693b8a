"""Declarations of parameters by the classes that own them, and the checks that follow from them."""

import dataclasses
import math
from functools import cache
from typing import Any

import equinox as eqx
import jax

from sersiclab.parameters.base import AbstractParameter, AbstractPrior, AbstractVarying, Parameter
from sersiclab.parameters.documenting import to_parameter
from sersiclab.parameters.quantities import refusal
from sersiclab.parameters.scalars import check_finite, described, is_number, is_scalar
from sersiclab.runtime.errors import InputError, InputTypeError


@dataclasses.dataclass(frozen=True)
class ParameterInfo:
    """The declaration of a parameter by its class: range, unit and meaning; see `parameter` for the fields.

    The range includes its ends, except `low` if `open_low`. `usual` and `start` are for default priors if the parameter
    can't be measured from the pixels.
    """

    name: str
    low: float
    high: float
    open_low: bool
    unit: str
    doc: str
    usual: tuple[float, float] | None
    start: float | None
    logarithmic: bool
    across: bool = False

    def check(self, label: str, value: Any) -> None:
        """Raise if `value` can't be this parameter; `label` names it in the message."""
        if isinstance(value, AbstractVarying):
            for name, given in value.given.items():
                self.check(f"{label}.{name}" if name else label, given)
            return
        refused = refusal(value, self.unit)
        if refused is not None:
            raise InputTypeError(
                f"{label}: {refused}" if isinstance(value, AbstractParameter) else f"{label} {refused}"
            )
        if isinstance(value, AbstractPrior):
            self._check_prior(label, value)
        elif isinstance(value, AbstractParameter):
            return
        elif not is_scalar(value):
            raise InputTypeError(f"{label} must be a number, a prior or Tied(path), got {described(value)}")
        elif is_number(value):
            check_finite(label, value)
            if not self.low <= float(value) <= self.high or (self.open_low and value == self.low):
                raise InputError(f"{label} must lie in {self.interval}, got {value:g}")

    def _check_prior(self, label: str, prior: AbstractPrior) -> None:
        if prior.unit is not None and prior.unit != self.unit:
            has = f"is in {self.unit}" if self.unit else "has no unit"
            raise InputError(f"{label} {has}, but its prior {prior} is for parameters in {prior.unit}")
        if not all(is_number(leaf) for leaf in jax.tree.leaves(prior)):
            return  # traced: it was checked when the user built it
        low, high = prior.support()
        if not self.holds(low, high):
            raise InputError(
                f"{label} must lie in {self.interval}, but its prior {prior} allows "
                f"[{low:g}, {high:g}]; truncate the prior"
            )
        if prior.init is not None and not low <= float(prior.init) <= high:
            raise InputError(f"{label}: init must lie in its prior's [{low:g}, {high:g}], got {prior.init:g}")

    def holds(self, low: float, high: float) -> bool:
        """Whether the interval from `low` to `high` lies within the range, apart from rounding."""
        return low >= self.low - _rounding(self.low) and high <= self.high + _rounding(self.high)

    @property
    def interval(self) -> str:
        low = "(" if self.open_low or math.isinf(self.low) else "["
        high = ")" if math.isinf(self.high) else "]"
        return f"{low}{self.low:g}, {self.high:g}{high}"


def _rounding(bound: float) -> float:
    """Return the distance by which rounding may move a number beyond its bound."""
    return 1e-12 * abs(bound) if math.isfinite(bound) else 0.0


def parameter(
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    unit: str = "",
    doc: str,
    default: "float | AbstractPrior | None" = None,
    usual: tuple[float, float] | None = None,
    start: float | None = None,
    logarithmic: bool = False,
    across: bool = False,
) -> Any:
    """Declare a parameter field of a custom profile, noise model or link.

    This is the one place for the range, unit and meaning of a parameter: validation, default priors, the rows of the
    widget, units in tables and the documentation all read it.

    Arguments:
        low: the lower end of its range.
        high: the upper end of its range.
        open_low: whether `low` itself is excluded.
        unit: "pixel", "1/pixel", "rad", "image" (the unit of the image), "image/pixel", "image/pixel²", or "".
        doc: the meaning, in a few words.
        default: a number or a prior that a constructor may omit.
        usual: a narrower range, for default priors.
        start: the value from which fits start if it can't be measured; for a length, in half-light radii.
        logarithmic: whether the default prior is uniform in the logarithm.
        across: whether a length is measured across the major axis of a source, not along it. If it may be negative, it
            is positive on the counter-clockwise side, and changes its sign in a mirror image.

    Returns:
        A field for a class that is an `equinox.Module`.

    Raises:
        ValueError: unless `low` is less than `high`.

    Example:
        >>> import sersiclab as sl
        >>> class Pedestal(sl.AbstractProfile):
        ...     height: sl.Parameter = sl.parameter(low=0.0, unit="image/pixel", doc="brightness per pixel")
        >>> Pedestal(height=2.0).height
        2.0
        >>> Pedestal(height=-1.0)
        Traceback (most recent call last):
        sersiclab.runtime.errors.InputError: Pedestal.height must lie in [0, inf), got -1
    """
    if not low < high:
        raise InputError(f"parameter needs low < high, got low={low!r}, high={high!r}")
    metadata = {"parameter": (low, high, open_low, unit, doc, usual, start, logarithmic, across)}
    if default is None:
        return eqx.field(converter=to_parameter(unit), metadata=metadata)
    return eqx.field(default=default, converter=to_parameter(unit), metadata=metadata)


def nested(doc: str = "") -> Any:
    """Declare a field that holds a module whose parameters belong to its owner; `doc` is its meaning."""
    return eqx.field(metadata={"nested": doc})


def nested_modules(owner: eqx.Module) -> dict[str, eqx.Module]:
    """Return the modules in fields declared with `nested`, by the name of the field."""
    return {name: getattr(owner, name) for name, info in declared(type(owner)).items() if info is None}


@cache
def declared(cls: type[eqx.Module]) -> dict[str, ParameterInfo | None]:
    """Return the declarations of a class by field: the information on a parameter, or None for a nested module."""
    return {
        field.name: ParameterInfo(field.name, *field.metadata["parameter"]) if "parameter" in field.metadata else None
        for field in dataclasses.fields(cls)
        if "parameter" in field.metadata or "nested" in field.metadata
    }


def parameter_info(owner: eqx.Module | type[eqx.Module]) -> dict[str, ParameterInfo]:
    """Return the declared parameters by name, in order: of a module with its nested modules, or of a class alone."""
    found: dict[str, ParameterInfo] = {}
    for name, info in declared(owner if isinstance(owner, type) else type(owner)).items():
        if info is not None:
            found[name] = info
        elif isinstance(owner, eqx.Module):
            found.update(parameter_info(getattr(owner, name)))
    return found


def own_parameters(owner: eqx.Module) -> dict[str, Parameter]:
    """Return the number, prior or tie that a module holds for each of its parameters, by name."""
    found: dict[str, Parameter] = {}
    for name, info in declared(type(owner)).items():
        found |= {name: getattr(owner, name)} if info is not None else own_parameters(getattr(owner, name))
    return found


def check_parameters(owner: eqx.Module) -> None:
    """Raise unless every parameter of `owner` agrees with the declarations of its class."""
    for name, info in parameter_info(type(owner)).items():
        info.check(f"{type(owner).__name__}.{name}", getattr(owner, name))
    for field, module in nested_modules(owner).items():
        for name in parameter_info(module):
            if name in parameter_info(type(owner)):
                raise InputError(f"{type(owner).__name__}.{name} is a parameter of its {field} too")
