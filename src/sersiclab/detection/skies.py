"""The level of the sky around a source, and how well it is known."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float

from sersiclab.data.arrays import Mask, Plane
from sersiclab.detection.measuring import Source
from sersiclab.detection.segmentation import clipped


INDICES = (1.0, 2.5, 6.0)  # Sérsic indices of the wings that the source may have
FEWEST_TILES = 8  # whose scatter gives the error of the sky
LEAST_ERROR = 0.2  # of the sky's error in white noise of the given sigma: an image may contain no noise at all
SIGNIFICANT = 3.0  # standard errors
ENOUGH_PIXELS = 2**21  # of a larger image, only every second (third, ...) row and column is used


@dataclasses.dataclass(frozen=True)
class Sky:
    """The sky, in image units.

    `level` is the median of its pixels and `scatter` their standard deviation, at least the median sigma. Part of the
    level may be the wings of the sources: without them the sky lies between `low` and `high`, which have the standard
    error `error`.
    """

    level: float
    scatter: float
    low: float
    high: float
    error: float

    @property
    def differs(self) -> bool:
        """Whether the sky differs from zero by more than its error and the wings of the sources allow."""
        return self.high < -SIGNIFICANT * self.error or self.low > SIGNIFICANT * self.error

    @property
    def filled(self) -> bool:
        """Whether light covers the whole image that may belong to the sky or to the sources."""
        return not self.differs and self.level > SIGNIFICANT * self.error and self.level - self.low > self.scatter

    def scaled(self, unit: float) -> "Sky":
        """Return the sky of an image in units of `unit`."""
        return Sky(*(float(value * unit) for value in dataclasses.astuple(self)))


def sky_around(data: Plane, blank: Mask, segments: Mask, source: Source | None) -> Sky:
    """Return the sky in its pixels, `blank`, in units of the median sigma; the wings of `source` reach into them."""
    level, scatter = clipped(data[blank])
    step = math.ceil(math.sqrt(data.size / ENOUGH_PIXELS))
    thinned = np.s_[::step, ::step]
    y, x = np.ogrid[tuple(slice(0, side, step) for side in data.shape)]
    data, segments = data[thinned], segments[thinned]
    used = blank[thinned] & (np.abs(data - level) <= max(3.0 * scatter, 1e-6))
    distance: Any = scipy.ndimage.distance_transform_edt(~segments)
    near = used & (distance < np.median(distance[used]))
    found = [_sky(data, used, near, wings) for wings in _wings(y, x, source)]
    low, high = min(low for low, _, _ in found), max(high for _, high, _ in found)
    error = max(max(error for _, _, error in found), LEAST_ERROR / math.sqrt(used.sum()))
    return Sky(level, max(scatter, 1.0), min(low, level), high, error)


def _sky(data: Plane, used: Mask, near: Mask, wings: Plane | None) -> tuple[float, float, float]:
    """Return the least and the greatest sky and its error, for one shape of wings.

    If the rest of the light is brighter near the segments than far from them, the difference may continue outwards.
    """
    far = used & ~near
    columns = [np.ones(used.sum())] if wings is None else [np.ones(used.sum()), wings[used]]
    design = np.stack(columns, axis=-1)
    solution, *_ = np.linalg.lstsq(design, data[used], rcond=None)
    if solution.size > 1 and solution[1] < 0.0:
        design, solution = design[:, :1], np.array([data[used].mean()])
    rest = data if wings is None or solution.size == 1 else data - solution[1] * wings
    spread = math.sqrt(used.sum() * float(np.linalg.pinv(design.T @ design)[0, 0]))
    left = float(np.mean(rest[near]) - np.mean(rest[far])) if near.any() else 0.0
    high = float(solution[0])
    return high - max(left, 0.0), high, spread * _error(rest, used)


def _wings(y: Float[np.ndarray, "y 1"], x: Float[np.ndarray, "1 x"], source: Source | None) -> Iterator[Plane | None]:
    """Yield the brightness of Sérsic profiles of the source's size and shape, relative to the half-light radius."""
    if source is None:
        yield None
        return
    sine, cosine = math.sin(source.theta), math.cos(source.theta)
    along = (y - source.yc) * cosine - (x - source.xc) * sine
    across = (y - source.yc) * sine + (x - source.xc) * cosine
    m = np.hypot(along, across / (1.0 - source.ellip)) / source.r_eff
    for n in INDICES:
        yield np.exp(-(2.0 * n - 1.0 / 3.0) * (m ** (1.0 / n) - 1.0))


def _error(data: Plane, region: Mask) -> float:
    """Return the standard error of the mean in a region, from the scatter of the means of its tiles.

    Tiles are larger than the correlation length of the noise; if there are few of them, the noise counts as white.
    """
    values = data[region]
    white = float(np.std(values)) / math.sqrt(values.size)
    side = max(4, min(data.shape) // 8)
    rows, columns = (np.arange(length) // side for length in data.shape)
    tiles = (rows[:, None] * (columns[-1] + 1) + columns)[region]
    number = np.bincount(tiles)
    full = number > side**2 / 2
    if full.sum() < FEWEST_TILES:
        return white
    means = np.bincount(tiles, values)[full] / number[full]
    return max(white, float(np.std(means, ddof=1)) / math.sqrt(values.size / side**2))
