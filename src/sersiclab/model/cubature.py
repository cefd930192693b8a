"""Brute-force images of surface brightness in double precision, independent of the renderers.

Every pixel is a cell that is divided until Gauss-Legendre sums over it and over its quarters agree. At a source's
centre, which may be a cusp, the cells halve in size towards the centre, and the light inside the smallest is
extrapolated as a power law. Without a PSF a pixel's light is the sum over its points. With a PSF, each point
contributes the PSF at its place, interpolated between the samples by the band-limited (sinc) kernel.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import sici

from sersiclab.data.image import Image
from sersiclab.data.psf import extent


Brightness = Callable[[Float[np.ndarray, " p"], Float[np.ndarray, " p"]], Float[np.ndarray, " p"]]

_ORDER = 6
# Two sums over a cell agree if they differ by less than this fraction of the light in the brightest cell.
_TOLERANCE = 1e-8
_LEVELS = 24
# Division stops at a level with more cells than this; an edge is then resolved to a few thousandths of a pixel.
_MOST_CELLS = 20_000
# Halvings towards the centre; profiles do not resolve radii below 1e-12 pixels.
_HALVINGS = 34
# Number of cells, and of points of light, that are evaluated at once.
_CELLS_AT_ONCE, _POINTS_AT_ONCE = 20_000, 20_000
# The light of a cell smaller than this, in pixels, is replaced by one point at its centroid.
_TINY = 0.008
# Light is included this many pixels beyond the reach of the PSF.
_BEYOND = 6


class GaussRule(NamedTuple):
    """Gauss-Legendre nodes between 0 and 1, and their weights, which sum to one."""

    nodes: Float[np.ndarray, " node"]
    weights: Float[np.ndarray, " node"]


@functools.cache
def _rule() -> GaussRule:
    # Not at import, which would wait for numpy's linear algebra.
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    return GaussRule((nodes + 1.0) / 2, weights / 2)


class Cells(NamedTuple):
    """Rectangles: their lower left corners, as offsets from a source's centre, their sides, and the pixel of each."""

    x: Float[np.ndarray, " c"]
    y: Float[np.ndarray, " c"]
    width: Float[np.ndarray, " c"]
    height: Float[np.ndarray, " c"]
    owner: Int[np.ndarray, " c"]

    def chosen(self, which: np.ndarray) -> "Cells":
        return Cells(*(part[which] for part in self))

    def quarters(self) -> "Cells":
        """Return the four quarters of each cell, one cell after another."""
        width, height = self.width / 2, self.height / 2
        right, up = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
        x, y = (self.x[:, None] + width[:, None] * right).ravel(), (self.y[:, None] + height[:, None] * up).ravel()
        return Cells(x, y, *(np.repeat(part, 4) for part in (width, height, self.owner)))


class Points(NamedTuple):
    """Points of light: offsets from a source's centre, light, and the pixel of each."""

    x: Float[np.ndarray, " p"]
    y: Float[np.ndarray, " p"]
    light: Float[np.ndarray, " p"]
    owner: Int[np.ndarray, " p"]


