"""How the pixels and the units of several images are related: by their world coordinates and their zero-points."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.astrometry import celestial
from sersiclab.data.image import Image
from sersiclab.parameters.frame import Frame, determinant
from sersiclab.runtime.errors import InputError


STEP = 4.0  # pixels on each side of the target, over which the map is linearised
# A shear below this is that of the projections, not of the images; without it the map is a similarity.
LEAST_SHEAR = 1e-5
ROUNDING = 1e-7  # pixels, or pixels per pixel, by which two WCSs that agree may differ
GRID = 9  # points on each side of the grid on which `bend` compares positions


def frame_between(
    first: Image, other: Image, about: tuple[float, float], names: tuple[str, str] = ("first", "other")
) -> Frame:
    """Return the affine map from the pixels of one image to those of another, for which their WCSs agree on the sky.

    It is the derivative at a position, from central differences in double precision. Images without WCSs share their
    pixels if they have the same shape. A shear of less than 1e-5 is left out.

    Arguments:
        first: the image in whose pixels parameters are given.
        other: the other image.
        about: the position of the target, (x, y) in the first image's pixels.
        names: those of the two images, for messages.

    Returns:
        The map, with a flux factor of one.

    Raises:
        ValueError: if the images can't be related: only one has a WCS, neither has and their shapes differ, or the
            target lies far outside the other image.
    """
    origin = np.array(about, float)
    if other is first:
        return Frame(np.eye(2), origin, origin)
    label, known = f"images {names[0]!r} and {names[1]!r}", (first.wcs is not None, other.wcs is not None)
    if known[0] != known[1]:
        has, lacks = names if known[0] else names[::-1]
        raise InputError(
            f"{label} can't be related: {has!r} has a WCS and {lacks!r} has none; give {lacks!r} its wcs=, or, if "
            "their pixels coincide, the same one"
        )
    if not known[0]:
        if first.shape != other.shape:
            raise InputError(
                f"{label} can't be related: they have no WCS, and their shapes differ, {first.shape} and "
                f"{other.shape}; give both their wcs=, or cut out the same pixels from both"
            )
        return Frame(np.eye(2), origin, origin)
    place, matrix = _linearised(first, other, origin)
    if not (np.isfinite(place).all() and np.isfinite(matrix).all() and determinant(matrix) != 0.0):
        raise InputError(
            f"{label} can't be related: the WCS of {names[1]!r} has no pixel at the sky position of the target, "
            f"({about[0]:g}, {about[1]:g}) in {names[0]!r}; check that both WCSs are of the same field"
        )
    (ny, nx), (x, y) = other.shape, place
    if not (-nx <= x <= 2 * nx and -ny <= y <= 2 * ny):
        raise InputError(
            f"{label} show different parts of the sky: the target, ({about[0]:g}, {about[1]:g}) in {names[0]!r}, lies "
            f"at ({x:g}, {y:g}) in {names[1]!r}, whose shape is {other.shape}; give images of the same field, or check "
            "their WCSs"
        )
    return Frame(_without_noise(matrix), origin, _settled(place, origin))


def bend(first: Image, other: Image, frame: Frame) -> float:
    """Return how far the true positions of the other image's pixels lie from those of the affine map.

    Arguments:
        first: the image in whose pixels parameters are given.
        other: the other image.
        frame: the map between them, from `frame_between`.

    Returns:
        The largest distance in pixels of the other image, on a grid over it; infinite where one of its pixels has no
        position in the first image.
    """
    if first.wcs is None or other.wcs is None or first is other:
        return 0.0
    ny, nx = other.shape
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, nx - 1, GRID), np.linspace(0, ny - 1, GRID)))
    found = frame.to_image(*_pixels(other, first, x, y))
    distance = float(np.max(np.hypot(found[0] - x, found[1] - y)))
    return distance if math.isfinite(distance) else math.inf


def misplaced(first: Image, other: Image, frame: Frame, x: np.ndarray, y: np.ndarray) -> float:
    """Return how far the affine map misplaces positions in the other image, in its pixels.

    Arguments:
        first: the image in whose pixels parameters are given.
        other: the other image.
        frame: the map between them, from `frame_between`.
        x: columns in the first image.
        y: rows in the first image.

    Returns:
        The largest distance from the true positions; infinite where one has no position in the other image.
    """
    if first.wcs is None or other.wcs is None or first is other:
        return 0.0
    truth, found = _pixels(first, other, x, y), frame.to_image(x, y)
    distance = float(np.max(np.hypot(found[0] - truth[0], found[1] - truth[1])))
    return distance if math.isfinite(distance) else math.inf


def flux_factors(images: Mapping[str, Image], bands: Mapping[str, str]) -> dict[str, float]:
    """Return the factor that converts fluxes to each image's unit from that of the first image of its band.

    A flux is shared by images of one band only, and there it is `10^(0.4 (zeropoint - zeropoint of the first))`. Images
    of a band whose zero-points are all missing are taken to have one unit. So is, with a warning, an image without a
    zero-point in a band in which all others have the same.

    Arguments:
        images: by name.
        bands: of the images, by the same names.

    Returns:
        The factors by name of the image, 1 for the first image of each band.

    Raises:
        ValueError: if an image has no zero-point, and others of its band have different ones.
    """
    factors = {}
    for band in dict.fromkeys(bands[name] for name in images):
        members = [name for name in images if bands[name] == band]
        known = {name: image.zeropoint for name in members if (image := images[name]).zeropoint is not None}
        missing = [name for name in members if name not in known]
        if missing and len(set(known.values())) > 1:
            raise InputError(
                f"image {missing[0]!r} has no zero-point, and other images of band {band!r} have different ones, "
                f"{', '.join(f'{name}: {zp:g}' for name, zp in known.items())}; give it its zeropoint=, or a band of "
                "its own"
            )
        if missing and known:
            warnings.warn(
                f"band {band!r}: images without a zero-point, {', '.join(missing)}, are taken to have the unit of the "
                "others",
                stacklevel=3,
            )
        reference = known.get(members[0])
        for name in members:
            zeropoint = known.get(name)
            if reference is None or zeropoint is None:
                factors[name] = 1.0
            else:
                factors[name] = 10.0 ** (0.4 * (zeropoint - reference))
    return {name: factors[name] for name in images}


def _linearised(first: Image, other: Image, origin: Float[np.ndarray, " 2"]) -> tuple[Any, Any]:
    """Return the position of the origin in the other image, and the derivative of positions there."""
    offsets = STEP * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    place, right, left, up, down = np.stack(_pixels(first, other, *(origin + offsets).T), 1)
    return place, np.stack([right - left, up - down], 1) / (2 * STEP)


def _pixels(start: Image, end: Image, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return where positions in one image lie in another, by way of the sky; NaN if a WCS fails there."""
    from astropy.wcs.utils import pixel_to_pixel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dates and of iterations, of which the positions themselves tell
        try:
            found = pixel_to_pixel(_sky(start.wcs), _sky(end.wcs), x, y)
        except Exception:  # the many kinds of WCS raise different errors
            found = np.full((2, np.size(x)), np.nan)
    return np.asarray(found[0], float), np.asarray(found[1], float)


