"""Draw Gaussian mixtures before the PSF: a source's core as a spectrum, and its wings on the pixels."""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from sersiclab.profiles import AbstractMixture
from sersiclab.rendering.canvas import Canvas, Light
from sersiclab.rendering.gaussians import Axes, Mixture, Wave, mixture_plane, translate, wave_of
from sersiclab.rendering.groups import columns_of
from sersiclab.rendering.mixtures import Weights, Widths, mixtures
from sersiclab.rendering.windows import smooth_step


# The distance, in pixels, over which a source too far from the image to be seen fades.
_FADE = 4.0
# The smallest axis ratio that is drawn, below those that profiles declare: it must not vanish.
THINNEST = 0.02


class Sources(eqx.Module):
    """Sources whose weights are the same function of their `scales`, stacked in arrays."""

    weights: Weights = eqx.field(static=True)
    xc: Float[Array, "*s"]
    yc: Float[Array, "*s"]
    flux: Float[Array, "*s"]
    ellip: Float[Array, "*s"]
    theta: Float[Array, "*s"]
    scales: Float[Array, "*s d"]


class PreparedSource(eqx.Module):
    """The small arrays from which the planes of a source, or of several in a stack, are drawn."""

    wave: Wave
    core: Mixture
    wing: Mixture
    wing_axes: Axes
    thin: Mixture | None


class PreparedPointSource(eqx.Module):
    """A prepared point source, or several in a stack."""

    wave: Wave
    flux: Float[Array, "*s"]


def stack(profiles: Mapping[str, AbstractMixture], dtype: Any) -> list[tuple[list[str], Sources]]:
    """Group the profiles by kind; return each group's names and its stack, in the same order."""
    groups: dict[Weights, list[str]] = {}
    for name, profile in profiles.items():
        groups.setdefault(profile.weights, []).append(name)
    stacks = []
    for weights, names in groups.items():
        rows = [(p.xc, p.yc, p.flux, *p.shape(), *p.scales()) for p in (profiles[name] for name in names)]
        columns = columns_of(rows, dtype)
        scales = jnp.stack(columns[5:], -1) if columns[5:] else jnp.zeros((columns[0].size, 0), dtype)
        xc, yc, flux, ellip, theta = columns[:5]
        stacks.append((names, Sources(weights, xc, yc, flux, ellip, theta, scales)))
    return stacks


def prepare(source: Sources, widths: Widths, canvas: Canvas) -> PreparedSource | PreparedPointSource:
    """Return the small arrays from which a source is drawn: its position, its lines and its coefficients."""
    k = canvas.ky, canvas.kx
    centre = jnp.stack([source.yc, source.xc])
    turns, shift, fade = _locate(centre, canvas)
    wave = wave_of(turns, k, shift)
    if source.scales.shape[-1] == 0:
        return PreparedPointSource(wave, source.flux * fade)
    # Coordinates are relative to the nearest whole pixel. The offset of the centre from it carries the derivatives.
    origin = jnp.round(lax.stop_gradient(centre))
    ratio = jnp.maximum(1.0 - source.ellip, THINNEST)
    sigma = widths.sigma
    core, wing, thin = mixtures(source.weights, source.scales, widths, lax.stop_gradient(ratio))
    narrow, wide = lines_of(source.theta, ratio, centre - origin, (sigma[0], 1.0 / sigma[-1]))
    flux, scales = source.flux * fade, source.scales
    first = sigma[widths.split] / sigma[0] * narrow
    return PreparedSource(
        wave=wave,
        core=Mixture(flux, scales, quadratic(narrow), narrow, *core),
        wing=Mixture(source.flux / ratio, scales, quadratic(wide), wide, *wing),
        wing_axes=(canvas.y - origin[0], canvas.x - origin[1]),
        thin=Mixture(flux, scales, quadratic(first), first, *thin) if len(canvas.orders) > 1 else None,
    )


