"""Conversion of values, toggles and limits of another program's parameters to our numbers and priors, and back."""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from sersiclab.io.functions import (
    LEAST,
    Bounds,
    Conventions,
    Equivalent,
    Link,
    Modifier,
    SurfaceBrightness,
    build,
    links_of,
    unit_flux,
    unit_flux_bounds,
    widened,
)
from sersiclab.parameters import AbstractPrior, ParameterInfo, own_parameters, parameter_info
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import AbstractProfile
from sersiclab.profiles.base import LIGHT, usual_parameters
from sersiclab.profiles.default_priors import STATED_LENGTH, STATED_LIGHT, Spread, default_prior
from sersiclab.runtime.errors import InputError


HALF_TURN = math.pi * (1.0 - 1e-9)
LARGEST_ANGLE = 200.0 * math.pi
FAR = 1e6  # pixels; larger than any image


@dataclasses.dataclass(frozen=True)
class Entry:
    """A parameter of another program: its value, whether it is free, and its limits, if any.

    `line` is its line in the file, or 0 if the file is yet to be written.
    """

    value: float
    free: bool
    limits: Bounds | None = None
    line: int = 0


class Unreadable(InputError):
    """A component that we can't represent; the message says why."""


class Nonsense(InputError):
    """A number that makes no sense in any program; the message gives its line."""


def component_of(
    function: Equivalent,
    modifiers: tuple[Modifier, ...],
    entries: Mapping[str, Entry],
    conventions: Conventions,
    notes: list[str],
) -> AbstractProfile:
    """Return our profile with the numbers and priors of the entries, given by key.

    Necessary changes are noted. Raises `Unreadable` if a fixed value lies outside our range, and `Nonsense` if a number
    can't be intended, such as a radius or an index of zero, or an angle of many turns.
    """
    links = [link for link in links_of(function, modifiers) if link.key in entries]
    infos = infos_of(function, modifiers)
    shape: dict[str, float] = dict(function.constants)
    bounds: dict[str, Bounds] = {}
    for link in links:
        if link.name != "flux":
            shape[link.name] = _number(link, entries[link.key], infos[link.name], conventions, notes)
            found = _bounds(link, entries[link.key], infos[link.name], conventions, notes)
            if found is not None:
                bounds[link.name] = found
    values: dict[str, Any] = dict(shape)
    for link in links:
        entry = entries[link.key]
        if link.name == "flux":
            values["flux"] = _flux(function, modifiers, link, entry, conventions, (shape, bounds), notes)
        elif entry.free:
            values[link.name] = _prior(link, entry, infos[link.name], shape[link.name], bounds, conventions, notes)
    return build(function, modifiers, values)


def wide_prior(info: ParameterInfo, value: float, conventions: Conventions) -> AbstractPrior:
    """Return a wide prior about a value with any unit, for a free parameter without limits."""
    spread = Spread(
        position=0.1 * conventions.side,
        flux=STATED_LIGHT,
        brightness=STATED_LIGHT,
        length=STATED_LENGTH,
        sky=10.0 * conventions.scatter,
        shape=(conventions.side, conventions.side),
    )
    return default_prior(info, value, spread) or Normal(loc=value, scale=0.1 * conventions.side, init=value)


def range_prior(info: ParameterInfo, value: float, bounds: Bounds) -> AbstractPrior:
    """Return the prior of a parameter with limits: uniform, or uniform in the logarithm for fluxes and lengths."""
    low, high = bounds
    if info.name == "theta" and high - low >= HALF_TURN:
        return Angle(init=value)
    even = low <= 0.0 or not (info.name in LIGHT or (info.unit == "pixel" and info.low >= 0.0))
    return Uniform(low=low, high=high, init=value) if even else LogUniform(low=low, high=high, init=value)


