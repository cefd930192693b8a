"""Default priors: the single rule for the prior of a parameter about the value from which it starts.

A *measured* value comes from the pixels (`guess`). A *stated* value comes from a file of another program, where it may
be a rough start, so that its prior is wider. The front end follows the same rule (`js/tests/tables/defaults.json`).
"""

import dataclasses
import math
from typing import NamedTuple

from sersiclab.parameters import AbstractPrior, ParameterInfo
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles.base import LIGHT


class Factors(NamedTuple):
    """The factors by which a positive parameter may be smaller and larger than its start."""

    below: float
    above: float


# A measured flux is that of the whole source. It is never wrong by much, but a component may have a small part of it.
MEASURED_FLUX = Factors(below=100.0, above=10.0)
MEASURED_FLUX_OF_SEVERAL = Factors(below=1000.0, above=10.0)
MEASURED_BRIGHTNESS = Factors(below=1000.0, above=1000.0)  # at a break, which may lie anywhere in the source
MEASURED_LENGTH = Factors(below=10.0, above=10.0)
STATED_LIGHT = Factors(below=1000.0, above=1000.0)
STATED_LENGTH = Factors(below=100.0, above=100.0)
SLOPE = 2.0  # the change of a sky from one side of the image to the other, in units of its uncertainty
NARROWEST = 10.0  # ratio of the ends of a prior whose start lies outside the declared range


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread:
    """How far parameters may lie from their starting values.

    Arguments:
        position: the standard deviation of a centre in pixels.
        flux: the factors of a flux.
        brightness: the factors of a surface brightness to which a source's light is proportional.
        length: the factors of a length in pixels; those of an inverse length are swapped.
        sky: the standard deviation of a sky level, in image units per pixel.
        shape: the image's (rows, columns), across which a sky may change.
    """

    position: float
    flux: Factors
    brightness: Factors
    length: Factors
    sky: float
    shape: tuple[float, float]


def start_value(info: ParameterInfo, *, size: float, found: float | None = None) -> float | None:
    """Return the starting value of a parameter: measured, declared, or the middle of its usual range.

    Arguments:
        info: the declaration of the parameter.
        size: the half-light radius of its component in pixels, of which declared lengths are fractions.
        found: the value that was measured, if any.

    Returns:
        The value, within the declared range; None for a parameter without bounds and without a known value.
    """
    if is_length(info):
        factor = 1.0 if info.start is None else info.start
        return factor / size if info.unit == "1/pixel" else factor * size
    low, high = info.usual or (info.low, info.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return info.start if found is None else found
    middle = math.sqrt(low * high) if info.logarithmic else 0.5 * (low + high)
    start = next(value for value in (info.start, found, middle) if value is not None)
    return min(max(start, low), high)


def default_prior(info: ParameterInfo, value: float, spread: Spread) -> AbstractPrior | None:
    """Return the prior of a parameter about its starting value.

    Fluxes, brightnesses and lengths are uniform in the logarithm, centres and skies normal, position angles uniform on
    the half circle. Other parameters are uniform in their usual range, or in its logarithm if they are declared so.

    Arguments:
        info: the declaration of the parameter.
        value: the starting value.
        spread: how far the parameter may lie from it.

    Returns:
        The prior, with `init=value`; None for a parameter without bounds whose scale is unknown.
    """
    if info.name == "theta":
        return Angle(init=value)
    if info.name in ("xc", "yc"):
        return Normal(loc=value, scale=spread.position, init=value)
    if info.name in LIGHT and value > 0.0:
        return _about(info, value, spread.flux if info.unit == "image" else spread.brightness)
    if is_length(info):
        below, above = spread.length
        return _about(info, value, Factors(above, below) if info.unit == "1/pixel" else spread.length)
    low, high = info.usual or (info.low, info.high)
    if math.isfinite(low) and math.isfinite(high):
        family = LogUniform if info.logarithmic else Uniform
        return family(low=min(low, value), high=max(high, value), init=value)
    scale = _sky_scale(info, spread)
    return None if scale is None else Normal(loc=value, scale=scale, init=value)


def is_length(info: ParameterInfo) -> bool:
    """Return whether a parameter is a length in pixels, or an inverse length; a centre is not."""
    return info.unit in ("pixel", "1/pixel") and info.low >= 0.0


def _about(info: ParameterInfo, value: float, factors: Factors) -> LogUniform:
    """Return a prior that is uniform in the logarithm, about a value and within the declared range."""
    low, high = max(value / factors.below, info.low), min(value * factors.above, info.high)
    if low >= high:  # the declared range lies to one side
        beyond = low == info.low
        low, high = (low, min(NARROWEST * low, info.high)) if beyond else (max(high / NARROWEST, info.low), high)
    return LogUniform(low=low, high=high, init=min(max(value, low), high))


def _sky_scale(info: ParameterInfo, spread: Spread) -> float | None:
    if info.unit == "image/pixel":
        return spread.sky
    if info.unit == "image/pixel²":
        rows, columns = spread.shape
        return SLOPE * spread.sky / (columns if info.name.endswith("_x") else rows)
    return None