class Scene:
    """The light of sources, as points in the pixels of an image and of a margin around it.

    Most points lie on a product grid, with `_ORDER` of them along each side of a cell; the others are listed.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        fine = image.psf_oversampling
        if image.psf is None or image.psf_origin is None:
            margins, self._parts = (0, 0), 1
        else:
            sides = extent(image.psf.shape, image.psf_origin)
            margins = tuple(math.ceil(side / (2 * fine)) + _BEYOND for side in sides)
            # The cells are small enough for sums over their nodes to resolve the interpolating kernel.
            self._parts = max(1, -(-fine // 2))
        self._edges = tuple(
            np.arange((side + 2 * margin) * self._parts + 1) / self._parts - margin - 0.5
            for side, margin in zip(image.shape, margins, strict=True)
        )
        self._shape = tuple(edges.size - 1 for edges in self._edges)
        self._grid = np.zeros(tuple(_ORDER * side for side in self._shape))
        self._points: list[Points] = []

    def add(self, brightness: Brightness, xc: float, yc: float) -> None:
        """Add a source with a surface brightness."""
        grid, points = _light(brightness, self._edges[0] - yc, self._edges[1] - xc)
        self._grid += grid
        self._points.append(points._replace(x=points.x + xc, y=points.y + yc))

    def add_point(self, flux: float, xc: float, yc: float) -> None:
        """Add a point source."""
        row, column = (
            int(np.searchsorted(edges, c, "right")) - 1 for edges, c in zip(self._edges, (yc, xc), strict=True)
        )
        if 0 <= row < self._shape[0] and 0 <= column < self._shape[1]:
            owner = np.array([row * self._shape[1] + column])
            self._points.append(Points(np.array([xc]), np.array([yc]), np.array([flux]), owner))

    def seen(self) -> Float[np.ndarray, "y x"]:
        """Return the image, convolved with the PSF if there is one."""
        from scipy.signal import fftconvolve

        if self._image.psf is None:
            return self._summed()
        kernels = [_Kernel(self._image, axis) for axis in (0, 1)]
        nodes = [(edges[:-1, None] + np.diff(edges)[:, None] * _rule().nodes).ravel() for edges in self._edges]
        fine = kernels[0](nodes[0]) @ self._grid @ kernels[1](nodes[1]).T
        for points in self._points:
            for start in range(0, points.x.size, _POINTS_AT_ONCE):
                x, y, light = (part[start : start + _POINTS_AT_ONCE] for part in points[:3])
                fine += (kernels[0](y) * light) @ kernels[1](x).T
        psf = self._image.psf.astype(float)
        blurred = fftconvolve(fine, psf / psf.sum(), mode="valid")
        return blurred[:: self._image.psf_oversampling, :: self._image.psf_oversampling]

    def _summed(self) -> Float[np.ndarray, "y x"]:
        rows, columns = self._shape
        total = self._grid.reshape(rows, _ORDER, columns, _ORDER).sum(axis=(1, 3))
        for points in self._points:
            total += np.bincount(points.owner, points.light, minlength=total.size).reshape(total.shape)
        return total


class _Kernel:
    """The kernel that interpolates a PSF along one axis, with the pixel's response if the PSF does not include it."""

    def __init__(self, image: Image, axis: int) -> None:
        assert image.psf is not None
        assert image.psf_origin is not None
        self._fine, side = image.psf_oversampling, image.psf.shape[axis]
        steps = np.arange(-(side - 1), (image.shape[axis] - 1) * self._fine + 1)
        self._places = (steps + image.psf_origin[axis]) / self._fine
        self._includes_pixel = image.psf_includes_pixel

    def __call__(self, at: Float[np.ndarray, " p"]) -> Float[np.ndarray, "z p"]:
        """Return the values at all samples for light at the given places."""
        distance = self._fine * (self._places[:, None] - at)
        if self._includes_pixel:
            # From sample to sample, only the sign of sin(pi distance) changes.
            signs = (-1.0) ** np.arange(self._places.size)
            wave = signs[:, None] * np.sin(np.pi * distance[0])
            close = np.abs(distance) < 1e-9
            return self._fine * np.where(close, 1.0, wave / (np.pi * np.where(close, 1.0, distance)))
        ends = (np.pi * (distance + sign * self._fine / 2) for sign in (1, -1))
        upper, lower = (sici(end)[0] for end in ends)
        return (upper - lower) / np.pi


