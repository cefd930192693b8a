"""Images of Sérsic galaxies without any renderer.

Through a PSF of Gaussians they are sums over points of light. Without a PSF a pixel's light follows from that
within each ellipse: in the frame in which the galaxy is round a pixel is a parallelogram, which a ray from the
centre crosses between two radii. The light of the thin wedge between them is a difference of incomplete gamma
functions; what is left is one integral over the angle between the corners, by the double-exponential rule.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.special import erf, gamma, gammainc, gammaincinv

from sersiclab.data.image import Image


SHAPE = (45, 60)


def _rule(count: int = 60, end: float = 3.2) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(-end, end, 2 * count + 1)
    x = 0.5 + 0.5 * np.tanh(0.5 * np.pi * np.sinh(t))
    return x, 0.25 * np.pi * np.cosh(t) / np.cosh(0.5 * np.pi * np.sinh(t)) ** 2 * (t[1] - t[0])


def sersic_pixels(
    shape: tuple[int, int], *, xc: float, yc: float, flux: float, r_eff: float, n: float, ellip: float, theta: float
) -> np.ndarray:
    """The light in each pixel of a Sérsic galaxy that no PSF blurs, to 1e-8 of the flux or better."""
    b, q = gammaincinv(2 * n, 0.5), 1.0 - ellip
    y, x = (part.ravel().astype(float) for part in np.mgrid[: shape[0], : shape[1]])
    dx, dy = x - xc, y - yc
    # Corners counter-clockwise, (pixel, corner, direction): along the major axis and across it.
    corner_x, corner_y = (
        c[:, None] + np.array(s) for c, s in ((dx, (-0.5, 0.5, 0.5, -0.5)), (dy, (-0.5, -0.5, 0.5, 0.5)))
    )
    along = -corner_x * np.sin(theta) + corner_y * np.cos(theta)
    across = -(corner_x * np.cos(theta) + corner_y * np.sin(theta)) / q
    inside = (np.abs(dx) <= 0.5) & (np.abs(dy) <= 0.5)
    angle = np.arctan2(across, along)
    # Angles of the corners from that of the pixel's middle, or all around where the centre is in the pixel.
    middle = np.arctan2(across.mean(1), along.mean(1))
    turned = np.sort((angle - middle[:, None] + np.pi) % (2 * np.pi) - np.pi, axis=1)
    around = np.sort(angle % (2 * np.pi), axis=1)
    starts = np.where(inside[:, None], around, turned)
    breaks = np.concatenate([starts, np.where(inside, starts[:, 0] + 2 * np.pi, starts[:, -1])[:, None]], axis=1)
    offset = np.where(inside, 0.0, middle)[:, None]
    node, weight = _rule()
    total = np.zeros(x.size)
    for piece in range(4):
        low, high = breaks[:, piece, None], breaks[:, piece + 1, None]
        phi = low + (high - low) * node + offset
        inner, outer = _crossed(phi, along, across)
        light = gammainc(2 * n, b * (outer / r_eff) ** (1 / n)) - gammainc(2 * n, b * (inner / r_eff) ** (1 / n))
        total += np.sum(light * weight * (high - low), axis=1)
    return flux / (2 * np.pi) * total.reshape(shape)


def _crossed(phi: np.ndarray, along: np.ndarray, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The radii between which rays are in the parallelograms."""
    inner, outer = np.zeros_like(phi), np.full_like(phi, np.inf)
    for start, end in ((0, 1), (1, 2), (2, 3), (3, 0)):
        step = (along[:, end] - along[:, start])[:, None], (across[:, end] - across[:, start])[:, None]
        # A point p is on the inner side of an edge where (end - start) x (p - start) has the sign that it has inside.
        slope = step[0] * np.sin(phi) - step[1] * np.cos(phi)
        level = step[0] * across[:, start, None] - step[1] * along[:, start, None]
        sign = np.sign(
            step[0] * (across.mean(1) - across[:, start])[:, None]
            - step[1] * (along.mean(1) - along[:, start])[:, None]
        )
        slope, level = sign * slope, sign * level
        with np.errstate(divide="ignore", invalid="ignore"):
            radius = level / slope
        inner = np.where((slope > 0) & (radius > inner), radius, inner)
        outer = np.where((slope < 0) & (radius < outer), radius, outer)
    return inner, np.maximum(np.where(np.isfinite(outer), outer, inner), inner)


class Blob(NamedTuple):
    """A Gaussian part of a PSF: its share, its offset and its sigma, in pixels."""

    share: float
    dx: float
    dy: float
    sigma: float


