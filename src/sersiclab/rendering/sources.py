"""Drawing Gaussian mixtures, before the PSF: a source's core as a spectrum, its wings on the pixels."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from sersiclab.profiles import AbstractMixture
from sersiclab.profiles.base import LogWidths
from sersiclab.rendering.canvas import Canvas, Light
from sersiclab.rendering.gaussians import Axes, Mixture, Wave, chains_of, mixture_plane, translate, wave_of
from sersiclab.rendering.groups import columns_of


# Over how many pixels a source fades that is too far from the image to be seen.
_FADE = 4.0
# A Gaussian as wide across as `_THICK` pixels is drawn on the pixels without harm, one thinner than `_THIN` not.
_THIN, _THICK = 0.8, 1.0
# An axis ratio beyond those that profiles declare is held here: it must not vanish.
THINNEST = 0.02

Weights = Callable[..., tuple[Float[Array, " k"], Float[Array, ""]]]


@dataclasses.dataclass(frozen=True)
class Widths:
    """ln sigma of all Gaussians of a mixture.

    Those before `split` are drawn in Fourier space, those from `end` on on the pixels. What is between is
    drawn on the pixels unless it is too thin. From `thick` on none is so thin that it has structure between
    the pixels.
    """

    log: LogWidths
    split: int
    end: int
    thick: int


class Sources(eqx.Module):
    """Sources whose weights are the same function of their `scales`, stacked."""

    weights: Weights = eqx.field(static=True)
    xc: Float[Array, "*s"]
    yc: Float[Array, "*s"]
    flux: Float[Array, "*s"]
    ellip: Float[Array, "*s"]
    theta: Float[Array, "*s"]
    scales: Float[Array, "*s d"]


class Drawing(eqx.Module):
    """What the planes of a source are made of: one source, or several stacked."""

    wave: Wave
    core: Mixture
    wing: Mixture
    wing_axes: Axes
    between: Mixture | None


class Point(eqx.Module):
    """The same of a point source."""

    wave: Wave
    flux: Float[Array, "*s"]


def stack(profiles: Mapping[str, AbstractMixture], dtype: Any) -> list[tuple[list[str], Sources]]:
    """The profiles grouped by kind, with their names in the order of the stack."""
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


def prepare(source: Sources, widths: Widths, canvas: Canvas) -> Drawing | Point:
    """All that is small about drawing one source."""
    k = canvas.ky, canvas.kx
    centre = jnp.stack([source.yc, source.xc])
    turns, shift, fade = _locate(centre, canvas)
    wave = wave_of(turns, k, shift)
    if source.scales.shape[-1] == 0:
        return Point(wave, source.flux * fade)
    # The pixels stay where they are; the polynomial follows the centre, about the nearest whole pixel.
    origin = jnp.round(lax.stop_gradient(centre))
    ratio = jnp.maximum(1.0 - source.ellip, THINNEST)
    sigma = np.exp(widths.log.astype(float))
    core, wing, between = _mixtures(source, widths, lax.stop_gradient(ratio))
    narrow, wide = lines_of(source.theta, ratio, centre - origin, (sigma[0], 1.0 / sigma[-1]))
    flux, scales = source.flux * fade, source.scales
    first = sigma[widths.split] / sigma[0] * narrow
    return Drawing(
        wave=wave,
        core=Mixture(flux, scales, quadratic(narrow), narrow, *core),
        wing=Mixture(source.flux / ratio, scales, quadratic(wide), wide, *wing),
        wing_axes=(canvas.y - origin[0], canvas.x - origin[1]),
        between=Mixture(flux, scales, quadratic(first), first, *between) if len(canvas.orders) > 1 else None,
    )


def draw(drawing: Drawing | Point, canvas: Canvas) -> Light:
    """One source before the PSF: the spectrum of its core and the surface brightness of its wings.

    The core is the point and the narrow Gaussians,
    `flux exp(-i k.c) [point + sum_j w_j exp(-sigma_j² kappa² / 2)]`, where kappa is the length of k in
    the frame in which the ellipse is a circle of the radius of its major axis. The wings are
    `flux sum_j w_j exp(-m² / (2 sigma_j²)) / (2 pi sigma_j² (1 - ellip))`, m the elliptical radius. Where
    the PSF passes frequencies beyond the pixels', the wings' spectrum there is drawn too.
    """
    k = canvas.ky, canvas.kx
    if isinstance(drawing, Point):
        plane = jnp.broadcast_to(drawing.flux, canvas.transfer.shape)
        return Light(spectrum=translate(plane, drawing.wave, k))
    core = translate(mixture_plane(drawing.core, k), drawing.wave, k)
    light = Light(spectrum=core, plane=mixture_plane(drawing.wing, drawing.wing_axes))
    if drawing.between is None:
        return light
    beyond = canvas.ky[1:], canvas.kx[1:]
    aliases = translate(mixture_plane(drawing.between, beyond), drawing.wave.tiles(slice(1, None)), beyond)
    return dataclasses.replace(light, aliases=aliases)


def _mixtures(source: Sources, widths: Widths, ratio: Float[Array, ""]) -> list[tuple[Any, Any]]:
    """The `chains` and `constants` of the core, of the wings and of those of the wings that may be thin."""
    dtype = widths.log.dtype
    sigma = np.exp(widths.log.astype(float))
    brightness = (1.0 / (2 * np.pi * sigma[widths.split :] ** 2)).astype(dtype)
    # Which of two faithful drawings we take is ours to choose: the derivative does not depend on it.
    across = ratio * sigma[widths.split : widths.end].astype(dtype)
    step = jnp.clip((_THICK - across) / (_THICK - _THIN), 0.0, 1.0)
    # The widest of them is wrapped around if drawn in Fourier space, and has structure between the pixels if
    # not: half of it in each is less wrong than either.
    most = np.where(np.arange(across.size) < across.size - 1, 1.0, 0.5).astype(dtype)
    in_core = jnp.pad(most * step**2 * (3.0 - 2.0 * step), (widths.split, 0), constant_values=1.0)
    share = jnp.pad(1.0 - in_core[widths.split :], (0, sigma.size - widths.end), constant_values=1.0)

    def terms(scales: Float[Array, " d"]) -> Any:
        weights, point = source.weights(widths.log, *scales)
        wing, none = share * weights[widths.split :], jnp.zeros_like(point)
        # The widest Gaussian falls slowest, and comes first.
        on_pixels = (brightness * wing)[::-1]
        return (in_core * weights[: widths.end], point), (on_pixels, none), (wing[: widths.thick - widths.split], none)

    result = []
    slopes, values = jax.jacfwd(lambda scales: (terms(scales),) * 2, has_aux=True)(source.scales)
    for (amplitudes, constant), (bends, constant_bends) in zip(values, slopes, strict=True):
        rates = np.array([-(2.0 ** (j / 2)) for j in range(amplitudes.size)], dtype)
        rows = jnp.concatenate([amplitudes[None], bends.T, (rates * amplitudes)[None]])
        constants = jnp.concatenate([constant[None], constant_bends, jnp.zeros_like(constant)[None]])
        result.append((chains_of(rows), constants))
    return result


def lines_of(
    theta: Float[Array, ""], ratio: Float[Array, ""], centre: Float[Array, " 2"], sizes: tuple[float, float]
) -> tuple[Float[Array, "2 3"], Float[Array, "2 3"]]:
    """The `lines` of core and wings: along and across the ellipse, in k about zero and in (y, x) about a centre.

    Their squares sum to half the squared elliptical radius in units of `sizes`.
    """
    quarter, dtype = 0.5 * np.pi, theta.dtype
    # Operations on small matrices, not on each number: they compile faster.
    of_y = jnp.cos(theta + np.array([[0.0], [-quarter]], dtype))
    of_x = jnp.cos(theta + np.array([[quarter], [0.0]], dtype))
    stretch = jnp.where(np.array([[False], [True]]), ratio, 1.0)
    one, y, x = np.eye(3, dtype=dtype)[:, None] * math.sqrt(0.5)
    directions = of_y * y + of_x * x
    offset = -(of_y * centre[0] + of_x * centre[1])
    return sizes[0] * stretch * directions, sizes[1] / stretch * (directions + offset * one)


def _squares() -> Float[np.ndarray, "3 3 3 3"]:
    """From a 3 x 3 matrix M the coefficients of y^i x^j in (1, y, x) M (1, y, x)."""
    result = np.zeros((3, 3, 3, 3))
    for (a, (ya, xa)), (b, (yb, xb)) in itertools.product(enumerate([(0, 0), (1, 0), (0, 1)]), repeat=2):
        result[ya + yb, xa + xb, a, b] = 1.0
    return result


_SQUARES = _squares()


def quadratic(lines: Float[Array, "2 3"]) -> Float[Array, "3 3"]:
    """The sum of the lines' squares, as coefficients of y^i x^j."""
    products = jnp.einsum("la,lb->ab", lines, lines, precision="highest")
    return jnp.einsum("ijab,ab->ij", _SQUARES.astype(lines.dtype), products, precision="highest")


def _locate(centre: Float[Array, " 2"], canvas: Canvas) -> tuple[Axes, Float[Array, " 2"], Float[Array, ""]]:
    """The phases of the nearest whole pixel, what remains of the centre, and a factor that fades the source.

    A centre is held half the padding outside the image: beyond, it would come in at the other side. It
    fades from there on. The phases of whole pixels are computed in integers, so that float32 keeps its
    digits in large images.
    """
    size = np.array(canvas.shape, centre.dtype)
    far = ((np.array(canvas.padded) - np.array(canvas.shape)) / 2).astype(centre.dtype)
    held = jnp.clip(centre, -far, size - 1 + far)
    step = jnp.clip(1.0 - jnp.abs(centre - held) / _FADE, 0.0, 1.0)
    whole = jnp.round(lax.stop_gradient(held))
    turns: Any = tuple(
        2 * math.pi / side * (jnp.arange(axis.shape[1]) * pixel % side).astype(axis.dtype)[None, :]
        for axis, pixel, side in zip((canvas.ky, canvas.kx), whole.astype(int), canvas.padded, strict=True)
    )
    return turns, held - whole, jnp.prod(step**2 * (3.0 - 2.0 * step))
