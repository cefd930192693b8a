"""Whether two images are the same, also after one was pickled, which copies its WCS."""

from typing import Any

import numpy as np

from sersiclab.data.image import Image


def same_image(one: Image, other: Image) -> bool:
    """Return whether all fields of two images are equal; NaN equals NaN, and a WCS one with the same header."""
    theirs = other.fields
    return all(_same(value, theirs[name]) for name, value in one.fields.items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if type(one) is not type(other):
        return False
    # An astropy WCS is equal to itself alone.
    return one is other or bool(one == other) or (hasattr(one, "to_header") and _cards(one) == _cards(other))


def _cards(wcs: Any) -> str:
    return wcs.to_header(relax=True).tostring()
