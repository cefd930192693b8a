"""Division of a large image into strips of rows, which keeps intermediate arrays small."""

from collections.abc import Iterator


PIXELS = 2**21  # per strip: a smaller image is a single strip


def strips(shape: tuple[int, ...], margin: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield the rows of each strip, the same rows with a margin on both sides, and where the former are in the latter.

    The strips tile the image. Margins end at the edges of the image.
    """
    height, width = shape
    step = max(PIXELS // width, 1)
    for first in range(0, height, step):
        last = min(first + step, height)
        start, stop = max(first - margin, 0), min(last + margin, height)
        yield slice(first, last), slice(start, stop), slice(first - start, last - start)
