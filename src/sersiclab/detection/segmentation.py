"""The sky, and the regions of the sources that stand out of it.

Everything is measured in units of the image's median sigma, so the image's own unit does not matter.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from sersiclab.data.arrays import Labels, Mask, Plane


EXTENT = 2.5  # a source reaches as far as this many standard deviations of the smoothed sky
CORRELATED = 5.0  # the smoothed sky scatters at most this much more than white noise of the given sigma
MOST = 100  # sources in one segment; the fainter peaks of a crowd belong to nobody
SAMPLE = 200_000  # pixels that are enough to know the sky
SADDLE = 0.6  # peaks belong to different sources if the saddle between them is below this part of the lower


def _connected(region: Mask) -> Labels:
    """A number for each connected part of the region, 0 elsewhere."""
    labelled: Any = ndimage.label(region)
    return labelled[0]


def clipped(values: Float[np.ndarray, " k"]) -> tuple[float, float]:
    """Median and standard deviation without outliers."""
    from astropy.stats import sigma_clipped_stats

    values = values[:: max(1, values.size // SAMPLE)]
    _, median, scatter = sigma_clipped_stats(values, sigma=3.0, maxiters=10, stdfunc="mad_std")
    return float(median), float(scatter)


class Segments(NamedTuple):
    """The level of the sky, the smoothed image above it and its noise, and the segments that stand out (0 is sky).

    `blank` are the pixels of sky; `measured` is False where these are but the image's border.
    """

    level: float
    smooth: Plane
    noise: float
    labels: Labels
    blank: Mask
    measured: bool


def segment(data: Plane, valid: Mask, width: float) -> Segments:
    """What stands out of the sky when the image is smoothed by a Gaussian of this width."""
    blank, measured = valid, True
    found = _stand_out(data, valid, blank, width)
    for _ in range(2):
        blank, measured = _blank(found[-1], valid)
        found = _stand_out(data, valid, blank, width)
    return Segments(*found, blank, measured)


def _stand_out(data: Plane, valid: Mask, blank: Mask, width: float) -> tuple[float, Plane, float, Labels]:
    """The level of the sky and the rest, where the pixels of sky are known."""
    from photutils.segmentation import detect_sources

    level, _ = clipped(data[blank])
    coverage = ndimage.gaussian_filter(valid.astype(float), width)
    smooth = ndimage.gaussian_filter(np.where(valid, data - level, 0.0), width)
    smooth = np.where(valid, smooth / np.maximum(coverage, 1e-3), 0.0)
    # Noise-free images have no scatter, and where a galaxy fills the image the scatter is its light.
    white = 1.0 / (2.0 * math.sqrt(math.pi) * width)
    noise = min(max(clipped(smooth[blank])[1], 1e-5 * float(smooth.max()), 1e-9), CORRELATED * white)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # photutils warns where it finds nothing
        found = detect_sources(smooth, EXTENT * noise, 8, mask=~valid)
    return level, smooth, noise, np.zeros(data.shape, int) if found is None else np.asarray(found.data)


def _blank(segments: Labels, valid: Mask) -> tuple[Mask, bool]:
    """Pixels of sky: those far from segments or, where these are few (False), those at the border."""
    near: Any = ndimage.binary_dilation(segments > 0, iterations=5)
    far = valid & ~near
    if far.sum() >= max(50, 0.02 * valid.sum()):
        return far, True
    frame = max(1, min(valid.shape) // 20)
    border = valid.copy()
    border[frame:-frame, frame:-frame] = False
    return (border if border.any() else valid), False


def split(smooth: Plane, segments: Labels, threshold: float) -> Labels:
    """One region for each peak that a saddle separates from all higher ones; 0 elsewhere."""
    peaks = (ndimage.maximum_filter(smooth, 5) == smooth) & (segments > 0) & (smooth > threshold)
    regions = np.zeros(smooth.shape, int)
    count = 0
    for label, box in enumerate(ndimage.find_objects(segments), start=1):
        if box is None or not peaks[box].any():
            continue
        inside = segments[box] == label
        parts = _split_one(np.where(inside, smooth[box], 0.0), inside, peaks[box] & inside)
        regions[box] = np.where(parts > 0, parts + count, regions[box])
        count += int(parts.max())
    return regions


def _split_one(smooth: Plane, inside: Mask, peaks: Mask) -> Labels:
    """The regions of one segment, from 1."""
    markers = np.zeros(smooth.shape, int)
    for y, x in sorted(np.argwhere(peaks).tolist(), key=lambda p: -smooth[p[0], p[1]])[:MOST]:
        above = _connected(smooth > SADDLE * smooth[y, x])
        if not markers[above == above[y, x]].any():
            markers[y, x] = markers.max() + 1
    if markers.max() == 1:
        return inside.astype(int)
    regions = _flood(smooth, inside, markers)
    # Ties go by the order of the axes: such pixels are nobody's.
    return np.where(regions == _flood(smooth.T, inside.T, markers.T).T, regions, 0)


def _flood(smooth: Plane, segment: Mask, markers: Labels) -> Labels:
    """Let the markers grow down to the edge of their segment, level by level, till they meet."""
    regions = markers.copy()
    inside = segment & (smooth > 0)
    for level in np.geomspace(smooth.max(), smooth[inside].min(), 16):
        connected = _connected(inside & (smooth >= level))
        nearest: Any = ndimage.distance_transform_edt(regions == 0, return_distances=False, return_indices=True)
        y, x = nearest
        reached = (connected > 0) & (connected[y, x] == connected)
        regions = np.where(reached & (regions == 0), regions[y, x], regions)
    return regions