def _light(
    brightness: Brightness, y_edges: Float[np.ndarray, " a"], x_edges: Float[np.ndarray, " b"]
) -> tuple[Float[np.ndarray, "y x"], Points]:
    """Return a source's light on the grid of nodes, and points for the cells that need more, which are zero there."""
    rows, columns = y_edges.size - 1, x_edges.size - 1
    row, column = (part.ravel() for part in np.mgrid[:rows, :columns])
    all_cells = Cells(
        x_edges[column], y_edges[row], np.diff(x_edges)[column], np.diff(y_edges)[row], row * columns + column
    )
    about = (x_edges[column] <= 1e-12) & (x_edges[column + 1] >= -1e-12)
    about &= (y_edges[row] <= 1e-12) & (y_edges[row + 1] >= -1e-12)
    central, rest = _towards_centre(brightness, all_cells.chosen(about))

    values = np.zeros((row.size, _ORDER, _ORDER))
    for part in _parts(np.flatnonzero(~about)):
        values[part] = _sampled(brightness, all_cells.chosen(part))
    middle = _sampled(brightness, central)
    brightest = max(np.abs(values.sum(axis=(1, 2))).max(initial=0.0), abs(middle.sum() + rest.light.sum()))
    found = [rest, *_refined(brightness, central, middle, brightest * _TOLERANCE)]
    for part in _parts(np.flatnonzero(~about)):
        cells = all_cells.chosen(part)
        quarters = cells.quarters()
        finer = _sampled(brightness, quarters)
        coarse = np.abs(_quartered(finer) - values[part].sum(axis=(1, 2))) > brightest * _TOLERANCE
        values[part[coarse]] = 0.0
        again = np.repeat(coarse, 4)
        found += _refined(brightness, quarters.chosen(again), finer[again], brightest * _TOLERANCE)
    grid = values.reshape(rows, columns, _ORDER, _ORDER).transpose(0, 2, 1, 3)
    points = Points(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    return grid.reshape(rows * _ORDER, columns * _ORDER), points


def _parts(which: Int[np.ndarray, " c"]) -> Iterator[Int[np.ndarray, " p"]]:
    for start in range(0, which.size, _CELLS_AT_ONCE):
        yield which[start : start + _CELLS_AT_ONCE]


def _refined(
    brightness: Brightness, cells: Cells, values: Float[np.ndarray, "c j i"], tolerance: float
) -> Iterator[Points]:
    """Divide cells with these `values` at their nodes until the sums agree, and yield their points of light."""
    for level in range(_LEVELS):
        if cells.x.size == 0:
            return
        last = level == _LEVELS - 1 or cells.x.size > _MOST_CELLS
        quarters = cells.quarters()
        finer = _sampled(brightness, quarters)
        good = (np.abs(_quartered(finer) - values.sum(axis=(1, 2))) <= tolerance) | last
        yield _points(cells.chosen(good), values[good])
        again = np.repeat(~good, 4)
        cells, values = quarters.chosen(again), finer[again]


def _quartered(values: Float[np.ndarray, "c j i"]) -> Float[np.ndarray, " d"]:
    """Return the light of each group of four consecutive cells."""
    return values.sum(axis=(1, 2)).reshape(-1, 4).sum(axis=1)


def _towards_centre(brightness: Brightness, cells: Cells) -> tuple[Cells, Points]:
    """Divide cells that touch the centre into ones that halve towards it; return these and the remaining light."""
    found: list[tuple[float, float, float, float, int]] = []
    remaining: list[float] = []
    owners: list[int] = []
    for x, y, width, height, owner in zip(*cells, strict=True):
        # Each end is the corner of a rectangle opposite the centre.
        for end_x, end_y in itertools.product((x, x + width), (y, y + height)):
            if (abs(end_x) < 1e-12 and abs(width) > 1e-12) or abs(end_y) < 1e-12:
                continue
            rings = [
                _rectangle(end_x * 0.5**level, end_y * 0.5**level, *ends, int(owner))
                for level in range(_HALVINGS)
                for ends in (((0.5, 1.0), (0.0, 0.5)), ((0.0, 0.5), (0.5, 1.0)), ((0.5, 1.0), (0.5, 1.0)))
            ]
            found += rings
            last = Cells(*(np.array(part) for part in zip(*rings[-6:], strict=True)))
            before, after = _sampled(brightness, last).sum(axis=(1, 2)).reshape(2, 3).sum(axis=1)
            ratio = np.clip(after / before, 0.0, 0.98) if before else 0.0
            remaining.append(float(after * ratio / (1.0 - ratio)))
            owners.append(int(owner))
    parts = zip(*found, strict=True) if found else ([],) * 5
    x, y, width, height, owner = (np.array(part) for part in parts)
    none = np.zeros(len(remaining))
    rest = Points(none, none, np.array(remaining), np.array(owners, int))
    return Cells(x, y, width, height, owner.astype(int)), rest


def _rectangle(
    x: float, y: float, x_part: tuple[float, float], y_part: tuple[float, float], owner: int
) -> tuple[float, float, float, float, int]:
    """Return a part of the rectangle between the centre and (x, y)."""
    left, right = sorted((x * x_part[0], x * x_part[1]))
    bottom, top = sorted((y * y_part[0], y * y_part[1]))
    return left, bottom, right - left, top - bottom, owner


def _sampled(brightness: Brightness, cells: Cells) -> Float[np.ndarray, "c j i"]:
    """Return the light at the nodes of each cell."""
    x, y = _places(cells)
    values = brightness(x.ravel(), y.ravel()).reshape(x.shape)
    area = (cells.width * cells.height)[:, None, None]
    return values * area * (_rule().weights[:, None] * _rule().weights)


def _places(cells: Cells) -> tuple[Float[np.ndarray, "c j i"], Float[np.ndarray, "c j i"]]:
    x = cells.x[:, None] + cells.width[:, None] * _rule().nodes
    y = cells.y[:, None] + cells.height[:, None] * _rule().nodes
    x, y = np.broadcast_arrays(x[:, None, :], y[:, :, None])
    return x, y


def _points(cells: Cells, values: Float[np.ndarray, "c j i"]) -> Points:
    """Return the nodes of cells as points, with a single point for each tiny cell."""
    tiny = np.maximum(cells.width, cells.height) < _TINY
    x, y = (part.ravel() for part in _places(cells.chosen(~tiny)))
    few, light = cells.chosen(tiny), values[tiny]
    share = np.abs(light) / np.maximum(np.abs(light).sum(axis=(1, 2), keepdims=True), 1e-300)
    at_x, at_y = ((share * part).sum(axis=(1, 2)) for part in _places(few))
    return Points(
        np.concatenate([x, at_x]),
        np.concatenate([y, at_y]),
        np.concatenate([values[~tiny].ravel(), light.sum(axis=(1, 2))]),
        np.concatenate([np.repeat(cells.owner[~tiny], _ORDER**2), few.owner]),
    )
