"""Draw mixtures of Gaussians without a PSF: the exact light in each pixel."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from sersiclab.profiles import AbstractMixture
from sersiclab.profiles.decomposition import SPACING
from sersiclab.rendering.borders import Shape, Zone, borders, nested
from sersiclab.rendering.canvas import Canvas, Light
from sersiclab.rendering.enclosed import Growth, enclosed, pairs_of
from sersiclab.rendering.gaussians import Mixture, chains_of, mixture_plane
from sersiclab.rendering.groups import Group
from sersiclab.rendering.halves import averaged, half_pixels
from sersiclab.rendering.sources import THINNEST, Sources, lines_of, quadratic, stack


# The narrowest Gaussian, in pixels, and the widest, in sides of the image.
_NARROWEST, _WIDEST = 2e-5, 8.0
# The radius beyond which a Gaussian is negligible, in sigma.
_NOTHING = 5.5
# The zones of pixels near a centre that are drawn from their borders. The innermost has more nodes.
_ZONES = (Zone(12, 10), Zone(1, 24))


def groups(mixtures: Mapping[str, AbstractMixture], canvas: Canvas) -> list[Group]:
    """Return the mixtures by kind."""
    return [Group(names, stacked, draw) for names, stacked in stack(mixtures, canvas.x.dtype)]


def draw(source: Sources, canvas: Canvas) -> Light:
    """Return the pixels of one mixture: near its centre from their borders, elsewhere from samples of brightness."""
    if source.scales.shape[-1] == 0:
        return Light(pixels=point_pixels(source.flux, source.xc, source.yc, canvas))
    mixture = _mixed(source, canvas)
    pixel = lax.stop_gradient(jnp.round(jnp.stack([source.yc, source.xc])))
    near = _from_borders(mixture, (source.yc - pixel[0], source.xc - pixel[1]))
    image = nested(_sampled(mixture, canvas), near, pixel)
    return Light(pixels=source.flux / mixture.ratio * image)


class _Mixed(NamedTuple):
    """A mixture: its source, and its Gaussians, the widest first.

    `rows` are the weights of the Gaussians and the derivatives of the weights with respect to each scale. `points` are
    the same numbers for a point.
    """

    source: Sources
    ratio: Float[Array, ""]
    log_widths: Float[np.ndarray, " k"]
    rows: Float[Array, "m k"]
    points: Float[Array, " m"]


def _mixed(source: Sources, canvas: Canvas) -> _Mixed:
    first, last = math.log(_NARROWEST), math.log(_WIDEST * max(canvas.shape))
    log_widths = first + SPACING * np.arange(math.ceil((last - first) / SPACING) + 1)
    log_widths = log_widths.astype(canvas.x.dtype)

    def weights(scales: Float[Array, " d"]) -> Any:
        return (source.weights(log_widths, *scales),) * 2

    slopes, values = jax.jacfwd(weights, has_aux=True)(source.scales)
    rows, points = (jnp.concatenate([value[None], slope.T]) for value, slope in zip(values, slopes, strict=True))
    ratio = jnp.maximum(1.0 - source.ellip, THINNEST)
    return _Mixed(source, ratio, log_widths[::-1], rows[:, ::-1], points)


def _from_borders(mixture: _Mixed, offset: tuple[Any, Any]) -> list[Float[Array, "_ _"]]:
    """Return the pixels of the zones near the centre, from nodes on their borders.

    Let m be the elliptical radius and F the fraction of the flux within it. The light of the triangle between the
    centre and a border is the integral of `flux F(m) / (2 pi)` over the angle, in the frame in which the source is
    round.
    """
    source = mixture.source
    growth = Growth(source.scales, pairs_of(mixture.rows), mixture.points)
    nodes = borders(_ZONES, offset, Shape(mixture.ratio, jnp.sin(source.theta), jnp.cos(source.theta)))
    squares = nodes.squares
    fractions = enclosed(growth, squares / (2.0 * math.exp(2.0 * float(mixture.log_widths[0])))) / squares
    return nodes.pixels(fractions / (2.0 * math.pi))


def _sampled(mixture: _Mixed, canvas: Canvas) -> Float[Array, "y x"]:
    """Return the pixels beyond the zones, from the brightness at points half a pixel apart."""
    source = mixture.source
    kept = int(np.sum(mixture.log_widths > math.log(_ZONES[0].reach / _NOTHING)))
    areas = 2.0 * np.pi * np.exp(2.0 * mixture.log_widths[:kept].astype(float))
    rows = mixture.rows[:, :kept] / areas.astype(mixture.log_widths.dtype)[None]
    rates = -(2.0 ** (np.arange(kept) / 2)).astype(mixture.log_widths.dtype)
    rows = jnp.concatenate([rows, rates[None] * rows[:1]])
    centre = jnp.stack([source.yc, source.xc])
    origin = jnp.round(lax.stop_gradient(centre))
    widest = math.exp(float(mixture.log_widths[0]))
    _, lines = lines_of(source.theta, mixture.ratio, centre - origin, (1.0, 1.0 / widest))
    one, none = jnp.ones_like(source.flux), jnp.zeros(rows.shape[0], rows.dtype)
    gaussians = Mixture(one, source.scales, quadratic(lines), lines, chains_of(rows), none)
    y, x = (half_pixels(side, rows.dtype)[None] - pixel for side, pixel in zip(canvas.shape, origin, strict=True))
    return averaged(mixture_plane(gaussians, (y, x))[0])


def point_pixels(flux: Any, xc: Any, yc: Any, canvas: Canvas) -> Float[Array, "y x"]:
    """Return the pixels of a point source, all of whose light falls into one pixel."""
    rows, columns = (
        (jnp.abs(jnp.arange(side, dtype=canvas.x.dtype) - jnp.floor(c + 0.5)) < 0.5).astype(canvas.x.dtype)
        for side, c in zip(canvas.shape, (yc, xc), strict=True)
    )
    return flux * rows[:, None] * columns[None]