def _sky(wcs: Any) -> Any:
    """Return the celestial part of a WCS, with astropy's shared high-level interface."""
    from astropy.wcs.wcsapi import BaseHighLevelWCS, HighLevelWCSWrapper

    plain = celestial(wcs)
    if plain is not None:
        return plain
    return wcs if isinstance(wcs, BaseHighLevelWCS) else HighLevelWCSWrapper(wcs)


def _without_noise(matrix: Float[np.ndarray, "2 2"]) -> Float[np.ndarray, "2 2"]:
    """Return the matrix without rounding errors: the identity, or a similarity, if it is very close to one."""
    if np.abs(matrix - np.eye(2)).max() < ROUNDING:
        return np.eye(2)
    (a, b), (c, d) = matrix
    sign = math.copysign(1.0, float(determinant(matrix)))
    # A similarity has equal diagonals and opposite others; one that mirrors has them the other way round.
    diagonal, other = 0.5 * (a + sign * d), 0.5 * (c - sign * b)
    nearest = np.array([[diagonal, -sign * other], [other, sign * diagonal]])
    size = math.hypot(diagonal, other)
    return nearest if np.abs(matrix - nearest).max() < LEAST_SHEAR * size else matrix


def _settled(place: Float[np.ndarray, " 2"], origin: Float[np.ndarray, " 2"]) -> Float[np.ndarray, " 2"]:
    """Return a position; if it differs from the origin by whole pixels but for rounding, by these exactly."""
    whole = origin + np.round(place - origin)
    return whole if np.abs(place - whole).max() < ROUNDING else place
