"""Which of the sources of an image is the one at a position."""

import math
from typing import Any

import numpy as np
from scipy import ndimage

from sersiclab.data.arrays import Labels, Mask, Plane


Position = tuple[float, float]  # x, y

REACH = 0.2  # sources farther from the position than this part of the image's side count for less
SMALLEST = 1.5  # pixels: no source counts as smaller
NEAR = 3.0  # pixels: positions are not better known


def source_at(smooth: Plane, regions: Labels, position: Position) -> int:
    """The label of the source at a position; 0 if there is none.

    That is the source nearest to it, in units of its half-light radius, if half of that, or 3 pixels, leads to the
    pixels that hold the brighter half of its light.
    """
    best, least = 0, np.inf
    for label, box in enumerate(ndimage.find_objects(regions), start=1):
        if box is None:
            continue
        y, x = np.nonzero(brighter_half(np.where(regions[box] == label, smooth[box], 0.0)))
        distance = float(np.hypot(y + box[0].start - position[1], x + box[1].start - position[0]).min())
        radius = max(float(np.sqrt(y.size / np.pi)), SMALLEST)
        if distance <= max(0.5 * radius, NEAR) and distance / radius < least:
            best, least = label, distance / radius
    return best


def around(regions: Labels, position: Position) -> int:
    """The label of the region at a position or next to it; 0 if there is none."""
    distance: Any = ndimage.distance_transform_edt(regions == 0, return_indices=True)
    far, (y, x) = distance
    place = round(position[1]), round(position[0])
    return int(regions[y[place], x[place]]) if far[place] <= NEAR else 0


def off_peak(smooth: Plane, region: Mask, position: Position) -> bool:
    """Whether the position is farther from the region's peak than its half-light radius."""
    light = np.where(region, smooth, 0.0)
    y, x = np.unravel_index(np.argmax(light), light.shape)
    radius = math.sqrt(int(brighter_half(light).sum()) / math.pi)
    return math.hypot(y - position[1], x - position[0]) > max(radius, NEAR)


def brighter_half(light: Plane) -> Mask:
    """The brightest pixels, which hold half of the light."""
    ordered = np.sort(light, axis=None)[::-1]
    growth = np.cumsum(ordered)
    return light >= ordered[np.searchsorted(growth, 0.5 * growth[-1])]


def most_striking(smooth: Plane, regions: Labels, position: Position) -> int:
    """The label of the source that is bright and near to a position. 0 if there is none."""
    labels = np.arange(1, int(regions.max()) + 1)
    if not labels.size:
        return 0
    light = np.atleast_1d(ndimage.sum_labels(smooth, regions, labels))
    peaks = np.array(ndimage.maximum_position(smooth, regions, labels))
    distance = np.hypot(*((peaks - position[::-1]) / smooth.shape).T)
    score = np.sqrt(np.maximum(light, 0.0)) * np.exp(-0.5 * (distance / REACH) ** 2)
    return int(labels[np.argmax(score)]) if score.max() > 0 else 0
