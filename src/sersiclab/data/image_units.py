"""Units of the arrays that users give: astropy's `Quantity` as plain numbers in the image's unit."""

from typing import Any

from sersiclab.runtime.errors import InputError, InputTypeError


def plain_numbers(data: Any, unit: Any, sigma: Any, weight: Any, invvar: Any) -> tuple[str | None, Any, Any, Any]:
    """Return the image's unit, and its error map, which may be a `Quantity`, as numbers in that unit."""
    if any(hasattr(plane, "to_value") for plane in (data, sigma, weight, invvar)):
        from sersiclab.data.photometry import in_unit, unit_of

        own = unit_of(data)
        if own is not None and unit is not None and unit_name(unit) != unit_name(own):
            raise InputError(f"unit must be that of data, {own}, got {unit}")
        unit = own if unit is None else unit
        sigma = in_unit("sigma", sigma, own, 1)
        weight, invvar = in_unit("weight", weight, own, -2), in_unit("invvar", invvar, own, -2)
    return None if unit is None else unit_name(unit), sigma, weight, invvar


def unit_name(value: Any) -> str:
    """Return a unit of light as astropy writes it."""
    from astropy.units import UnitBase

    from sersiclab.data.units import parse_unit

    expected = f"unit must be a unit of light that astropy knows, such as 'nmgy' or 'electron/s', got {str(value)!r}"
    if not isinstance(value, str | UnitBase):
        raise InputTypeError(expected)
    unit = parse_unit(str(value))
    if unit is None:
        raise InputError(expected)
    return unit
