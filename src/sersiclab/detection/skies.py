"""The level of the sky around a source, and how well it is known."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from sersiclab.data.arrays import Mask, Plane
from sersiclab.detection.measuring import Source, coordinates
from sersiclab.detection.segmentation import clipped


INDICES = (1.0, 2.5, 6.0)  # of the wings that the source may have
FEWEST_TILES = 8  # whose scatter gives the error of the sky
LEAST_ERROR = 0.2  # of the sky, in that of white noise of the given sigma: an image may hold no noise at all
SIGNIFICANT = 3.0  # standard errors


@dataclasses.dataclass(frozen=True)
class Sky:
    """The sky, in image units.

    `level` is its median and `scatter` that of its pixels, at least the median sigma. Some of the level may be the
    wings of the sources: without them the sky lies between `low` and `high`, whose standard error is `error`.
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
        """Whether light is everywhere that may be the sky or the sources' own."""
        return not self.differs and self.level > SIGNIFICANT * self.error and self.level - self.low > self.scatter

    def scaled(self, unit: float) -> "Sky":
        """The sky of an image in units of `unit`."""
        return Sky(*(float(value * unit) for value in dataclasses.astuple(self)))


def sky_around(data: Plane, blank: Mask, segments: Mask, source: Source | None) -> Sky:
    """The sky in its pixels, `blank`, with a source whose wings reach into them, in units of the median sigma."""
    level, scatter = clipped(data[blank])
    used = blank & (np.abs(data - level) <= max(3.0 * scatter, 1e-6))
    distance: Any = ndimage.distance_transform_edt(~segments)
    near = used & (distance < np.median(distance[used]))
    found = list(_skies(data, used, near, source))
    low, high = min(low for low, _, _ in found), max(high for _, high, _ in found)
    error = max(max(error for _, _, error in found), LEAST_ERROR / math.sqrt(used.sum()))
    return Sky(level, max(scatter, 1.0), min(low, level), high, error)


def _skies(data: Plane, used: Mask, near: Mask, source: Source | None) -> Iterator[tuple[float, float, float]]:
    """The least and the greatest sky and its error, for each kind of wings.

    What is left of the light nearer to the segments, above that farther off, is as if it reached there, too.
    """
    far = used & ~near
    for wings in _wings(data.shape, source):
        design = np.stack([np.ones(used.sum()), wings[used]], axis=-1)[:, : 1 if source is None else 2]
        solution, *_ = np.linalg.lstsq(design, data[used], rcond=None)
        if solution.size > 1 and solution[1] < 0.0:
            design, solution = design[:, :1], np.array([data[used].mean(), 0.0])
        rest = data - (solution[1] * wings if solution.size > 1 else 0.0)
        spread = math.sqrt(used.sum() * float(np.linalg.pinv(design.T @ design)[0, 0]))
        left = float(np.mean(rest[near]) - np.mean(rest[far])) if near.any() else 0.0
        high = float(solution[0])
        yield high - max(left, 0.0), high, spread * _error(rest, used)


def _wings(shape: tuple[int, ...], source: Source | None) -> Iterator[Plane]:
    """The brightness of Sérsic profiles of the source's size and shape, in that at the half-light radius."""
    if source is None:
        yield np.zeros(shape)
        return
    y, x = coordinates(shape)
    sine, cosine = math.sin(source.theta), math.cos(source.theta)
    along = (y - source.yc) * cosine - (x - source.xc) * sine
    across = (y - source.yc) * sine + (x - source.xc) * cosine
    m = np.hypot(along, across / (1.0 - source.ellip)) / source.r_eff
    for n in INDICES:
        yield np.exp(-(2.0 * n - 1.0 / 3.0) * (m ** (1.0 / n) - 1.0))


def _error(data: Plane, region: Mask) -> float:
    """The standard error of the mean in a region, from the scatter of the means of its tiles.

    Tiles are larger than what correlates neighbouring pixels; where there are few, the noise counts as white.
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
