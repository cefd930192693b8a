"""Sérsic profiles as sums of Gaussians (after Hogg & Lang, arXiv:1210.6563; Shajib, arXiv:1906.08263).

The widths are fixed in pixels, evenly spaced in ln sigma by `SPACING`; the amplitudes follow from a table
(see `_make_sersic_table.py` for the mathematics) by cubic B-splines in ln n and ln(sigma / r_eff).
"""

import math
from importlib import resources
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int


SPACING = math.log(2.0) / 4
"""The spacing of ln sigma for which the amplitudes are made."""


def _load() -> dict[str, np.ndarray]:
    with resources.files("sersiclab.profiles").joinpath("sersic_table.npz").open("rb") as file:
        return dict(np.load(file))


_TABLE = _load()
_COEFFICIENTS = _TABLE["coefficients"]
_FIRST_LOG_N, _STEP_LOG_N = float(_TABLE["first_log_n"]), float(_TABLE["step_log_n"])
_FIRST_LOG_WIDTH, _STEP_LOG_WIDTH = float(_TABLE["first_log_width"]), float(_TABLE["step_log_width"])
# A cubic B-spline touches four nodes and a spacing holds four, so blocks of four nodes are all we need.
_TAPS = 4
_BLOCKS = _COEFFICIENTS.shape[1] // _TAPS
# Outside the declared range of n we hold on to the value just beyond it: finite, and smooth at the ends.
_LOWEST_N, _HIGHEST_N = 0.495, 8.1


def _cell(position: Float[Array, ""]) -> tuple[Int[Array, ""], Float[Array, " 4"]]:
    """First of the four nodes around a position, and the four cubic B-spline weights."""
    cell = jnp.floor(position)
    t = position - cell
    s = 1.0 - t
    weights = jnp.stack([s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3]) / 6
    return cell.astype(int) - 1, weights


def sersic_weights(
    log_width: Float[Array, " k"], r_eff: Any, n: Any
) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Fractions of a Sérsic profile's flux in Gaussians of the given ln sigma, and the fraction in a point.

    `log_width` (pixels) must be spaced by `SPACING`; `r_eff` is in pixels. The Gaussians narrower than
    the grid become a point and a share of the narrowest width that has their second moment; those wider
    become shares of the two widest that have their central brightness and curvature. So the fractions
    sum to one only if the grid covers the profile.
    """
    dtype = log_width.dtype
    n = jnp.clip(jnp.asarray(n, dtype), _LOWEST_N, _HIGHEST_N)
    row, weights_n = _cell((jnp.log(n) - _FIRST_LOG_N) / _STEP_LOG_N)
    first = log_width[0] - jnp.log(jnp.asarray(r_eff, dtype))
    node, weights_width = _cell((first - _FIRST_LOG_WIDTH) / _STEP_LOG_WIDTH)
    start, offset = node // _TAPS, node % _TAPS
    nodes = lax.dynamic_slice(jnp.asarray(_COEFFICIENTS, dtype), (row, offset), (_TAPS, _BLOCKS * _TAPS))
    blocks = nodes.reshape(_TAPS, _BLOCKS, _TAPS)
    everywhere = jnp.einsum("abc,a,c->b", blocks, weights_n, weights_width, precision="highest")
    return _onto_grid(everywhere, start, log_width.shape[0])


def _onto_grid(
    amplitudes: Float[Array, " b"], start: Int[Array, ""], size: int
) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Cut `size` widths, of which the first has index `start`, out of all, and gather the others."""
    index = jnp.arange(amplitudes.shape[0]) - start
    below = jnp.where(index < 0, amplitudes, 0.0)
    above = jnp.where(index >= size, amplitudes, 0.0)
    padded = jnp.pad(amplitudes, size)
    kept = lax.dynamic_slice(padded, (jnp.clip(start + size, 0, amplitudes.shape[0] + size),), (size,))

    # sigma² relative to the narrowest width, and the inverse relative to the widest; both at most one.
    variance = jnp.exp(2 * SPACING * jnp.minimum(index, 0).astype(amplitudes.dtype))
    precision = jnp.exp(-2 * SPACING * jnp.maximum(index - size + 1, 0).astype(amplitudes.dtype))
    narrow = jnp.sum(below * variance)
    brightness = jnp.sum(above * precision)
    curvature = jnp.sum(above * precision**2)
    ratio = math.exp(2 * SPACING)
    second = (curvature - brightness) / (ratio - 1)
    kept = kept.at[0].add(narrow)
    kept = kept.at[-2].add(second / ratio).at[-1].add(brightness - second)
    return kept, jnp.sum(below) - narrow
