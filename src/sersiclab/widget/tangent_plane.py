"""A tangent-plane WCS that replaces the image's own in the page."""

import math
from typing import Any

import numpy as np

from sersiclab.data.image import Image


GRID = 5  # points on a side to which the linear part is fitted
TOLERANCE = 0.5  # pixels by which the plane may deviate from the image's WCS


def tangent_plane(image: Image) -> dict[str, Any] | None:
    """Return the gnomonic projection about the image's centre that fits its WCS, which JavaScript can invert.

    `{"x", "y", "ra", "dec", "cd"}`: the centre in pixels (0-based) and in degrees (ICRS), and the 2x2 matrix, degrees
    per pixel, of the offsets to the east and the north. None without a celestial WCS, or if no plane fits it.
    """
    to_sky = getattr(image.wcs, "pixel_to_world", None)
    if to_sky is None:
        return None
    ny, nx = image.shape
    centre = (nx - 1) / 2, (ny - 1) / 2
    x, y = (plane.ravel() for plane in np.meshgrid(np.linspace(0, nx - 1, GRID), np.linspace(0, ny - 1, GRID)))
    try:
        origin, points = to_sky(*centre).icrs, to_sky(x, y).icrs
    except Exception:  # a WCS without sky coordinates, or one that fails: the many kinds raise different errors
        return None
    east, north = _gnomonic(points.ra.rad, points.dec.rad, origin.ra.rad, origin.dec.rad)
    offsets = np.stack([x - centre[0], y - centre[1]], axis=1)
    seen = np.stack([east, north], axis=1)
    if not np.isfinite(seen).all():
        return None
    matrix, *_ = np.linalg.lstsq(offsets, seen, rcond=None)
    scale = math.sqrt(abs(np.linalg.det(matrix)))
    if not scale > 0 or np.abs(offsets @ matrix - seen).max() > TOLERANCE * scale:
        return None
    degrees = {"ra": float(origin.ra.deg), "dec": float(origin.dec.deg), "cd": np.degrees(matrix.T).tolist()}
    return {"x": centre[0], "y": centre[1], **degrees}


def _gnomonic(ra: Any, dec: Any, ra0: float, dec0: float) -> tuple[Any, Any]:
    """Return standard coordinates of points about a tangent point, all in radians; NaN beyond the horizon."""
    cosine = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(ra - ra0)
    cosine = np.where(cosine > 0, cosine, np.nan)
    east = np.cos(dec) * np.sin(ra - ra0) / cosine
    north = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(ra - ra0)) / cosine
    return east, north
