"""Sums of many concentric elliptical Gaussians on grids, with the derivatives that fitting needs."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float


Axes = tuple[Float[Array, "_ _"], Float[Array, "_ _"]]
Planes = Float[Array, "tile y x"]

# The number of squarings after each `exp`. Each doubles the relative rounding error, so that float32 allows fewer.
_SQUARINGS = {"float32": 8, "float64": 20}


class Mixture(eqx.Module):
    """`factor (constant + sum_j a_j exp(-2^(j/2) Q(y, x)))`, where a_j and the constant are functions of `scales`.

    The rows of `chains` are a_j, the derivatives of a_j with respect to each of the scales, and -2^(j/2) a_j, arranged
    by `chains_of`; `constants` are the constant of each row. Q is the polynomial `quadratic`. `lines` are two linear
    polynomials whose squares sum to Q without the cancellation that a quadratic one suffers in float32.

    Derivatives are those with respect to `factor`, `scales` and `quadratic`, which include the changes of the other
    fields.
    """

    factor: Float[Array, "*s"]
    scales: Float[Array, "*s d"]
    quadratic: Float[Array, "*s 3 3"]
    lines: Float[Array, "*s 2 3"]
    chains: Float[Array, "*s c l m"]
    constants: Float[Array, "*s m"]


class Wave(eqx.Module):
    """`exp(-i (ky dy + kx dx))`, as products of cosines and sines along y and along x.

    Derivatives are those with respect to `shift`, (dy, dx), which include the changes of the other fields.
    """

    shift: Float[Array, "*s 2"]
    rows: Float[Array, "*s tile y 2"]
    real: Float[Array, "*s tile x 2"]
    imaginary: Float[Array, "*s tile x 2"]

    def tiles(self, chosen: slice) -> "Wave":
        """Return the wave on the `chosen` tiles."""
        return Wave(self.shift, self.rows[chosen], self.real[chosen], self.imaginary[chosen])


def chains_of(rows: Float[Array, "m k"]) -> Float[Array, "c l m"]:
    """Return amplitudes as `gaussian_sums` needs them: two interleaved chains, cut into pieces of equal length."""
    kinds, size = rows.shape
    pieces = math.ceil(size / (2 * _SQUARINGS[rows.dtype.name]))
    length = math.ceil(size / (2 * pieces))
    padded = jnp.pad(rows, ((0, 0), (0, 2 * length * pieces - size)))
    return padded.reshape(kinds, pieces, length, 2).transpose(1, 3, 2, 0).reshape(2 * pieces, length, kinds)


def gaussian_sums(
    axes: Axes, lines: Float[Array, "2 3"], chains: Float[Array, "c l m"], constants: Float[Array, " m"]
) -> Float[Array, "m tile y x"]:
    """Return `constant + sum_j a_j exp(-2^(j/2) |lines (1, y, x)|²)` for each of m rows of amplitudes.

    Each Gaussian is the square of the one two places before it. There are two interleaved chains of squares, each of
    which starts again with an `exp` where rounding errors have grown. The chains are a loop, so that its body
    is compiled once and its result is not computed again wherever it is used.
    """
    y, x = axes[0][:, :, None], axes[1][:, None, :]
    count, length, kinds = chains.shape
    rates = np.array([-(2.0 ** (length * (i // 2) + 0.5 * (i % 2))) for i in range(count)], y.dtype)

    def add_chain(
        sums: Float[Array, "m tile y x"], chain: tuple[Float[Array, ""], Float[Array, "l m"]]
    ) -> tuple[Float[Array, "m tile y x"], None]:
        rate, a = chain
        first, second = (line[0] + line[1] * y + line[2] * x for line in lines)
        # A loop that holds an `exp` isn't vectorised on the CPU: keep the `exp` in a separate loop.
        gaussian = lax.optimization_barrier(jnp.exp(rate * (first * first + second * second))[None])
        for step in range(length):
            sums = sums + a[step, :, None, None, None] * gaussian
            gaussian = gaussian * gaussian
        return sums, None

    start = jnp.broadcast_to(constants[:, None, None, None], (kinds, y.shape[0], y.shape[1], x.shape[2]))
    return lax.scan(add_chain, start, (jnp.asarray(rates), chains))[0]


def polynomial(axes: Axes, coefficients: Float[Array, "n n"]) -> Planes:
    """Return `sum_ij coefficients[i, j] y^i x^j` on the grid. Its adjoint is cheap to compute and to compile."""
    size = coefficients.shape[0]
    y, x = (jnp.stack([jnp.ones_like(axis), axis, axis * axis][:size], -1) for axis in axes)
    rows = jnp.sum(y[..., None] * coefficients[None, None], axis=2)
    return jnp.einsum("tyj,txj->tyx", rows, x, precision="highest")


@jax.custom_jvp
def mixture_plane(mixture: Mixture, axes: Axes) -> Planes:
    """Return a mixture on a grid. Derivatives with respect to `axes` are treated as zero."""
    return mixture.factor * gaussian_sums(axes, mixture.lines, mixture.chains[..., :1], mixture.constants[:1])[0]


@mixture_plane.defjvp
def _mixture_plane_jvp(primals: Any, tangents: Any) -> tuple[Planes, Planes]:
    # The many amplitudes depend on few numbers. One plane for each of these, one for the exponent and one for the
    # factor are enough, all drawn together.
    (mixture, axes), (change, _) = primals, tangents
    planes = gaussian_sums(axes, mixture.lines, mixture.chains, mixture.constants)
    none = jnp.zeros_like(change.factor)[None]
    weights = jnp.concatenate([change.factor[None], mixture.factor * change.scales, none])
    # A matrix product with a single row: the adjoints of other forms of this sum copy the planes.
    tangent = jnp.matmul(weights[None], planes.reshape(weights.size, -1), precision="highest").reshape(planes.shape[1:])
    bend = planes[-1] * polynomial(axes, mixture.factor * change.quadratic)
    return mixture.factor * planes[0], tangent + bend


def wave_of(turns: Axes, axes: Axes, shift: Float[Array, " 2"]) -> Wave:
    """Return the wave of a shift. Its phase is `axes` times the shift, plus `turns` radians."""
    y, x = ((turn + k * s)[..., None] for turn, k, s in zip(turns, axes, shift, strict=True))

    def cosines(angle: Float[Array, "tile k 1"], *turns: float) -> Float[Array, "tile k 2"]:
        return jnp.cos(angle + 0.5 * np.pi * np.array(turns, angle.dtype)[None, None])

    # The real part is cos cos - sin sin, the imaginary one -cos sin - sin cos.
    return Wave(shift, cosines(y, 0.0, -1.0), cosines(x, 0.0, 1.0), cosines(x, 1.0, 2.0))


@jax.custom_jvp
def translate(plane: Planes, wave: Wave, axes: Axes) -> Complex[Array, "tile y x"]:
    """Return `plane` times a wave. Derivatives with respect to `axes` are treated as zero."""
    real, imaginary = _parts(wave)
    return lax.complex(real * plane, imaginary * plane)


def _parts(wave: Wave) -> tuple[Planes, Planes]:
    real = jnp.einsum("tyi,txi->tyx", wave.rows, wave.real, precision="highest")
    return real, jnp.einsum("tyi,txi->tyx", wave.rows, wave.imaginary, precision="highest")


@translate.defjvp
def _translate_jvp(primals: Any, tangents: Any) -> tuple[Complex[Array, "tile y x"], Complex[Array, "tile y x"]]:
    (plane, wave, axes), (plane_dot, change, _) = primals, tangents
    slope = jnp.zeros((2, 2), plane.dtype).at[1, 0].set(change.shift[0]).at[0, 1].set(change.shift[1])
    turned = plane * polynomial(axes, slope)
    real, imaginary = _parts(wave)
    # Not a difference: its adjoint would hold one more plane.
    tangent = lax.complex(real * plane_dot + imaginary * turned, imaginary * plane_dot + (-real) * turned)
    return lax.complex(real * plane, imaginary * plane), tangent
