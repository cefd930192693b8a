"""Finding and measuring the main source of an image, as a start for a model.

Everything is measured in units of the image's median sigma, so the image's own unit does not matter.
"""

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from sersiclab.image import Image


Plane = Float[np.ndarray, "y x"]
Region = Bool[np.ndarray, "y x"]
Labels = Int[np.ndarray, "y x"]

EXTENT = 2.5  # a source reaches as far as this many standard deviations of the smoothed sky
CORRELATED = 5.0  # the smoothed sky scatters at most this much more than white noise of the given sigma
PEAK = 5.0  # and its peak exceeds this many
SADDLE = 0.6  # peaks belong to different sources if the saddle between them is below this part of the lower
REACH = 0.2  # sources farther from the image's centre than this part of its side count for less
BLURRING = 1.5  # a Sérsic's half-light radius grows by this times the PSF's, in quadrature (n = 1 to 4)
HALF_LIGHT = 1.1774  # half-light radius of a round Gaussian of unit width


@dataclasses.dataclass(frozen=True)
class Sky:
    """The level of the sky and its scatter from pixel to pixel, at least the median sigma, in image units."""

    level: float
    scatter: float


@dataclasses.dataclass(frozen=True)
class Source:
    """What the pixels say of a source: rough, and corrected for the PSF. Units as in the profiles."""

    xc: float
    yc: float
    position_error: float
    flux: float
    flux_error: float
    r_eff: float
    ellip: float
    theta: float
    detected: bool


def measure(image: Image) -> tuple[Source, Sky]:
    """The main source, near the centre and bright, and the sky around it.

    Where nothing stands out of the noise, a small round source of three times its flux error is
    assumed at the image's centre, and `detected` is False.
    """
    unit = float(np.median(image.sigma[image.valid]))
    data = np.where(image.mask, 0.0, image.data.astype(float)) / unit
    sigma = np.where(image.mask, 0.0, image.sigma.astype(float)) / unit
    blur = _half_light_radius(image)
    width = min(max(blur / HALF_LIGHT, 1.0), 3.0)
    sky, smooth, noise, segments = _segment(data, image.valid, width)
    regions = _split(smooth, segments, PEAK * noise)
    main = _choose(smooth, regions)
    if main == 0:
        source = _assumed(image.shape, sigma, blur)
    else:
        others = (segments > 0) & (regions != main)
        source = _measure_region(data - sky.level, sigma, smooth, regions == main, image.valid & ~others, blur, width)
    scaled = dataclasses.replace(source, flux=source.flux * unit, flux_error=source.flux_error * unit)
    return scaled, Sky(sky.level * unit, max(sky.scatter, 1.0) * unit)


