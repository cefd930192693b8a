"""Models to start from, guessed from the pixels."""

from collections.abc import Mapping

from sersiclab.guess import guess
from sersiclab.image import Image
from sersiclab.model import Model
from sersiclab.profiles import AbstractSky


# The innermost first, as `guess` wants it.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "single Sérsic": {"galaxy": "sersic"},
    "bulge + disk": {"bulge": "sersic", "disk": "exponential"},
    "bulge + bar + disk": {"bulge": "sersic", "bar": "ferrers", "disk": "exponential"},
    "AGN + host": {"nucleus": "point_source", "host": "sersic"},
}


def start_from(name: str, image: Image, present: Model) -> Model:
    """The preset's model of an image, with the sky, the noise model and the renderer of the present one.

    Raises `ValueError` for an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {list(PRESETS)}, got {name!r}")
    sources = guess(image, PRESETS[name]).components
    skies = {key: part for key, part in present.components.items() if isinstance(part, AbstractSky)}
    return Model({**sources, **skies}, noise=present.noise, renderer=present.renderer)
