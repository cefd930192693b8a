"""Means over pixels of smooth functions, from samples half a pixel apart."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


# The margin of samples beyond the image, in pixels, and the number of samples on each side of a pixel's centre.
_MARGIN, _SIDE = 2, 5


@functools.cache
def _weights() -> Float[np.ndarray, " k"]:
    """Return the weights of samples on one side of a pixel's centre, exact for polynomials of degree < 2 _SIDE."""
    at = (np.arange(_SIDE) + 0.5) / 2
    powers = 2 * np.arange(_SIDE)[:, None]
    return np.linalg.solve(2 * at**powers, 0.5 ** powers[:, 0] / (powers[:, 0] + 1))


def half_pixels(side: int, dtype: Any) -> Float[Array, " h"]:
    """Return the positions of samples along a side of the image: two per pixel, with a margin at both ends."""
    points = (np.arange(2 * (side + 2 * _MARGIN)) + 0.5) / 2 - _MARGIN - 0.5
    return jnp.asarray(points, dtype)


def averaged(samples: Float[Array, "hy hx"]) -> Float[Array, "y x"]:
    """Return the mean of a smooth function over each pixel, from samples at `half_pixels` along both axes."""
    return _along_rows(_along_rows(samples).T).T


def _along_rows(samples: Float[Array, "hy x"]) -> Float[Array, "y x"]:
    lower, upper = samples[::2], samples[1::2]
    count = lower.shape[0] - 2 * _MARGIN
    # Samples above a pixel's centre lie alternately in the upper and in the lower half of a pixel.
    total = 0.0
    for step, weight in enumerate(_weights()):
        above, below = (upper, lower) if step % 2 == 0 else (lower, upper)
        up, down = _MARGIN + (step + 1) // 2, _MARGIN - (step + 1) // 2
        total = total + float(weight) * (above[up : up + count] + below[down : down + count])
    return jnp.asarray(total)
