"""Parameters of a model: a number (fixed), a prior (free) or a tie (linked).

A tree of parameters is read as `owners`: a mapping from a name to the module that owns the
parameters, so that the parameter `n` of the component `bulge` has the path `"bulge.n"`. Only this
module looks inside a parameter field; everything else asks `free`, `initial` or `at`.
"""

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import equinox as eqx
import jax
import numpy as np
from numpyro.distributions import Distribution
from numpyro.distributions.transforms import Transform

from sersiclab.parameters.documenting import to_parameter
from sersiclab.parameters.scalars import Scalar, check_finite, described, is_number, is_scalar, to_float
from sersiclab.runtime.errors import InputError, InputTypeError


Owners = Mapping[str, eqx.Module]
M = TypeVar("M", bound=eqx.Module)


class AbstractParameter(eqx.Module):
    """What a parameter field may hold besides a number."""


class AbstractPrior(AbstractParameter):
    """A free parameter: its prior distribution and, optionally, the value to start from."""

    unit: ClassVar[str | None] = None
    """The unit that a parameter must have to take this prior; None if any will do."""

    init: eqx.AbstractVar[Scalar | None]

    def __check_init__(self) -> None:
        if self.init is not None:
            check_finite(f"{type(self).__name__}.init", self.init)

    @abstractmethod
    def distribution(self) -> Distribution:
        """The prior as a numpyro distribution."""

    @abstractmethod
    def transform(self) -> Transform:
        """The bijection from the real line to the prior's support in which we sample."""

    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The interval outside which the prior is zero."""

    @abstractmethod
    def median(self) -> float:
        """The prior's median, where methods start if `init` is None."""


class Tied(AbstractParameter):
    """A parameter that follows another: `scale * other + offset`, times what `by` follows, if given."""

    to: str = eqx.field(static=True)
    scale: Scalar = eqx.field(default=1.0, converter=to_float)
    offset: Scalar = eqx.field(default=0.0, converter=to_float)
    by: "Tied | None" = None

    def __check_init__(self) -> None:
        if not isinstance(self.to, str):
            raise InputTypeError(f"Tied.to must be a path such as 'bulge.xc', got {self.to!r}")
        if self.by is not None and (not isinstance(self.by, Tied) or self.by.by is not None):
            raise InputTypeError(
                f"Tied.by must be a Tied to one parameter, such as Tied('total.fraction'), got {self.by!r}"
            )
        check_finite("Tied.scale", self.scale)
        check_finite("Tied.offset", self.offset)

    @property
    def targets(self) -> tuple[str, ...]:
        """The paths of what it follows."""
        return (self.to,) if self.by is None else (self.to, self.by.to)


if TYPE_CHECKING:
    # A profile's maths run only once `at` has put numbers in, so let them calculate with the fields.
    Parameter: TypeAlias = Any
else:
    Parameter = Scalar | AbstractParameter


@dataclasses.dataclass(frozen=True)
class ParameterInfo:
    """What a class declares about one of its parameters: range, unit and meaning.

    The range holds its ends, but not `low` if `open_low`. `usual` and `start` are what a guess assumes where
    the pixels say nothing: the range of the prior, if narrower, and the initial value. A length's `start` is
    relative to the half-light radius. `logarithmic` makes the default prior uniform in the logarithm.
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

    def check(self, label: str, value: Any) -> None:
        """Raise if `value` can't be this parameter; `label` names it in the message."""
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
        """Whether a prior or a tie between `low` and `high` keeps within the range, apart from rounding."""
        return low >= self.low - _rounding(self.low) and high <= self.high + _rounding(self.high)

    @property
    def interval(self) -> str:
        low = "(" if self.open_low or math.isinf(self.low) else "["
        high = ")" if math.isinf(self.high) else "]"
        return f"{low}{self.low:g}, {self.high:g}{high}"


