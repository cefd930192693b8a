"""A target on the wings of a brighter neighbour, where it may have no peak of its own.

Galaxies are symmetric under half a turn. Subtracting a neighbour's own image, turned about its peak, leaves the light
of the other source.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import scipy

from sersiclab.data.arrays import Mask, Plane
from sersiclab.detection.boxes import Box, grown, with_mirror_image


LEAST_SHARE = 0.2  # of the light at its peak: what is fainter may be the neighbour's own asymmetry
OWN_SHARE = 0.5  # of the light in the pixels that belong to the target
SURROUNDINGS = 512  # pixels around the neighbour's region, at least, in which the target may be
SPLINE_REACH = 24  # pixels, beyond which the edge of a section does not influence a cubic spline


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A source found on the wings of another: its pixels, and `centre` (y, x), the peak of the other."""

    region: Mask
    centre: tuple[float, float]

    def section(self, box: Box) -> Box:
        """Return the section of the image that holds a box and the mirror image of it."""
        return with_mirror_image(box, self.centre, SPLINE_REACH, self.region.shape)

    def alone(self, light: Plane, usable: Mask, section: Box) -> Plane:
        """Return the light in a section less that of the neighbour, where the neighbour's mirror image is known."""
        centre = self.centre[0] - section[0].start, self.centre[1] - section[1].start
        return light - _mirrored(light, usable, centre)


def hidden_at(
    smooth: Plane, region: Mask, usable: Mask, position: tuple[float, float], reach: float, threshold: float
) -> Hidden | None:
    """Return the source within `reach` of the position (x, y) on the wings of the source that fills the region.

    `threshold` is the least height of its peak above the neighbour. None if there is no such source.
    """
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    section = grown(box, SURROUNDINGS, region.shape)
    y0, x0 = section[0].start, section[1].start
    place = position[0] - x0, position[1] - y0
    found = _hidden_in(smooth[section], region[section], usable[section], place, reach, threshold)
    if found is None:
        return None
    own = np.zeros(region.shape, bool)
    own[section] = found.region
    return Hidden(own, (found.centre[0] + y0, found.centre[1] + x0))


def _hidden_in(
    smooth: Plane, region: Mask, usable: Mask, position: tuple[float, float], reach: float, threshold: float
) -> Hidden | None:
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
    labelled: Any = scipy.ndimage.label(own)
    return Hidden(labelled[0] == labelled[0][place], centre)


def _peak(light: Plane) -> tuple[float, float]:
    """Return (y, x) of the highest point, from the parabola through its pixel and the pixels beside it."""
    place = np.unravel_index(np.argmax(light), light.shape)
    found = []
    for axis, k in enumerate(place):
        line = np.take(light, place[1 - axis], axis=1 - axis)
        below, top, above = (float(line[min(max(j, 0), line.size - 1)]) for j in (k - 1, k, k + 1))
        bend = 2.0 * top - below - above
        found.append(float(k) + (0.5 * (above - below) / bend if bend > 0 else 0.0))
    return found[0], found[1]


def _mirrored(light: Plane, usable: Mask, centre: tuple[float, float]) -> Plane:
    """Return the light turned by half a turn about the centre; unchanged where its mirror image is not known."""
    y, x = np.indices(light.shape)
    opposite = [2.0 * centre[0] - y, 2.0 * centre[1] - x]
    turned = scipy.ndimage.map_coordinates(np.where(usable, light, 0.0), opposite, order=3)
    known = scipy.ndimage.map_coordinates(usable.astype(float), opposite, order=1) > 0.99
    return np.where(known, turned, light)
