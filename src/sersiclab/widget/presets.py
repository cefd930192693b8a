"""What the pixels suggest: models to start from, the mask of what a model lacks, and how the noise is correlated."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from sersiclab.data.image import Image
from sersiclab.detection import detect
from sersiclab.guess import guess
from sersiclab.model import Model, render
from sersiclab.noise import CorrelatedNoise
from sersiclab.parameters import at, parameters
from sersiclab.profiles import AbstractSky
from sersiclab.runtime.errors import InputError


DARK = 0.3  # sigma: where the model is fainter it can't spoil what is measured of the noise

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
    if not isinstance(name, str) or name not in PRESETS:
        raise InputError(f"preset must be one of {list(PRESETS)}, got {name!r}")
    guessed = guess(image, PRESETS[name]).components
    sources = {key: part for key, part in guessed.items() if not isinstance(part, AbstractSky)}
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


def measured_noise(image: Image, model: Model) -> CorrelatedNoise:
    """The correlation of the residuals on the sky, away from the sources that are detected and from the model's.

    Raises `ValueError` if too little of the sky is left.
    """
    found = detect(image)
    shown = np.asarray(render(model, image))
    light = np.abs(shown - np.median(shown[image.valid]))
    sky = image.valid & ~found.mask & (found.labels == 0) & (light < DARK * image.sigma)
    residual = np.where(sky, image.data - shown, 0.0) / np.where(sky, image.sigma, 1.0)
    try:
        return CorrelatedNoise.measured(residual, mask=~sky)
    except InputError as error:
        raise InputError(f"the noise can't be measured on the sky of this image: {error}") from error
