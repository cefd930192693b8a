"""Going through a large image in strips of rows, so that intermediate arrays are as small as a strip."""

from collections.abc import Iterator


PIXELS = 2**21  # in a strip: smaller images are a single one


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
