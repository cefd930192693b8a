"""Draw any source with a surface brightness: its centre on separate grids, the rest on the pixels.

Smooth windows (`windows.py`) divide the source into pieces that add up to it. The core, where it may have a cusp,
is summed over ellipses whose radii become dense towards the centre. Each ring around the core is sampled on a grid
that moves with the centre and in which the source is round, so that thin sources need no more points. The
Fourier transforms of both are exact at any frequency; sums over smooth pieces that vanish at the border converge
exponentially. The light outside is sampled on the pixels, and also between them.
"""

import dataclasses
import math
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float
from numpy.polynomial.chebyshev import chebpts1, chebvander
from scipy.special import gammaincc

from sersiclab.profiles import AbstractExtended
from sersiclab.rendering.canvas import Canvas, Light, phase
from sersiclab.rendering.groups import Group, by_kind, within_ranges
from sersiclab.rendering.windows import ORDER, REACH, WindowShape, finest, window, window_shapes


# Scale of the core's window, in pixels along the major axis.
_CORE = 0.7
_RADIUS = REACH * _CORE
# The smallest scale of the outermost window, in pixels. The light outside it is smooth between half pixels.
_OUTSIDE = 1.1
# The smallest axis ratio that is drawn. The rings of a thinner ellipse have finer structure than their grids.
_THINNEST = 0.02
# No light is sampled on the pixels where the exponent of the outermost window is below this.
_NEAR = 0.03

# Real and imaginary parts.
Parts = tuple[Float[Array, "..."], Float[Array, "..."]]


@dataclasses.dataclass(frozen=True)
class Fineness:
    """Accuracy of drawing: cells along each side of a grid, number of rings, points per pixel outside the rings.

    Double precision uses one more point per pixel, so that edges are as accurate as the rest.
    """

    cells: int = 64
    levels: int = 4
    oversampling: int = 2

    def points(self, dtype: Any) -> int:
        """Return the number of points along each side of a pixel outside the rings."""
        return self.oversampling + int(np.dtype(dtype).itemsize > 4)


def groups(sources: Mapping[str, Any], canvas: Canvas, fineness: Fineness) -> list[Group]:
    """Return the sources by kind, drawn from their surface brightness; all must be `AbstractExtended`."""
    stacks = by_kind(sources, canvas.x.dtype)
    return [Group(names, stacked, partial(draw, fineness=fineness)) for names, stacked in stacks]


def draw(source: AbstractExtended, canvas: Canvas, fineness: Fineness) -> Light:
    """Return the light of one source before the PSF."""
    source = within_ranges(source)
    ellip, theta = source.shape()
    ratio = jnp.maximum(1.0 - jnp.asarray(ellip, canvas.x.dtype), _THINNEST)
    theta = jnp.asarray(theta, canvas.x.dtype)
    outside = max(_OUTSIDE, finest(fineness.points(canvas.x.dtype)))
    # Neither the sum of the pieces nor its derivative depends on the windows.
    ratio, theta = lax.stop_gradient((ratio, theta))
    windows = window_shapes(ratio, theta, _CORE, outside, fineness.levels)
    spectrum = _core(source, canvas, ratio, theta, fineness) + _rings(source, canvas, windows, fineness)
    fine = _outside(source, canvas, jax.tree.map(lambda leaf: leaf[-1], windows), fineness)
    return Light(spectrum=spectrum * phase(source.xc, source.yc, canvas), fine=fine)


@cache
def _core_points(cells: int, count: int) -> tuple[np.ndarray, ...]:
    """Return radii and angles of points of the core, in coordinates in which it is round, and weights [radius, angle].

    Radii are evenly spaced in t, `ln m = t - exp(-t)`, so that they are dense towards the centre and the sum over
    them converges for any cusp. Angles are dense at the axes, where isophotes may have kinks.
    """
    step = 3.5 / cells
    t = np.arange(-3.1, math.log(_RADIUS) + 1.0, step)
    m = np.exp(t - np.exp(-t))
    t, m = t[m < _RADIUS], m[m < _RADIUS]
    shares = (1 + np.exp(-t)) * step * m**2 * gammaincc(ORDER, 0.5 * (m / _CORE) ** 2)
    turn = (np.arange(4 * count) + 0.5) / (4 * count)
    angles = 2 * np.pi * turn - np.sin(8 * np.pi * turn) / 4
    steps = 2 * np.pi * (1 - np.cos(8 * np.pi * turn)) / (4 * count)
    return m[:, None], angles, shares[:, None] * steps


