"""Checks of the arguments of an editor."""

from typing import Any

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.runtime.errors import InputTypeError


def checked_model(model: Any) -> Model:
    """Return the model; raise `TypeError` if it is not a `Model`."""
    if not isinstance(model, Model):
        raise InputTypeError(f"model must be a Model, got {type(model).__name__}")
    return model


def checked_fit(fit: Any) -> Fit:
    """Return the fit; raise `TypeError` if it is not a `Fit`."""
    if not isinstance(fit, Fit):
        raise InputTypeError(f"fit must be a Fit, got {fit!r}")
    return fit


def checked_callback(callback: Any) -> Any:
    """Return the function; raise `TypeError` if it can't be called."""
    if not callable(callback):
        raise InputTypeError(f"callback must be a function, got {callback!r}")
    return callback


def model_for(image: Image, model: Any) -> Model:
    """Return the model, or one guessed from the image if it is None."""
    from sersiclab.guess import guess

    return guess(image) if model is None else checked_model(model)
