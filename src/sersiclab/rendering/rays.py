"""Draw any source with a surface brightness without a PSF: the exact light in each pixel.

The pixels next to the centre, where the source may have a cusp, are drawn from the light along rays from the centre
to nodes on their borders. The others are Gauss-Legendre sums, which are finer near the centre, where thin sources are
narrow.
"""

import math
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from sersiclab.profiles import AbstractExtended
from sersiclab.rendering.borders import Shape, Zone, borders, nested
from sersiclab.rendering.canvas import Canvas, Light
from sersiclab.rendering.groups import Group, by_kind, within_ranges
from sersiclab.rendering.patches import Fineness
from sersiclab.rendering.sources import THINNEST


# Distances from the central pixel, in pixels, within which rays are used and within which sums are fine; and the number
# of nodes along a side of a pixel in fine sums.
_RAYS, _FINE, _FINE_NODES = 2, 11, 10
# Nodes in each part of a ray. Each part is half as long as the one outside it. Outer parts may cross edges.
_RAY_NODES = (8,) * 4 + (4,) * 16


def groups(sources: Mapping[str, Any], canvas: Canvas, fineness: Fineness) -> list[Group]:
    """Return the sources by kind; all must be `AbstractExtended`."""
    stacks = by_kind(sources, canvas.x.dtype)
    return [Group(names, stacked, partial(draw, fineness=fineness)) for names, stacked in stacks]


def draw(source: AbstractExtended, canvas: Canvas, fineness: Fineness) -> Light:
    """Return the pixels of one source."""
    source = within_ranges(source)
    pixel = lax.stop_gradient(jnp.round(jnp.asarray([source.yc, source.xc], canvas.x.dtype)))
    offset = source.yc - pixel[0], source.xc - pixel[1]
    count = fineness.points(canvas.x.dtype) + 1
    lines = (jnp.arange(side, dtype=canvas.x.dtype) for side in canvas.shape)
    y, x = (line - c for line, c in zip(lines, (source.yc, source.xc), strict=True))
    far = _summed(source, y, x, count, _FINE)
    steps = jnp.arange(-_FINE, _FINE + 1, dtype=canvas.x.dtype)
    fine = _summed(source, steps - offset[0], steps - offset[1], max(count, _FINE_NODES), _RAYS)
    return Light(pixels=nested(far, [fine, *_along_rays(source, offset, fineness)], pixel))


@partial(jax.checkpoint, static_argnums=(3, 4))
def _summed(
    source: AbstractExtended, y: Float[Array, " y"], x: Float[Array, " x"], count: int, hole: int
) -> Float[Array, "y x"]:
    """Return sums over `count` nodes along each side of a pixel, for pixels at these offsets from the centre.

    Pixels within `hole` pixels of the central one have arbitrary finite values.
    """
    nodes, weights = (part.astype(x.dtype) / 2 for part in np.polynomial.legendre.leggauss(count))
    inside = (jnp.abs(y)[:, None] < hole + 0.25) & (jnp.abs(x)[None] < hole + 0.25)
    inside = jnp.repeat(jnp.repeat(inside, count, axis=0), count, axis=1)
    dy, dx = ((part[:, None] + nodes[None]).ravel() for part in (y, x))
    # The barriers keep an `exp` out of loops that aren't vectorised on the CPU because of their other operations.
    away = [jnp.where(inside, hole + 1.0, part) for part in (dx[None, :], dy[:, None])]
    brightness = lax.optimization_barrier(source.brightness(*lax.optimization_barrier(away)))
    cells = brightness.reshape(y.size, count, x.size, count)
    return jnp.einsum("yaxb,a,b->yx", cells, weights, weights, precision="highest")


@cache
def _ray() -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return nodes on a ray of length 1, the outermost first, and weights for an integral over `m dm`."""
    places, shares = [], []
    for i, count in enumerate(_RAY_NODES):
        nodes, weights = np.polynomial.legendre.leggauss(count)
        places.append(0.5**i * (3.0 - nodes) / 4)
        shares.append(0.5**i * weights / 4)
    return np.concatenate(places), np.concatenate(places) * np.concatenate(shares)


def _along_rays(source: AbstractExtended, offset: tuple[Any, Any], fineness: Fineness) -> list[Float[Array, "_ _"]]:
    """Return the pixels next to the centre."""
    dtype = offset[0].dtype
    ellip, theta = (jnp.asarray(part, dtype) for part in source.shape())
    # The sum does not depend on the coordinate frame, nor does its derivative.
    ratio, theta = lax.stop_gradient((jnp.maximum(1.0 - ellip, THINNEST), theta))
    zones = (Zone(_RAYS, max(fineness.cells // 4, 8)),)
    nodes = borders(zones, offset, Shape(ratio, jnp.sin(theta), jnp.cos(theta)))
    return nodes.pixels(_lit(source, nodes.x, nodes.y))


@jax.checkpoint
def _lit(source: AbstractExtended, x: Float[Array, " n"], y: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return the integral of `brightness(s x, s y) s ds` from 0 to 1 for each of the points.

    Within the innermost node, the brightness is replaced by a power law.
    """
    places, weights = (part[:, None].astype(x.dtype) for part in _ray())
    points = lax.optimization_barrier((places * x[None], places * y[None]))
    brightness = lax.optimization_barrier(source.brightness(*points))
    last = _RAY_NODES[-1]
    outer, inner = brightness[-last], brightness[-1]
    ratio = jnp.where(inner * outer > 0.0, inner / jnp.where(outer == 0.0, 1.0, outer), 1.0)
    slope = jnp.clip(jnp.log(ratio) / math.log(places[-1, 0] / places[-last, 0]), -1.97, 0.0)
    end = 0.5 ** len(_RAY_NODES)
    within = inner * (end / places[-1, 0]) ** slope * end**2 / (2.0 + slope)
    return jnp.sum(weights * brightness, axis=0) + within
