"""Profiles as sums of Gaussians (after Hogg & Lang, arXiv:1210.6563; Shajib, arXiv:1906.08263).

The widths are fixed in pixels, evenly spaced in ln sigma by `SPACING`. A Sérsic profile's amplitudes follow
from a table (see `_make_sersic_table.py` for the mathematics) by cubic B-splines in ln n and
ln(sigma / r_eff). Profiles whose variances have a gamma distribution have amplitudes in closed form.
"""

import math
from functools import cache
from importlib import resources
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import gammaln
from jaxtyping import Array, Float, Int

from sersiclab.profiles.base import LogWidths, held


SPACING = math.log(2.0) / 4
"""The spacing of ln sigma for which the amplitudes are made."""


def _load() -> dict[str, np.ndarray]:
    with resources.files("sersiclab.profiles").joinpath("sersic_table.npz").open("rb") as file:
        return dict(np.load(file))


_TABLE = _load()
_COEFFICIENTS = _TABLE["coefficients"]
# First values and steps of the axes ln n and ln(sigma / r_eff).
_FIRST = np.array([_TABLE["first_log_n"], _TABLE["first_log_width"]])
_STEP = np.array([_TABLE["step_log_n"], _TABLE["step_log_width"]])
# A cubic B-spline involves four nodes and a spacing holds four, so that blocks of four nodes are sufficient.
_TAPS = 4
_BLOCKS = _COEFFICIENTS.shape[1] // _TAPS
# n is clipped to just beyond its declared range, so that results are finite, and smooth at the ends of the range.
_LOWEST_N, _HIGHEST_N = 0.495, 8.1
# Weights of the four nodes as polynomials in t, the position between the second node and the third.
_B_SPLINE = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6


def sersic_weights(log_width: LogWidths, r_eff: Any, n: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Return fractions of a Sérsic profile's flux in Gaussians of the given ln sigma, and the fraction in a point.

    `log_width` (sigma in pixels) must be spaced by `SPACING`; `r_eff` is in pixels. Gaussians narrower or
    wider than the grid are represented as `gather` describes, so that the fractions sum to one only if the
    grid covers the profile.
    """
    dtype = log_width.dtype
    n = jnp.clip(jnp.asarray(n, dtype), _LOWEST_N, _HIGHEST_N)
    argument = jnp.stack([jnp.log(n), log_width[0] - jnp.log(held(jnp.asarray(r_eff, dtype)))])
    node, (weights_n, weights_width) = _spline((argument - _FIRST.astype(dtype)) / _STEP.astype(dtype))
    start, offset = node[1] // _TAPS, node[1] % _TAPS
    nodes = lax.dynamic_slice(_COEFFICIENTS.astype(dtype), (node[0], offset), (_TAPS, _BLOCKS * _TAPS))
    blocks = nodes.reshape(_TAPS, _BLOCKS, _TAPS)
    amplitudes = jnp.einsum("abc,a,c->b", blocks, weights_n, weights_width, precision="highest")

    # Align them with the grid, which has room for all of them for any r_eff.
    size = log_width.size
    padded = jnp.pad(amplitudes, _BLOCKS + size)
    aligned = lax.dynamic_slice(padded, (jnp.clip(start + size, 0, _BLOCKS + size),), (2 * _BLOCKS + size,))
    return gather(aligned, size)


def extended(log_width: LogWidths) -> Float[np.ndarray, " b"]:
    """Return ln sigma of the grid, and of the widths beyond each of its ends that `gather` includes."""
    steps = np.arange(-_BLOCKS, log_width.size + _BLOCKS)
    return (float(log_width[0]) + SPACING * steps).astype(log_width.dtype)


def held_radius(log_width: LogWidths, radius: Any) -> Float[Array, ""]:
    """Return a profile's radius in pixels, clipped to the range of `extended`, below which every profile is a point."""
    return jnp.maximum(jnp.asarray(radius, log_width.dtype), math.exp(float(log_width[0]) - 12.0))


def gamma_density(log_square: Float[Array, " k"], shape: Any) -> Float[Array, " k"]:
    """Return `t^shape exp(-t) / Gamma(shape)` per half `SPACING` of ln t, at t = exp(log_square) / 2.

    These are the weights of Gaussians whose variance, or its inverse, has a gamma distribution. The trapezoidal rule is
    accurate to |Gamma(shape + 18.1i) / Gamma(shape)|, which is 1e-7 for a shape of 6.
    """
    log_t = jnp.minimum(log_square - math.log(2.0), 80.0)
    return 2.0 * SPACING * jnp.exp(shape * log_t - jnp.exp(log_t) - gammaln(shape))


def gather(amplitudes: Float[Array, " b"], size: int) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Return weights of `size` widths, and of a point, from those of the `extended` widths."""
    weights = jnp.dot(_gather(size).astype(amplitudes.dtype), amplitudes, precision="highest")
    return weights[:-1], weights[-1]


def _spline(position: Float[Array, " 2"]) -> tuple[Int[Array, " 2"], Float[Array, "2 4"]]:
    """Return the first of the four nodes around a position, and the four weights of cubic B-splines."""
    cell = jnp.floor(lax.stop_gradient(position))
    t = position - cell
    powers = jnp.stack([jnp.ones_like(t), t, t**2, t**3], -1)
    return cell.astype(int) - 1, jnp.dot(powers, _B_SPLINE.astype(position.dtype), precision="highest")


@cache
def _gather(size: int) -> Float[np.ndarray, "k b"]:
    """Return the matrix of `gather`, from all widths to `size` of them and a point.

    The first `_BLOCKS` widths are narrower than the grid. They are distributed over the point and the two narrowest
    widths so that their flux and their second and fourth moments are kept, which is all that remains after a PSF. The
    last `_BLOCKS` widths are wider than the grid. They are distributed over the two widest so that their central
    brightness and curvature are kept.
    """
    ratio = np.exp(2 * SPACING)
    index = np.arange(-_BLOCKS, size + _BLOCKS)
    result = np.zeros((size + 1, index.size))
    result[np.arange(size), np.arange(size) + _BLOCKS] = 1.0

    variance = ratio ** index[:_BLOCKS]
    second = (variance**2 - variance) / (ratio**2 - ratio)
    first = variance - ratio * second
    result[0, :_BLOCKS], result[1, :_BLOCKS], result[-1, :_BLOCKS] = first, second, 1.0 - first - second

    precision = 1.0 / ratio ** (index[-_BLOCKS:] - (size - 1))
    second = (precision**2 - precision) / (ratio - 1)
    result[size - 2, -_BLOCKS:], result[size - 1, -_BLOCKS:] = second / ratio, precision - second
    return result
