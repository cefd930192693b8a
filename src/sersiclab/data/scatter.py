"""The level of an image's sky and the scatter of its pixels, unaffected by sources and galaxies."""

from typing import Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.arrays import Plane


BOX = 24  # pixels: wider than the noise is correlated, narrower than the galaxies that fill images
LEAST_BOXES = 4


def scatter_in_boxes(data: Plane) -> float:
    """Return the median clipped scatter of boxes about planes, which a galaxy that fills the image does not increase.

    NaNs are ignored. Infinite for an image with fewer than four boxes.
    """
    from astropy.stats import sigma_clip

    rows, columns = (size // BOX for size in data.shape)
    boxes = data[: rows * BOX, : columns * BOX].reshape(rows, BOX, columns, BOX).swapaxes(1, 2).reshape(-1, BOX**2)
    boxes = boxes[np.isfinite(boxes).mean(axis=1) > 0.5]
    if len(boxes) < LEAST_BOXES:
        return np.inf
    filled = np.where(np.isfinite(boxes), boxes, np.nanmedian(boxes, axis=1, keepdims=True))
    y, x = np.indices((BOX, BOX)).reshape(2, -1) - (BOX - 1) / 2  # orthogonal to each other and to a constant
    planes = np.stack([np.ones(BOX**2), y / y.std(), x / x.std()]) / BOX
    clipped: Any = sigma_clip(np.ma.masked_invalid(boxes - filled @ planes.T @ planes), sigma=3.0, axis=1)
    return float(np.median(np.asarray(clipped.std(axis=1))))


def level_and_scatter(values: Float[np.ndarray, " pixel"]) -> tuple[float, float]:
    """Return the median and the scatter (from the median absolute deviation), clipped at three sigma."""
    from astropy.stats import sigma_clipped_stats

    _, level, scatter = sigma_clipped_stats(values, sigma=3.0, stdfunc="mad_std")
    return float(level), float(scatter)
