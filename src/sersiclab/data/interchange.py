"""Positions, masks and segmentation maps, given as objects of photutils, SEP or astropy's `regions`.

None of these packages is imported: their objects are recognised by what they offer.
"""

from typing import Any

import numpy as np

from sersiclab.data.arrays import Labels, Mask
from sersiclab.data.planes import array_of
from sersiclab.runtime.errors import InputError, InputTypeError


# The names of the centroid in photutils, since its version 3 and before, and in SEP.
COORDINATES = (("x_centroid", "y_centroid"), ("xcentroid", "ycentroid"), ("x", "y"))


def position_of(value: Any) -> Any:
    """Return the position that an object has: (x, y) in pixels from 0, or a `SkyCoord`; other values unchanged.

    It may be a row of a catalogue (photutils' `SourceCatalog` of one source, a row of its table, a row of SEP's array)
    or a region with a centre.
    """
    centre = getattr(value, "center", None)
    if centre is not None and hasattr(value, "to_mask" if hasattr(centre, "to_sky") else "to_pixel"):
        return (centre.x, centre.y) if hasattr(centre, "to_sky") else centre
    for names in COORDINATES:
        found = [_field(value, name) for name in names]
        if all(np.ndim(part) == 0 and part is not None for part in found):
            return tuple(float(getattr(part, "value", part)) for part in found)
    return value


def _field(row: Any, name: str) -> Any:
    """Return a column of a table's row or of a structured array's, or the attribute of a catalogue of one source."""
    names = getattr(row, "colnames", None) or getattr(getattr(row, "dtype", None), "names", None)
    if names is not None:
        return row[name] if name in names else None
    return getattr(row, name, None) if hasattr(type(row), "to_table") else None


def mask_from_regions(mask: Any, shape: tuple[int, ...], wcs: Any) -> Any:
    """Return the pixels whose centres lie in a region, or in one of several; other values unchanged."""
    parts = list(mask) if isinstance(mask, list | tuple) or hasattr(mask, "regions") else [mask]
    if not parts or not all(_is_region(part) for part in parts):
        if hasattr(mask, "segments"):
            raise InputTypeError(
                "mask must exclude pixels, and a SegmentationImage holds the target, too: "
                "use sl.detect(image, segmentation=...).masked(image)"
            )
        return mask
    return np.any([_inside(part, shape, wcs) for part in parts], axis=0)


def _is_region(value: Any) -> bool:
    return hasattr(value, "to_mask") or (hasattr(value, "to_pixel") and hasattr(value, "contains"))


def _inside(region: Any, shape: tuple[int, ...], wcs: Any) -> Mask:
    if not hasattr(region, "to_mask"):
        if wcs is None:
            raise InputError(f"mask: {region!r} lies on the sky, and the image has no WCS")
        region = region.to_pixel(wcs)
    found = region.to_mask(mode="center").to_image(shape)
    return np.zeros(shape, bool) if found is None else np.asarray(found) != 0


def labels_of(segmentation: Any, shape: tuple[int, ...]) -> Labels:
    """Return a segmentation map with its sources numbered from 1 without gaps; 0 is sky."""
    values = segmentation.data if hasattr(segmentation, "segments") else array_of("segmentation", segmentation)
    if values.shape != shape or values.dtype.kind not in "iu":
        raise InputError(
            f"segmentation must be a SegmentationImage or whole numbers, of the image's shape {shape}, "
            f"got {values.dtype} of shape {values.shape}"
        )
    numbers, labels = np.unique(values, return_inverse=True)
    labels = labels.reshape(shape) + (0 if numbers[0] == 0 else 1)
    return labels.astype(np.int32)
