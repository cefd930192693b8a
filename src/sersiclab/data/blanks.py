"""Pixels without data that are coded as a constant, such as zeros off an exposure's footprint."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float, Int

from sersiclab.data.arrays import Mask, Plane


CHANCE = 1e-4  # the probability of a square, or a run along an edge, of equal pixels in data without a constant
SMALLEST_SQUARE = 3
AT_EDGE, INSIDE = 16, 0.01  # the least size of a region: in pixels at the image's edge, as a share of the image inside
SHARE, MOST = 0.05, 0.5  # a value scattered over the image is foreign if its share of the pixels lies between these
EXCESS = 10  # and if it is this many times as frequent as any other value
CONTINUOUS = 0.1  # scatters: if the pixels beside a constant differ by less, it is the sky of a model
PLATEAU = 5.0  # scatters above the sky: if the pixels around a maximum are brighter, it is a saturated star
MOST_VALUES = 5  # the most frequent values, and as many whose pixels touch the most, are examined
PART = 8  # pixels: a value's share is determined in squares of this side
CONSTANT = 0.85  # a value fills a region without data if this share of its pixels' neighbours have it too
CORRELATED = 1.2  # pixels are correlated if equal neighbours are this many times as frequent as by chance
INDEPENDENT = 0.25  # the share of correlated pixels that count as independent
RARE = 0.05  # below this chance of equal neighbours, a region is followed along its thinnest edges


@dataclasses.dataclass(frozen=True)
class Blank:
    """Pixels that hold one value in place of data."""

    value: float
    pixels: Mask

    def __str__(self) -> str:
        return f"{self.pixels.sum()} pixels of exactly {self.value:.6g}"


def blanks(data: Plane, valid: Mask) -> list[Blank]:
    """Return the pixels without data: regions of one value at the edge or inside, and values that are too frequent.

    Noise repeats a value only by chance, which is frequent in integers. The sky of a noise-free model, which the light
    next to it approaches continuously, and saturated stars count as data.
    """
    found: list[Blank] = []
    values, counts = np.unique(data[valid], return_counts=True)
    enough = np.flatnonzero(counts >= AT_EDGE)
    often = enough[np.argsort(-counts[enough], kind="stable")]
    together = enough[np.argsort(-_pairs(data, valid, values)[enough] / counts[enough], kind="stable")]
    frequent = list(dict.fromkeys([*often[:MOST_VALUES].tolist(), *together[:MOST_VALUES].tolist()]))
    planes = [valid & (data == values[i]) for i in frequent]
    lasting = [_persistence(same, valid) for same in planes]
    for i, same in zip(frequent, planes, strict=True):
        others = [share for other, share in zip(frequent, lasting, strict=True) if other != i and share < CONSTANT]
        chance, lasting_others = _chance(data, same, valid), float(np.median(others)) if others else 0.0
        if lasting_others > CORRELATED * chance:
            chance = max(chance, lasting_others**INDEPENDENT)
        chance = max(chance, _usual_share(same, valid))
        pixels = _solid(same, valid, chance)
        if _is_scattered(int(counts[i] - pixels.sum()), int(np.delete(counts, i).max(initial=0)), data.size):
            pixels = same
        if pixels.any() and not (pixels | ~valid).all() and _is_foreign(data, valid, pixels, float(values[i])):
            found.append(Blank(float(values[i]) + 0.0, pixels))
            valid = valid & ~pixels
    return found


def without_data(found: Sequence[Blank]) -> str:
    """Return the beginning of a sentence about these pixels."""
    return f"data have {' and '.join(map(str, found))}, which can't be measurements"


def _solid(same: Mask, valid: Mask, chance: float) -> Mask:
    """Return regions of equal pixels that contain a square, or a run along an edge, too large to arise by chance."""
    rare = -math.log(chance)
    side = max(SMALLEST_SQUARE, math.ceil(math.sqrt(math.log(same.size / CHANCE) / rare)))
    run = max(SMALLEST_SQUARE, math.ceil(math.log(2 * sum(same.shape) / CHANCE) / rare))
    seeds = _opened(same, (side, side))
    for edge in (np.s_[:1], np.s_[-1:]):
        seeds[edge] |= _opened(same[edge], (1, run))
        seeds[:, edge] |= _opened(same[:, edge], (run, 1))
    if not seeds.any():
        return seeds
    steps = -1 if rare > -math.log(RARE) else side
    grown = scipy.ndimage.binary_dilation(seeds, np.ones((3, 3)), iterations=steps, mask=same)
    labeled: Any = scipy.ndimage.label(grown, np.ones((3, 3)))
    labels, count = labeled
    edge: Any = scipy.ndimage.binary_dilation(~valid, np.ones((3, 3)), border_value=1)
    sizes = scipy.ndimage.sum_labels(grown, labels, np.arange(count + 1))
    touches = np.isin(np.arange(count + 1), labels[edge])
    keep = np.where(touches, sizes >= AT_EDGE, sizes >= INSIDE * same.size)
    keep[0] = False
    return keep[labels]


def _opened(same: Mask, shape: tuple[int, int]) -> Mask:
    """Return the pixels that lie in a rectangle of this shape of such pixels."""
    if any(side > has for side, has in zip(shape, same.shape, strict=True)):
        return np.zeros_like(same)
    # scipy's binary opening needs memory for the square of the rectangle's pixels: 3 GB for 142 x 142.
    opened: Any = scipy.ndimage.grey_opening(same.astype(np.uint8), size=shape, mode="constant")
    return opened > 0


def _chance(data: Plane, same: Mask, valid: Mask) -> float:
    """Return how often a pixel has the value if the pixel beside it has not, as is typical outside constant regions.

    The result is raised by two standard deviations. The inner pixels of other constant regions are not counted.
    """
    other = (valid & ~same)[:, 1:-1] & (data[:, 1:-1] != data[:, :-2])
    number = np.sum(other & valid[:, 2:])
    misses = np.sum(other & (valid & ~same)[:, 2:])
    share = 1.0 - max(misses - 2.0 * math.sqrt(misses), 0.0) / max(number, 1)
    return float(np.clip(share, 1 / same.size, 0.999))


def _pairs(data: Plane, valid: Mask, values: Float[np.ndarray, " v"]) -> Int[np.ndarray, " v"]:
    """Return the number of pairs of neighbours that have each of the values."""
    found = []
    for a, b in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        found.append(data[a][(data[a] == data[b]) & valid[a] & valid[b]])
    return np.bincount(np.searchsorted(values, np.concatenate(found)), minlength=values.size)


def _usual_share(same: Mask, valid: Mask) -> float:
    """Return the share of the value in a typical part of the image, among parts with other values too."""
    sides = [side // PART * PART for side in same.shape]
    blocks = (sides[0] // PART, PART, sides[1] // PART, PART)
    number, all_of = (plane[: sides[0], : sides[1]].reshape(blocks).sum(axis=(1, 3)) for plane in (same, valid))
    mixed = number < all_of
    return float(np.clip(np.median(number[mixed] / all_of[mixed]), 0.0, 0.999)) if mixed.any() else 0.0


def _persistence(same: Mask, valid: Mask) -> float:
    """Return how often a pixel has the value if its neighbour has it: often if noise is correlated or pixels repeat."""
    return float(np.sum(same[:, :-1] & same[:, 1:]) / max(np.sum(same[:, :-1] & valid[:, 1:]), 1))


def _is_scattered(number: int, next_number: int, total: int) -> bool:
    """Return whether a value is far more frequent than the next one, but not most of the image."""
    return SHARE * total < number < MOST * total and number > EXCESS * next_number


def _is_foreign(data: Plane, valid: Mask, pixels: Mask, value: float) -> bool:
    """Return whether the pixels are neither the sky of a model nor a saturated star."""
    rest = data[valid & ~pixels]
    around: Any = scipy.ndimage.binary_dilation(pixels, np.ones((3, 3)))
    beside = data[around & valid & ~pixels]
    level = np.median(rest)
    scatter = 1.4826 * np.median(np.abs(rest - level))
    if beside.size == 0 or np.median(np.abs(beside - value)) <= CONTINUOUS * scatter:
        return False
    return not (value >= rest.max() and np.median(beside) > level + PLATEAU * scatter)
