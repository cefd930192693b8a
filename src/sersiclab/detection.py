"""Finding the sources of an image: the target, and the neighbours that a fit must mask or model."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from scipy import ndimage

from sersiclab.checking import checked_image
from sersiclab.image import Image
from sersiclab.measuring import HALF_LIGHT, Plane, Region, Source, assumed, coordinates, measure_region
from sersiclab.segmentation import Labels, Sky, segment, split


PEAK = 5.0  # a source's peak exceeds this many standard deviations of the smoothed sky
REACH = 0.2  # sources farther from the image's centre than this part of its side count for less
GROWTH = 0.5  # a neighbour is masked beyond its region by this part of the region's radius


@dataclasses.dataclass(frozen=True)
class _Found:
    """What the pixels of an image show, in units of its median sigma."""

    unit: float
    blur: float
    width: float
    data: Plane
    sigma: Plane
    smooth: Plane
    noise: float
    sky: Sky
    segments: Labels
    regions: Labels
    main: int

    @functools.cached_property
    def boxes(self) -> list[Any]:
        """The rows and columns of each region."""
        return ndimage.find_objects(self.regions)

    def measure(self, label: int, valid: Region) -> Source:
        """The source of a region, in image units, from the pixels around it."""
        box = _around(self.boxes[label - 1], self.regions.shape)
        regions = self.regions[box]
        source = measure_region(
            self.data[box] - self.sky.level,
            self.sigma[box],
            self.smooth[box],
            regions == label,
            valid[box] & ~((self.segments[box] > 0) & (regions != label)),
            self.blur,
            self.width,
        )
        return self.scaled(dataclasses.replace(source, xc=source.xc + box[1].start, yc=source.yc + box[0].start))

    def scaled(self, source: Source) -> Source:
        return dataclasses.replace(source, flux=source.flux * self.unit, flux_error=source.flux_error * self.unit)

    def target(self, usable: Region) -> Source:
        """The main source, or an assumed one."""
        if self.main == 0:
            return self.scaled(assumed(self.data.shape, self.sigma, self.blur))
        return self.measure(self.main, usable)

    def sky_of_image(self) -> Sky:
        return Sky(self.sky.level * self.unit, max(self.sky.scatter, 1.0) * self.unit)


@dataclasses.dataclass(frozen=True, eq=False)
class Detection:
    """The sources of an image, its sky, and the pixels that belong to each.

    `sources` holds the target first, then its neighbours, by flux over squared distance: those that
    disturb it most first. `labels` is 0 on the sky and k + 1 where a pixel belongs to `sources[k]`; -1 marks
    light around sources that is nobody's. `mask` is True where the fit of the target must exclude a pixel:
    the image's mask, the neighbours and their wings. `edge` is the part of the target's outline that the
    image's edge cuts off. `width` is that of the smoothing, in pixels.
    """

    sources: tuple[Source, ...]
    sky: Sky
    labels: Labels
    mask: Region
    edge: float
    width: float

    @property
    def target(self) -> Source:
        """The main source, bright and near the centre."""
        return self.sources[0]

    def masked(self, image: Image, *, keep: int | Sequence[tuple[float, float]] = 1) -> Image:
        """The image without the neighbours, but for the sources that the model must hold.

        `keep` is how many of `sources` these are, the first ones, or a place (x, y) in each of them.
        """
        if checked_image(image).shape != self.labels.shape:
            raise ValueError(f"image must be the detection's, of shape {self.labels.shape}, got {image.shape}")
        labels, number = (self.labels, keep) if isinstance(keep, int) else self._first(keep)
        if number < 1:
            raise ValueError(f"keep must be a positive integer, the target included, or places, got {keep!r}")
        mask = image.mask | reach_of_others(labels, number, self.width)
        mask.flags.writeable = False
        return eqx.tree_at(lambda old: old.mask, image, mask)

    def _first(self, places: Sequence[tuple[float, float]]) -> tuple[Labels, int]:
        """Labels in which the sources at these places are the first, and how many these are."""
        ny, nx = self.labels.shape
        within = [(round(y), round(x)) for x, y in places if 0 <= round(y) < ny and 0 <= round(x) < nx]
        found = {int(self.labels[place]) for place in within} - {0, -1}
        order = sorted(range(1, len(self.sources) + 1), key=lambda label: label not in found)
        lookup = np.argsort([0, *order])
        return np.where(self.labels > 0, lookup[self.labels], self.labels), max(len(found), 1)

    def __repr__(self) -> str:
        found = "no source" if not self.target.detected else f"{len(self.sources)} sources"
        masked = f"{self.mask.mean():.1%} of the pixels masked"
        cut = f", target cut off by the image's edge along {self.edge:.0%} of its outline" if self.edge > 0 else ""
        return f"Detection({found}, target at ({self.target.xc:.1f}, {self.target.yc:.1f}), {masked}{cut})"


def detect(image: Image) -> Detection:
    """The image's sources: `detect(image).masked(image)` is what a fit of the target alone needs.

    Segments stand 2.5 standard deviations out of the smoothed sky (photutils), and are split between peaks
    that a saddle separates. Where nothing stands out, the one source is assumed, and not `detected`.
    """
    found = _find(image)
    target = found.target(image.valid)
    labels = [label for label in range(1, int(found.regions.max()) + 1) if label != found.main]
    neighbours = {label: found.measure(label, image.valid) for label in labels}
    order = sorted(neighbours, key=lambda label: -_disturbance(neighbours[label], target))
    numbers = _numbered(found, [found.main, *order] if found.main else [])
    mask = image.mask | reach_of_others(numbers, 1, found.width)
    sources = (target, *(neighbours[label] for label in order))
    return Detection(sources, found.sky_of_image(), numbers, mask, _cut_off(numbers == 1), found.width)


def measure(image: Image) -> tuple[Source, Sky]:
    """The main source, near the centre and bright, and the sky around it.

    Where nothing stands out of the noise, a small round source of three times its flux error is
    assumed at the image's centre, and `detected` is False.
    """
    found = _find(image)
    return found.target(image.valid), found.sky_of_image()


def _find(image: Image) -> _Found:
    unit = float(np.median(checked_image(image).sigma[image.valid]))
    data = np.where(image.mask, 0.0, image.data.astype(float)) / unit
    sigma = np.where(image.mask, 0.0, image.sigma.astype(float)) / unit
    blur = _half_light_radius(image)
    width = min(max(blur / HALF_LIGHT, 1.0), 3.0)
    sky, smooth, noise, segments = segment(data, image.valid, width)
    regions = split(smooth, segments, PEAK * noise)
    main = _choose(smooth, regions)
    return _Found(unit, blur, width, data, sigma, smooth, noise, sky, segments, regions, main)


def _half_light_radius(image: Image) -> float:
    """Half-light radius of the PSF in pixels, that of as many pixels; half a pixel where there is no PSF."""
    if image.psf is None:
        return 0.5
    psf = image.psf.astype(float)
    y, x = coordinates(psf.shape)
    radius = np.hypot(y - (psf.shape[0] - 1) / 2, x - (psf.shape[1] - 1) / 2).ravel()
    growth = np.cumsum(psf.ravel()[np.argsort(radius, kind="stable")])
    pixels = 1 + int(np.argmax(growth >= 0.5))
    return max(math.sqrt(pixels / math.pi) / image.psf_oversampling, 0.5)


def _choose(smooth: Plane, regions: Labels) -> int:
    """The label of the main region: bright and near the image's centre. 0 if there is none."""
    labels = np.arange(1, int(regions.max()) + 1)
    if not labels.size:
        return 0
    light = np.atleast_1d(ndimage.sum_labels(smooth, regions, labels))
    peaks = np.array(ndimage.maximum_position(smooth, regions, labels))
    distance = np.hypot(*((peaks + 0.5) / smooth.shape - 0.5).T)
    score = np.sqrt(np.maximum(light, 0.0)) * np.exp(-0.5 * (distance / REACH) ** 2)
    return int(labels[np.argmax(score)]) if score.max() > 0 else 0