class Optics(NamedTuple):
    """A PSF of a closed form, and its array's shape and oversampling."""

    blobs: tuple[Blob, ...]
    shape: tuple[int, int]
    oversampling: int = 1

    def image(self) -> Image:
        (rows, columns), fine = self.shape, self.oversampling
        y, x = (np.arange(rows) - (rows - 1) / 2) / fine, (np.arange(columns) - (columns - 1) / 2) / fine
        psf = sum(b.share * np.outer(response(y - b.dy, b), response(x - b.dx, b)) for b in self.blobs)
        return Image(np.zeros(SHAPE), sigma=1.0, psf=psf / fine**2, psf_oversampling=fine)

    def galsim(self) -> Any:
        """The same in GalSim, without the pixel, which it adds itself."""
        galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
        return galsim.Add([galsim.Gaussian(sigma=b.sigma, flux=b.share).shift(b.dx, b.dy) for b in self.blobs])


def gaussian(fwhm: float) -> tuple[Blob, ...]:
    return (Blob(1.0, 0.0, 0.0, fwhm / np.sqrt(8 * np.log(2))),)


def lopsided(fwhm: float) -> tuple[Blob, ...]:
    sigma = fwhm / np.sqrt(8 * np.log(2))
    return (Blob(0.7, 0.0, 0.0, sigma), Blob(0.3, 1.4, -0.8, 1.3 * sigma))


class Galaxy(NamedTuple):
    n: float
    r_eff: float
    ellip: float
    centre: tuple[float, float]

    @property
    def parameters(self) -> dict[str, float]:
        xc, yc = self.centre
        return dict(xc=xc, yc=yc, flux=100.0, r_eff=self.r_eff, n=self.n, ellip=self.ellip, theta=0.7)


def response(x: np.ndarray, blob: Blob) -> np.ndarray:
    """A Gaussian, integrated over the pixel."""
    scale = np.sqrt(2) * blob.sigma
    return 0.5 * (erf((x + 0.5) / scale) - erf((x - 0.5) / scale))


def points_of_light(galaxy: Galaxy, width: float, reach: float) -> np.ndarray:
    """Offsets along and across the major axis, and the light there: ellipse by ellipse, Gauss-Legendre between."""
    n, r_eff, q = galaxy.n, galaxy.r_eff, 1.0 - galaxy.ellip
    b = gammaincinv(2 * n, 0.5)
    end = min(reach / q, r_eff * (45 / b) ** n)
    edges = [1e-9]
    while edges[-1] < end:
        # A profile of a small n falls within a small part of the radius.
        edges.append(edges[-1] + min(min(1.0, 2 * n) * edges[-1], 3 * width))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    radii, steps = (np.array(edges[:-1])[:, None] + half + half * nodes).ravel(), (half * weights).ravel()
    central = 100.0 * b ** (2 * n) / (2 * np.pi * n * gamma(2 * n) * r_eff**2)
    rings = []
    for m, step in zip(radii, steps, strict=True):
        count = max(24, int(5.5 * m / width) + 16)
        angle = 2 * np.pi * (np.arange(count) + 0.5) / count
        light = central * np.exp(-b * (m / r_eff) ** (1 / n)) * m * step * 2 * np.pi / count
        rings.append(np.stack([m * np.cos(angle), q * m * np.sin(angle), np.full(count, light)]))
    return np.concatenate(rings, axis=1)


@cache
def brute_force(galaxy: Galaxy, blobs: tuple[Blob, ...]) -> np.ndarray:
    """Every pixel, as a sum over points of light each of which has the response of a pixel and the PSF."""
    widest, (xc, yc), theta = max(b.sigma for b in blobs), galaxy.centre, 0.7
    reach = np.hypot(max(xc, SHAPE[1] - xc), max(yc, SHAPE[0] - yc)) + 7 * widest
    along, across, light = points_of_light(galaxy, min(b.sigma for b in blobs), reach)
    x = xc - along * np.sin(theta) + across * np.cos(theta)
    y = yc + along * np.cos(theta) + across * np.sin(theta)
    near = (np.abs(x - SHAPE[1] / 2) < SHAPE[1] / 2 + 8 * widest) & (
        np.abs(y - SHAPE[0] / 2) < SHAPE[0] / 2 + 8 * widest
    )
    x, y, light = x[near], y[near], light[near]
    rows, columns = (np.arange(side)[:, None] for side in SHAPE)
    return sum(b.share * (response(rows - y - b.dy, b) * light) @ response(columns - x - b.dx, b).T for b in blobs)
