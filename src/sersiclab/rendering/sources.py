"""Drawing one source, before the PSF: its core as a spectrum, its wings on the pixels."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float
from numpy.typing import DTypeLike

from sersiclab.profiles import AbstractMixture
from sersiclab.rendering.gaussians import Scales, mixture


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
    scales: tuple[Float[Array, "*s"], ...]


def stack(profiles: Mapping[str, AbstractMixture], dtype: DTypeLike) -> list[tuple[list[str], Sources]]:
    """The profiles grouped by kind, with their names in the order of the stack."""
    groups: dict[Weights, dict[str, Sources]] = {}
    for name, profile in profiles.items():
        ellip, theta = profile.shape()
        values: Any = (profile.xc, profile.yc, profile.flux, ellip, theta, profile.scales())
        source = Sources(profile.weights, *jax.tree.map(lambda value: jnp.asarray(value, dtype), values))
        groups.setdefault(profile.weights, {})[name] = source
    return [
        (list(group), jax.tree.map(lambda *leaves: jnp.stack(leaves), *group.values())) for group in groups.values()
    ]


def core(
    source: Sources,
    log_width: Float[np.ndarray, " k"],
    split: int,
    k: tuple[Float[Array, "tile ky"], Float[Array, "tile kx"]],
    shape: tuple[int, int],
    padded: tuple[int, int],
) -> Complex[Array, "tile ky kx"]:
    """Spectrum of the point and the Gaussians narrower than `log_width[split]`.

    `flux exp(-i k.c) [point + sum_j w_j exp(-sigma_j² kappa² / 2)]`, where kappa is the length of k in
    the frame in which the ellipse is a circle of the radius of its major axis.
    """
    rows, columns = phases(source, k, shape, padded)
    if not source.scales:
        return rows[:, :, None] * columns[:, None, :]
    ky, kx = k[0][:, :, None], k[1][:, None, :]
    sine, cosine = jnp.sin(source.theta), jnp.cos(source.theta)
    along = cosine * ky - sine * kx
    across = (1.0 - source.ellip) * (sine * ky + cosine * kx)
    widths = jnp.asarray(log_width, k[0].dtype)

    def amplitudes(scales: Scales) -> Float[Array, " j"]:
        return source.weights(widths, *scales)[0][:split]

    point = source.weights(widths, *source.scales)[1]
    first = 0.5 * math.exp(2 * log_width[0])
    narrow = mixture(amplitudes, first, along**2 + across**2, source.scales)
    return rows[:, :, None] * columns[:, None, :] * (point + narrow)


def wings(
    source: Sources,
    log_width: Float[np.ndarray, " k"],
    split: int,
    pixels: tuple[Float[Array, " y"], Float[Array, " x"]],
) -> Float[Array, "y x"]:
    """Surface brightness of the Gaussians from `log_width[split]` on.

    `flux sum_j w_j exp(-m² / (2 sigma_j²)) / (2 pi sigma_j² (1 - ellip))`, m the elliptical radius.
    """
    y, x = pixels[0][:, None] - source.yc, pixels[1][None, :] - source.xc
    sine, cosine, ratio = jnp.sin(source.theta), jnp.cos(source.theta), 1.0 - source.ellip
    along = cosine * y - sine * x
    across = (sine * y + cosine * x) / ratio
    widths = jnp.asarray(log_width, x.dtype)
    brightness = jnp.asarray(np.exp(-2 * log_width[split:]) / (2 * np.pi), x.dtype)

    def amplitudes(scales: Scales) -> Float[Array, " l"]:
        # The widest falls slowest, and comes first.
        return (source.weights(widths, *scales)[0][split:] * brightness)[::-1]

    first = 0.5 * math.exp(-2 * log_width[-1])
    return source.flux / ratio * mixture(amplitudes, first, along**2 + across**2, source.scales)


def phases(
    source: Sources,
    k: tuple[Float[Array, "tile ky"], Float[Array, "tile kx"]],
    shape: tuple[int, int],
    padded: tuple[int, int],
) -> tuple[Complex[Array, "*s tile ky"], Complex[Array, "*s tile kx"]]:
    """`flux exp(-i k.c)` as the outer product of its factors in y and x."""
    rows, fade_y = _phase(source.yc, k[0], shape[0], padded[0])
    columns, fade_x = _phase(source.xc, k[1], shape[1], padded[1])
    return (source.flux * fade_y * fade_x)[..., None, None] * rows, columns


def _phase(
    centre: Float[Array, "*s"], k: Float[Array, "tile k"], size: int, padded: int
) -> tuple[Complex[Array, "*s tile k"], Float[Array, "*s"]]:
    """`exp(-i k c)`, and a factor that fades a source which is too far away to be seen.

    A centre is held half the padding outside the image: beyond, it would come in at the other side. The
    phase of whole pixels is exact in integers, so that float32 keeps its digits in large images.
    """
    far = (padded - size) / 2
    held = jnp.clip(centre, -far, size - 1 + far)
    step = jnp.clip(1.0 - jnp.abs(centre - held) / _FADE, 0.0, 1.0)
    whole = jnp.round(jax.lax.stop_gradient(held))
    turns = (jnp.arange(k.shape[1]) * whole[..., None].astype(int)) % padded
    turns = (2 * math.pi / padded) * turns.astype(k.dtype)
    angle = turns[..., None, :] + k * (held - whole)[..., None, None]
    return jnp.exp(-1j * angle), step**2 * (3.0 - 2.0 * step)