def draw(prepared: PreparedSource | PreparedPointSource, canvas: Canvas) -> Light:
    """Return a source before the PSF: the spectrum of its core and the surface brightness of its wings.

    The core consists of the point and the narrow Gaussians,
    `flux exp(-i k.c) [point + sum_j w_j exp(-sigma_j² kappa² / 2)]`, where kappa is the length of k in
    the frame in which the ellipse is a circle with the radius of its major axis. The wings are
    `flux sum_j w_j exp(-m² / (2 sigma_j²)) / (2 pi sigma_j² (1 - ellip))`, where m is the elliptical radius. Where
    the PSF passes frequencies beyond those of the pixels, the spectrum of the wings there is drawn too.
    """
    k = canvas.ky, canvas.kx
    if isinstance(prepared, PreparedPointSource):
        plane = jnp.broadcast_to(prepared.flux, canvas.transfer.shape)
        return Light(spectrum=translate(plane, prepared.wave, k))
    core = translate(mixture_plane(prepared.core, k), prepared.wave, k)
    light = Light(spectrum=core, plane=mixture_plane(prepared.wing, prepared.wing_axes))
    if prepared.thin is None:
        return light
    beyond = canvas.ky[1:], canvas.kx[1:]
    aliases = translate(mixture_plane(prepared.thin, beyond), prepared.wave.tiles(slice(1, None)), beyond)
    return dataclasses.replace(light, aliases=aliases)


def lines_of(
    theta: Float[Array, ""], ratio: Float[Array, ""], centre: Float[Array, " 2"], sizes: tuple[float, float]
) -> tuple[Float[Array, "2 3"], Float[Array, "2 3"]]:
    """Return the `lines` of core and wings, along and across the ellipse: in k about zero, in (y, x) about a centre.

    Their squares sum to half the squared elliptical radius in units of `sizes`.
    """
    quarter, dtype = 0.5 * np.pi, theta.dtype
    # Operations on small matrices compile faster than those on each number.
    of_y = jnp.cos(theta + np.array([[0.0], [-quarter]], dtype))
    of_x = jnp.cos(theta + np.array([[quarter], [0.0]], dtype))
    stretch = jnp.where(np.array([[False], [True]]), ratio, 1.0)
    one, y, x = np.eye(3, dtype=dtype)[:, None] * math.sqrt(0.5)
    directions = of_y * y + of_x * x
    offset = -(of_y * centre[0] + of_x * centre[1])
    return sizes[0] * stretch * directions, sizes[1] / stretch * (directions + offset * one)


def _squares() -> Float[np.ndarray, "3 3 3 3"]:
    """Return the map from a 3 x 3 matrix M to the coefficients of y^i x^j in (1, y, x) M (1, y, x)."""
    result = np.zeros((3, 3, 3, 3))
    for (a, (ya, xa)), (b, (yb, xb)) in itertools.product(enumerate([(0, 0), (1, 0), (0, 1)]), repeat=2):
        result[ya + yb, xa + xb, a, b] = 1.0
    return result


_SQUARES = _squares()


def quadratic(lines: Float[Array, "2 3"]) -> Float[Array, "3 3"]:
    """Return the sum of the squares of the lines, as coefficients of y^i x^j."""
    products = jnp.einsum("la,lb->ab", lines, lines, precision="highest")
    return jnp.einsum("ijab,ab->ij", _SQUARES.astype(lines.dtype), products, precision="highest")


def _locate(centre: Float[Array, " 2"], canvas: Canvas) -> tuple[Axes, Float[Array, " 2"], Float[Array, ""]]:
    """Return the phases of the nearest whole pixel, the centre's distance from it, and a factor that fades the source.

    A centre is held at most half the padding outside the image, because beyond that the source would wrap around. It
    fades from there on. The phases of whole pixels are computed in integers, so that they are accurate in float32 in
    large images, too.
    """
    size = np.array(canvas.shape, centre.dtype)
    far = ((np.array(canvas.padded) - np.array(canvas.shape)) / 2).astype(centre.dtype)
    held = jnp.clip(centre, -far, size - 1 + far)
    fade = jnp.prod(smooth_step(1.0 - jnp.abs(centre - held) / _FADE))
    whole = jnp.round(lax.stop_gradient(held))
    turns: Any = tuple(
        2 * math.pi / side * (jnp.arange(axis.shape[1]) * pixel % side).astype(axis.dtype)[None, :]
        for axis, pixel, side in zip((canvas.ky, canvas.kx), whole.astype(int), canvas.padded, strict=True)
    )
    return turns, held - whole, fade
