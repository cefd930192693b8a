"""What an editor is given, and what it offers: a model, the schema of classes, methods and presets."""

from collections.abc import Sequence
from typing import Any

from sersiclab.image import Image
from sersiclab.inference import METHODS
from sersiclab.model import Model
from sersiclab.schema import schema
from sersiclab.widget.options import options_of
from sersiclab.widget.presets import PRESETS


def offered(types: Sequence[type]) -> dict[str, Any]:
    """What the front end must know of the classes, the user's own `types` among them, and of presets."""
    document = schema(types, METHODS)
    methods = {cls.__name__: {**document["methods"][cls.__name__], "options": options_of(cls)} for cls in METHODS}
    return {**document, "methods": methods, "presets": list(PRESETS)}


def guessed(image: Image) -> Model:
    """The model of an image for which none was given."""
    from sersiclab.guess import guess

    return guess(image)


def checked_image(image: Any) -> Image:
    """Raise `TypeError` unless it is an image."""
    if not isinstance(image, Image):
        raise TypeError(f"image must be an Image, got {type(image).__name__}")
    return image


def checked(model: Any) -> Model:
    """Raise `TypeError` unless it is a model."""
    if not isinstance(model, Model):
        raise TypeError(f"model must be a Model, got {type(model).__name__}")
    return model
