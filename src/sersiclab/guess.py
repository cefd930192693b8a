"""A model with priors from the pixels: where to start without knowing anything."""

import math
import re
import warnings
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sersiclab.detection import Sky, Source, detect, measure
from sersiclab.image import Image
from sersiclab.model import Model
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractParameter, ParameterInfo, Tied
from sersiclab.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import PROFILES, AbstractModifier, AbstractProfile, AbstractSky, AbstractSource, Sersic
from sersiclab.profiles.base import size_name, usual_parameters


Measured = AbstractParameter | float  # a prior, or where to start between the declared bounds
What = str | type[AbstractProfile] | Mapping[str, str | type[AbstractProfile]]


class _Size(NamedTuple):
    """Between what pixels a component's half-light radius lies, where it starts, and where a Sérsic index does."""

    low: float
    high: float
    start: float
    index: float


PRESETS: Mapping[str, Mapping[str, str]] = {
    "doublesersic": {"bulge": "sersic", "disk": "sersic"},
    "sersic_exp": {"bulge": "sersic", "disk": "exponential"},
    "sersic_pointsource": {"galaxy": "sersic", "nucleus": "point_source"},
}


def guess(
    image: Image,
    what: What = "sersic",
    *,
    sources: int | Literal["auto"] = 1,
    noise: AbstractNoise = GaussianNoise(),  # noqa: B008 (frozen)
) -> Model:
    """A model of the image's main source, every parameter with a prior and an initial value.

    `what` is a profile's name ("sersic", "exponential" or "exp", "devaucouleurs" or "dev",
    "pointsource", ...) or class, a preset ("doublesersic", "sersic_exp", "sersic_pointsource"), or a
    mapping of component names to profiles: `{"bulge": "sersic", "disk": "exponential", "sky": "flat_sky"}`,
    the innermost first. Sources after the first are tied to its centre. `sources` is how many of the
    detected sources to model, "auto" for all that are not masked: the main one as `what` says, its
    neighbours as Sérsic components "neighbour_1", "neighbour_2", ... in the order of `detect`. `noise` is the
    model's.

    The priors scale with the image: they do not depend on its unit. Fluxes and lengths are uniform in the
    logarithm around what was measured, centres normal; what the pixels don't show is uniform in the range
    that the class declares. Warns where no source stands out of the noise.
    """
    profiles = _profiles(what)
    (source, *neighbours), sky = _measured(image, sources)
    names = [name for name, cls in profiles.items() if issubclass(cls, AbstractSource)]
    if names and not source.detected:
        warnings.warn(
            "no source stands out of the noise: the priors are those of a faint one at the image's centre", stacklevel=2
        )
    extended = [name for name in names if size_name(profiles[name])]
    components = {}
    for name, cls in profiles.items():
        if issubclass(cls, AbstractSky):
            measured = _sky_priors(sky, image.shape)
        else:
            measured = _source_priors(source, len(names))
            if name != names[0]:
                measured |= {axis: Tied(f"{names[0]}.{axis}") for axis in ("xc", "yc")}
        size = _size(source, name, extended)
        priors = {key: _prior(name, info, measured, size) for key, info in usual_parameters(cls).items()}
        components[name] = cls(**priors)
    for number, neighbour in enumerate(neighbours, start=1):
        components[f"neighbour_{number}"] = component_of(neighbour, f"neighbour_{number}")
    return Model(components, noise=noise)


def _measured(image: Image, sources: int | Literal["auto"]) -> tuple[tuple[Source, ...], Sky]:
    """The main source, as many of its neighbours as are asked for, and the sky."""
    if sources != "auto" and (not isinstance(sources, int) or sources < 1):
        raise ValueError(f'sources must be "auto" or a positive integer, got {sources!r}')
    if sources == 1:
        source, sky = measure(image)
        return (source,), sky
    found = detect(image)
    return found.sources[: None if sources == "auto" else sources], found.sky


def component_of(source: Source, name: str, cls: type[AbstractSource] = Sersic) -> AbstractSource:
    """A component of that name with priors around what was measured of a source."""
    measured, size = _source_priors(source, 1), _size(source, name, [name])
    return cls(**{key: _prior(name, info, measured, size) for key, info in usual_parameters(cls).items()})


