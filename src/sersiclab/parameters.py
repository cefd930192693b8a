"""Parameters of a model: a number (fixed), a prior (free) or a tie (linked).

A tree of parameters is read as `owners`: a mapping from a name to the module that owns the
parameters, so that the parameter `n` of the component `bulge` has the path `"bulge.n"`. Only this
module looks inside a parameter field; everything else asks `free`, `initial` or `at`.
"""

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import equinox as eqx
import jax
import jax.core
import numpy as np
from jaxtyping import Array, Float
from numpyro.distributions import Distribution
from numpyro.distributions.transforms import Transform


Scalar = float | Float[Array, ""]
Owners = Mapping[str, eqx.Module]
M = TypeVar("M", bound=eqx.Module)


class AbstractParameter(eqx.Module):
    """What a parameter field may hold besides a number."""


class AbstractPrior(AbstractParameter):
    """A free parameter: its prior distribution and, optionally, the value to start from."""

    init: eqx.AbstractVar[Scalar | None]

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
    scale: Scalar = 1.0
    offset: Scalar = 0.0
    by: "Tied | None" = None

    def __check_init__(self) -> None:
        if not isinstance(self.to, str):
            raise TypeError(f"Tied.to must be a path such as 'bulge.xc', got {self.to!r}")
        if self.by is not None and (not isinstance(self.by, Tied) or self.by.by is not None):
            raise TypeError(f"Tied.by must be a Tied to one parameter, such as Tied('total.fraction'), got {self.by!r}")

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
    relative to the half-light radius.
    """

    name: str
    low: float
    high: float
    open_low: bool
    unit: str
    doc: str
    usual: tuple[float, float] | None
    start: float | None

    def check(self, label: str, value: Any) -> None:
        """Raise if `value` can't be this parameter; `label` names it in the message."""
        if isinstance(value, AbstractPrior):
            self._check_prior(label, value)
        elif is_number(value):
            if not math.isfinite(value):
                raise ValueError(f"{label} must be finite, got {value:g}")
            if not self.low <= float(value) <= self.high or (self.open_low and value == self.low):
                raise ValueError(f"{label} must lie in {self.interval}, got {value:g}")
        elif not isinstance(value, AbstractParameter | jax.Array | np.ndarray):
            raise TypeError(f"{label} must be a number, a prior or Tied(path), got {value!r}")

    def _check_prior(self, label: str, prior: AbstractPrior) -> None:
        if not all(is_number(leaf) for leaf in jax.tree.leaves(prior)):
            return  # traced: it was checked when the user built it
        low, high = prior.support()
        if low < self.low or high > self.high:
            raise ValueError(
                f"{label} must lie in {self.interval}, but its prior {prior} allows "
                f"[{low:g}, {high:g}]; truncate the prior"
            )
        if prior.init is not None and not low <= float(prior.init) <= high:
            raise ValueError(f"{label}: init must lie in its prior's [{low:g}, {high:g}], got {prior.init:g}")

    @property
    def interval(self) -> str:
        low = "(" if self.open_low or math.isinf(self.low) else "["
        high = ")" if math.isinf(self.high) else "]"
        return f"{low}{self.low:g}, {self.high:g}{high}"


def is_number(value: Any) -> bool:
    """Whether `value` is a concrete number (not a tracer or a larger array)."""
    if isinstance(value, bool | jax.core.Tracer):
        return False
    return isinstance(value, int | float | np.number) or (isinstance(value, np.ndarray | jax.Array) and value.ndim == 0)


def _convert(value: Any) -> Any:
    return float(value) if isinstance(value, int | np.number) and not isinstance(value, bool) else value


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
) -> Any:
    """Declare a parameter field: the one place for its range (see `ParameterInfo`), unit and meaning."""
    metadata = {"parameter": (low, high, open_low, unit, doc, usual, start)}
    if default is None:
        return eqx.field(converter=_convert, metadata=metadata)
    return eqx.field(default=default, converter=_convert, metadata=metadata)


def nested() -> Any:
    """Declare a field that holds a module whose parameters count as its owner's."""
    return eqx.field(metadata={"nested": True})


def nested_modules(owner: eqx.Module) -> dict[str, eqx.Module]:
    """The modules in fields declared with `nested`, by the field's name."""
    return {field.name: getattr(owner, field.name) for field in dataclasses.fields(owner) if "nested" in field.metadata}


def parameter_info(owner: eqx.Module | type[eqx.Module]) -> dict[str, ParameterInfo]:
    """The declared parameters by name, in order: a module's with those nested in it, or a class's own."""
    found: dict[str, ParameterInfo] = {}
    for field in dataclasses.fields(owner):
        if "parameter" in field.metadata:
            found[field.name] = ParameterInfo(field.name, *field.metadata["parameter"])
        elif "nested" in field.metadata and isinstance(owner, eqx.Module):
            found.update(parameter_info(getattr(owner, field.name)))
    return found


def own_parameters(owner: eqx.Module) -> dict[str, Parameter]:
    """What a module holds for each of its parameters, by name."""
    inner = [module for module in nested_modules(owner).values() if isinstance(module, eqx.Module)]
    found = {name: value for module in inner for name, value in own_parameters(module).items()}
    own = {name: getattr(owner, name) for name in parameter_info(type(owner))}
    return {name: own[name] if name in own else found[name] for name in parameter_info(owner)}


def check_parameters(owner: eqx.Module) -> None:
    """Raise unless every parameter of `owner` is what its class declares."""
    for name, info in parameter_info(type(owner)).items():
        info.check(f"{type(owner).__name__}.{name}", getattr(owner, name))
    for field, module in nested_modules(owner).items():
        for name in parameter_info(module):
            if name in parameter_info(type(owner)):
                raise ValueError(f"{type(owner).__name__}.{name} is a parameter of its {field} too")


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
    return {path: prior.median() if prior.init is None else float(prior.init) for path, prior in free(owners).items()}


def check_values(owners: Owners, values: Mapping[str, Any]) -> None:
    """Raise if `values` names an unknown path or holds a number outside its parameter's range."""
    known = {f"{o}.{name}": info for o, owner in owners.items() for name, info in parameter_info(owner).items()}
    for path, value in values.items():
        if path not in known:
            raise ValueError(f"values has {path!r}, which is not a parameter of this model; it has {list(known)}")
        known[path].check(path, value)


def at(owners: Owners, values: Mapping[str, Scalar]) -> dict[str, eqx.Module]:
    """The same modules with a number for every parameter: fixed, given in `values`, or tied to one."""
    found = parameters(owners)

    def resolve(path: str) -> Scalar:
        value = values.get(path, found[path])
        if isinstance(value, Tied):
            return _tied(value) if value.by is None else _tied(value) * _tied(value.by)
        if isinstance(value, AbstractParameter):
            raise ValueError(f"{path} is free and has no value; values must hold {list(free(owners))}")
        return value

    def _tied(tie: Tied) -> Scalar:
        return tie.scale * resolve(tie.to) + tie.offset

    return {
        owner_name: with_parameters(owner, {n: resolve(f"{owner_name}.{n}") for n in parameter_info(owner)})
        for owner_name, owner in owners.items()
    }


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
            raise ValueError(f"{path!r} is not a parameter of this model; it has {list(known)}")
        owner_name, name = path.split(".", 1)
        parameter_info(owners[owner_name])[name].check(path, _convert(value))
        by_owner.setdefault(owner_name, {})[name] = value
    return {name: with_parameters(owner, by_owner.get(name, {})) for name, owner in owners.items()}
