"""The arguments of an editor, checked."""

from typing import Any

from sersiclab.image import Image
from sersiclab.model import Model


def checked_model(model: Any) -> Model:
    """Raise `TypeError` unless it is a model."""
    if not isinstance(model, Model):
        raise TypeError(f"model must be a Model, got {type(model).__name__}")
    return model


def model_for(image: Image, model: Any) -> Model:
    """The model, or one that is guessed from the image where it is None."""
    from sersiclab.guess import guess

    return guess(image) if model is None else checked_model(model)