def _rounding(bound: float) -> float:
    """How far arithmetic may carry a number beyond a bound on which it lies."""
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
) -> Any:
    """Declare a parameter field: the one place for its range (see `ParameterInfo`), unit and meaning."""
    if not low < high:
        raise InputError(f"parameter needs low < high, got low={low!r}, high={high!r}")
    metadata = {"parameter": (low, high, open_low, unit, doc, usual, start, logarithmic)}
    if default is None:
        return eqx.field(converter=to_parameter, metadata=metadata)
    return eqx.field(default=default, converter=to_parameter, metadata=metadata)


def nested(doc: str = "") -> Any:
    """Declare a field that holds a module whose parameters count as its owner's; `doc` is its meaning."""
    return eqx.field(metadata={"nested": doc})


def nested_modules(owner: eqx.Module) -> dict[str, eqx.Module]:
    """The modules in fields declared with `nested`, by the field's name."""
    return {name: getattr(owner, name) for name, info in _declared(type(owner)).items() if info is None}


@cache
def _declared(cls: type[eqx.Module]) -> dict[str, ParameterInfo | None]:
    """The parameters that a class declares by name, and the fields for nested modules, which have no such."""
    return {
        field.name: ParameterInfo(field.name, *field.metadata["parameter"]) if "parameter" in field.metadata else None
        for field in dataclasses.fields(cls)
        if "parameter" in field.metadata or "nested" in field.metadata
    }


def parameter_info(owner: eqx.Module | type[eqx.Module]) -> dict[str, ParameterInfo]:
    """The declared parameters by name, in order: a module's with those nested in it, or a class's own."""
    found: dict[str, ParameterInfo] = {}
    for name, info in _declared(owner if isinstance(owner, type) else type(owner)).items():
        if info is not None:
            found[name] = info
        elif isinstance(owner, eqx.Module):
            found.update(parameter_info(getattr(owner, name)))
    return found


def own_parameters(owner: eqx.Module) -> dict[str, Parameter]:
    """What a module holds for each of its parameters, by name."""
    found: dict[str, Parameter] = {}
    for name, info in _declared(type(owner)).items():
        found |= {name: getattr(owner, name)} if info is not None else own_parameters(getattr(owner, name))
    return found


def check_parameters(owner: eqx.Module) -> None:
    """Raise unless every parameter of `owner` is what its class declares."""
    for name, info in parameter_info(type(owner)).items():
        info.check(f"{type(owner).__name__}.{name}", getattr(owner, name))
    for field, module in nested_modules(owner).items():
        for name in parameter_info(module):
            if name in parameter_info(type(owner)):
                raise InputError(f"{type(owner).__name__}.{name} is a parameter of its {field} too")


def parameters(owners: Owners) -> dict[str, Parameter]:
    """Every parameter by path, as the tree holds it."""
    return {
        f"{owner_name}.{name}": value
        for owner_name, owner in owners.items()
        for name, value in own_parameters(owner).items()
    }


def free(owners: Owners) -> dict[str, AbstractPrior]:
    """The free parameters by path, in the order of the tree."""
    return {path: p for path, p in parameters(owners).items() if isinstance(p, AbstractPrior)}


def initial(owners: Owners) -> dict[str, float]:
    """The starting value of every free parameter: its prior's `init`, else the prior's median."""
    return {path: start(path, prior) for path, prior in free(owners).items()}


def start(path: str, prior: AbstractPrior) -> Any:
    """The starting value of a free parameter. Raises `ValueError` if a prior's numbers are traced and lack `init`."""
    if prior.init is not None:
        return float(prior.init) if is_number(prior.init) else prior.init
    if not all(is_number(leaf) for leaf in jax.tree.leaves(prior)):
        raise InputError(f"{path} must have a value: inside a jitted function the median of its prior is not known")
    try:
        return prior.median()
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def check_values(owners: Owners, values: Mapping[str, Any], *, draws: bool = False) -> None:
    """Raise if `values` names an unknown path or holds a number outside its parameter's range.

    With `draws` it may hold arrays of numbers, whose ranges are not checked.
    """
    known = {f"{o}.{name}": info for o, owner in owners.items() for name, info in parameter_info(owner).items()}
    for path, value in values.items():
        if path not in known:
            raise InputError(f"values has {path!r}, which is not a parameter of this model; it has {list(known)}")
        if not draws:
            known[path].check(path, value)
        elif not is_scalar(value) and getattr(getattr(value, "dtype", None), "kind", "") not in ("f", "i", "u"):
            raise InputTypeError(f"{path} must be a number, or an array of them, got {described(value)}")


