"""The sky of an image, and the regions that belong to its sources.

Everything is measured in units of the image's median sigma, so the image's own unit does not matter.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from sersiclab.data.arrays import Labels, Mask, Plane
from sersiclab.detection.strips import strips


EXTENT = 2.5  # standard deviations of the smoothed sky: a source ends where it is fainter
CORRELATED = 5.0  # the smoothed sky scatters at most this much more than white noise of the given sigma
TRUNCATED = 4.0  # widths at which the Gaussian is cut off
MOST_PEAKS = 100  # in one segment; the fainter peaks of a crowd are not separate sources
ENOUGH_PIXELS = 200_000  # to measure the level of the sky and its scatter
SADDLE = 0.6  # two peaks are different sources if the saddle between them is below this fraction of the lower one


def _connected(region: Mask) -> Labels:
    """Return a number for each connected part of the region, and 0 elsewhere."""
    labelled: Any = scipy.ndimage.label(region)
    return labelled[0]


def clipped(values: Float[np.ndarray, " k"]) -> tuple[float, float]:
    """Return the median and the standard deviation without outliers."""
    from astropy.stats import sigma_clipped_stats

    values = values[:: max(1, values.size // ENOUGH_PIXELS)]
    # With an axis, astropy clips in compiled code, which takes half the time.
    _, median, scatter = sigma_clipped_stats(values, sigma=3.0, maxiters=10, stdfunc="mad_std", axis=0)
    return float(median), float(scatter)


class Segments(NamedTuple):
    """The sky and what rises above it.

    `level` is that of the sky, `smooth` the smoothed image above it, and `noise` the scatter of `smooth` on the sky.
    `labels` numbers the segments; 0 is sky. `blank` is True in pixels of pure sky; `measured` is False if there were
    too few of them, and the border of the image was used instead.
    """

    level: float
    smooth: Plane
    noise: float
    labels: Labels
    blank: Mask
    measured: bool


def segment(data: Plane, valid: Mask, width: float) -> Segments:
    """Return what rises above the sky when the image is smoothed by a Gaussian of this width."""
    blank, measured = valid, True
    found = _above_sky(data, valid, blank, width)
    for _ in range(2):
        blank, measured = _sky_pixels(found[-1], valid)
        del found  # before the next one is made
        found = _above_sky(data, valid, blank, width)
    return Segments(*found, blank, measured)


def _above_sky(data: Plane, valid: Mask, blank: Mask, width: float) -> tuple[float, Plane, float, Labels]:
    """Return the level of the sky in its pixels `blank`, the smoothed image, its noise and the segments."""
    level, _ = clipped(data[blank])
    smooth = _smoothed(data, valid, level, width)
    # Noise-free images have no scatter, and where a galaxy fills the image the scatter is its light.
    white = 1.0 / (2.0 * math.sqrt(math.pi) * width)
    noise = min(max(clipped(smooth[blank])[1], 1e-5 * float(smooth.max()), 1e-9), CORRELATED * white)
    return level, smooth, noise, _segments(smooth, valid, EXTENT * noise)


def _smoothed(data: Plane, valid: Mask, level: float, width: float) -> Plane:
    """Return the valid pixels above `level`, averaged with Gaussian weights; 0 in other pixels."""
    smooth = np.empty(data.shape)
    for rows, padded, inner in strips(data.shape, round(TRUNCATED * width)):
        usable = valid[padded]
        coverage = scipy.ndimage.gaussian_filter(usable.astype(float), width, truncate=TRUNCATED)
        light = scipy.ndimage.gaussian_filter(np.where(usable, data[padded] - level, 0.0), width, truncate=TRUNCATED)
        smooth[rows] = np.where(usable, light / np.maximum(coverage, 1e-3), 0.0)[inner]
    return smooth


def _segments(smooth: Plane, valid: Mask, threshold: float) -> Labels:
    """Return the connected regions of eight pixels or more above the threshold, numbered from 1."""
    from photutils.segmentation import detect_sources

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # photutils warns if it finds nothing
        found = detect_sources(smooth, threshold, 8, mask=~valid)
    return np.zeros(smooth.shape, np.int32) if found is None else np.asarray(found.data)


def _sky_pixels(segments: Labels, valid: Mask) -> tuple[Mask, bool]:
    """Return the pixels of sky: those far from segments or, if there are few of these (False), the border."""
    near: Any = scipy.ndimage.binary_dilation(segments > 0, iterations=5)
    far = valid & ~near
    if far.sum() >= max(50, 0.02 * valid.sum()):
        return far, True
    frame = max(1, min(valid.shape) // 20)
    border = valid.copy()
    border[frame:-frame, frame:-frame] = False
    return (border if border.any() else valid), False


def without_dips(segments: Segments, valid: Mask) -> Mask:
    """Return the pixels of sky far from its dips, as they are far from segments.

    Among the segments are the highest peaks of the noise. The mean of the remaining pixels is unbiased if the equally
    deep dips are left out too.
    """
    dips = _segments(-segments.smooth, valid, EXTENT * segments.noise)
    blank, measured = _sky_pixels(dips, segments.blank)
    return blank if measured else segments.blank


def split(smooth: Plane, segments: Labels, threshold: float) -> Labels:
    """Return one region for each peak that a saddle separates from all higher ones; 0 elsewhere."""
    peaks = (scipy.ndimage.maximum_filter(smooth, 5) == smooth) & (segments > 0) & (smooth > threshold)
    regions = np.zeros(smooth.shape, np.int32)
    count = 0
    for label, box in enumerate(scipy.ndimage.find_objects(segments), start=1):
        if box is None or not peaks[box].any():
            continue
        inside = segments[box] == label
        parts = _split_one(np.where(inside, smooth[box], 0.0), inside, peaks[box] & inside)
        regions[box] = np.where(parts > 0, parts + count, regions[box])
        count += int(parts.max())
    return regions


def _split_one(smooth: Plane, inside: Mask, peaks: Mask) -> Labels:
    """Return the regions of one segment, numbered from 1."""
    markers = np.zeros(smooth.shape, np.int32)
    for y, x in sorted(np.argwhere(peaks).tolist(), key=lambda p: -smooth[p[0], p[1]])[:MOST_PEAKS]:
        above = _connected(smooth > SADDLE * smooth[y, x])
        if not markers[above == above[y, x]].any():
            markers[y, x] = markers.max() + 1
    if markers.max() == 1:
        return inside.astype(np.int32)
    regions = _flood(smooth, inside, markers)
    # Ties are decided by the order of the axes: such pixels belong to neither source.
    return np.where(regions == _flood(smooth.T, inside.T, markers.T).T, regions, 0)


def _flood(smooth: Plane, segment: Mask, markers: Labels) -> Labels:
    """Let the markers grow down to the edge of their segment, level by level, until they meet."""
    regions = markers.copy()
    inside = segment & (smooth > 0)
    for level in np.geomspace(smooth.max(), smooth[inside].min(), 16):
        connected = _connected(inside & (smooth >= level))
        nearest: Any = scipy.ndimage.distance_transform_edt(regions == 0, return_distances=False, return_indices=True)
        y, x = nearest
        reached = (connected > 0) & (connected[y, x] == connected)
        regions = np.where(reached & (regions == 0), regions[y, x], regions)
    return regions
