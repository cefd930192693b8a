"""A first model of a source: profiles, priors and initial values, measured from the pixels."""

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.detection import Extraction, find
from sersiclab.detection.measuring import Source
from sersiclab.detection.skies import Sky
from sersiclab.model import Model, check_name
from sersiclab.model.joint_guess import combined, positions_in
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractParameter, ParameterInfo, Tied, parameter_info, with_parameters
from sersiclab.profiles import (
    PROFILES,
    AbstractModifier,
    AbstractProfile,
    AbstractSky,
    AbstractSource,
    FlatSky,
    Sersic,
    installed_profiles,
)
from sersiclab.profiles.base import size_name, usual_parameters
from sersiclab.profiles.default_priors import (
    MEASURED_BRIGHTNESS,
    MEASURED_FLUX,
    MEASURED_FLUX_OF_SEVERAL,
    Factors,
    Spread,
    default_prior,
    start_value,
)
from sersiclab.runtime.errors import InputError


What = str | type[AbstractProfile] | Mapping[str, str | type[AbstractProfile]]


class _Size(NamedTuple):
    """The bounds and the start of a component's half-light radius in pixels, and the start of a Sérsic index."""

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
    image: Image | Images,
    what: What = "sersic",
    *,
    sources: int | Literal["auto"] = 1,
    position: Any = None,
    noise: AbstractNoise = GaussianNoise(),  # noqa: B008 (frozen)
) -> Model:
    """Guess a model of the source at a position: every parameter gets a prior and an initial value.

    The priors scale with the image, and do not depend on its unit. Fluxes, lengths and Sérsic indices are uniform in
    the logarithm, centres and skies normal; other parameters are uniform in the range that their class declares. All
    components of the source share its centre. If `what` has no sky, a flat one is added, as "sky", when the sky
    differs from zero by more than its error and the wings of the sources allow.

    In several images the source has one centre, ellipticity and angle. Every band has its own flux, every image its own
    sky, and lengths and Sérsic indices are linear functions of wavelength (`Polynomial`), as in Galapagos-2 (Häussler
    et al. 2013, arXiv:1212.3332); if a wavelength is not known, they have a value for each band.

    Arguments:
        image: an `Image`, or `Images`.
        what: the name of a profile ("sersic", "exponential" or "exp", "devaucouleurs" or "dev", "pointsource", ...) or
            its class; a preset ("doublesersic", "sersic_exp", "sersic_pointsource"); or a mapping of component names
            to profiles, the innermost first: `{"bulge": "sersic", "disk": "exponential", "sky": "flat_sky"}`.
        sources: the number of detected sources to model, or "auto" for all that are not masked. The first one is
            modelled as `what` says; its neighbours are Sérsic components "neighbour_1", "neighbour_2", ... in the
            order of `detect`.
        position: where the source is: (x, y) in pixels, those of the first image if there are several, or a
            `SkyCoord`; by default the centre of the image, or of the first.
        noise: the noise model.

    Returns:
        The model, whose `initial` values are the measured ones.

    Raises:
        ValueError: if `what` names no profile, or the position lies outside the image.

    Warns if nothing is detected at the position, if a brighter source near the image's centre may be meant, and if
    sources fill the image so that its sky can't be measured.

    Example:
        >>> model = sl.guess(sl.datasets.example(), "sersic_exp")
        >>> list(model.components)
        ['bulge', 'disk']
    """
    profiles = profiles_of(what)
    if isinstance(image, Images):
        places = positions_in(image, position)
        found = {name: _measured(image[name], dict(profiles), sources, place, noise) for name, place in places.items()}
        skies = [name for each in found.values() for name in each.model.components if name not in profiles]
        if (sky := next((name for name in skies if not name.startswith("neighbour_")), None)) is not None:
            lacking = [name for name, each in found.items() if sky not in each.model.components]
            full = {**profiles, sky: FlatSky}
            found |= {name: _measured(image[name], dict(full), sources, places[name], noise) for name in lacking}
        best = max(found, key=lambda name: found[name].significance)
        for doubt in found[best].doubts:
            warnings.warn(f"image {best}: {doubt}", stacklevel=2)
        return combined({name: each.model for name, each in found.items()}, image, best)
    found = _measured(image, profiles, sources, position, noise)
    for doubt in found.doubts:
        warnings.warn(doubt, stacklevel=2)
    return found.model


