"""A model with priors from the pixels: where to start without knowing anything."""

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from sersiclab.data.image import Image
from sersiclab.detection import Extraction, find
from sersiclab.detection.measuring import Source
from sersiclab.detection.skies import Sky
from sersiclab.model import Model, check_name
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractParameter, ParameterInfo, Tied, parameter_info
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import PROFILES, AbstractModifier, AbstractProfile, AbstractSky, AbstractSource, FlatSky, Sersic
from sersiclab.profiles.base import size_name, usual_parameters
from sersiclab.runtime.errors import InputError


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
    position: Any = None,
    noise: AbstractNoise = GaussianNoise(),  # noqa: B008 (frozen)
) -> Model:
    """A model of the source at a position, every parameter with a prior and an initial value.

    `what` is a profile's name ("sersic", "exponential" or "exp", "devaucouleurs" or "dev",
    "pointsource", ...) or class, a preset ("doublesersic", "sersic_exp", "sersic_pointsource"), or a
    mapping of component names to profiles: `{"bulge": "sersic", "disk": "exponential", "sky": "flat_sky"}`,
    the innermost first. Sources after the first are tied to its centre. A flat sky is added, as "sky", if
    `what` has none and the sky differs from zero by more than its error and the sources' wings allow.

    `position` is (x, y) in pixels or a `SkyCoord`, by default the image's centre. `sources` is how many of the
    detected sources to model, "auto" for all that are not masked: the one at the position as `what` says, its
    neighbours as Sérsic components "neighbour_1", "neighbour_2", ... in the order of `detect`. `noise` is the
    model's.

    The priors scale with the image: they do not depend on its unit. Fluxes, lengths and Sérsic indices are
    uniform in the logarithm, centres and skies normal; other parameters are uniform in the range that their class
    declares. Warns if nothing is detected, or not at the position, if a brighter source near the image's centre may
    be meant, and if sources fill the image so that its sky can't be measured.
    """
    profiles = _profiles(what)
    found = find(image, position)
    source, *neighbours = _sources(found, sources)
    names = [name for name, cls in profiles.items() if issubclass(cls, AbstractSource)]
    sky = found.sky()
    for doubt in _doubts(found, source, sky, profiles) if names else ():
        warnings.warn(doubt, stacklevel=2)
    if sky.differs and not _has_sky(profiles):
        profiles[_free_name(profiles)] = FlatSky
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


def _sources(found: Extraction, number: int | Literal["auto"]) -> tuple[Source, ...]:
    """The target, and as many of its neighbours as are asked for."""
    if isinstance(number, str) and number == "auto":
        return (found.target(), *found.neighbours().values())
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(f'sources must be "auto" or a positive integer, got {number!r}')
    neighbours = () if number == 1 else found.neighbours().values()
    return (found.target(), *neighbours)[:number]


def _doubts(
    found: Extraction, source: Source, sky: Sky, profiles: Mapping[str, type[AbstractProfile]]
) -> Iterator[str]:
    """What is doubtful about a model of these profiles of the source."""
    if not source.detected:
        place = f"({source.xc:g}, {source.yc:g})"
        yield f"no source stands out of the noise: the priors are those of a faint one at {place}"
    if found.note:
        yield found.note
    if sky.filled and not _has_sky(profiles):
        yield (
            "sources fill the image, so its sky can't be measured, and the model has none; unless the sky was "
            'subtracted, add one to what, as in {"galaxy": "sersic", "sky": "flat_sky"}, or use a larger cutout'
        )


def _has_sky(profiles: Mapping[str, type[AbstractProfile]]) -> bool:
    return any(issubclass(cls, AbstractSky) for cls in profiles.values())


def _free_name(taken: Mapping[str, Any]) -> str:
    return next(name for name in ("sky", *(f"sky_{k}" for k in range(2, len(taken) + 3))) if name not in taken)


def component_of(source: Source, name: str, cls: type[AbstractSource] = Sersic) -> AbstractSource:
    """A component of that name with priors around what was measured of a source."""
    measured, size = _source_priors(source, 1), _size(source, name, [name])
    return cls(**{key: _prior(name, info, measured, size) for key, info in usual_parameters(cls).items()})


def _profiles(what: What) -> dict[str, type[AbstractProfile]]:
    if isinstance(what, Mapping):
        if not what:
            raise InputError("what must name at least one component, got an empty mapping")
        for name in what:
            check_name(name)
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
        raise InputError(
            f"{label} is {value.__name__}, which modifies another profile: guess that one, then put it inside, as in "
            f'model.with_component("galaxy", {value.__name__}(model.components["galaxy"]))'
        )
    if isinstance(value, type) and issubclass(value, AbstractProfile) and parameter_info(value):
        return value
    if isinstance(value, str) and len(_plain(value)) >= 3:
        found = [cls for cls in PROFILES if _plain(cls.__name__).startswith(_plain(value))]
        exact = [cls for cls in found if _plain(cls.__name__) == _plain(value)]
        if len(exact or found) == 1:
            return (exact or found)[0]
    names = ", ".join(_snake(cls.__name__) for cls in PROFILES)
    presets = f", or a preset: {', '.join(PRESETS)}" if label == "what" else ""
    raise InputError(f"{label} must be a profile: {names}{presets}; got {value!r}")


def _source_priors(source: Source, count: int) -> dict[str, Measured]:
    """Priors of position and light; several sources share the light, and one of them may have little."""
    scale, mean = source.position_error, source.flux / (2.0 * math.pi * source.r_eff**2)
    low = source.flux * (0.01 if count == 1 else 0.001)
    return {
        "xc": Normal(loc=source.xc, scale=scale, init=source.xc),
        "yc": Normal(loc=source.yc, scale=scale, init=source.yc),
        "flux": LogUniform(low=low, high=10.0 * source.flux, init=source.flux / count),
        "i_b": LogUniform(low=1e-3 * mean, high=1e3 * mean, init=mean / count),
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
    """Priors of the sky: one standard deviation of a pixel, which it may also change across the image.

    More if the sources' wings may have raised what was measured.
    """
    scale = math.hypot(sky.scatter, sky.level - sky.low)
    return {
        "level": Normal(loc=sky.level, scale=scale, init=sky.level),
        "slope_x": Normal(loc=0.0, scale=2.0 * scale / shape[1], init=0.0),
        "slope_y": Normal(loc=0.0, scale=2.0 * scale / shape[0], init=0.0),
    }


def _prior(component: str, info: ParameterInfo, measured: Mapping[str, Measured], size: _Size) -> AbstractParameter:
    """The measured prior of a parameter, else one in the range that its class declares."""
    found = measured.get(info.name, size.index if info.name == "n" else None)
    if isinstance(found, AbstractParameter):
        return found
    if info.unit in ("pixel", "1/pixel") and info.low >= 0.0:
        return _length_prior(info, size)
    low, high = info.usual or (info.low, info.high)
    family = LogUniform if info.logarithmic else Uniform
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            f"guess can't say anything of {component}.{info.name}: it is not measured and has no bounds; "
            "build this component yourself and add it with model.with_component"
        )
    middle = math.sqrt(low * high) if info.logarithmic else 0.5 * (low + high)
    start = next(value for value in (info.start, found, middle) if value is not None)
    return family(low=low, high=high, init=min(max(start, low), high))


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