def _numbered(found: _Found, order: list[int]) -> Labels:
    """The regions numbered from 1 in this order; -1 for other light, 0 for the sky."""
    numbers = np.where(found.segments > 0, -1, 0)
    labels = np.arange(1, int(found.segments.max()) + 1)
    peaks = np.atleast_1d(ndimage.maximum(found.smooth, found.segments, labels)) if labels.size else labels
    # Segments without a source are as likely noise, and to mask only what is bright would lower the sky.
    numbers[np.concatenate([[False], peaks < PEAK * found.noise])[found.segments]] = 0
    lookup = np.zeros(int(found.regions.max()) + 1, int)
    lookup[order] = np.arange(1, len(order) + 1)
    return np.where(found.regions > 0, lookup[found.regions], numbers)


def _disturbance(neighbour: Source, target: Source) -> float:
    return neighbour.flux / max((neighbour.xc - target.xc) ** 2 + (neighbour.yc - target.yc) ** 2, 1.0)


def reach_of_others(labels: Labels, keep: int, width: float) -> Region:
    """Regions and wings of all but the first `keep` sources: wide on the sky, narrow on the light of those kept."""
    kept = (labels > 0) & (labels <= keep)
    others = (labels != 0) & ~kept
    if not others.any():
        return others
    nobodys: Any = ndimage.label(labels == -1)
    parts = np.where(labels == -1, nobodys[0] + labels.max(), np.where(others, labels, 0))
    radius = np.sqrt(np.bincount(parts.ravel()) / math.pi)
    nearest: Any = ndimage.distance_transform_edt(~others, return_indices=True)
    distance, (y, x) = nearest
    wings = width + GROWTH * radius[parts[y, x]]
    return distance <= np.where(kept, width, wings)


def _around(box: Any, shape: tuple[int, ...]) -> Any:
    """The box with as much again on each side, where the image goes so far."""
    margins = [max(8, part.stop - part.start) for part in box]
    return tuple(
        slice(max(0, part.start - margin), min(side, part.stop + margin))
        for part, margin, side in zip(box, margins, shape, strict=True)
    )


def _cut_off(region: Region) -> float:
    """The part of a region's outline that lies at the image's edge."""
    padded = np.pad(region, 1)
    outline = padded & ~ndimage.binary_erosion(padded)
    at_edge = outline[1:-1, 1:-1].copy()
    at_edge[1:-1, 1:-1] = False
    return float(at_edge.sum() / max(outline.sum(), 1))