class _Measured(NamedTuple):
    """A model of one image, reasons to doubt it, and the signal-to-noise ratio of the source."""

    model: Model
    doubts: tuple[str, ...]
    significance: float


def _measured(
    image: Image,
    profiles: dict[str, type[AbstractProfile]],
    sources: int | Literal["auto"],
    position: Any,
    noise: AbstractNoise,
) -> _Measured:
    found = find(image, position)
    source, *neighbours = _sources(found, sources)
    names = [name for name, cls in profiles.items() if issubclass(cls, AbstractSource)]
    sky = found.sky()
    doubts = tuple(_doubts(found, source, sky, profiles)) if names else ()
    if sky.differs and not _has_sky(profiles):
        profiles[_free_name(profiles)] = FlatSky
    extended = [name for name in names if size_name(profiles[name])]
    count = max(len(names), 1)
    components = {}
    for name, cls in profiles.items():
        is_sky = issubclass(cls, AbstractSky)
        measured = _sky_values(sky) if is_sky else _source_values(source, count)
        size = _size(source, name, extended)
        spread = _spread(source, count, size, _sky_error(sky), image.shape)
        component = _component(name, cls, measured, size, spread)
        if not is_sky and name != names[0]:
            component = with_parameters(component, {axis: Tied(f"{names[0]}.{axis}") for axis in ("xc", "yc")})
        components[name] = component
    for number, neighbour in enumerate(neighbours, start=1):
        components[f"neighbour_{number}"] = component_of(neighbour, f"neighbour_{number}")
    significance = source.flux / source.flux_error if source.detected and source.flux_error > 0 else 0.0
    return _Measured(Model(components, noise=noise), doubts, significance)


def _sources(found: Extraction, number: int | Literal["auto"]) -> tuple[Source, ...]:
    """Return the target, and the requested number of its neighbours."""
    if isinstance(number, str) and number == "auto":
        return (found.target(), *found.neighbours().values())
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(f'sources must be "auto" or a positive integer, got {number!r}')
    neighbours = () if number == 1 else found.neighbours().values()
    return (found.target(), *neighbours)[:number]


def _doubts(
    found: Extraction, source: Source, sky: Sky, profiles: Mapping[str, type[AbstractProfile]]
) -> Iterator[str]:
    """Yield reasons to doubt a model of the source made of these profiles."""
    if not source.detected:
        place = f"({source.xc:g}, {source.yc:g})"
        yield f"no source is detected above the noise: the priors are those of a faint one at {place}"
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
    """Return a component of that name, with priors around the measured properties of a source."""
    size = _size(source, name, [name])
    return _component(name, cls, _source_values(source, 1), size, _spread(source, 1, size, math.nan, (1, 1)))


