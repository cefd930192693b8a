"""The pixels that belong to each source, and those that a fit of the target must exclude."""

import math
from typing import Any

import numpy as np
import scipy

from sersiclab.data.arrays import Labels, Mask, Plane
from sersiclab.detection.strips import strips


GROWTH = 0.5  # of a region's radius: a neighbour is masked this far beyond its region


def numbered(regions: Labels, order: list[int], segments: Labels, smooth: Plane, threshold: float) -> Labels:
    """Return the regions numbered from 1 in this order; -1 for other light, 0 for the sky.

    Segments whose peak is below the threshold are likely to be noise, and count as sky: masking only the bright part
    of the noise would bias the sky low.
    """
    pixels = np.flatnonzero(segments)
    highest = np.full(int(segments.max()) + 1, -np.inf)
    np.maximum.at(highest, segments.ravel()[pixels], smooth.ravel()[pixels])
    other = np.where(highest < threshold, 0, -1).astype(segments.dtype)
    numbers = other[segments]
    lookup = np.zeros(int(regions.max()) + 1, segments.dtype)
    lookup[order] = np.arange(1, len(order) + 1)
    inside = regions > 0
    numbers[inside] = lookup[regions[inside]]
    return numbers


def reach_of_others(labels: Labels, keep: int, width: float) -> Mask:
    """Return the regions of all but the first `keep` sources, with their wings.

    Wings are wide on the sky, and narrow on the light of the sources that are kept.
    """
    kept = (labels > 0) & (labels <= keep)
    others = (labels != 0) & ~kept
    if not others.any():
        return others
    loose: Any = scipy.ndimage.label(labels == -1)
    parts = np.where(others, labels, 0)
    np.add(loose[0], labels.max(), out=parts, where=labels == -1)
    wings = width + GROWTH * np.sqrt(np.bincount(parts.ravel()) / math.pi)
    reached = np.zeros_like(others)
    for rows, padded, inner in strips(labels.shape, math.ceil(max(width, wings[1:].max()))):
        if others[padded].any():
            nearest: Any = scipy.ndimage.distance_transform_edt(~others[padded], return_indices=True)
            distance, (y, x) = nearest
            reach = np.where(kept[padded], width, wings[parts[padded][y, x]])
            reached[rows] = (distance <= reach)[inner]
    return reached


def cut_off(region: Mask) -> float:
    """Return the fraction of a region's outline that lies at the image's edge."""
    padded = np.pad(region, 1)
    inner: Any = scipy.ndimage.binary_erosion(padded)
    outline = padded & ~inner
    at_edge = outline[1:-1, 1:-1].copy()
    at_edge[1:-1, 1:-1] = False
    return float(at_edge.sum() / max(outline.sum(), 1))
