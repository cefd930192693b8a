"""The sources around a target: which of them a fit masks, and which it models with the target."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from sersiclab.data.arrays import Labels, Mask
from sersiclab.data.image import Image
from sersiclab.data.psf_files import Position
from sersiclab.detection import find
from sersiclab.detection.masking import numbered, reach_of_others
from sersiclab.runtime.errors import InputError


NEAR = 3  # pixels: a target without a pixel of its own in a segmentation map is the source next to it
SAME = 1.0  # pixels: a neighbour closer than this is the target itself, listed twice
EIGHT = np.ones((3, 3), bool)


class Other(NamedTuple):
    """Another row of the table: its position in the mosaic, and its label in the segmentation map, if known."""

    x: float
    y: float
    label: int | None = None


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """The sources of a stamp.

    Attributes:
        labels: 1 where a pixel belongs to the target, 2, 3, ... for the members of its group in their order, and 0
            elsewhere.
        mask: True in pixels of the other sources.
        group: the positions, in the stamp, of the neighbours that are modelled with the target.
    """

    labels: Labels
    mask: Mask
    group: tuple[Position, ...] = ()


def label_of_target(labels: Labels, label: int | None, position: Position, name: str) -> int:
    """Return the target's label in a segmentation map; 0 if it has no pixels.

    The position is that in the map. Raises `InputError` if the target must have a label that the map lacks.
    """
    if label is not None:
        if not (labels == label).any():
            raise InputError(
                f"the segmentation map has no pixel of {name}'s label {label} in its stamp; at its position the label "
                f"is {_nearest(labels, position)} (label=False uses that one)"
            )
        return label
    return _nearest(labels, position)


def by_map(labels: Labels, target: int, others: Sequence[Other], *, model: bool) -> Surroundings:
    """Return the target's surroundings according to a segmentation map; `others` are in pixels of the stamp.

    If neighbours are modelled, the group are the others whose segments touch the target's, or that share it.
    """
    own = labels == target if target else np.zeros(labels.shape, bool)
    group = _touching(labels, own, target, others) if model else {}
    result = own.astype(np.int32)
    for number, label in enumerate(group.values(), start=2):
        if label != target:
            result[labels == label] = number
    return Surroundings(result, (labels != 0) & (result == 0), tuple(group))


def by_detection(image: Image, position: Position, others: Sequence[Other], *, model: bool) -> Surroundings:
    """Return the target's surroundings according to the sources that are detected in its stamp.

    Nothing else can be the target than a source at the position. Sources that are masked are so with their wings.
    """
    found = find(image, position)
    labels = [label for label in range(1, int(found.regions.max()) + 1) if label != found.there]
    order = [found.there, *labels] if found.there else labels
    regions = numbered(found.regions, order, found.segments.labels, found.segments.smooth, found.threshold)
    target = 1 if found.there else 0
    group = _touching(regions, regions == 1, target, others) if model and target else {}
    first = [*([1] if target else []), *dict.fromkeys(label for label in group.values() if label != target)]
    rest = [label for label in range(1, len(order) + 1) if label not in first]
    regions = np.where(regions > 0, np.argsort([0, *first, *rest]).astype(regions.dtype)[regions], regions)
    mask = reach_of_others(regions, len(first), found.width)
    result = np.zeros(regions.shape, np.int32)
    result[regions == 1] = target
    for number, label in enumerate(group.values(), start=2):
        if label != target:
            result[regions == first.index(label) + 1] = number
    return Surroundings(result, mask, tuple(group))


def _touching(labels: Labels, own: Mask, target: int, others: Sequence[Other]) -> dict[Position, int]:
    """Return the positions of the others in the target's group, with their labels, the nearest first."""
    grown: Any = ndimage.binary_dilation(own, EIGHT)
    around = np.unique(labels[grown]) if own.any() else np.array([target])
    near = {int(label) for label in around if label > 0}
    found: dict[Position, int] = {}
    for other in others:
        label = _at(labels, (other.x, other.y)) if other.label is None else other.label
        if label in near and (label != target or _inside(labels.shape, other)):
            found[(other.x, other.y)] = label
    return found


def _inside(shape: tuple[int, ...], other: Other) -> bool:
    return 0 <= round(other.x) < shape[1] and 0 <= round(other.y) < shape[0]


def _at(labels: Labels, position: Position) -> int:
    x, y = (round(value) for value in position)
    ny, nx = labels.shape
    return int(labels[y, x]) if 0 <= x < nx and 0 <= y < ny else 0


def _nearest(labels: Labels, position: Position) -> int:
    """Return the label at a position, or that of the nearest pixel which has one; 0 if it is not near."""
    here = _at(labels, position)
    if here:
        return here
    y, x = np.nonzero(labels)
    if not x.size:
        return 0
    distance = np.hypot(x - position[0], y - position[1])
    nearest = int(np.argmin(distance))
    return int(labels[y[nearest], x[nearest]]) if distance[nearest] <= NEAR else 0


def in_stamp(others: Sequence[Other], origin: tuple[int, int], target: Position) -> list[Other]:
    """Return the others in pixels of a stamp, without the target itself, the nearest first."""
    x0, y0 = origin
    moved = [Other(other.x - x0, other.y - y0, other.label) for other in others]
    apart = {other: math.hypot(other.x - target[0], other.y - target[1]) for other in moved}
    return sorted((other for other in apart if apart[other] > SAME), key=apart.__getitem__)
