"""Drawing any source with a surface brightness without a PSF: the exact light in each pixel.

The pixels next to the centre, where the source may have a cusp, are drawn from the light along rays from the centre
to nodes on their borders. The others are Gauss-Legendre sums, finer ones near the centre, where thin sources are thin.
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


# Pixels from the centre's up to which rays are drawn, and up to which sums are fine; nodes along a side of the latter.
_RAYS, _FINE, _FINE_NODES = 2, 11, 10
# Nodes in each part of a ray, which is halved towards the centre: outside there may be edges.
_RAY_NODES = (8,) * 4 + (4,) * 16


def groups(sources: Mapping[str, Any], canvas: Canvas, fineness: Fineness) -> list[Group]:
    """The sources by kind; they must all be `AbstractExtended`."""
    stacks = by_kind(sources, canvas.x.dtype)
    return [Group(names, stacked, partial(draw, fineness=fineness)) for names, stacked in stacks]


def draw(source: AbstractExtended, canvas: Canvas, fineness: Fineness) -> Light:
    """One source's pixels."""
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
    """Sums over `count` nodes along each side of a pixel, for pixels at these offsets from the centre.

    In the `hole`, so many pixels around the centre's, they are anything finite.
    """
    nodes, weights = (part.astype(x.dtype) / 2 for part in np.polynomial.legendre.leggauss(count))
    inside = (jnp.abs(y)[:, None] < hole + 0.25) & (jnp.abs(x)[None] < hole + 0.25)
    inside = jnp.repeat(jnp.repeat(inside, count, axis=0), count, axis=1)
    dy, dx = ((part[:, None] + nodes[None]).ravel() for part in (y, x))
    # The barriers keep an `exp` out of loops that, for their other operations, aren't vectorised on the CPU.
    away = [jnp.where(inside, hole + 1.0, part) for part in (dx[None, :], dy[:, None])]
    brightness = lax.optimization_barrier(source.brightness(*lax.optimization_barrier(away)))
    cells = brightness.reshape(y.size, count, x.size, count)
    return jnp.einsum("yaxb,a,b->yx", cells, weights, weights, precision="highest")


@cache
def _ray() -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Nodes on a ray of length 1, the outermost first, and weights for an integral over `m dm`."""
    places, shares = [], []
    for i, count in enumerate(_RAY_NODES):
        nodes, weights = np.polynomial.legendre.leggauss(count)
        places.append(0.5**i * (3.0 - nodes) / 4)
        shares.append(0.5**i * weights / 4)
    return np.concatenate(places), np.concatenate(places) * np.concatenate(shares)


def _along_rays(source: AbstractExtended, offset: tuple[Any, Any], fineness: Fineness) -> list[Float[Array, "_ _"]]:
    """The pixels next to the centre."""
    dtype = offset[0].dtype
    ellip, theta = (jnp.asarray(part, dtype) for part in source.shape())
    # The frame is ours to choose: the sum does not depend on it, nor does its derivative.
    ratio, theta = lax.stop_gradient((jnp.maximum(1.0 - ellip, THINNEST), theta))
    zones = (Zone(_RAYS, max(fineness.cells // 4, 8)),)
    nodes = borders(zones, offset, Shape(ratio, jnp.sin(theta), jnp.cos(theta)))
    return nodes.pixels(_lit(source, nodes.x, nodes.y))


@jax.checkpoint
def _lit(source: AbstractExtended, x: Float[Array, " n"], y: Float[Array, " n"]) -> Float[Array, " n"]:
    """The integral of `brightness(s x, s y) s ds` from 0 to 1 for each of the points.

    Towards the centre a power law stands for what lies within the innermost node.
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
