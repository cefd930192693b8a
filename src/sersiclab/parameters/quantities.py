"""Astropy quantities as parameters, priors and ties: converted to the parameter's unit, or refused.

A model is built without an image. Pixels, plain numbers and angles are therefore converted at once; angular sizes,
magnitudes and flux densities are not, because only an image knows how (`Image.convert`).
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.parameters.scalars import check_finite
from sersiclab.runtime.errors import InputTypeError


DIMENSIONLESS = "dimensionless"
"""Key in the metadata of fields without a unit, whatever the unit of the parameter: a logarithm or a factor."""

# The units of parameters as astropy writes them, by their names in declarations.
UNITS = {"": "", "pixel": "pix", "1/pixel": "1/pix", "rad": "rad"}
# For each unit, the expected value, and the remedy for anything else.
EXPECTED = {
    "": ("must be a number without a unit", ""),
    "pixel": ("must be in pixels", "; convert angles on the sky by the image: image.convert(quantity)"),
    "1/pixel": ("must be in 1/pixel", ""),
    "rad": ("must be an angle, such as 30 deg", ""),
}
OF_IMAGE = "must be a number in the unit of the image", "; convert it by the image: image.convert(quantity)"


def is_quantity(value: Any) -> bool:
    """Whether a value is an astropy quantity, with a unit."""
    return isinstance(value, np.ndarray) and hasattr(value, "unit")


def check_number(label: str, value: Any) -> None:
    """Raise unless `value` is one finite number, or a quantity in a unit that a parameter may have.

    A quantity is checked again once it is a number in the unit of its parameter.
    """
    if not is_quantity(value):
        check_finite(label, value)
    elif all(is_quantity(_number(value, unit)) for unit in UNITS):
        raise InputTypeError(f"{label} must be a number, in pixels or an angle, got {_shown(value)}{OF_IMAGE[1]}")


def converted(value: Any, unit: str) -> Any:
    """Return a quantity, or a prior or tie of quantities, in the unit of its parameter, and anything else unchanged.

    A quantity that can't be converted is returned unchanged: see `refusal`.
    """
    if is_quantity(value):
        return _number(value, unit)
    if not isinstance(value, eqx.Module):
        return value
    changes = {field.name: _number(held, _unit(field, unit)) for field, held in _quantities(value)}
    return dataclasses.replace(value, **changes) if changes else value


def refusal(value: Any, unit: str) -> str | None:
    """Return the end of an error message about a quantity that could not be converted; None if there is none.

    Arguments:
        value: a parameter, as `converted` left it.
        unit: the declared unit of the parameter.
    """
    if is_quantity(value):
        return _refused(value, unit)
    if isinstance(value, eqx.Module):
        for field, held in _quantities(value):
            return f"{type(value).__name__}.{field.name} {_refused(held, _unit(field, unit))}"
    return None


def _quantities(module: eqx.Module) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    for field in dataclasses.fields(module):
        held = getattr(module, field.name)
        if is_quantity(held):
            yield field, held


def _unit(field: dataclasses.Field[Any], unit: str) -> str:
    return "" if DIMENSIONLESS in field.metadata else unit


def _number(quantity: Any, unit: str) -> Any:
    """Return the number in this unit; the quantity itself if it is an array or can't be converted."""
    import astropy.units as u

    if np.ndim(quantity) or quantity.dtype.kind not in "iuf":
        return quantity
    try:
        return float(quantity.to_value(u.Unit(UNITS.get(unit, ""))))
    except u.UnitConversionError:
        return quantity


def _refused(quantity: Any, unit: str) -> str:
    expected, remedy = EXPECTED.get(unit, OF_IMAGE)
    return f"{expected}, got {_shown(quantity)}{remedy}"


def _shown(quantity: Any) -> str:
    return str(quantity) if np.ndim(quantity) == 0 else f"{np.size(quantity)} numbers"
