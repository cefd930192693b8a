"""Profiles as sums of Gaussians (after Hogg & Lang, arXiv:1210.6563; Shajib, arXiv:1906.08263).

The widths are fixed in pixels, evenly spaced in ln sigma by `SPACING`. A Sérsic profile's amplitudes follow
from a table (see `_make_sersic_table.py` for the mathematics) by cubic B-splines in ln n and
ln(sigma / r_eff); those of profiles whose variances have a gamma distribution are closed.
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
# Of the axes ln n and ln(sigma / r_eff).
_FIRST = np.array([_TABLE["first_log_n"], _TABLE["first_log_width"]])
_STEP = np.array([_TABLE["step_log_n"], _TABLE["step_log_width"]])
# A cubic B-spline touches four nodes and a spacing holds four, so blocks of four nodes are all we need.
_TAPS = 4
_BLOCKS = _COEFFICIENTS.shape[1] // _TAPS
# Outside the declared range of n we hold on to the value just beyond it: finite, and smooth at the ends.
_LOWEST_N, _HIGHEST_N = 0.495, 8.1
# Weights of the four nodes: polynomials in the position t between the second and the third.
_B_SPLINE = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6


def sersic_weights(log_width: LogWidths, r_eff: Any, n: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Fractions of a Sérsic profile's flux in Gaussians of the given ln sigma, and the fraction in a point.

    `log_width` (sigma in pixels) must be spaced by `SPACING`; `r_eff` is in pixels. Gaussians narrower or
    wider than the grid are represented as `gather` says, so that the fractions sum to one only if the
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

    # Align them with the grid, on which all of them find room whatever r_eff.
    size = log_width.size
    padded = jnp.pad(amplitudes, _BLOCKS + size)
    aligned = lax.dynamic_slice(padded, (jnp.clip(start + size, 0, _BLOCKS + size),), (2 * _BLOCKS + size,))
    return gather(aligned, size)


def extended(log_width: LogWidths) -> Float[np.ndarray, " b"]:
    """ln sigma of the grid and of the widths beyond each of its ends that `gather` takes in."""
    steps = np.arange(-_BLOCKS, log_width.size + _BLOCKS)
    return (float(log_width[0]) + SPACING * steps).astype(log_width.dtype)


def held_radius(log_width: LogWidths, radius: Any) -> Float[Array, ""]:
    """A profile's radius in pixels, held to what `extended` covers; below, every profile is a point."""
    return jnp.maximum(jnp.asarray(radius, log_width.dtype), math.exp(float(log_width[0]) - 12.0))


def gamma_density(log_square: Float[Array, " k"], shape: Any) -> Float[Array, " k"]:
    """`t^shape exp(-t) / Gamma(shape)` per half `SPACING` of ln t, at t = exp(log_square) / 2.

    The weights of Gaussians whose variance, or its inverse, has a gamma distribution: the trapezoid is good
    to |Gamma(shape + 18.1i) / Gamma(shape)|, 1e-7 at a shape of 6.
    """
    log_t = jnp.minimum(log_square - math.log(2.0), 80.0)
    return 2.0 * SPACING * jnp.exp(shape * log_t - jnp.exp(log_t) - gammaln(shape))


def gather(amplitudes: Float[Array, " b"], size: int) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Weights of `size` widths, and of a point, from those of the `extended` widths."""
    weights = jnp.dot(_gather(size).astype(amplitudes.dtype), amplitudes, precision="highest")
    return weights[:-1], weights[-1]


def _spline(position: Float[Array, " 2"]) -> tuple[Int[Array, " 2"], Float[Array, "2 4"]]:
    """First of the four nodes around a position, and the four weights of cubic B-splines."""
    cell = jnp.floor(lax.stop_gradient(position))
    t = position - cell
    powers = jnp.stack([jnp.ones_like(t), t, t**2, t**3], -1)
    return cell.astype(int) - 1, jnp.dot(powers, _B_SPLINE.astype(position.dtype), precision="highest")


@cache
def _gather(size: int) -> Float[np.ndarray, "k b"]:
    """The linear map of `gather`, from all widths to `size` of them and a point.

    `_BLOCKS` narrower ones come first: they become shares of the point and of the two narrowest widths
    that keep their flux and their second and fourth moments (all that a PSF lets through). The `_BLOCKS`
    wider ones become shares of the two widest that keep their central brightness and curvature.
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
