"""Large images reduced to screen resolution: square cells of pixels, each with the mean of its pixels."""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.runtime.errors import InputError


LARGE = 2**20  # pixels: the page gets all pixels of images up to this size
CELLS = 2**18  # of a picture, at most
SAMPLE = 20_000  # pixels that represent the distribution of all
BAND = 2**20  # pixels that are processed at a time


class Raster(NamedTuple):
    """Cells of `step` by `step` pixels, the first with the pixel (x, y) in its corner.

    The last cell of a row or column may extend beyond the image and then has fewer pixels.
    """

    x: int
    y: int
    step: int
    nx: int
    ny: int


def is_large(image: Image) -> bool:
    """Whether an image is too large to send all its pixels to the page."""
    return image.data.size > LARGE


def overall(image: Image) -> Raster:
    """Return the raster of the whole image, with at most `CELLS` cells."""
    ny, nx = image.shape
    step = math.ceil(math.sqrt(ny * nx / CELLS)) if is_large(image) else 1
    while -(-nx // step) * -(-ny // step) > CELLS and is_large(image):
        step += 1
    return Raster(0, 0, step, -(-nx // step), -(-ny // step))


def check_raster(raster: Raster, image: Image) -> None:
    """Raise `ValueError` unless all cells lie on the image and there are not too many."""
    (ny, nx), (x, y, step, columns, rows) = image.shape, raster
    if not (x >= 0 and y >= 0 and min(step, columns, rows) > 0 and columns * rows <= CELLS):
        raise InputError(f"a raster must have 1 to {CELLS} cells, from pixel 0 on, got {tuple(raster)}")
    if x + (columns - 1) * step >= nx or y + (rows - 1) * step >= ny:
        raise InputError(f"a raster must lie on the image of {nx} x {ny} pixels, got {tuple(raster)}")


def means(plane: Plane, raster: Raster, valid: Bool[np.ndarray, "y x"], corner: tuple[int, int] = (0, 0)) -> Plane:
    """Return the mean of the valid pixels of each cell, or of all if none is valid. `plane` begins at `corner`."""
    (x, y, step, nx, ny), (left, low) = raster, corner
    columns = slice(x, x + step * nx)
    if step == 1:
        return plane[y - low : y - low + ny, x - left : x - left + nx].astype(np.float32)
    out = np.empty((ny, nx), np.float32)
    rows = max(BAND // (step * step * nx), 1)
    for first in range(0, ny, rows):
        number = min(rows, ny - first)
        band = slice(y + first * step, y + (first + number) * step)
        pixels = plane[band.start - low : band.stop - low, columns.start - left : columns.stop - left]
        out[first : first + number] = _means(pixels, valid[band, columns], step)
    return out


def _means(pixels: Plane, valid: Bool[np.ndarray, "y x"], step: int) -> Plane:
    counts = _sums(valid, step, np.int32)
    if int(counts.sum()) == pixels.size:
        return _sums(pixels, step, np.float64) / counts
    with np.errstate(invalid="ignore", over="ignore"):
        whole = _sums(pixels, step, np.float64) / _sums(np.ones_like(valid), step, np.int32)
    part = _sums(np.where(valid, pixels, 0.0), step, np.float64) / np.maximum(counts, 1)
    return np.where(counts > 0, part, whole)


def _sums(pixels: Any, step: int, dtype: Any) -> Any:
    ny, nx = pixels.shape
    rows = np.add.reduceat(pixels, np.arange(0, ny, step), axis=0, dtype=dtype)
    return np.add.reduceat(rows, np.arange(0, nx, step), axis=1)


def typical(sigma: Plane, raster: Raster, valid: Bool[np.ndarray, "y x"]) -> Plane:
    """Return the error of a pixel in each cell: the root mean square."""
    if raster.step == 1:
        return means(sigma, raster, valid)
    scale = float(np.median(sigma[:: raster.step, :: raster.step][valid[:: raster.step, :: raster.step]]) or 1.0)
    return (np.sqrt(means(_Squared(sigma, scale), raster, valid)) * scale).astype(np.float32)  # type: ignore[arg-type]


class _Squared:
    """The squares of a plane in units of `scale`, computed in bands of rows."""

    def __init__(self, plane: Plane, scale: float) -> None:
        self._plane, self._scale = plane, scale

    def __getitem__(self, key: Any) -> Plane:
        return np.square(self._plane[key] / self._scale)


def sample(image: Image) -> Float[np.ndarray, " pixel"]:
    """Return values of unmasked pixels spread over the image, in the order of the pixels."""
    values = image.data.ravel()
    # A stride with a common factor with the width would select whole columns.
    stride = max(values.size // SAMPLE, 1) | 1
    some, valid = values[::stride], image.valid.ravel()[::stride]
    return some[valid].astype(np.float32)


def masked(mask: Bool[np.ndarray, "y x"], raster: Raster) -> Bool[np.ndarray, "y x"]:
    """Return the cells of which more than half is masked."""
    return means(mask, raster, np.broadcast_to(np.True_, mask.shape)) > 0.5


def overview(image: Image) -> Image:
    """Return the image in the cells of `overall`, with the typical error of a pixel as sigma."""
    raster = overall(image)
    mask = masked(image.mask, raster)
    if mask.all():
        mask = np.zeros_like(mask)
    data = np.nan_to_num(means(image.data, raster, image.valid))
    sigma = typical(image.sigma, raster, image.valid)
    with np.errstate(invalid="ignore"):
        sigma = np.where(np.isfinite(sigma) & (sigma > 0), sigma, np.nanmax(sigma))
    return Image(data, sigma=sigma, mask=mask)
