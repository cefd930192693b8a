"""Checks of the arguments of an editor."""

from typing import Any

from sersiclab.data.checking import checked_image, checked_images
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputTypeError


AnyFit = Fit | JointFit


def checked_model(model: Any) -> Model:
    """Return the model; raise `TypeError` if it is not a `Model`."""
    if not isinstance(model, Model):
        raise InputTypeError(f"model must be a Model, got {type(model).__name__}")
    return model


def checked_fit(fit: Any) -> AnyFit:
    """Return the fit; raise `TypeError` if it is neither a `Fit` nor a `JointFit`."""
    if not isinstance(fit, Fit | JointFit):
        raise InputTypeError(f"fit must be a Fit, got {fit!r}")
    return fit


def checked_callback(callback: Any) -> Any:
    """Return the function; raise `TypeError` if it can't be called."""
    if not callable(callback):
        raise InputTypeError(f"callback must be a function, got {callback!r}")
    return callback


def checked_data(image: Any) -> Image | Images:
    """Return the image, or the images; raise `TypeError` for anything else."""
    return checked_images(image) if isinstance(image, Images) else checked_image(image)


def model_for(image: Any, model: Any) -> Model:
    """Return the model, or one guessed from the image if it is None."""
    from sersiclab.guess import guess

    return guess(image) if model is None else checked_model(model)
