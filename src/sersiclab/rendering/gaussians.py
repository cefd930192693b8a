"""Sums of many concentric elliptical Gaussians on grids, with the derivatives that fitting needs."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float


# From a few numbers, the amplitudes of the Gaussians of each sum and a constant to add to it.
Terms = Callable[[Float[Array, " d"]], tuple[tuple[Float[Array, " k"], Float[Array, ""]], ...]]
Axes = tuple[Float[Array, "_ _"], Float[Array, "_ _"]]

# Squarings after each `exp`. Every one doubles the relative rounding error, so float32 starts afresh.
_SQUARINGS = {"float32": 7, "float64": 12}


def gaussian_sums(exponent: Float[Array, "*g"], amplitudes: Float[Array, "m k"]) -> Float[Array, "m *g"]:
    """`sum_j amplitudes[i, j] exp(-2^(j/2) exponent)` for each `i`.

    Every second Gaussian is the square of the one before: two interleaved chains of squares, started
    again by an `exp` with each block.
    """
    dtype = exponent.dtype
    kinds, size = amplitudes.shape
    count = math.ceil(size / (2 * _SQUARINGS[dtype.name]))
    length = math.ceil(size / (2 * count))
    padded = jnp.pad(amplitudes, ((0, 0), (0, 2 * length * count - size)))
    blocks = jnp.moveaxis(padded.reshape(kinds, count, length, 2, *(1,) * exponent.ndim), 0, 3)
    rates = np.array([2.0 ** (length * block) for block in range(count)], dtype)

    def add_block(
        sums: Float[Array, "m *g"], block: tuple[Float[Array, ""], Float[Array, "..."]]
    ) -> tuple[Float[Array, "m *g"], None]:
        rate, a = block
        even, odd = jnp.exp(-rate * exponent), jnp.exp(-math.sqrt(2) * rate * exponent)
        # A loop that holds an `exp` isn't vectorised on the CPU: keep the `exp`s in loops of their own.
        even, odd = lax.optimization_barrier((even[None], odd[None]))
        for step in range(length):
            sums = sums + a[step, 0] * even + a[step, 1] * odd
            even, odd = even * even, odd * odd
        return sums, None

    return lax.scan(add_block, jnp.zeros((kinds, *exponent.shape), dtype), (jnp.asarray(rates), blocks))[0]


def polynomial(axes: Axes, coefficients: Float[Array, "3 3"]) -> Float[Array, "tile y x"]:
    """`sum_ij coefficients[i, j] y^i x^j` on the grid: as products of matrices, whose adjoints are cheap."""
    y, x = (jnp.stack([jnp.ones_like(axis), axis, axis * axis], -1) for axis in axes)
    rows = jnp.einsum("tyi,ij->tyj", y, coefficients, precision="highest")
    return jnp.einsum("tyj,txj->tyx", rows, x, precision="highest")


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def mixtures(
    terms: Terms,
    axes: tuple[Axes, ...],
    quadratics: tuple[Float[Array, "3 3"], ...],
    scales: Float[Array, " d"],
) -> tuple[Float[Array, "tile y x"], ...]:
    """For each of several grids, `constant + sum_j a_j exp(-2^(j/2) polynomial(axes, quadratic))`.

    `terms` gives the amplitudes a and the constant of each grid. The amplitudes are many but depend on few
    numbers, `scales`: the derivative, forward or backward, needs one plane for each of these and one for
    the exponent. `axes` are not differentiated.
    """
    return tuple(
        gaussian_sums(polynomial(grid, quadratic), values[None])[0] + constant
        for grid, quadratic, (values, constant) in zip(axes, quadratics, terms(scales), strict=True)
    )


@mixtures.defjvp
def _mixtures_jvp(terms: Terms, primals: Any, tangents: Any) -> tuple[Any, Any]:
    axes, quadratics, scales = primals
    _, quadratics_dot, scales_dot = tangents
    planes_dot = []
    everything = zip(axes, quadratics, quadratics_dot, terms(scales), jax.jacfwd(terms)(scales), strict=True)
    for grid, quadratic, quadratic_dot, (values, _), (slopes, constants) in everything:
        rates = np.array([2.0 ** (j / 2) for j in range(values.size)], values.dtype)
        # Apart from the value, so that a backward pass which draws again leaves out what it doesn't need.
        planes = gaussian_sums(polynomial(grid, quadratic), jnp.concatenate([(-rates * values)[None], slopes.T]))
        by_scale = jnp.tensordot(scales_dot, planes[1:], axes=1) + jnp.dot(scales_dot, constants)
        planes_dot.append(planes[0] * polynomial(grid, quadratic_dot) + by_scale)
    return mixtures(terms, axes, quadratics, scales), tuple(planes_dot)


@jax.custom_jvp
def translate(
    plane: Float[Array, "tile y x"], turns: Axes, axes: Axes, shift: Float[Array, " 2"]
) -> Complex[Array, "tile y x"]:
    """`plane exp(-i (turns_y + ky dy + turns_x + kx dx))`, with `axes` ky, kx and `shift` dy, dx.

    `turns` and `axes` are not differentiated.
    """
    real, imaginary = _wave(turns, axes, shift)
    return lax.complex(real * plane, imaginary * plane)


def _wave(turns: Axes, axes: Axes, shift: Float[Array, " 2"]) -> tuple[Float[Array, "tile y x"], ...]:
    angles = [turn + k * s for turn, k, s in zip(turns, axes, shift, strict=True)]
    # As above: no cosine or sine within the loop over the plane.
    waves = lax.optimization_barrier([(jnp.cos(angle), jnp.sin(angle)) for angle in angles])
    (cos_y, sin_y), (cos_x, sin_x) = waves
    cos_y, sin_y, cos_x, sin_x = cos_y[:, :, None], sin_y[:, :, None], cos_x[:, None, :], sin_x[:, None, :]
    return cos_y * cos_x - sin_y * sin_x, -sin_y * cos_x - cos_y * sin_x


@translate.defjvp
def _translate_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    plane, turns, axes, shift = primals
    plane_dot, _, _, shift_dot = tangents
    slope = jnp.zeros((3, 3), shift.dtype).at[1, 0].set(shift_dot[0]).at[0, 1].set(shift_dot[1])
    across = -plane * polynomial(axes, slope)
    real, imaginary = _wave(turns, axes, shift)
    tangent = lax.complex(real * plane_dot - imaginary * across, imaginary * plane_dot + real * across)
    return translate(plane, turns, axes, shift), tangent
