"""Models to start from, masks of neighbours, and correlated noise, all measured from the pixels."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.detection import detect
from sersiclab.guess import guess
from sersiclab.model import Model, render
from sersiclab.noise import CorrelatedNoise
from sersiclab.parameters import at, parameters
from sersiclab.profiles import AbstractSky
from sersiclab.runtime.errors import InputError


FAINT = 0.3  # in units of sigma: a fainter model does not affect the measured noise

# The innermost component first, as `guess` requires.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "single Sérsic": {"galaxy": "sersic"},
    "bulge + disk": {"bulge": "sersic", "disk": "exponential"},
    "bulge + bar + disk": {"bulge": "sersic", "bar": "ferrers", "disk": "exponential"},
    "AGN + host": {"nucleus": "point_source", "host": "sersic"},
}


def start_from(name: str, image: Image | Images, present: Model) -> Model:
    """Return the preset's model of an image, or of several.

    It has the sky, the noise model and the renderer of the present model. Raises `ValueError` for an unknown name.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise InputError(f"preset must be one of {list(PRESETS)}, got {name!r}")
    guessed = guess(image, PRESETS[name]).components
    sources = {key: part for key, part in guessed.items() if not isinstance(part, AbstractSky)}
    skies = {key: part for key, part in present.components.items() if isinstance(part, AbstractSky)}
    return Model({**sources, **skies}, noise=present.noise, renderer=present.renderer)


def mask_of_neighbours(image: Image, model: Model) -> Bool[np.ndarray, "y x"]:
    """Return the image's mask with the detected sources that are not in the model."""
    values = parameters(at(model.owners, model.initial))
    places = [
        (float(values[f"{name}.xc"]), float(values[f"{name}.yc"]))
        for name in model.components
        if f"{name}.xc" in values
    ]
    return detect(image).masked(image, keep=places).mask


def measured_noise(image: Image, model: Model) -> CorrelatedNoise:
    """Return the noise model with the correlation of the residual on the sky, away from all sources.

    Raises `ValueError` if too little sky is left.
    """
    found = detect(image)
    shown = np.asarray(render(model, image))
    light = np.abs(shown - np.median(shown[image.valid]))
    sky = image.valid & ~found.mask & (found.labels == 0) & (light < FAINT * image.sigma)
    residual = np.where(sky, image.data - shown, 0.0) / np.where(sky, image.sigma, 1.0)
    try:
        return CorrelatedNoise.measured(residual, mask=~sky)
    except InputError as error:
        raise InputError(f"the noise can't be measured on the sky of this image: {error}") from error
