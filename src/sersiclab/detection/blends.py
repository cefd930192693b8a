"""A target on the wings of a brighter neighbour, where it may have no peak of its own.

Galaxies look alike when they are turned by half a turn. The neighbour less itself, turned so about its peak, leaves
what is not its own.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import ndimage

from sersiclab.data.arrays import Mask, Plane


LEAST_SHARE = 0.2  # of the light at its peak: what is fainter may be no more than the neighbour's lopsidedness
OWN_SHARE = 0.5  # of the light in the pixels that are the target's


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A source found on the wings of another: its pixels, and `centre` (y, x), the other's."""

    region: Mask
    centre: tuple[float, float]

    def alone(self, light: Plane, usable: Mask) -> Plane:
        """The light less that of the neighbour, where the neighbour's mirror image tells it."""
        return light - _mirrored(light, usable, self.centre)


def hidden_at(
    smooth: Plane, region: Mask, usable: Mask, position: tuple[float, float], reach: float, threshold: float
) -> Hidden | None:
    """The source within `reach` of the position (x, y) on the wings of the one that fills the region.

    `threshold` is the least height of its peak above the neighbour. None if there is none.
    """
    centre = _peak(np.where(region, smooth, 0.0))
    rest = smooth - _mirrored(smooth, usable, centre)
    y, x = np.indices(smooth.shape)
    near = usable & (np.hypot(x - position[0], y - position[1]) <= reach)
    if not near.any():
        return None
    place: Any = np.unravel_index(np.argmax(np.where(near, rest, -np.inf)), rest.shape)
    around = tuple(slice(max(k - 1, 0), k + 2) for k in place)
    share = rest[place] / max(smooth[place], np.finfo(float).tiny)
    apart = math.hypot(place[0] - centre[0], place[1] - centre[1])
    if rest[place] < max(threshold, float(rest[around].max())) or share < LEAST_SHARE or apart <= reach:
        return None
    own = usable & (rest > 0.5 * threshold) & (rest > min(OWN_SHARE, 0.7 * share) * smooth)
    labelled: Any = ndimage.label(own)
    return Hidden(labelled[0] == labelled[0][place], centre)


def _peak(light: Plane) -> tuple[float, float]:
    """(y, x) of the highest point, by the parabola through its pixel and the next ones."""
    place = np.unravel_index(np.argmax(light), light.shape)
    found = []
    for axis, k in enumerate(place):
        line = np.take(light, place[1 - axis], axis=1 - axis)
        below, top, above = (float(line[min(max(j, 0), line.size - 1)]) for j in (k - 1, k, k + 1))
        bend = 2.0 * top - below - above
        found.append(float(k) + (0.5 * (above - below) / bend if bend > 0 else 0.0))
    return found[0], found[1]


def _mirrored(light: Plane, usable: Mask, centre: tuple[float, float]) -> Plane:
    """The light turned by half a turn about the centre; as it is, where its mirror image is not known."""
    y, x = np.indices(light.shape)
    opposite = [2.0 * centre[0] - y, 2.0 * centre[1] - x]
    turned = ndimage.map_coordinates(np.where(usable, light, 0.0), opposite, order=3)
    known = ndimage.map_coordinates(usable.astype(float), opposite, order=1) > 0.99
    return np.where(known, turned, light)
