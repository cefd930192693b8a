"""The light in pixels, from integrals along their borders.

A border and the source's centre span a triangle. The light of a pixel is the sum of the light of the triangles of its
four borders, each with the sign of the side on which the centre lies. This holds however near the centre is, and for
any cusp. Along a border the light of thin triangles changes as fast as the direction. In the frame in which the source
is round, at a distance d from the border's line, nodes therefore lie at `d sinh(t)` along the line, where t are
Gauss-Legendre nodes.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


# The smallest distance of a border from the centre, in pixels; smaller ones are replaced by it.
_TOUCHING = 1e-7


class Shape(NamedTuple):
    """The shape of a source: its axis ratio, and the sine and cosine of its position angle."""

    ratio: Float[Array, ""]
    sine: Float[Array, ""]
    cosine: Float[Array, ""]


class Zone(NamedTuple):
    """A square of pixels around the pixel that holds a source's centre.

    It extends `reach` pixels to each side. Each border has `nodes` nodes.
    """

    reach: int
    nodes: int

    def lines(self, offset: Float[Array, ""]) -> Float[Array, " a"]:
        """Return offsets of pixel borders from the centre, which lies at `offset` from the middle of its pixel."""
        return jnp.arange(-self.reach, self.reach + 2, dtype=offset.dtype) - 0.5 - offset


class Borders(NamedTuple):
    """Nodes on the borders of all pixels of some zones.

    `along` is the coordinate of each node along its border, from the point nearest to the centre. `away` is the
    distance of the border from the centre. Both refer to the frame in which the source is round. `turn` is the angle
    that each node represents, times the squared distance of the node, in units of the area in pixels; its sign is that
    of the side on which the centre lies. `y` and `x` are the nodes' offsets from the centre in pixels.
    """

    zones: tuple[Zone, ...]
    along: Float[Array, " n"]
    away: Float[Array, " n"]
    turn: Float[Array, " n"]
    y: Float[Array, " n"]
    x: Float[Array, " n"]

    @property
    def squares(self) -> Float[Array, " n"]:
        """The squared elliptical radii of the nodes."""
        return self.along**2 + jnp.maximum(self.away**2, _TOUCHING**2)

    def pixels(self, values: Float[Array, " n"]) -> list[Float[Array, "_ _"]]:
        """Return the light of each zone's pixels: the sums of `values` times `turn` over their borders."""
        counts = [2 * _count(zone) * zone.nodes for zone in self.zones]
        images = []
        for zone, part in zip(self.zones, jnp.split(values * self.turn, np.cumsum(counts)[:-1]), strict=True):
            side = 2 * zone.reach + 1
            vertical, horizontal = jnp.sum(part.reshape(zone.nodes, 2, side, side + 1), axis=0)
            images.append(vertical[:, 1:] - vertical[:, :-1] + (horizontal[:, 1:] - horizontal[:, :-1]).T)
        return images


def borders(zones: tuple[Zone, ...], offset: Any, shape: Shape) -> Borders:
    """Return the borders of zones about a centre at the `offset` (y, x) from the middle of its pixel."""
    # A step along the vertical and the horizontal borders in the round frame: along the major axis, and across it.
    vertical = jnp.stack([shape.cosine, -shape.sine / shape.ratio])
    horizontal = jnp.stack([-shape.sine, -shape.cosine / shape.ratio])
    steps = jnp.sqrt(jnp.stack([jnp.sum(vertical**2), jnp.sum(horizontal**2)]))
    overlap = jnp.sum(vertical * horizontal)

    # All zones are in one array (start along the border, line across it, length, start in pixels), to compile once.
    parts = []
    for zone in zones:
        y, x = (zone.lines(part)[:, None] for part in offset)
        first, across = jnp.stack([y[:-1], x[:-1]]), jnp.stack([x.T, y.T])
        step = steps[:, None, None]
        numbers = jnp.broadcast_arrays(first * step + across * (overlap / step), across, step, first)
        parts.append(jnp.stack(numbers).reshape(4, -1))
    # The sum does not depend on the nodes, nor does its derivative.
    turns = _turns(*lax.stop_gradient((jnp.concatenate(parts, axis=1)[:3], shape.ratio)))

    spread, node, weight = [], [], []
    begin = 0
    for zone, part in zip(zones, parts, strict=True):
        nodes, weights = np.polynomial.legendre.leggauss(zone.nodes)
        size = part.shape[1]
        both = jnp.concatenate([part, turns[:, begin : begin + size]])
        spread.append(jnp.broadcast_to(both[:, None], (both.shape[0], zone.nodes, size)).reshape(both.shape[0], -1))
        node.append(np.repeat((nodes + 1) / 2, size))
        weight.append(np.repeat(weights / 2, size))
        begin += size
    start, area, step, first, scale, begun, turned = jnp.concatenate(spread, axis=1)
    turn = turned * np.concatenate(node).astype(start.dtype)
    t = 2.0 * scale * jnp.cosh(begun + turn / 2) * jnp.sinh(turn / 2)
    weights = np.concatenate(weight).astype(start.dtype) * turned * scale * jnp.cosh(begun + turn)
    # Which borders are vertical and which horizontal, in each zone.
    is_vertical = np.concatenate([np.tile(np.arange(2), zone.nodes).repeat(_count(zone)) for zone in zones]) == 0
    y, x = jnp.where(is_vertical, first + t, area), jnp.where(is_vertical, area, first + t)
    return Borders(zones, start + t * step, area / (shape.ratio * step), area * weights, y, x)


def _count(zone: Zone) -> int:
    """Return the number of a zone's vertical borders."""
    return (2 * zone.reach + 1) * (2 * zone.reach + 2)


def _turns(borders: Float[Array, "3 b"], ratio: Float[Array, ""]) -> Float[Array, "3 b"]:
    """Return each border's distance in units of its length, t at its start, and the change of t along it."""
    start, area, step = borders
    distance = jnp.maximum(jnp.abs(area) / (ratio * step), _TOUCHING)
    low, high = start / distance, (start + step) / distance
    return jnp.stack([distance / step, jnp.arcsinh(low), _difference(low, high)])


def _difference(a: Float[Array, " b"], b: Float[Array, " b"]) -> Float[Array, " b"]:
    """Return `arcsinh(b) - arcsinh(a)` for b > a, without cancellation."""
    root_a, root_b = jnp.sqrt(1.0 + a**2), jnp.sqrt(1.0 + b**2)
    alike = a * b > 0.0
    both = jnp.where(alike, b * root_a + a * root_b, 1.0)
    return jnp.where(alike, jnp.arcsinh((b - a) * (b + a) / both), jnp.arcsinh(b) - jnp.arcsinh(a))


def nested(
    image: Float[Array, "y x"], drawn: list[Float[Array, "_ _"]], pixel: Float[Array, " 2"]
) -> Float[Array, "y x"]:
    """Return an image in which each zone, `drawn` about the `pixel` (y, x), replaces the previous values."""
    for zone in drawn:
        steps = jnp.arange(zone.shape[0], dtype=image.dtype) - zone.shape[0] // 2
        rows, columns = (
            (jnp.arange(side, dtype=image.dtype)[:, None] == (middle + steps)[None]).astype(image.dtype)
            for side, middle in zip(image.shape, pixel, strict=True)
        )
        there = jnp.linalg.multi_dot([rows, zone, columns.T], precision="highest")
        near = (rows.sum(axis=1)[:, None] * columns.sum(axis=1)[None]) > 0.5
        image = jnp.where(near, there, image)
    return image
