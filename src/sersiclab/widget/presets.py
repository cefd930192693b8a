"""What the pixels suggest: models to start from, and the mask of what a model lacks."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from sersiclab.detection import detect
from sersiclab.guess import guess
from sersiclab.image import Image
from sersiclab.model import Model
from sersiclab.parameters import at, parameters
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


def mask_of_neighbours(image: Image, model: Model) -> Bool[np.ndarray, "y x"]:
    """The image's mask and the detected sources that are no component of the model."""
    values = parameters(at(model.owners, model.initial))
    places = [
        (float(values[f"{name}.xc"]), float(values[f"{name}.yc"]))
        for name in model.components
        if f"{name}.xc" in values
    ]
    return detect(image).masked(image, keep=places).mask