def entries_of(
    function: Equivalent,
    modifiers: tuple[Modifier, ...],
    component: AbstractProfile,
    numbers: Mapping[str, float],
    conventions: Conventions,
) -> tuple[dict[str, Entry], list[str]]:
    """Return the entries of our component by key, and the names of parameters with priors that limits cannot express.

    `numbers` holds every parameter's value. The entry of a tied parameter is fixed.
    """
    infos, held = parameter_info(component), own_parameters(component)
    shape = {name: number for name, number in numbers.items() if name != "flux"}
    unit = unit_flux(function, modifiers, shape)
    bounds: dict[str, Bounds] = {}
    richer = []
    for name, value in held.items():
        if isinstance(value, AbstractPrior) and not _same(
            value, wide_prior(_usual(function, infos[name]), numbers[name], conventions)
        ):
            support = value.support()
            if all(map(math.isfinite, support)):
                bounds[name] = support
            if name not in bounds or not _same(value, range_prior(infos[name], numbers[name], support)):
                richer.append(name)
    found = {}
    for link in links_of(function, modifiers):
        value, limits = numbers[link.name], bounds.get(link.name)
        if limits is not None and isinstance(link.conversion, SurfaceBrightness):
            limits = _brightness_limits(function, modifiers, link, (shape, bounds), (value / unit, limits), conventions)
        elif limits is not None:
            ends = [link.conversion.theirs(end, conventions, unit) for end in limits]
            limits = min(ends), max(ends)
        free = isinstance(held[link.name], AbstractPrior)
        found[link.key] = Entry(link.conversion.theirs(value, conventions, unit), free, limits)
    return found, richer


def infos_of(function: Equivalent, modifiers: tuple[Modifier, ...]) -> dict[str, ParameterInfo]:
    """Return the declarations of the parameters of our profile and its modifiers."""
    infos = dict(usual_parameters(function.cls))
    for modifier in modifiers:
        infos |= {name: info for name, info in parameter_info(modifier.cls).items()}
    return infos


def _usual(function: Equivalent, info: ParameterInfo) -> ParameterInfo:
    return usual_parameters(function.cls).get(info.name, info)


def _number(link: Link, entry: Entry, info: ParameterInfo, conventions: Conventions, notes: list[str]) -> float:
    """Return our value. A start outside our range is moved to the end of the range; a fixed value there is refused."""
    value = link.conversion.ours(entry.value, conventions, 1.0)
    _check_sense(link, entry, info, value)
    if info.name.startswith("phi"):
        value = math.remainder(value, 2.0 * math.pi)
    least = LEAST if info.open_low else info.low
    if not least <= value <= info.high:
        where = f"{_written(link, entry)}: {info.name} = {value:g} lies outside {info.interval}"
        if not entry.free:
            raise Unreadable(where)
        value = min(max(value, least), info.high)
        notes.append(f"{where}, and starts from {value:g}")
    return value


def _check_sense(link: Link, entry: Entry, info: ParameterInfo, value: float) -> None:
    """Raise `Nonsense` for a number that makes no sense, rather than being merely outside our range."""
    positive = info.low > 0.0 or (info.open_low and info.low == 0.0)
    expected = None
    if info.name == "ellip" and value >= 1.0:
        expected = "the axis ratio must be positive"
    elif positive and value <= 0.0:
        expected = f"{info.name}, the {info.doc.split(',')[0]}, must be positive"
    elif info.name in ("theta", "phi1", "phi3", "phi4", "phi5", "phi6") and abs(value) > LARGEST_ANGLE:
        expected = "an angle must be a few turns at most"
    elif info.name in ("xc", "yc") and abs(value) > FAR:
        expected = "a position must lie near the image"
    elif info.unit == "pixel" and abs(value) > FAR:
        expected = f"{info.name} must be at most {FAR:g} pixels"
    if expected is not None:
        raise Nonsense(f"{_written(link, entry)}: {expected}")


def _written(link: Link, entry: Entry) -> str:
    """Return a parameter as it is written in its file, with its line."""
    separator = ")" if re.fullmatch(r"x|y|[BCF]?\d+[ap]?", link.key) else " ="
    return f"line {entry.line}: {link.key}{separator} {entry.value:g}"


def _bounds(link: Link, entry: Entry, info: ParameterInfo, conventions: Conventions, notes: list[str]) -> Bounds | None:
    """Return our limits of a free parameter, narrowed to our range."""
    if entry.limits is None or not entry.free:
        return None
    ends = [link.conversion.ours(end, conventions, 1.0) for end in entry.limits]
    low, high = max(min(ends), info.low), min(max(ends), info.high)
    if low >= high:
        notes.append(
            f"line {entry.line}: the limits {_shown(entry.limits)} do not overlap with {info.interval} and are ignored"
        )
        return None
    if (low, high) != (min(ends), max(ends)):
        notes.append(
            f"line {entry.line}: the limits {_shown(entry.limits)} of {link.key} are narrowed: "
            f"{info.name} lies in [{low:g}, {high:g}]"
        )
    return low, high