def _profiles(what: What) -> dict[str, type[AbstractProfile]]:
    if isinstance(what, Mapping):
        if not what:
            raise ValueError("what must name at least one component, got an empty mapping")
        return {name: _profile(f"what[{name!r}]", value) for name, value in what.items()}
    if isinstance(what, str) and _plain(what) in map(_plain, PRESETS):
        return _profiles(next(preset for name, preset in PRESETS.items() if _plain(name) == _plain(what)))
    cls = _profile("what", what)
    if issubclass(cls, AbstractSky):
        return {"sky": cls}
    return {"galaxy" if size_name(cls) else "star": cls}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _profile(label: str, value: object) -> type[AbstractProfile]:
    """A profile's class from itself, its name in any spelling, or the first letters of its name."""
    if isinstance(value, type) and issubclass(value, AbstractModifier):
        raise ValueError(
            f"{label} is {value.__name__}, which modifies another profile: guess that one, then put it inside, as in "
            f'model.with_component("galaxy", {value.__name__}(model.components["galaxy"]))'
        )
    if isinstance(value, type) and issubclass(value, AbstractProfile):
        return value
    if isinstance(value, str) and len(_plain(value)) >= 3:
        found = [cls for cls in PROFILES if _plain(cls.__name__).startswith(_plain(value))]
        exact = [cls for cls in found if _plain(cls.__name__) == _plain(value)]
        if len(exact or found) == 1:
            return (exact or found)[0]
    names = ", ".join(_snake(cls.__name__) for cls in PROFILES)
    presets = f", or a preset: {', '.join(PRESETS)}" if label == "what" else ""
    raise ValueError(f"{label} must be a profile: {names}{presets}; got {value!r}")


def _source_priors(source: Source, count: int) -> dict[str, Measured]:
    """Priors of position and flux; several sources share the flux, and one of them may have little."""
    scale = source.position_error
    low = source.flux * (0.01 if count == 1 else 0.001)
    return {
        "xc": Normal(loc=source.xc, scale=scale, init=source.xc),
        "yc": Normal(loc=source.yc, scale=scale, init=source.yc),
        "flux": LogUniform(low=low, high=10.0 * source.flux, init=source.flux / count),
        "ellip": source.ellip,
        "theta": Angle(init=source.theta),
    }


def _size(source: Source, name: str, extended: list[str]) -> _Size:
    """The first component is the innermost.

    The half-light radius of the whole lies between the components' own, which keeps two alike apart.
    """
    r = source.r_eff
    if len(extended) > 1 and name == extended[0]:
        return _Size(0.05 * r, 2.0 * r, 0.5 * r, 3.0)
    if len(extended) > 1 and name == extended[-1]:
        return _Size(0.5 * r, 10.0 * r, 1.5 * r, 1.0)
    return _Size(0.1 * r, 10.0 * r, r, 2.0)


def _sky_priors(sky: Sky, shape: tuple[int, int]) -> dict[str, Measured]:
    """Priors of the sky: one standard deviation of a pixel, which it may also change across the image."""
    return {
        "level": Normal(loc=sky.level, scale=sky.scatter, init=sky.level),
        "slope_x": Normal(loc=0.0, scale=2.0 * sky.scatter / shape[1], init=0.0),
        "slope_y": Normal(loc=0.0, scale=2.0 * sky.scatter / shape[0], init=0.0),
    }


def _prior(component: str, info: ParameterInfo, measured: Mapping[str, Measured], size: _Size) -> AbstractParameter:
    """The measured prior of a parameter, else one in the range that its class declares."""
    found = measured.get(info.name, size.index if info.name == "n" else None)
    if isinstance(found, AbstractParameter):
        return found
    if info.unit in ("pixel", "1/pixel") and info.low >= 0.0:
        return _length_prior(info, size)
    low, high = info.usual or (info.low, info.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(
            f"guess can't say anything of {component}.{info.name}: it is not measured and has no bounds; "
            "build this component yourself and add it with model.with_component"
        )
    start = next(value for value in (info.start, found, 0.5 * (low + high)) if value is not None)
    return Uniform(low=low, high=high, init=min(max(start, low), high))


def _length_prior(info: ParameterInfo, size: _Size) -> AbstractParameter:
    """As wide as that of the half-light radius, about the declared part of it, within the declared range."""
    factor = 1.0 if info.start is None else info.start
    low, start, high = (factor * length for length in (size.low, size.start, size.high))
    if info.unit == "1/pixel":
        low, start, high = factor / size.high, factor / size.start, factor / size.low
    low, high = max(low, info.low), min(high, info.high)
    if low >= high:  # all of the declared range lies to one side
        low, high = (low, min(10.0 * low, info.high)) if low == info.low else (max(0.1 * high, info.low), high)
    return LogUniform(low=low, high=high, init=min(max(start, low), high))
