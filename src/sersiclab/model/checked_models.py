"""Checks of the models, and of values by path, that a user gives."""

from typing import Any

from sersiclab import parameters
from sersiclab.model.component_checks import by_name
from sersiclab.model.model import Model
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.image_shift import SHIFT
from sersiclab.runtime.errors import InputError, InputTypeError


checked_values = by_name("values", '{"galaxy.n": 4.0}')


def checked_model(model: Any) -> Model:
    """Return the model. Raises `TypeError`, with a hint at how to make one, for a profile or anything else."""
    if isinstance(model, Model):
        return model
    made = 'make one with sl.Model({"galaxy": profile})'
    raise InputTypeError(f"model must be a Model, got {type(model).__name__}: {made}")


def check_one_image(model: Model) -> None:
    """Raise `ValueError` if parameters vary between images, where there is only one."""
    varying = [
        path for path, value in parameters.parameters(model.owners).items() if isinstance(value, AbstractVarying)
    ]
    if varying:
        raise InputError(
            f"model: {', '.join(varying)} vary between images, and one Image is given; use Images, or model.of(name)"
        )
    if model.shift is not None:
        raise InputError(
            "model: the image is shifted against another, and in one Image this is degenerate with a shift of the "
            f"sources; use Images, or model.without({SHIFT!r})"
        )