def _coordinates(shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """The row and the column of every pixel."""
    y, x = np.meshgrid(np.arange(shape[0], dtype=float), np.arange(shape[1], dtype=float), indexing="ij")
    return y, x


def _connected(region: Region) -> Labels:
    """A number for each connected part of the region, 0 elsewhere."""
    labelled: Any = ndimage.label(region)
    return labelled[0]


def _half_light_radius(image: Image) -> float:
    """Half-light radius of the PSF in pixels, that of as many pixels; half a pixel where there is no PSF."""
    if image.psf is None:
        return 0.5
    psf = image.psf.astype(float)
    y, x = _coordinates(psf.shape)
    radius = np.hypot(y - (psf.shape[0] - 1) / 2, x - (psf.shape[1] - 1) / 2).ravel()
    growth = np.cumsum(psf.ravel()[np.argsort(radius, kind="stable")])
    pixels = 1 + int(np.argmax(growth >= 0.5))
    return max(math.sqrt(pixels / math.pi) / image.psf_oversampling, 0.5)


def _clipped(values: Float[np.ndarray, " k"]) -> tuple[float, float]:
    """Median and standard deviation without outliers."""
    from astropy.stats import sigma_clipped_stats

    _, median, scatter = sigma_clipped_stats(values, sigma=3.0, maxiters=10, stdfunc="mad_std")
    return float(median), float(scatter)


def _segment(data: Plane, valid: Region, width: float) -> tuple[Sky, Plane, float, Labels]:
    """The sky, the smoothed image above it, its noise, and the segments that stand out (0 is sky)."""
    found = _stand_out(data, valid, valid, width)
    for _ in range(2):
        found = _stand_out(data, valid, _blank(found[-1], valid), width)
    return found


def _stand_out(data: Plane, valid: Region, blank: Region, width: float) -> tuple[Sky, Plane, float, Labels]:
    """As `_segment`, where the pixels of sky are known."""
    from photutils.segmentation import detect_sources

    sky = Sky(*_clipped(data[blank]))
    coverage = ndimage.gaussian_filter(valid.astype(float), width)
    smooth = ndimage.gaussian_filter(np.where(valid, data - sky.level, 0.0), width)
    smooth = np.where(valid, smooth / np.maximum(coverage, 1e-3), 0.0)
    # Noise-free images have no scatter, and where a galaxy fills the image the scatter is its light.
    white = 1.0 / (2.0 * math.sqrt(math.pi) * width)
    noise = min(max(_clipped(smooth[blank])[1], 1e-5 * float(smooth.max()), 1e-9), CORRELATED * white)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # photutils warns where it finds nothing
        found = detect_sources(smooth, EXTENT * noise, 8, mask=~valid)
    return sky, smooth, noise, np.zeros(data.shape, int) if found is None else np.asarray(found.data)


def _blank(segments: Labels, valid: Region) -> Region:
    """Pixels of sky: those far from segments or, where these are few, those at the border."""
    near: Any = ndimage.binary_dilation(segments > 0, iterations=5)
    far = valid & ~near
    if far.sum() >= max(50, 0.02 * valid.sum()):
        return far
    frame = max(1, min(valid.shape) // 20)
    border = valid.copy()
    border[frame:-frame, frame:-frame] = False
    return border if border.any() else valid


def _split(smooth: Plane, segments: Labels, threshold: float) -> Labels:
    """One region for each peak that a saddle separates from all higher ones; 0 elsewhere."""
    peaks = np.argwhere((ndimage.maximum_filter(smooth, 5) == smooth) & (segments > 0) & (smooth > threshold))
    markers = np.zeros(smooth.shape, np.int32)
    for y, x in sorted(peaks.tolist(), key=lambda p: -smooth[p[0], p[1]])[:100]:
        above = _connected(smooth > SADDLE * smooth[y, x])
        if not markers[above == above[y, x]].any():
            markers[y, x] = markers.max() + 1
    regions = _flood(smooth, segments, markers)
    # Ties go by the order of the axes: such pixels are nobody's.
    return np.where(regions == _flood(smooth.T, segments.T, markers.T).T, regions, 0)


def _flood(smooth: Plane, segments: Labels, markers: Labels) -> Labels:
    """Let the markers grow down to the edges of their segments, level by level, till they meet."""
    regions = markers.copy()
    inside = np.isin(segments, segments[markers > 0]) & (segments > 0) & (smooth > 0)
    if not inside.any():
        return regions
    for level in np.geomspace(smooth.max(), smooth[inside].min(), 16):
        connected = _connected(inside & (smooth >= level))
        nearest: Any = ndimage.distance_transform_edt(regions == 0, return_distances=False, return_indices=True)
        y, x = nearest
        reached = (connected > 0) & (connected[y, x] == connected)
        regions = np.where(reached & (regions == 0), regions[y, x], regions)
    return regions


def _choose(smooth: Plane, regions: Labels) -> int:
    """The label of the main region: bright and near the image's centre. 0 if there is none."""
    best, main = 0.0, 0
    for label in range(1, int(regions.max()) + 1):
        inside = np.where(regions == label, smooth, 0.0)
        y, x = np.unravel_index(np.argmax(inside), inside.shape)
        ny, nx = smooth.shape
        distance = math.hypot((y + 0.5) / ny - 0.5, (x + 0.5) / nx - 0.5)
        score = math.sqrt(max(inside.sum(), 0.0)) * math.exp(-0.5 * (distance / REACH) ** 2)
        if score > best:
            best, main = score, label
    return main


def _assumed(shape: tuple[int, int], sigma: Plane, blur: float) -> Source:
    r_eff = max(blur, 2.0)
    error = 2.0 * r_eff * math.sqrt(math.pi * float(np.mean(sigma[sigma > 0] ** 2)))
    return Source(
        xc=(shape[1] - 1) / 2,
        yc=(shape[0] - 1) / 2,
        position_error=max(2.0, 0.05 * min(shape)),
        flux=3 * error,
        flux_error=error,
        r_eff=r_eff,
        ellip=0.2,
        theta=0.0,
        detected=False,
    )


def _measure_region(
    data: Plane, sigma: Plane, smooth: Plane, region: Region, usable: Region, blur: float, width: float
) -> Source:
    """Moments of the smoothed region, then the curve of growth of `data` in ellipses of that shape."""
    core = np.where(region & (smooth > 0.3 * smooth[region].max()), smooth, 0.0)
    y, x = _coordinates(data.shape)
    xc, yc = float((x * core).sum() / core.sum()), float((y * core).sum() / core.sum())
    inner = _brightest(_symmetric(np.where(region, smooth, 0.0), usable, xc, yc))
    blurred, theta = _shape(inner, x - xc, y - yc, width**2)
    ellip, _ = _shape(inner, x - xc, y - yc, width**2 + (blur / HALF_LIGHT) ** 2)
    radius = _circularised_radius(x - xc, y - yc, blurred, theta)
    flux, half = _growth(data, radius, usable, 1.5 * float(np.quantile(radius[region], 0.95)))
    sharp = math.sqrt(max(half**2 - (BLURRING * blur) ** 2, (0.4 * half) ** 2, 0.25))
    r_eff = sharp / math.sqrt(1.0 - ellip)
    error = float(np.sqrt((sigma[region] ** 2).sum()))
    off = max(1.0, 0.25 * r_eff)
    return Source(xc, yc, off, max(flux, 3 * error), error, r_eff, ellip, theta, detected=True)


def _circularised_radius(x: Plane, y: Plane, ellip: float, theta: float) -> Plane:
    """Radius of the circle that is as large as the ellipse through (x, y)."""
    along = -x * math.sin(theta) + y * math.cos(theta)
    across = x * math.cos(theta) + y * math.sin(theta)
    return np.hypot(along * math.sqrt(1.0 - ellip), across / math.sqrt(1.0 - ellip))


def _symmetric(light: Plane, usable: Region, xc: float, yc: float) -> Plane:
    """The light, with what is hidden replaced by its mirror image through the centre."""
    y, x = _coordinates(light.shape)
    y, x = np.rint(2 * yc - y).astype(int), np.rint(2 * xc - x).astype(int)
    inside = (y >= 0) & (y < light.shape[0]) & (x >= 0) & (x < light.shape[1])
    mirrored = np.where(inside, light[np.where(inside, y, 0), np.where(inside, x, 0)], 0.0)
    return np.where(usable, light, mirrored)


def _brightest(light: Plane, part: float = 0.8) -> Plane:
    """The brightest pixels that hold a part of the light: outer isophotes are noisy and cut off."""
    ordered = np.sort(light, axis=None)[::-1]
    level = ordered[np.searchsorted(np.cumsum(ordered), part * ordered.sum())]
    return np.where(light >= level, light, 0.0)


def _shape(weight: Plane, x: Plane, y: Plane, blur: float) -> tuple[float, float]:
    """Ellipticity and angle from second moments, less the variance of what blurred them."""
    total = weight.sum()
    moments = [[(weight * a * b).sum() / total for a in (x, y)] for b in (x, y)]
    variance, axes = np.linalg.eigh(np.array(moments))
    minor, major = np.maximum(variance - blur, 0.1 * variance)
    ellip = min(max(1.0 - math.sqrt(minor / major), 0.05), 0.9)
    return ellip, math.atan2(-axes[0, 1], axes[1, 1]) % math.pi


def _growth(data: Plane, radius: Plane, usable: Region, end: float) -> tuple[float, float]:
    """Flux within `end` and the radius of half of it, from the mean in rings of usable pixels."""
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
