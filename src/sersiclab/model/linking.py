"""The parameters of links: a total flux with a share, a ratio that keeps two in order, or the shift of an image."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sersiclab import parameters
from sersiclab.parameters import AbstractPrior, Owners, Parameter, Tied, ties
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.image_shift import SHIFT, Shift, names_in, with_image
from sersiclab.parameters.joint import start_of
from sersiclab.parameters.priors import LogUniform, Uniform
from sersiclab.parameters.tree import base_path
from sersiclab.runtime.errors import InputError


def total_flux(
    starts: Mapping[str, Any], owners: Owners, first: str, second: str, *, flux: Parameter, fraction: Parameter
) -> tuple[Parameter, Parameter]:
    """Return the total flux of two components and the share of the first, or their default priors."""
    if first == second:
        raise InputError(f"first and second must be two components, got {first!r} twice")
    one, other = (_start_of(f"{component}.flux", starts) for component in (first, second))
    if flux is None:
        flux = _default_flux(parameters.parameters(owners), first, second, one + other)
    if fraction is None:
        fraction = Uniform(low=0.0, high=1.0, init=_inside(one / (one + other)) if one + other > 0 else 0.5)
    return flux, fraction


def _default_flux(held: Mapping[str, Parameter], first: str, second: str, total: float) -> Parameter:
    """Return a prior about the sum of the starting fluxes, in each band if the first component's flux varies."""
    one, other = held[f"{first}.flux"], held[f"{second}.flux"]
    if not isinstance(one, AbstractVarying):
        return _about(total)
    if not (isinstance(other, AbstractVarying) and set(one.given) == set(other.given) != {""}):
        return dataclasses.replace(one, prior=_about(total))
    totals = {name: start_of(given) + start_of(other.given[name]) for name, given in one.given.items()}
    return dataclasses.replace(one, prior={name: _about(value) for name, value in totals.items()})


def _about(total: float) -> LogUniform:
    if not total > 0:
        raise InputError(f"flux must be given where the initial fluxes' sum is not positive, {total:g}")
    return LogUniform(low=0.1 * total, high=10.0 * total, init=total)


def order(
    starts: Mapping[str, Any], owners: Owners, smaller: str, larger: str, *, ratio: Parameter
) -> tuple[float, Parameter]:
    """Return the lowest value that two parameters may have, and the ratio of their distances from it."""
    low, high = (_start_of(path, starts) for path in (smaller, larger))
    for path in (smaller, larger):
        if _info(owners, path).low < 0.0:
            raise InputError(f"{path} may be negative: a ratio between 0 and 1 can't order it")
    least = _info(owners, smaller).low
    if least > 0.0:
        least = max(least, min(_lowest(owners, path) for path in (smaller, larger)))
    if ratio is None:
        ratio = Uniform(low=0.0, high=1.0, init=_inside((low - least) / (high - least) if high > least else 0.5))
    return least, ratio


def shifted(owners: Owners, names: Sequence[str], name: str, *, prior: Parameter) -> Shift:
    """Return the shift of a model with that of one more image; `names` are those of its images, if they are known."""
    known = tuple(names) or names_in(parameters.parameters(owners))
    if not known:
        raise InputError(
            f"with_shift: the model does not know its images, of which {name!r} would be one; use "
            "model.for_images(images).with_shift(...)"
        )
    if name not in known:
        raise InputError(f"{name!r} is not an image of this model; it has {list(known)}")
    if name == known[0]:
        raise InputError(
            f"{name!r} is the first image: its shift is degenerate with a shift of the sources, whose positions are in "
            "its pixels; shift the other images"
        )
    shift: Any = owners.get(SHIFT)
    return with_image(shift, known, name, prior)


def followers_of(owners: Owners, link: str) -> list[str]:
    """Return the parameters that are tied to a link, except its own."""
    held = parameters.parameters({name: owner for name, owner in owners.items() if name != link}).items()
    followed = {path: value.targets for path, value in held if isinstance(value, Tied)}
    return [path for path, targets in followed.items() if any(to.split(".")[0] == link for to in targets)]


def check_unshared(owners: Owners, links: Iterable[str], name: str) -> None:
    """Raise `ValueError` if a component, which is to be removed, shares a link with another."""
    for link in links:
        followers = followers_of(owners, link)
        others = [path for path in followers if not path.startswith(f"{name}.")]
        if others and len(others) < len(followers):
            raise InputError(f"{name} shares {link!r} with {', '.join(others)}; give it a prior of its own first")


def _info(owners: Owners, path: str) -> parameters.ParameterInfo:
    owner, key = base_path(path).split(".")
    return parameters.parameter_info(owners[owner])[key]


def _lowest(owners: Owners, path: str) -> float:
    """Return the lowest value that a parameter may have."""
    value: Any = parameters.parameters(owners)[path]
    if isinstance(value, Tied):
        return ties.ranges(owners)[path][0]
    return ties.support(value)[0] if isinstance(value, AbstractPrior | AbstractVarying) else float(value)


def _start_of(path: str, starts: Mapping[str, Any]) -> float:
    if path not in starts:
        raise InputError(f"{path!r} is not a parameter of this model; it has {list(starts)}")
    return float(starts[path])


def _inside(share: float) -> float:
    """Return a share that is far enough from 0 and 1 to start a search."""
    return min(max(share, 0.05), 0.95)
