"""Astropy's quantities in the units of an image: pixels, flux, and flux per pixel."""

from typing import Any

import astropy.units as u
import numpy as np

from sersiclab.runtime.errors import InputError, InputTypeError


AREA = u.arcsec**2


def convert(quantity: Any, *, pixel_scale: float | None, zeropoint: float | None, unit: str | None) -> float:
    """Return an angular size in pixels, or a magnitude or flux in image units; see `Image.convert`."""
    if not isinstance(quantity, u.Quantity) or np.ndim(quantity) or quantity.dtype.kind not in "iuf":
        raise InputTypeError(f"quantity must be one number with a unit, such as 2 * u.arcsec, got {quantity!r}")
    own: Any = quantity.unit
    plain: Any = quantity  # of the types that astropy declares, few become floats
    if own.is_equivalent(u.pix):
        return float(plain.to_value(u.pix))
    if own.is_equivalent(u.arcsec):
        return float(plain.to_value(u.arcsec)) / _known("pixel_scale", pixel_scale, quantity)
    if _is_magnitude(own):
        return _of_magnitude(float(plain.value), zeropoint, quantity)
    if _is_magnitude(own * AREA):
        scale = _known("pixel_scale", pixel_scale, quantity)
        return _of_magnitude(float(plain.to_value(u.mag / AREA)), zeropoint, quantity) * scale**2
    return _flux(quantity, pixel_scale, zeropoint, unit)


def _is_magnitude(unit: Any) -> bool:
    return unit == u.mag or unit == u.ABmag


def _of_magnitude(magnitude: float, zeropoint: float | None, quantity: Any) -> float:
    return 10.0 ** (-0.4 * (magnitude - _known("zeropoint", zeropoint, quantity)))


def _flux(quantity: Any, pixel_scale: float | None, zeropoint: float | None, unit: str | None) -> float:
    """Return a flux, or a flux per solid angle as one per pixel: in the image's unit, or by its AB zero-point."""
    if any((quantity.unit * AREA).is_equivalent(flux) for flux in (u.Jy, u.mgy)):
        quantity = quantity * (_known("pixel_scale", pixel_scale, quantity) ** 2 * AREA)
    image_unit = None if unit is None else u.Unit(unit)
    if image_unit is not None and quantity.unit.is_equivalent(image_unit):
        return float(quantity.to_value(image_unit))
    if quantity.unit.is_equivalent(u.mgy):
        maggies = float(quantity.to_value(u.mgy))
    elif quantity.unit.is_equivalent(u.Jy):
        maggies = float(quantity / (0.0 * u.ABmag).to(u.Jy))
    else:
        where = "has no unit" if unit is None else f"is in {unit}"
        raise InputError(f"quantity {quantity} can't be converted: the image {where}")
    return maggies * 10.0 ** (0.4 * _known("zeropoint", zeropoint, quantity))


def _known(name: str, value: float | None, quantity: Any) -> float:
    if value is None:
        raise InputError(
            f"quantity {quantity} can't be converted: the image has no {name}; give Image(..., {name}=...)"
        )
    return value