def profiles_of(what: What) -> dict[str, type[AbstractProfile]]:
    """Return the classes of a model's components by name, from the argument of `guess`; raises if it names none."""
    if isinstance(what, Mapping):
        if not what:
            raise InputError("what must name at least one component, got an empty mapping")
        for name in what:
            check_name(name)
        return {name: _profile(f"what[{name!r}]", value) for name, value in what.items()}
    if isinstance(what, str) and _plain(what) in map(_plain, PRESETS):
        return profiles_of(next(preset for name, preset in PRESETS.items() if _plain(name) == _plain(what)))
    cls = _profile("what", what)
    if issubclass(cls, AbstractSky):
        return {"sky": cls}
    return {"galaxy" if size_name(cls) else "star": cls}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _profile(label: str, value: object) -> type[AbstractProfile]:
    """Return a profile's class, given the class, its name in any spelling, or the first letters of its name."""
    if isinstance(value, type) and issubclass(value, AbstractModifier):
        raise InputError(
            f"{label} is {value.__name__}, which modifies another profile: guess that one, then put it inside, as in "
            f'model.with_component("galaxy", {value.__name__}(model.components["galaxy"]))'
        )
    if isinstance(value, type) and issubclass(value, AbstractProfile) and parameter_info(value):
        return value
    if isinstance(value, str) and len(_plain(value)) >= 3:
        found = [cls for cls in (*PROFILES, *installed_profiles()) if _plain(cls.__name__).startswith(_plain(value))]
        exact = [cls for cls in found if _plain(cls.__name__) == _plain(value)]
        if len(exact or found) == 1:
            return (exact or found)[0]
    names = ", ".join(_snake(cls.__name__) for cls in (*PROFILES, *installed_profiles()))
    presets = f", or a preset: {', '.join(PRESETS)}" if label == "what" else ""
    raise InputError(f"{label} must be a profile: {names}{presets}; got {value!r}")


def _source_values(source: Source, count: int) -> dict[str, float]:
    """Return the measured values of a source, by parameter; several components share its light."""
    brightness = source.flux / (2.0 * math.pi * source.r_eff**2)
    return {
        "xc": source.xc,
        "yc": source.yc,
        "flux": source.flux / count,
        "i_b": brightness / count,
        "ellip": source.ellip,
        "theta": source.theta,
    }


def _spread(source: Source, count: int, size: _Size, sky: float, shape: tuple[int, int]) -> Spread:
    """Return how far a component's parameters may lie from the measured values of the whole source."""
    whole = MEASURED_FLUX if count == 1 else MEASURED_FLUX_OF_SEVERAL
    flux, brightness = (
        Factors(below=factors.below / count, above=factors.above * count) for factors in (whole, MEASURED_BRIGHTNESS)
    )
    length = Factors(below=size.start / size.low, above=size.high / size.start)
    return Spread(position=source.position_error, flux=flux, brightness=brightness, length=length, sky=sky, shape=shape)


def _size(source: Source, name: str, extended: list[str]) -> _Size:
    """Return the bounds and initial values of a component's size; the first component is the innermost.

    The half-light radius of the whole lies between those of the components, which separates two of the same profile.
    """
    r = source.r_eff
    if len(extended) > 1 and name == extended[0]:
        return _Size(0.05 * r, 2.0 * r, 0.5 * r, 3.0)
    if len(extended) > 1 and name == extended[-1]:
        return _Size(0.5 * r, 10.0 * r, 1.5 * r, 1.0)
    return _Size(0.1 * r, 10.0 * r, r, 2.0)


def _sky_values(sky: Sky) -> dict[str, float]:
    return {"level": sky.level, "slope_x": 0.0, "slope_y": 0.0}


def _sky_error(sky: Sky) -> float:
    """Return the standard deviation of a pixel, or more if the wings of sources may have raised the measured sky."""
    return math.hypot(sky.scatter, sky.level - sky.low)


def _component(
    name: str, cls: type[AbstractProfile], measured: Mapping[str, float], size: _Size, spread: Spread
) -> Any:
    """Return a component with the default prior of every parameter about its measured value."""
    return cls(**{key: _prior(name, info, measured, size, spread) for key, info in usual_parameters(cls).items()})


def _prior(
    component: str, info: ParameterInfo, measured: Mapping[str, float], size: _Size, spread: Spread
) -> AbstractParameter:
    found = size.index if info.name == "n" else measured.get(info.name)
    value = start_value(info, size=size.start, found=found)
    prior = None if value is None else default_prior(info, value, spread)
    if prior is None:
        raise InputError(
            f"guess can't choose a prior for {component}.{info.name}: it is not measured and has no bounds; "
            "build this component yourself and add it with model.with_component"
        )
    return prior
