"""Checks of the arrays and numbers that describe an image. Errors name the argument."""

import numbers
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from sersiclab.data.arrays import Mask, Plane
from sersiclab.runtime.errors import InputError, InputTypeError


def array_of(name: str, value: Any) -> np.ndarray:
    """Return an array of real numbers, of any dtype and shape; the masked values of a masked array are kept."""
    if isinstance(value, str | os.PathLike):
        raise InputTypeError(f"{name} must be an array, got {value!r}; Image.read reads files")
    if hasattr(value, "uncertainty"):
        raise InputTypeError(
            f"{name} must be an array, got {type(value).__name__}; Image.read accepts it, with its mask and uncertainty"
        )
    try:
        array = np.ma.getdata(value) if np.ma.isMaskedArray(value) else np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"{name} must be a 2-d array of real numbers, got a {type(value).__name__} ({error})"
        ) from error
    if array.dtype.kind not in "fiub":
        raise InputTypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    return array


def plane_of(name: str, value: Any, shape: tuple[int, ...] | None = None) -> Plane:
    """Return a 2-d array of native floats; a scalar is broadcast to `shape`."""
    array = array_of(name, value)
    if array.ndim == 0 and shape is not None:
        array = np.full(shape, array)
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{name} must be a 2-d array [y, x], got shape {array.shape}")
    if shape is not None and array.shape != shape:
        raise InputError(f"{name} must have the shape of data, {shape}, got {array.shape}")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return np.array(array, dtype=np.float32 if single else np.float64, order="C")


def mask_of(mask: Any, shape: tuple[int, ...]) -> Mask:
    """Return the mask, True where a pixel is excluded; so are the masked pixels of a masked array."""
    array = array_of("mask", np.ma.filled(mask, 1) if np.ma.isMaskedArray(mask) else mask)
    if array.shape != shape:
        raise InputError(f"mask must have the shape of data, {shape}, got {array.shape}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise InputError("mask must hold 0 (use) and 1 (exclude), got NaN")
    return np.array(array != 0)


def check_finite(data: Plane, mask: Mask) -> None:
    """Raise `InputError` unless the unmasked data are finite."""
    bad = ~np.isfinite(data) & ~mask
    if bad.any():
        y, x = np.argwhere(bad)[0]
        raise InputError(
            f"data must be finite where it is not masked, got {bad.sum()} bad pixels, the first at "
            f"[{y}, {x}]; exclude them with mask=~np.isfinite(data)"
        )


def positive_integer(name: str, value: Any) -> int:
    """Return a positive whole number, which may be given as a float."""
    whole = isinstance(value, int | float | np.integer) and not isinstance(value, bool | np.timedelta64)
    if not whole or value < 1 or value % 1:
        raise InputError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def optional_number(name: str, value: Any, *, positive: bool = False) -> float | None:
    """Return a finite number, or None."""
    return None if value is None else finite_number(name, value, positive=positive)


def finite_number(name: str, value: Any, *, positive: bool = False) -> float:
    """Return a finite number, given as a number of Python or numpy, or a 0-d array; not a bool or a string."""
    expected = f"{name} must be a {'positive ' if positive else ''}finite number, got {value!r}"
    number = _real(value)
    if number is None:
        raise InputTypeError(expected)
    if not np.isfinite(number) or (positive and number <= 0):
        raise InputError(expected)
    return number


def _real(value: Any) -> float | None:
    """Return a real number as a float, infinite if it is too large; None for anything else."""
    plain = value.dtype.kind in "fiu" if hasattr(value, "dtype") else isinstance(value, numbers.Real)
    if not plain or np.ndim(value) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def place_of(position: Any, name: str = "position") -> tuple[float, float]:
    """Return (x, y) in pixels, from 0; it may lie outside of the image."""
    try:
        x, y = map(_real, position)
    except (TypeError, ValueError):
        x = y = None
    if x is None or y is None:
        raise InputTypeError(f"{name} must be (x, y) in pixels or a SkyCoord, got {position!r}")
    return x, y


def check_sides(size: Any) -> None:
    """Raise an error unless `size` is one positive number or two, which may have units."""
    expected = f"size must be one number of pixels, an angle, or two of these (height, width), got {size!r}"
    try:
        sides = (size,) if np.ndim(size) == 0 else tuple(size)
    except ValueError:  # lists of different lengths
        raise InputTypeError(expected) from None
    if np.ndim(size) and len(sides) != 2:
        raise InputError(expected)
    for side in sides:
        finite_number("size", getattr(side, "value", side), positive=True)
        unit = getattr(side, "unit", None)
        if unit is not None and unit.physical_type != "angle" and unit != "pix":
            raise InputError(expected)


def true_or_false(name: str, value: Any) -> bool:
    """Return a bool of Python or numpy."""
    if not isinstance(value, bool | np.bool_):
        raise InputTypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Return a sequence of strings as a tuple."""
    found = (value,) if isinstance(value, str) or not isinstance(value, Sequence) else tuple(value)
    if isinstance(value, str) or not all(isinstance(text, str) for text in found):
        raise InputTypeError(f"{name} must be a sequence of strings, got {value!r}")
    return found
