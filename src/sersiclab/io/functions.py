"""Functions of other programs and our profiles: the correspondence of parameters, and the conversion of values.

The tables are in `tables.py`; this module defines the classes of their entries.
"""

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from sersiclab.model import lower
from sersiclab.parameters import ParameterInfo, parameter_info
from sersiclab.profiles import AbstractElliptical, AbstractModifier, AbstractProfile
from sersiclab.profiles.base import CENTRE
from sersiclab.runtime.errors import InputError


Shape = Mapping[str, float]  # our parameters without the flux
Bounds = tuple[float, float]
LEAST = 1e-3  # replaces zero in a file if the value must be positive


@dataclasses.dataclass(frozen=True)
class Conventions:
    """The other program's pixels, magnitudes and noise, which conversions and wide priors need.

    `x` and `y` are the other program's coordinates of our pixel [0, 0], and `centre` is the image's centre in our
    coordinates. `area` is the area of a pixel in arcsec², `side` the longer side of the image, and `scatter` a typical
    sigma.
    """

    x: float = 1.0
    y: float = 1.0
    zeropoint: float = 0.0
    area: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)
    side: float = 100.0
    scatter: float = 1.0


@dataclasses.dataclass(frozen=True)
class Linear:
    """ours = scale * theirs + offset, less the other program's coordinate of our first pixel on the axis "x" or "y"."""

    scale: float = 1.0
    offset: float = 0.0
    axis: str | None = None

    def line(self, conventions: Conventions) -> tuple[float, float]:
        """Return scale and offset."""
        return self.scale, self.offset - (getattr(conventions, self.axis) if self.axis else 0.0)

    def ours(self, value: float, conventions: Conventions, unit: float) -> float:
        scale, offset = self.line(conventions)
        return scale * value + offset

    def theirs(self, value: float, conventions: Conventions, unit: float) -> float:
        scale, offset = self.line(conventions)
        return (value - offset) / scale


def _flux_of(magnitude: float) -> float:
    """Return the flux of a magnitude; it is infinite if it would overflow."""
    return 10.0 ** (-0.4 * magnitude) if magnitude > -700.0 else math.inf


@dataclasses.dataclass(frozen=True)
class Magnitude:
    """Conversion of a total magnitude to our flux."""

    def ours(self, value: float, conventions: Conventions, unit: float) -> float:
        return _flux_of(value - conventions.zeropoint)

    def theirs(self, value: float, conventions: Conventions, unit: float) -> float:
        return conventions.zeropoint - 2.5 * math.log10(value)


@dataclasses.dataclass(frozen=True)
class SurfaceBrightness:
    """Conversion of a surface brightness to our flux.

    The brightness is that at the radius given by our parameter `at`, or else at the centre. It is per pixel, or in
    magnitudes per arcsec². If it is a luminosity density per volume, twice our parameter `twice` is the length along
    the line of sight. `unit` is the flux of a source whose brightness there is 1.
    """

    at: str | None = None
    magnitudes: bool = False
    twice: str | None = None

    def ours(self, value: float, conventions: Conventions, unit: float) -> float:
        if self.magnitudes:
            return _flux_of(value - conventions.zeropoint) * conventions.area * unit
        return value * unit

    def theirs(self, value: float, conventions: Conventions, unit: float) -> float:
        if self.magnitudes:
            return conventions.zeropoint - 2.5 * math.log10(value / (conventions.area * unit))
        return value / unit

    def unit(self, source: AbstractProfile) -> float:
        """Return the flux that `source`, whose flux is 1, would have if its brightness there were 1."""
        m = jnp.asarray(CENTRE if self.at is None else float(getattr(_inner(source), self.at)))
        brightness = float(_brightness(lower(source), m))
        if not (math.isfinite(brightness) and brightness > 0.0):
            raise InputError(f"a {type(_inner(source)).__name__} of this shape has no finite, positive brightness")
        return (2.0 * getattr(source, self.twice) if self.twice else 1.0) / brightness


@eqx.filter_jit
def _brightness(source: Any, m: Any) -> Any:
    """Return the surface brightness on the isophote m, or at the centre of a source without elliptical isophotes."""
    zero = jnp.zeros_like(m)
    if isinstance(source, AbstractElliptical):
        return source.radial(m) / ((1.0 - source.ellip) * source.isophote(m, zero)[1])
    return source.brightness(zero, zero)


