"""A model with priors from the pixels: where to start without knowing anything."""

import math
import re
import warnings
from collections.abc import Mapping

from sersiclab.detection import Sky, Source, measure
from sersiclab.image import Image
from sersiclab.model import Model
from sersiclab.parameters import AbstractParameter, ParameterInfo, Tied, parameter_info
from sersiclab.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import PROFILES, AbstractProfile, AbstractSky, AbstractSource
from sersiclab.profiles.base import usual_parameters


Measured = AbstractParameter | float  # a prior, or where to start between the declared bounds
What = str | type[AbstractProfile] | Mapping[str, str | type[AbstractProfile]]

PRESETS: Mapping[str, Mapping[str, str]] = {
    "doublesersic": {"bulge": "sersic", "disk": "sersic"},
    "sersic_exp": {"bulge": "sersic", "disk": "exponential"},
    "sersic_pointsource": {"galaxy": "sersic", "nucleus": "point_source"},
}


def guess(image: Image, what: What = "sersic") -> Model:
    """A model of the image's main source, every parameter with a prior and an initial value.

    `what` is a profile's name ("sersic", "exponential" or "exp", "devaucouleurs" or "dev",
    "pointsource", ...) or class, a preset ("doublesersic", "sersic_exp", "sersic_pointsource"), or a
    mapping of component names to profiles: `{"bulge": "sersic", "disk": "exponential", "sky": "flat_sky"}`,
    the innermost first. Sources after the first are tied to its centre.

    The priors scale with the image: they do not depend on its unit. Fluxes and radii are uniform in the
    logarithm around what was measured, centres normal. Warns where no source stands out of the noise.
    """
    profiles = _profiles(what)
    source, sky = measure(image)
    sources = [name for name, cls in profiles.items() if issubclass(cls, AbstractSource)]
    if sources and not source.detected:
        warnings.warn(
            "no source stands out of the noise: the priors are those of a faint one at the image's centre", stacklevel=2
        )
    extended = [name for name in sources if "r_eff" in parameter_info(profiles[name])]
    components = {}
    for name, cls in profiles.items():
        if issubclass(cls, AbstractSky):
            measured = _sky_priors(sky, image.shape)
        else:
            measured = _source_priors(source, len(sources)) | _size_priors(source, name, extended)
            if name != sources[0]:
                measured |= {axis: Tied(f"{sources[0]}.{axis}") for axis in ("xc", "yc")}
        priors = {key: _prior(name, info, measured) for key, info in usual_parameters(cls).items()}
        components[name] = cls(**priors)
    return Model(components)


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
    return {"galaxy" if "r_eff" in parameter_info(cls) else "star": cls}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _profile(label: str, value: object) -> type[AbstractProfile]:
    """A profile's class from itself, its name in any spelling, or the first letters of its name."""
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


def _size_priors(source: Source, name: str, extended: list[str]) -> dict[str, Measured]:
    """Priors of the radius and the Sérsic index: the first component is the innermost.

    The half-light radius of the whole lies between the components' own, which keeps two alike apart.
    """
    low, high, start, index = 0.1, 10.0, 1.0, 2.0
    if len(extended) > 1 and name == extended[0]:
        low, high, start, index = 0.05, 2.0, 0.5, 3.0
    elif len(extended) > 1 and name == extended[-1]:
        low, high, start, index = 0.5, 10.0, 1.5, 1.0
    r = source.r_eff
    return {"r_eff": LogUniform(low=low * r, high=high * r, init=start * r), "n": index}


def _sky_priors(sky: Sky, shape: tuple[int, int]) -> dict[str, Measured]:
    """Priors of the sky: one standard deviation of a pixel, which it may also change across the image."""
    return {
        "level": Normal(loc=sky.level, scale=sky.scatter, init=sky.level),
        "slope_x": Normal(loc=0.0, scale=2.0 * sky.scatter / shape[1], init=0.0),
        "slope_y": Normal(loc=0.0, scale=2.0 * sky.scatter / shape[0], init=0.0),
    }


def _prior(component: str, info: ParameterInfo, measured: Mapping[str, Measured]) -> AbstractParameter:
    """The measured prior of a parameter, else one that is uniform between the declared bounds."""
    found = measured.get(info.name, 0.5 * (info.low + info.high))
    if isinstance(found, AbstractParameter):
        return found
    if math.isfinite(info.low) and math.isfinite(info.high):
        return Uniform(low=info.low, high=info.high, init=min(max(found, info.low), info.high))
    raise ValueError(
        f"guess can't say anything of {component}.{info.name}: it is not measured and has no bounds; "
        "build this component yourself and add it with model.with_component"
    )
