"""The position, flux, size and shape of a source from the pixels of its region: initial values for a model."""

import dataclasses
import math
from typing import Any

import numpy as np

from sersiclab.data.arrays import Mask, Plane


BLURRING = 1.5  # times the PSF's half-light radius is added in quadrature to that of a Sérsic (n = 1 to 4)
HALF_LIGHT = 1.1774  # half-light radius of a round Gaussian of unit width


@dataclasses.dataclass(frozen=True)
class Source:
    """Rough measurements of a source, corrected for the PSF. Units are those of the profiles."""

    xc: float
    yc: float
    position_error: float
    flux: float
    flux_error: float
    r_eff: float
    ellip: float
    theta: float
    detected: bool


def coordinates(shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """Return the row and the column of every pixel."""
    y, x = np.meshgrid(np.arange(shape[0], dtype=float), np.arange(shape[1], dtype=float), indexing="ij")
    return y, x


def assumed(shape: tuple[int, ...], position: tuple[float, float], sigma: Plane, blur: float) -> Source:
    """Return a small round source with a flux of three times its error, for a position where none is found."""
    r_eff = max(blur, 2.0)
    error = 2.0 * r_eff * math.sqrt(math.pi * float(np.mean(sigma[sigma > 0] ** 2)))
    return Source(
        xc=position[0],
        yc=position[1],
        position_error=max(2.0, 0.05 * min(shape)),
        flux=3 * error,
        flux_error=error,
        r_eff=r_eff,
        ellip=0.2,
        theta=0.0,
        detected=False,
    )


def measure_region(
    data: Plane, sigma: Plane, smooth: Plane, region: Mask, usable: Mask, blur: float, width: float
) -> Source:
    """Measure the moments of the smoothed region, then the curve of growth of `data` in ellipses of that shape."""
    core = np.where(region & (smooth > 0.3 * smooth[region].max()), smooth, 0.0)
    y, x = coordinates(data.shape)
    xc, yc = float((x * core).sum() / core.sum()), float((y * core).sum() / core.sum())
    inner = _brightest(_symmetric(np.where(region, smooth, 0.0), usable, xc, yc))
    blurred, theta = _shape(inner, x - xc, y - yc, width**2)
    ellip, _ = _shape(inner, x - xc, y - yc, width**2 + (blur / HALF_LIGHT) ** 2)
    radius = _circularised_radius(x - xc, y - yc, blurred, theta)
    end = max(1.5 * float(np.quantile(radius[region], 0.95)), 1.0 + float(radius[usable].min()))  # a ring at least
    flux, half = _growth(data, radius, usable, end)
    sharp = math.sqrt(max(half**2 - (BLURRING * blur) ** 2, (0.4 * half) ** 2, 0.25))
    r_eff = sharp / math.sqrt(1.0 - ellip)
    error = float(np.sqrt((sigma[region] ** 2).sum()))
    off = max(1.0, 0.25 * r_eff)
    return Source(xc, yc, off, max(flux, 3 * error), error, r_eff, ellip, theta, detected=True)


def _circularised_radius(x: Plane, y: Plane, ellip: float, theta: float) -> Plane:
    """Return the radius of the circle with the area of the ellipse through (x, y)."""
    along = -x * math.sin(theta) + y * math.cos(theta)
    across = x * math.cos(theta) + y * math.sin(theta)
    return np.hypot(along * math.sqrt(1.0 - ellip), across / math.sqrt(1.0 - ellip))


def _symmetric(light: Plane, usable: Mask, xc: float, yc: float) -> Plane:
    """Return the light, with unusable pixels replaced by their mirror image through the centre."""
    y, x = coordinates(light.shape)
    y, x = np.rint(2 * yc - y).astype(int), np.rint(2 * xc - x).astype(int)
    inside = (y >= 0) & (y < light.shape[0]) & (x >= 0) & (x < light.shape[1])
    mirrored = np.where(inside, light[np.where(inside, y, 0), np.where(inside, x, 0)], 0.0)
    return np.where(usable, light, mirrored)


def _brightest(light: Plane, part: float = 0.8) -> Plane:
    """Return the brightest pixels that hold this fraction of the light: outer isophotes are noisy and cut off."""
    ordered = np.sort(light, axis=None)[::-1]
    level = ordered[np.searchsorted(np.cumsum(ordered), part * ordered.sum())]
    return np.where(light >= level, light, 0.0)


def _shape(weight: Plane, x: Plane, y: Plane, blur: float) -> tuple[float, float]:
    """Return ellipticity and angle from second moments, from which the variance of the blurring is subtracted."""
    total = weight.sum()
    moments = [[(weight * a * b).sum() / total for a in (x, y)] for b in (x, y)]
    variance, axes = np.linalg.eigh(np.array(moments))
    minor, major = np.maximum(variance - blur, 0.1 * variance)
    if not major > 0.0:  # one pixel
        return 0.05, 0.0
    ellip = min(max(1.0 - math.sqrt(minor / major), 0.05), 0.9)
    return ellip, math.atan2(-axes[0, 1], axes[1, 1]) % math.pi


def _growth(data: Plane, radius: Plane, usable: Mask, end: float) -> tuple[float, float]:
    """Return the flux within `end`, and the radius of half of it, from the means in rings of usable pixels."""
    edges = np.linspace(0.0, end, min(max(math.ceil(end), 3), 60) + 1)
    ring = np.digitize(radius[usable], edges) - 1
    inside = ring < edges.size - 1
    count = np.bincount(ring[inside], minlength=edges.size - 1)
    total = np.bincount(ring[inside], data[usable][inside], minlength=edges.size - 1)
    known = count > 0
    rings = np.arange(count.size)
    mean = np.interp(rings, rings[known], total[known] / count[known])
    growth = np.concatenate([[0.0], np.cumsum(mean * math.pi * np.diff(edges**2))])
    rising: Any = np.maximum.accumulate(growth)
    return float(rising[-1]), float(np.interp(0.5 * rising[-1], rising, edges))