@cache
def _interpolation(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Chebyshev nodes in (-1, 1), and the matrix from sums over T_a(x) to weights of these nodes."""
    nodes = chebpts1(size)
    matrix = chebvander(nodes, size - 1) * 2.0 / size
    matrix[:, 0] /= 2.0
    return nodes, matrix


def _core(
    source: AbstractExtended, canvas: Canvas, ratio: Float[Array, ""], theta: Float[Array, ""], fineness: Fineness
) -> Complex[Array, "tile ky kx"]:
    """Return the spectrum of the core about the centre.

    In the core, a wave exp(-i k x) equals its interpolation at Chebyshev nodes, so that the light of the points is
    distributed over a small grid of nodes.
    """
    dtype = canvas.x.dtype
    # As many nodes as the shortest wave needs, and half as many angles in a quarter.
    size = max(fineness.cells // 2, math.ceil(_RADIUS * _highest_wave_number(canvas)) + 12)
    m, angles, weights = _core_points(fineness.cells, -(-size // 2))
    along, across = (jnp.asarray(m * part, dtype) for part in (np.cos(angles), np.sin(angles)))
    sine, cosine = jnp.sin(theta), jnp.cos(theta)
    x, y = ratio * across * cosine - along * sine, ratio * across * sine + along * cosine
    brightness = source.brightness(x, y) * ratio * _taper(source, canvas, jnp.zeros(()), jnp.zeros(()))
    light = brightness * jnp.asarray(weights, dtype)
    nodes, matrix = _interpolation(size)
    orders = jnp.arange(size, dtype=dtype)
    of_y, of_x = (
        jnp.cos(jnp.outer(orders, jnp.arccos(jnp.clip(axis.ravel() / _RADIUS, -1.0, 1.0)))) for axis in (y, x)
    )
    sums = jnp.einsum("p,ap,bp->ab", light.ravel(), of_y, of_x, precision="highest")
    shares = jnp.linalg.multi_dot([matrix.astype(dtype), sums, matrix.T.astype(dtype)], precision="highest")
    rows, columns = (_waves(k, jnp.asarray(nodes * _RADIUS, dtype)) for k in (canvas.ky, canvas.kx))
    return _product(_contract("tyj,ji->tyi", rows, shares), columns) + _cusp(brightness, m, weights)


def _cusp(
    brightness: Float[Array, "radius angle"],
    m: Float[np.ndarray, "radius 1"],
    weights: Float[np.ndarray, "radius angle"],
) -> Float[Array, ""]:
    """Return the light within the innermost radius, `2 pi I m² / (2 + slope)`, less the part that the sum includes.

    The slope is that of a power law through the two innermost radii; it matters only if it is steep.
    """
    inner, outer = jnp.mean(brightness[0]), jnp.mean(brightness[1])
    ratio = jnp.where(inner * outer > 0.0, outer / jnp.where(inner == 0.0, 1.0, inner), 1.0)
    slope = jnp.clip(jnp.log(ratio) / math.log(m[1, 0] / m[0, 0]), -1.97, 0.0)
    return inner * (2 * math.pi * float(m[0, 0]) ** 2 / (2.0 + slope) - 0.5 * float(weights[0].sum()))


def _highest_wave_number(canvas: Canvas) -> float:
    return math.pi * (1 + 2 * max(abs(order) for orders in canvas.orders for order in orders))


def _rings(
    source: AbstractExtended, canvas: Canvas, windows: WindowShape, fineness: Fineness
) -> Complex[Array, "tile ky kx"]:
    """Return the spectrum of the rings between successive windows, about the centre.

    The grid of a ring is that of `WindowShape`, sheared: its transform is one along the columns, a turn of the phase
    that grows from column to column, and one along the rows. Frequencies beyond the grid's own limit,
    where a smooth ring has no power, are left out.
    """
    dtype, step = canvas.x.dtype, 2.0 * REACH / fineness.cells
    points = (jnp.arange(fineness.cells, dtype=dtype) - (fineness.cells - 1) / 2) * step
    inner, outer = (jax.tree.map(lambda leaf, s=s: leaf[s, None, None], windows) for s in (slice(-1), slice(1, None)))
    i, j = jnp.meshgrid(points, points, indexing="ij")
    x = outer.width * i[None]
    y = outer.height * j[None] + outer.slope * x
    x, y = lax.optimization_barrier((x, y))
    share = window(0.5 * (i**2 + j**2))[None] - window(inner.exponent(x, y))
    cell = step**2 * outer.width * outer.height
    light = lax.optimization_barrier(source.brightness(x, y)) * share * cell * _taper(source, canvas, x, y)

    width, height, slope = (part[None, :, :, 0] for part in (outer.width, outer.height, outer.slope))
    ky, kx = canvas.ky[:, None, :], canvas.kx[:, None, :]
    left = _contract("tlyj,lij->tlyi", _waves(ky * height, points), light)
    left = _times(left, _waves(ky * (slope * width), points))
    both = _product(left, _waves(kx * width, points))
    along = (kx * width)[:, :, None, :] + (ky * (slope * width))[..., None]
    within = (jnp.abs(ky * height) < math.pi / step)[..., None] & (jnp.abs(along) < math.pi / step)
    return jnp.sum(jnp.where(within, both, 0.0), axis=1)


def _waves(k: Float[Array, "*k"], points: Float[Array, " point"]) -> Parts:
    """Return the real and imaginary parts of `exp(-i k x)` for each `k` and each point `x`."""
    angle = lax.optimization_barrier(jnp.tensordot(k, points, axes=0))
    return jnp.cos(angle), -jnp.sin(angle)


def _contract(indices: str, waves: Parts, matrix: Float[Array, "..."]) -> Parts:
    real, imaginary = (jnp.einsum(indices, part, matrix, precision="highest") for part in waves)
    return real, imaginary


def _times(a: Parts, b: Parts) -> Parts:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _product(rows: Parts, columns: Parts) -> Complex[Array, "*b y x"]:
    """Return the complex product of `rows` and the transpose of `columns`, computed as one of real matrices."""
    real, imaginary = columns
    left = jnp.concatenate(rows, axis=-1)
    right = jnp.concatenate(
        [jnp.concatenate([real, -imaginary], axis=-1), jnp.concatenate([imaginary, real], axis=-1)], axis=-2
    )
    both = jnp.einsum("...yj,...xj->...yx", left, right, precision="highest")
    size = real.shape[-2]
    return lax.complex(both[..., :size], both[..., size:])


def _outside(
    source: AbstractExtended, canvas: Canvas, outermost: WindowShape, fineness: Fineness
) -> Float[Array, "count count y x"]:
    """Return the surface brightness outside the outermost window, as `Light.fine`."""
    count = fineness.points(canvas.x.dtype)
    steps = (np.arange(count) / count).astype(canvas.y.dtype)

    def sample(source: AbstractExtended, y: Float[Array, "1 y"], x: Float[Array, "1 x"]) -> Float[Array, "..."]:
        dy, dx = y - source.yc + steps[:, None], x - source.xc + steps[:, None]
        dy, dx = jnp.broadcast_arrays(dy[:, None, :, None], dx[None, :, None, :])
        u = outermost.exponent(dx, dy)
        near = u < _NEAR
        # The barriers keep an `exp` out of loops that, for their other operations, aren't vectorised on the CPU.
        away = lax.optimization_barrier((jnp.where(near, 1.0, dx), jnp.where(near, 1.0, dy)))
        brightness = lax.optimization_barrier(source.brightness(*away))
        return jnp.where(near, 0.0, brightness * (1.0 - window(u)))

    return jax.checkpoint(sample)(source, canvas.y, canvas.x)


def _taper(
    source: AbstractExtended, canvas: Canvas, x: Float[Array, "*s"], y: Float[Array, "*s"]
) -> Float[Array, "*s"]:
    """Return a factor that is one in the image and near it, and falls to zero where light would wrap around."""
    result = jnp.ones_like(x)
    for offset, centre, side, padded in zip((y, x), (source.yc, source.xc), canvas.shape, canvas.padded, strict=True):
        distance = jnp.abs(offset + lax.stop_gradient(centre) - (side - 1) / 2) - (side - 1) / 2
        half = max((padded - side) / 2, 1.0)
        result = result * (0.5 - 0.5 * jnp.tanh(8.0 * (distance / half - 1.0)))
    return result
