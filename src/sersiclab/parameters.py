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
    """A parameter that follows another: `scale * other + offset`."""

    to: str = eqx.field(static=True)
    scale: Scalar = 1.0
    offset: Scalar = 0.0

    def __check_init__(self) -> None:
        if not isinstance(self.to, str):
            raise TypeError(f"Tied.to must be a path such as 'bulge.xc', got {self.to!r}")


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


def check_tie(owners: Owners, path: str) -> None:
    """Raise if the parameter at `path` is tied to nothing, or round in a circle."""
    found = parameters(owners)
    value, chain = found[path], [path]
    while isinstance(value, Tied):
        if value.to not in found:
            if len(chain) > 1:
                return  # that is the fault of the tie at the chain's end
            raise ValueError(f"{path} is tied to {value.to!r}, which is not a parameter of this model")
        chain.append(value.to)
        if value.to in chain[:-1]:
            raise ValueError(f"{path} is tied in a circle: {' -> '.join(chain)}")
        value = found[value.to]


def check_ties(owners: Owners) -> None:
    """Raise if a tie leads nowhere or round in a circle."""
    for path in parameters(owners):
        check_tie(owners, path)


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
            return value.scale * resolve(value.to) + value.offset
        if isinstance(value, AbstractParameter):
            raise ValueError(f"{path} is free and has no value; values must hold {list(free(owners))}")
        return value

    return {
        owner_name: with_parameters(owner, {n: resolve(f"{owner_name}.{n}") for n in parameter_info(owner)})
        for owner_name, owner in owners.items()
    }


def affine(owners: Owners) -> dict[str, tuple[str | None, Scalar, Scalar]]:
    """Every parameter by path as `scale * free + offset`: the free parameter's path, scale and offset.

    A fixed parameter is its offset; its path is None.
    """
    found = parameters(owners)

    def resolve(path: str) -> tuple[str | None, Scalar, Scalar]:
        value = found[path]
        if isinstance(value, Tied):
            free_path, scale, offset = resolve(value.to)
            return free_path, value.scale * scale, value.scale * offset + value.offset
        if isinstance(value, AbstractParameter):
            return path, 1.0, 0.0
        return None, 0.0, value

    return {path: resolve(path) for path in found}


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


def detach(owners: Owners, gone_name: str, gone: eqx.Module) -> dict[str, eqx.Module]:
    """The modules after one of their number is gone: who followed its parameters goes on together.

    The first follower of a parameter inherits it, the others follow the first. Raises `ValueError`
    where that cannot be said (a prior through a tie with scale or offset).
    """
    changes: dict[str, Parameter] = {}
    for name in parameter_info(gone):
        target = f"{gone_name}.{name}"
        followers = [(p, v) for p, v in parameters(owners).items() if isinstance(v, Tied) and v.to == target]
        if not followers:
            continue
        (heir, first), *others = followers
        changes[heir] = _inherit(heir, first, own_parameters(gone)[name])
        for path, tie in others:
            scale = tie.scale / first.scale
            changes[path] = Tied(heir, scale=scale, offset=tie.offset - scale * first.offset)
    return replace(owners, changes)


def _inherit(path: str, tie: Tied, value: Parameter) -> Parameter:
    if isinstance(value, Tied):
        return Tied(value.to, scale=tie.scale * value.scale, offset=tie.scale * value.offset + tie.offset)
    if isinstance(value, AbstractParameter):
        if tie.scale != 1.0 or tie.offset != 0.0:
            raise ValueError(f"{path} is {tie.scale:g} * {tie.to} + {tie.offset:g}; give it a prior of its own first")
        return value
    return tie.scale * value + tie.offset