@dataclasses.dataclass(frozen=True)
class PerArcsec2:
    """Conversion of magnitudes per arcsec² to our surface brightness per pixel."""

    def ours(self, value: float, conventions: Conventions, unit: float) -> float:
        return _flux_of(value - conventions.zeropoint) * conventions.area

    def theirs(self, value: float, conventions: Conventions, unit: float) -> float:
        return conventions.zeropoint - 2.5 * math.log10(value / conventions.area)


Conversion = Linear | Magnitude | SurfaceBrightness | PerArcsec2


@dataclasses.dataclass(frozen=True)
class Link:
    """The other program's parameter `key`, called `alias` in GALFIT's constraints, which is our parameter `name`."""

    key: str
    name: str
    conversion: Conversion = Linear()
    alias: str = ""


@dataclasses.dataclass(frozen=True)
class Equivalent:
    """The other program's function `name`, which is our profile `cls`. Parameters that it lacks are `constants`.

    `modifiers` are those that the function always has, such as the boxiness of imfit's generalised ellipses.
    """

    name: str
    cls: type[AbstractProfile]
    links: tuple[Link, ...]
    constants: Mapping[str, float] = dataclasses.field(default_factory=dict)
    modifiers: tuple["Modifier", ...] = ()

    @property
    def flux(self) -> Link | None:
        """The link of the flux; None for a sky."""
        return next((link for link in self.links if link.name == "flux"), None)


@dataclasses.dataclass(frozen=True)
class Modifier:
    """The other program's parameters that reshape isophotes, which are those of our modifier `cls`."""

    cls: type[AbstractModifier]
    links: tuple[Link, ...]


def links_of(function: Equivalent, modifiers: tuple[Modifier, ...]) -> list[Link]:
    """Return the other program's parameters, in its order."""
    return [*function.links, *(link for modifier in modifiers for link in modifier.links)]


def build(function: Equivalent, modifiers: tuple[Modifier, ...], values: Mapping[str, Any]) -> AbstractProfile:
    """Return our profile with these parameters, `{name: number, prior or tie}`; others of modifiers keep defaults."""
    names = parameter_info(function.cls)
    profile: Any = function.cls(**{name: value for name, value in values.items() if name in names})
    for modifier in modifiers:
        own = {name: values[name] for name in parameter_info(modifier.cls) if name in values}
        profile = modifier.cls(profile=profile, **own)
    return profile


def unit_flux(function: Equivalent, modifiers: tuple[Modifier, ...], shape: Shape) -> float:
    """Return the flux for a brightness of 1 if the function has a brightness instead of a flux, else 1."""
    conversion = function.flux.conversion if function.flux is not None else None
    if not isinstance(conversion, SurfaceBrightness):
        return 1.0
    return conversion.unit(build(function, modifiers, {**shape, "flux": 1.0}))


def unit_flux_bounds(
    function: Equivalent, modifiers: tuple[Modifier, ...], shape: Shape, bounds: Mapping[str, Bounds]
) -> Bounds:
    """Return the smallest and the largest `unit_flux` at the corners of a box of shapes.

    Modifiers, which change it little, are kept fixed. Corners without a finite, positive brightness are skipped.
    """
    plain = {name: value for name, value in shape.items() if name in parameter_info(function.cls)}
    infos = parameter_info(function.cls)
    names = [name for name in bounds if name in plain and name not in ("xc", "yc", "theta")]
    if not names:
        unit = unit_flux(function, modifiers, shape)
        return unit, unit
    own = unit_flux(function, (), plain)
    units = [own]
    for corner in itertools.product(*(_within(infos[name], bounds[name]) for name in names)):
        with contextlib.suppress(ValueError):
            units.append(unit_flux(function, (), {**plain, **dict(zip(names, corner, strict=True))}))
    factor = unit_flux(function, modifiers, shape) / own
    return min(units) * factor, max(units) * factor


def _within(info: ParameterInfo, bounds: Bounds) -> Bounds:
    """Return limits at which a profile is defined: no length is zero."""
    return (max(bounds[0], LEAST), bounds[1]) if info.open_low else bounds


def widened(convert: Callable[[float, float], float], bounds: Bounds, units: Bounds) -> Bounds:
    """Return the range of a flux, or of a brightness, for any shape."""
    ends = [convert(end, unit) for end in bounds for unit in units]
    return min(ends), max(ends)


def unwrapped(component: AbstractProfile) -> tuple[AbstractProfile, tuple[AbstractModifier, ...]]:
    """Return the profile within modifiers, and the modifiers, the outermost first."""
    found = []
    while isinstance(component, AbstractModifier):
        found.append(component)
        component = component.profile
    return component, tuple(found)


def _inner(source: Any) -> Any:
    return unwrapped(source)[0]