def at(owners: Owners, values: Mapping[str, Scalar]) -> dict[str, eqx.Module]:
    """The same modules with a number for every parameter: fixed, given in `values`, or tied to one.

    Where `values` holds arrays of draws, so do the modules, unchecked.
    """
    fill = _filled if any(map(np.ndim, values.values())) else with_parameters
    found = {path: values.get(path, value) for path, value in parameters(owners).items()}
    numbers: dict[str, Any] = {}
    for path in in_order(found):
        value = found[path]
        if isinstance(value, Tied):
            value = _followed(value, numbers) * (1.0 if value.by is None else _followed(value.by, numbers))
        elif isinstance(value, AbstractParameter):
            raise InputError(f"{path} is free and has no value; values must hold {list(free(owners))}")
        numbers[path] = value
    return {
        owner_name: fill(owner, {n: numbers[f"{owner_name}.{n}"] for n in parameter_info(owner)})
        for owner_name, owner in owners.items()
    }


def _filled(owner: M, values: Mapping[str, Any]) -> M:
    """A copy of a module with other parameters, without the checks of its constructor."""
    known = _declared(type(owner))
    parts = [
        values[name] if info is not None else _filled(getattr(owner, name), values) for name, info in known.items()
    ]
    return eqx.tree_at(lambda owner: [getattr(owner, name) for name in known], owner, parts) if known else owner


def _followed(tie: Tied, numbers: Mapping[str, Any]) -> Any:
    return tie.scale * numbers[tie.to] + tie.offset


def in_order(found: Mapping[str, Parameter]) -> list[str]:
    """The paths, each after those that it follows; without those that are in a circle or lead into one.

    A path that is not there counts as known.
    """
    waiting = {
        path: {to for to in value.targets if to in found} if isinstance(value, Tied) else set()
        for path, value in found.items()
    }
    followers: dict[str, list[str]] = {}
    for path, targets in waiting.items():
        for to in targets:
            followers.setdefault(to, []).append(path)
    order = [path for path, targets in waiting.items() if not targets]
    for path in order:  # which grows meanwhile
        for follower in followers.get(path, ()):
            waiting[follower].discard(path)
            if not waiting[follower]:
                order.append(follower)
    return order


def with_parameters(owner: M, values: Mapping[str, Parameter]) -> M:
    """A copy of a module with some parameters, its own or nested ones, replaced."""
    if not values:
        return owner
    changes: dict[str, Any] = {name: value for name, value in values.items() if name in parameter_info(type(owner))}
    for field, module in nested_modules(owner).items():
        inner = {name: values[name] for name in parameter_info(module) if name in values}
        changes[field] = with_parameters(module, inner)
    return dataclasses.replace(owner, **changes)


def replace(owners: Owners, changes: Mapping[str, Parameter]) -> dict[str, eqx.Module]:
    """Copies of the modules with the parameters in `changes`, `{path: parameter}`, replaced."""
    known = parameters(owners)
    by_owner: dict[str, dict[str, Parameter]] = {}
    for path, value in changes.items():
        if path not in known:
            raise InputError(f"{path!r} is not a parameter of this model; it has {list(known)}")
        owner_name, name = path.split(".", 1)
        parameter_info(owners[owner_name])[name].check(path, to_float(value))
        by_owner.setdefault(owner_name, {})[name] = value
    return {name: with_parameters(owner, by_owner.get(name, {})) for name, owner in owners.items()}
