"""Sums of many concentric Gaussians on a grid, with the derivatives that fitting needs."""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


Scales = tuple[Float[Array, ""], ...]
Amplitudes = Callable[[Scales], Float[Array, " k"]]

# Squarings after each `exp`. Every one doubles the relative rounding error, so float32 starts afresh.
_SQUARINGS = {"float32": 6, "float64": 8}


def gaussian_sums(
    exponent: Float[Array, "*g"], amplitudes: Float[Array, "m k"], first: float
) -> tuple[Float[Array, "*g"], ...]:
    """`sum_j amplitudes[i, j] exp(-first 2^(j/2) exponent)`, one plane for each `i`.

    Every second Gaussian is the square of the one before: two interleaved chains of squares, started
    again by an `exp` with each block.
    """
    dtype = exponent.dtype
    length = _SQUARINGS[dtype.name]
    kinds, size = amplitudes.shape
    count = -(-size // (2 * length))
    padded = jnp.pad(amplitudes, ((0, 0), (0, 2 * length * count - size)))
    blocks = padded.reshape(kinds, count, length, 2).transpose(1, 2, 3, 0)
    rates = jnp.asarray([first * 2.0 ** (length * block) for block in range(count)], dtype)

    def add_block(
        sums: tuple[Float[Array, "*g"], ...], block: tuple[Float[Array, ""], Float[Array, "l 2 m"]]
    ) -> tuple[tuple[Float[Array, "*g"], ...], None]:
        rate, a = block
        # A loop that holds an `exp` isn't vectorised on the CPU: keep the `exp`s in loops of their own.
        even, odd = lax.optimization_barrier((jnp.exp(-rate * exponent), jnp.exp(-math.sqrt(2) * rate * exponent)))
        for step in range(length):
            sums = tuple(s + a[step, 0, i] * even + a[step, 1, i] * odd for i, s in enumerate(sums))
            even, odd = even * even, odd * odd
        return sums, None

    return lax.scan(add_block, (jnp.zeros_like(exponent),) * kinds, (rates, blocks))[0]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def mixture(
    amplitudes: Amplitudes, first: float, exponent: Float[Array, "*g"], scales: Scales
) -> Float[Array, "*g"]:
    """`sum_j amplitudes(scales)[j] exp(-first 2^(j/2) exponent)`.

    The amplitudes are many but depend on few numbers, `scales`: the derivative, forward or backward, needs
    one plane for each of these and one for the exponent.
    """
    return gaussian_sums(exponent, amplitudes(scales)[None], first)[0]


@mixture.defjvp
def _mixture_jvp(
    amplitudes: Amplitudes,
    first: float,
    primals: tuple[Float[Array, "*g"], Scales],
    tangents: tuple[Float[Array, "*g"], Scales],
) -> tuple[Float[Array, "*g"], Float[Array, "*g"]]:
    (exponent, scales), (exponent_dot, scales_dot) = primals, tangents
    values = amplitudes(scales)
    slopes = jax.jacfwd(amplitudes)(scales)
    rates = jnp.asarray([first * 2.0 ** (j / 2) for j in range(values.shape[0])], values.dtype)
    planes = gaussian_sums(exponent, jnp.stack([values, -rates * values, *slopes]), first)
    tangent = planes[1] * exponent_dot
    for plane, dot in zip(planes[2:], scales_dot, strict=True):
        tangent = tangent + plane * dot
    return planes[0], tangent