def _prior(
    link: Link,
    entry: Entry,
    info: ParameterInfo,
    value: float,
    bounds: Mapping[str, Bounds],
    conventions: Conventions,
    notes: list[str],
) -> AbstractPrior:
    if link.name not in bounds:
        return wide_prior(info, value, conventions)
    low, high = bounds[link.name]
    # A value on a limit couldn't move from there, because numpyro's transform is infinite at it.
    inside = min(max(value, low + 1e-3 * (high - low)), high - 1e-3 * (high - low))
    if not low <= value <= high and not (info.name == "theta" and high - low >= HALF_TURN):
        notes.append(
            f"line {entry.line}: {link.key} {entry.value:g} lies outside its limits; the start is moved inside"
        )
        value = inside
    return range_prior(info, value, (low, high))


def _flux(
    function: Equivalent,
    modifiers: tuple[Modifier, ...],
    link: Link,
    entry: Entry,
    conventions: Conventions,
    shape_bounds: tuple[Mapping[str, float], Mapping[str, Bounds]],
    notes: list[str],
) -> Any:
    """Return the flux: a number, or a prior. Limits of a brightness become the widest ones that they allow the flux."""
    shape, bounds = shape_bounds
    unit = unit_flux(function, modifiers, shape)
    value = link.conversion.ours(entry.value, conventions, unit)
    info = infos_of(function, modifiers)["flux"]
    if not math.isfinite(value):
        raise Nonsense(f"{_written(link, entry)} has no finite flux")
    if value == 0.0 and not (isinstance(link.conversion, SurfaceBrightness) and not link.conversion.magnitudes):
        raise Nonsense(f"{_written(link, entry)} is too faint to be a magnitude")
    if not entry.free:
        return value
    if entry.limits is None:
        if value <= 0.0:
            raise Unreadable(f"{_written(link, entry)} is free and must start above zero")
        return wide_prior(info, value, conventions)
    units = (unit, unit)
    if isinstance(link.conversion, SurfaceBrightness) and bounds:
        units = unit_flux_bounds(function, modifiers, shape, bounds)
        if units[0] < units[1]:
            notes.append(
                f"line {entry.line}: the limits {_shown(entry.limits)} of the brightness {link.key} become "
                "limits of the flux, the widest for any shape"
            )
    low, high = widened(lambda end, u: link.conversion.ours(end, conventions, u), entry.limits, units)
    if not low <= value <= high:
        notes.append(
            f"line {entry.line}: {link.key} {entry.value:g} lies outside its limits; the start is moved inside"
        )
        value = math.sqrt(low * high) if low > 0 else 0.5 * (low + high)
    return range_prior(info, value, (low, high))


def _brightness_limits(
    function: Equivalent,
    modifiers: tuple[Modifier, ...],
    link: Link,
    shape_bounds: tuple[Mapping[str, float], Mapping[str, Bounds]],
    value_limits: tuple[float, Bounds],
    conventions: Conventions,
) -> Bounds:
    """Return limits of a brightness that `_flux` reads as these limits of the flux, or the widest that contain them."""
    (shape, bounds), (value, (low, high)) = shape_bounds, value_limits
    least, greatest = unit_flux_bounds(function, modifiers, shape, bounds)
    exact = (low / least, high / greatest)
    ends = exact if exact[0] <= value <= exact[1] else (low / greatest, high / least)
    theirs = [link.conversion.theirs(end, conventions, 1.0) for end in ends]
    return min(theirs), max(theirs)


def _same(prior: AbstractPrior, other: AbstractPrior) -> bool:
    if type(prior) is not type(other):
        return False
    mine, its = jax.tree.leaves(prior), jax.tree.leaves(other)
    if prior.init is None:  # the distribution may be the same although it has no stated start
        its = jax.tree.leaves(dataclasses.replace(other, init=None))
    return len(mine) == len(its) and np.allclose(mine, its, rtol=1e-6, atol=1e-12)


def _shown(limits: Bounds) -> str:
    return f"{limits[0]:g}, {limits[1]:g}"
