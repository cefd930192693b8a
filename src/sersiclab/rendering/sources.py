"""Drawing one source, before the PSF: its core as a spectrum, its wings on the pixels."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

from sersiclab.profiles import AbstractMixture
from sersiclab.profiles.base import LogWidths
from sersiclab.rendering.gaussians import Axes, mixtures, translate


# Over how many pixels a source fades that is too far from the image to be seen.
_FADE = 4.0

Weights = Callable[..., tuple[Float[Array, " k"], Float[Array, ""]]]


class Sources(eqx.Module):
    """Sources whose weights are the same function of their `scales`: one, or several stacked."""

    weights: Weights = eqx.field(static=True)
    xc: Float[Array, "*s"]
    yc: Float[Array, "*s"]
    flux: Float[Array, "*s"]
    ellip: Float[Array, "*s"]
    theta: Float[Array, "*s"]
    scales: Float[Array, "*s d"]


def stack(profiles: Mapping[str, AbstractMixture], dtype: Any) -> list[tuple[list[str], Sources]]:
    """The profiles grouped by kind, with their names in the order of the stack."""
    groups: dict[Weights, list[str]] = {}
    for name, profile in profiles.items():
        groups.setdefault(profile.weights, []).append(name)
    return [(names, _table([profiles[name] for name in names], dtype)) for names in groups.values()]


def _table(profiles: list[AbstractMixture], dtype: Any) -> Sources:
    """One array of all numbers: an operation for each of them would make many sources slow to compile."""
    rows = [(p.xc, p.yc, p.flux, *p.shape(), *p.scales()) for p in profiles]
    numbers: Any = [jnp.asarray(number, dtype) for row in rows for number in row]
    table = jnp.stack(numbers).reshape(len(rows), -1)
    xc, yc, flux, ellip, theta = table[:, :5].T
    return Sources(profiles[0].weights, xc, yc, flux, ellip, theta, table[:, 5:])


def draw(
    source: Sources, log_width: LogWidths, split: int, k: Axes, pixels: Axes, shape: tuple[int, int]
) -> tuple[Complex[Array, "tile ky kx"], Float[Array, "1 y x"]]:
    """One source before the PSF: the spectrum of its core and the surface brightness of its wings.

    The core is the point and the Gaussians narrower than `log_width[split]`,
    `flux exp(-i k.c) [point + sum_j w_j exp(-sigma_j² kappa² / 2)]`, where kappa is the length of k in
    the frame in which the ellipse is a circle of the radius of its major axis. The wings are
    `flux sum_j w_j exp(-m² / (2 sigma_j²)) / (2 pi sigma_j² (1 - ellip))`, m the elliptical radius.
    """
    centre = jnp.stack([source.yc, source.xc])
    padded = pixels[0].shape[1], pixels[1].shape[1]
    turns, shift, fade = _locate(centre, shape, padded, k)
    if source.scales.shape[-1] == 0:
        point = jnp.broadcast_to(source.flux * fade, (*k[0].shape, k[1].shape[1]))
        return translate(point, turns, k, shift), jnp.zeros((1, *padded), point.dtype)
    variance = np.exp(2 * log_width.astype(float))
    brightness = (1.0 / (2 * np.pi * variance[split:])).astype(log_width.dtype)

    def terms(scales: Float[Array, " d"]) -> Any:
        weights, point = source.weights(log_width, *scales)
        # The widest Gaussian falls slowest, and comes first.
        return (weights[:split], point), ((weights[split:] * brightness)[::-1], jnp.zeros_like(point))

    # The pixels stay where they are; the polynomial follows the centre, about the centre's value.
    origin = lax.stop_gradient(centre)
    ratio = 1.0 - source.ellip
    grids = (k, (pixels[0] - origin[0], pixels[1] - origin[1]))
    quadratics = (
        0.5 * float(variance[0]) * _quadratic(source.theta, ratio, jnp.zeros_like(centre)),
        0.5 / float(variance[-1]) * _quadratic(source.theta, 1.0 / ratio, centre - origin),
    )
    narrow, wide = mixtures(terms, grids, quadratics, source.scales)
    return translate(source.flux * fade * narrow, turns, k, shift), source.flux / ratio * wide


def _quadratic(theta: Array, ratio: Array, centre: Float[Array, " 2"]) -> Float[Array, "3 3"]:
    """Coefficients of the squared elliptical radius about a centre (y, x): `along² + (ratio across)²`."""
    (y, x), sine, cosine, square = centre, jnp.sin(theta), jnp.cos(theta), ratio**2
    yy, xx = cosine**2 + square * sine**2, sine**2 + square * cosine**2
    yx = 2.0 * (square - 1.0) * sine * cosine
    zero = jnp.zeros_like(yx)
    constant = yy * y**2 + yx * y * x + xx * x**2
    rows = [constant, -2.0 * xx * x - yx * y, xx, -2.0 * yy * y - yx * x, yx, zero, yy, zero, zero]
    return jnp.stack(rows).reshape(3, 3)


def _locate(
    centre: Float[Array, " 2"], shape: tuple[int, int], padded: tuple[int, int], k: Axes
) -> tuple[Axes, Float[Array, " 2"], Float[Array, ""]]:
    """The phases of the nearest whole pixel, what remains of the centre, and a factor that fades the source.

    A centre is held half the padding outside the image: beyond, it would come in at the other side. It
    fades from there on. The phases of whole pixels are computed in integers, so that float32 keeps its
    digits in large images.
    """
    size, far = np.array(shape, centre.dtype), (np.array(padded) - np.array(shape)).astype(centre.dtype) / 2
    held = jnp.clip(centre, -far, size - 1 + far)
    step = jnp.clip(1.0 - jnp.abs(centre - held) / _FADE, 0.0, 1.0)
    whole = jnp.round(lax.stop_gradient(held))
    turns = tuple(
        2 * math.pi / side * (jnp.arange(axis.shape[1]) * pixel % side).astype(axis.dtype)[None, :]
        for axis, pixel, side in zip(k, whole.astype(int), padded, strict=True)
    )
    return turns, held - whole, jnp.prod(step**2 * (3.0 - 2.0 * step))
