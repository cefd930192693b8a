"""Rectangular sections of an image, so that a source is measured from the pixels around it alone."""

import math
from collections.abc import Sequence


Box = tuple[slice, slice]  # rows and columns, with both ends given


def grown(box: Sequence[slice], least: int, shape: tuple[int, ...]) -> Box:
    """Return the box with as much again on each side, at least `least` pixels, cut off at the image's edge."""
    rows, columns = (
        slice(max(0, part.start - margin), min(side, part.stop + margin))
        for part, side in zip(box, shape, strict=True)
        for margin in [max(least, part.stop - part.start)]
    )
    return rows, columns


def with_mirror_image(box: Box, centre: tuple[float, float], margin: int, shape: tuple[int, ...]) -> Box:
    """Return a box that also holds its mirror image through the centre (y, x), cut off at the image's edge."""
    rows, columns = (
        slice(
            max(0, min(part.start, math.floor(2.0 * middle) - part.stop + 1) - margin),
            min(side, max(part.stop, math.ceil(2.0 * middle) - part.start + 1) + margin),
        )
        for part, middle, side in zip(box, centre, shape, strict=True)
    )
    return rows, columns


def within(box: Box, section: Box) -> Box:
    """Return the place of a box in a section that holds it."""
    rows, columns = (
        slice(part.start - whole.start, part.stop - whole.start) for part, whole in zip(box, section, strict=True)
    )
    return rows, columns
