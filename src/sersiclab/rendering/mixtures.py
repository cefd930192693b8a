"""The Gaussians of a mixture, divided between Fourier space and the pixels, and their derivatives."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.profiles.base import LogWidths
from sersiclab.rendering.gaussians import chains_of
from sersiclab.rendering.windows import smooth_step


# A Gaussian at least `_THICK` pixels wide across is accurate on the pixels, one narrower than `_THIN` is not.
_THIN, _THICK = 0.8, 1.0

T = TypeVar("T")
Scales = Float[Array, " d"]
Weights = Callable[..., tuple[Float[Array, " k"], Float[Array, ""]]]
Coefficients = tuple[Float[Array, "_ _ _"], Float[Array, " _"]]
"""The `chains` and `constants` of a `gaussians.Mixture`."""


@dataclasses.dataclass(frozen=True)
class Widths:
    """ln sigma of all Gaussians of a mixture, and how they are drawn.

    Those before `split` are drawn in Fourier space, and those from index `end` onwards on the pixels. The ones between
    are drawn on the pixels unless they are too thin. From `thick` onwards, none is so thin that it has structure
    between the pixels.
    """

    log: LogWidths
    split: int
    end: int
    thick: int

    @property
    def sigma(self) -> Float[np.ndarray, " k"]:
        """The widths in pixels, in double precision."""
        return np.exp(self.log.astype(float))


class Row(eqx.Module):
    """The amplitudes of Gaussians, from the one whose exponent varies slowest, and the constant added to them."""

    amplitudes: Float[Array, " k"]
    constant: Float[Array, ""]


class Shares(NamedTuple):
    """The fractions of each Gaussian that are drawn in Fourier space, before `end`, and on the pixels, from `split`."""

    core: Float[Array, " e"]
    wing: Float[Array, " w"]


def mixtures(
    weights: Weights, scales: Scales, widths: Widths, ratio: Float[Array, ""]
) -> tuple[Coefficients, Coefficients, Coefficients]:
    """Return the coefficients of the core, of the wings, and of those wings that may be thin.

    `ratio` is the axis ratio, which determines where each Gaussian is drawn. Its derivative is left out, because a
    Gaussian has the same light wherever it is drawn accurately.
    """
    shares = shares_of(widths, ratio)

    def rows(scales: Scales) -> tuple[Row, Row, Row]:
        fractions, point = weights(widths.log, *scales)
        on_pixels = shares.wing * fractions[widths.split :]
        return (
            core_row(shares, fractions, point),
            wing_row(widths, on_pixels),
            thin_row(widths, on_pixels),
        )

    core, wing, thin = zip(*value_and_jacobian(rows, scales), strict=True)
    return coefficients(*core), coefficients(*wing), coefficients(*thin)


def shares_of(widths: Widths, ratio: Float[Array, ""]) -> Shares:
    """Divide the Gaussians: the narrower a Gaussian is across, the more of it is drawn in Fourier space."""
    dtype = widths.log.dtype
    across = ratio * widths.sigma[widths.split : widths.end].astype(dtype)
    thinness = smooth_step((_THICK - across) / (_THICK - _THIN))
    # The widest of them would wrap around in Fourier space, and has structure between the pixels: drawing half of it
    # in each gives the smallest error.
    largest = np.where(np.arange(across.size) < across.size - 1, 1.0, 0.5).astype(dtype)
    core = jnp.pad(largest * thinness, (widths.split, 0), constant_values=1.0)
    wing = jnp.pad(1.0 - core[widths.split :], (0, widths.log.size - widths.end), constant_values=1.0)
    return Shares(core, wing)


def core_row(shares: Shares, fractions: Float[Array, " k"], point: Float[Array, ""]) -> Row:
    """Return the spectrum of the core, in which a point is a constant."""
    return Row(shares.core * fractions[: shares.core.size], point)


def wing_row(widths: Widths, on_pixels: Float[Array, " w"]) -> Row:
    """Return the surface brightness of the wings. The widest Gaussian falls slowest and comes first."""
    brightness = (1.0 / (2 * np.pi * widths.sigma[widths.split :] ** 2)).astype(widths.log.dtype)
    return Row(jnp.asarray(brightness * on_pixels)[::-1], jnp.zeros_like(on_pixels[0]))


def thin_row(widths: Widths, on_pixels: Float[Array, " w"]) -> Row:
    """Return the spectrum of the wings that may be thin, which are aliased on the pixels."""
    return Row(on_pixels[: widths.thick - widths.split], jnp.zeros_like(on_pixels[0]))


def coefficients(value: Row, slopes: Row) -> Coefficients:
    """Arrange a row and its derivatives with respect to each scale and the exponent as `gaussians.Mixture` does."""
    amplitudes, constant = value.amplitudes, value.constant
    rates = np.array([-(2.0 ** (j / 2)) for j in range(amplitudes.size)], amplitudes.dtype)
    rows = jnp.concatenate([amplitudes[None], slopes.amplitudes.T, (rates * amplitudes)[None]])
    constants = jnp.concatenate([constant[None], slopes.constant, jnp.zeros_like(constant)[None]])
    return chains_of(rows), constants


def value_and_jacobian(f: Callable[[Scales], T], x: Scales) -> tuple[T, T]:
    """Return `f(x)` and, in the same structure, its derivatives, which have an additional last axis."""

    def twice(x: Scales) -> tuple[T, T]:
        value = f(x)
        return value, value

    jacobian: Any
    value: Any
    jacobian, value = jax.jacfwd(twice, has_aux=True)(x)
    return value, jacobian
