"""The choice of the source at a position in an image."""

import math
from typing import Any

import numpy as np
import scipy

from sersiclab.data.arrays import Labels, Mask, Plane


Position = tuple[float, float]  # x, y

REACH = 0.2  # of the image's side: sources farther from the position are less likely to be meant
SMALLEST = 1.5  # pixels: no source counts as smaller
NEAR = 3.0  # pixels: positions are not known better than this


def source_at(smooth: Plane, regions: Labels, position: Position) -> int:
    """Return the label of the source at a position; 0 if there is none.

    Each source is represented by the pixels that hold the brighter half of its light. The position must lie within
    3 pixels of these, or half of the source's half-light radius if that is more. The nearest source in units of its
    half-light radius wins.
    """
    best, least = 0, np.inf
    for label, box in enumerate(scipy.ndimage.find_objects(regions), start=1):
        if box is None:
            continue
        y, x = np.nonzero(brighter_half(np.where(regions[box] == label, smooth[box], 0.0)))
        distance = float(np.hypot(y + box[0].start - position[1], x + box[1].start - position[0]).min())
        radius = max(float(np.sqrt(y.size / np.pi)), SMALLEST)
        if distance <= max(0.5 * radius, NEAR) and distance / radius < least:
            best, least = label, distance / radius
    return best


def around(regions: Labels, position: Position) -> int:
    """Return the label of the region at a position or next to it; 0 if there is none."""
    place = round(position[1]), round(position[0])
    start = [max(k - math.ceil(NEAR), 0) for k in place]
    near = regions[tuple(slice(first, k + math.ceil(NEAR) + 1) for first, k in zip(start, place, strict=True))]
    if not near.any():
        return 0
    nearest: Any = scipy.ndimage.distance_transform_edt(near == 0, return_indices=True)
    distance, (y, x) = nearest
    centre = place[0] - start[0], place[1] - start[1]
    return int(near[y[centre], x[centre]]) if distance[centre] <= NEAR else 0


def off_peak(smooth: Plane, region: Mask, position: Position) -> bool:
    """Return whether the position is farther from the region's peak than its half-light radius."""
    light = np.where(region, smooth, 0.0)
    y, x = np.unravel_index(np.argmax(light), light.shape)
    radius = math.sqrt(int(brighter_half(light).sum()) / math.pi)
    return math.hypot(y - position[1], x - position[0]) > max(radius, NEAR)


def brighter_half(light: Plane) -> Mask:
    """Return the brightest pixels that together hold half of the light."""
    ordered = np.sort(light, axis=None)[::-1]
    growth = np.cumsum(ordered)
    return light >= ordered[np.searchsorted(growth, 0.5 * growth[-1])]


def most_striking(smooth: Plane, regions: Labels, position: Position) -> int:
    """Return the label of the source that is bright and near a position; 0 if there is none."""
    pixels = np.flatnonzero(regions)  # sources cover a small part of most images: the rest is not copied
    if not pixels.size:
        return 0
    labels, light = regions.ravel()[pixels], smooth.ravel()[pixels]
    total = np.bincount(labels, light)[1:]
    brightest = np.full(total.size + 1, -np.inf)
    np.maximum.at(brightest, labels, light)
    is_peak = light == brightest[labels]
    peaks = np.empty((total.size, 2))
    peaks[labels[is_peak] - 1] = np.stack(np.unravel_index(pixels[is_peak], smooth.shape), axis=-1)
    distance = np.hypot(*((peaks - position[::-1]) / smooth.shape).T)
    score = np.sqrt(np.maximum(total, 0.0)) * np.exp(-0.5 * (distance / REACH) ** 2)
    return int(np.argmax(score)) + 1 if score.max() > 0 else 0
