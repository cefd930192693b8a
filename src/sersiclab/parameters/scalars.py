"""Checks and conversions of numbers that users give: Python, NumPy or JAX scalars, which may be traced."""

import math
from typing import Any

import jax
import jax.core
import numpy as np
from jaxtyping import Array, Float

from sersiclab.runtime.errors import InputError, InputTypeError


Scalar = float | Float[Array, ""]


def is_scalar(value: Any) -> bool:
    """Whether `value` is one number, which may be traced."""
    if hasattr(value, "dtype"):
        return np.ndim(value) == 0 and value.dtype.kind in "iuf" and not hasattr(value, "unit")
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether `value` is one concrete number (not a tracer or a larger array)."""
    return is_scalar(value) and not isinstance(value, jax.core.Tracer)


def check_finite(label: str, value: Any) -> None:
    """Raise unless `value` is one finite number; the value of a traced number is not checked."""
    if not is_scalar(value):
        raise InputTypeError(f"{label} must be a number, got {described(value)}")
    number = to_float(value)
    if is_number(number) and not math.isfinite(number):
        raise InputError(f"{label} must be finite, got {number:g}")


def described(value: Any) -> str:
    """Describe a value that is not a number, for an error message."""
    if isinstance(value, jax.Array | np.ndarray) and not hasattr(value, "unit"):
        return f"an array of shape {value.shape} and type {value.dtype}"
    return repr(value)


def to_float(value: Any) -> Any:
    """Return a Python or NumPy number as a float, and anything else unchanged."""
    if isinstance(value, jax.Array) or not is_number(value):
        return value
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf


def plain(value: Any) -> Any:
    """Return a NumPy or JAX number as a Python one, and anything else unchanged, for options of compiled programs."""
    return value.item() if hasattr(value, "dtype") and is_number(value) else value


def check_count(label: str, value: object, *, least: int, most: int | None = None) -> None:
    """Raise unless `value` is a whole number of at least `least`, and at most `most`; `label` names it."""
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, int | np.integer):
        raise InputTypeError(f"{label} must be a whole number, got {described(value)}")
    if value < least:
        raise InputError(f"{label} must be at least {least}, got {value}")
    if most is not None and value > most:
        raise InputError(f"{label} must be at most {most}, got {value}")


def check_between(label: str, value: object, low: float, high: float) -> None:
    """Raise unless `value` is a number from `low` to `high`; `label` names it."""
    check_finite(label, value)
    if not low <= to_float(value) <= high:
        raise InputError(f"{label} must lie in [{low:g}, {high:g}], got {to_float(value):g}")
