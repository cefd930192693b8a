"""Finding the sources of an image: the target, and the neighbours that a fit must mask or model."""

import dataclasses
import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from scipy import ndimage

from sersiclab.data.arrays import Mask
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.planes import place_of
from sersiclab.detection.blends import Hidden, hidden_at
from sersiclab.detection.measuring import HALF_LIGHT, Plane, Source, assumed, coordinates, measure_region
from sersiclab.detection.segmentation import Labels, Segments, segment, split
from sersiclab.detection.skies import Sky, sky_around
from sersiclab.detection.targeting import NEAR, Position, around, most_striking, off_peak, source_at
from sersiclab.runtime.errors import InputError


PEAK = 5.0  # a source's peak exceeds this many standard deviations of the smoothed sky
GROWTH = 0.5  # a neighbour is masked beyond its region by this part of the region's radius


@dataclasses.dataclass(frozen=True)
class Found:
    """What the pixels of an image show, in units of its median sigma.

    `there` is the label of the source at the position, 0 if there is none, and `main` that of the target, which is
    another if there is none. `hidden` is the target if it lies on the wings of a brighter source. `note` says why the
    target may not be the source that is meant.
    """

    unit: float
    blur: float
    width: float
    valid: Mask
    data: Plane
    sigma: Plane
    segments: Segments
    regions: Labels
    position: Position
    there: int
    main: int
    hidden: Hidden | None
    note: str | None

    @functools.cached_property
    def boxes(self) -> list[Any]:
        """The rows and columns of each region."""
        return ndimage.find_objects(self.regions)

    def source_at(self, position: Position) -> int:
        """The label of the source at another position; 0 if there is none."""
        return source_at(self.segments.smooth, self.regions, position)

    def measure(self, label: int) -> Source:
        """The source of a region, in image units, from the pixels around it."""
        box = _around(self.boxes[label - 1], self.regions.shape)
        regions = self.regions[box]
        data, smooth = self.data - self.segments.level, self.segments.smooth
        if self.hidden and label == self.main:
            data, smooth = (self.hidden.alone(light, self.valid) for light in (data, smooth))
        source = measure_region(
            data[box],
            self.sigma[box],
            smooth[box],
            regions == label,
            self.valid[box] & ~((self.segments.labels[box] > 0) & (regions != label)),
            self.blur,
            self.width,
        )
        return self.scaled(dataclasses.replace(source, xc=source.xc + box[1].start, yc=source.yc + box[0].start))

    def scaled(self, source: Source) -> Source:
        return dataclasses.replace(source, flux=source.flux * self.unit, flux_error=source.flux_error * self.unit)

    def target(self) -> Source:
        """The source at the position, or an assumed one there."""
        if self.main == 0:
            return self.scaled(assumed(self.data.shape, self.position, self.sigma, self.blur))
        return self.measure(self.main)

    def sky(self) -> Sky:
        """The sky of the image, less the wings of the target."""
        light = self.segments.labels > 0 if self.segments.measured else self.regions > 0
        target = self.measure(self.main) if self.main else None
        return sky_around(self.data, self.segments.blank, light, target).scaled(self.unit)

    def detection(self, mask: Mask) -> "Detection":
        """All sources, the target first, where the image's own mask is this."""
        target = self.target()
        labels = [label for label in range(1, int(self.regions.max()) + 1) if label != self.main]
        neighbours = {label: self.measure(label) for label in labels}
        order = sorted(neighbours, key=lambda label: -_disturbance(neighbours[label], target))
        numbers = _numbered(self, [self.main, *order] if self.main else [])
        sources = (target, *(neighbours[label] for label in order))
        mask = mask | reach_of_others(numbers, 1, self.width)
        return Detection(sources, self.sky(), numbers, mask, _cut_off(numbers == 1), self.width)


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
    mask: Mask
    edge: float
    width: float

    @property
    def target(self) -> Source:
        """The source at the position."""
        return self.sources[0]

    def masked(self, image: Image, *, keep: int | Sequence[tuple[float, float]] = 1) -> Image:
        """The image without the neighbours, but for the sources that the model must hold.

        `keep` is how many of `sources` these are, the first ones, or a place (x, y) in each of them; the target is
        kept if no place is in a source.
        """
        if checked_image(image).shape != self.labels.shape:
            raise InputError(f"image must be the detection's, of shape {self.labels.shape}, got {image.shape}")
        if isinstance(keep, int) and not isinstance(keep, bool) and keep > 0:
            labels, number = self.labels, keep
        elif (places := _places(keep)) is not None:
            labels, number = self._first(places)
        else:
            raise InputError(f"keep must be a positive integer, the target included, or places, got {keep!r}")
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


def detect(image: Image, *, position: Any = None) -> Detection:
    """The image's sources: `detect(image).masked(image)` is what a fit of the target alone needs.

    The target is the source at `position`, (x, y) in pixels or a `SkyCoord`, by default the image's centre. Warns
    if no source is there, or if a brighter one near the centre may be meant. Segments stand 2.5 standard
    deviations out of the smoothed sky (photutils), and are split between peaks that a saddle separates. Where
    nothing stands out, the one source is assumed, and not `detected`.
    """
    found = find(image, position)
    if found.note:
        warnings.warn(found.note, stacklevel=2)
    return found.detection(image.mask)


def find(image: Image, position: Any = None) -> Found:
    """The regions of the sources, and which of them is the target."""
    place = _place(checked_image(image), position)
    unit = float(np.median(image.sigma[image.valid]))
    data = np.where(image.mask, 0.0, image.data.astype(float)) / unit
    sigma = np.where(image.mask, 0.0, image.sigma.astype(float)) / unit
    blur = _half_light_radius(image)
    width = min(max(blur / HALF_LIGHT, 1.0), 3.0)
    segments = segment(data, image.valid, width)
    smooth, threshold = segments.smooth, PEAK * segments.noise
    regions = split(smooth, segments.labels, threshold)
    striking = most_striking(smooth, regions, place)
    there = source_at(smooth, regions, place)
    hidden = _hidden(smooth, regions, image.valid, place, there or around(regions, place), threshold)
    if hidden:
        there = int(regions.max()) + 1
        regions = np.where(hidden.region, there, regions)
        labels = np.where(hidden.region & (segments.labels == 0), segments.labels.max() + 1, segments.labels)
        segments = segments._replace(labels=labels)
    found = Found(
        unit=unit,
        blur=blur,
        width=width,
        valid=image.valid,
        data=data,
        sigma=sigma,
        segments=segments,
        regions=regions,
        position=place,
        there=there,
        main=there or striking,
        hidden=hidden,
        note=None,
    )
    return dataclasses.replace(found, note=_note(found, striking, given=position is not None))


def _hidden(
    smooth: Plane, regions: Labels, valid: Mask, place: Position, label: int, threshold: float
) -> Hidden | None:
    """The target on the wings of the source with this label, if its peak is elsewhere."""
    region = regions == label
    if not label or not off_peak(smooth, region, place):
        return None
    return hidden_at(smooth, region, valid, place, NEAR, math.sqrt(2.0) * threshold)


def _place(image: Image, position: Any) -> Position:
    """(x, y) in pixels; the image's centre if None."""
    ny, nx = image.shape
    if position is None:
        return (nx - 1) / 2, (ny - 1) / 2
    if hasattr(position, "to_pixel"):
        if image.wcs is None:
            raise InputError("position is a SkyCoord and the image has no WCS; give (x, y) in pixels")
        position = position.to_pixel(image.wcs)
    x, y = place_of(position)
    if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5):
        raise InputError(f"position must lie in the image of shape {image.shape}, got ({x:g}, {y:g})")
    return x, y


def _places(keep: Any) -> list[Position] | None:
    """Finite places (x, y); None if these are none."""
    try:
        places = [place_of(place) for place in keep]
    except TypeError:
        return None
    return places if np.isfinite(places).all() else None


def _note(found: Found, striking: int, *, given: bool) -> str | None:
    """Why the target may not be the source that is meant."""
    if found.main == 0:
        return None
    what = "the position" if given else "the image's centre,"
    where = f"{what} {_written(found.position)}"
    if not found.there:
        target = found.measure(found.main)
        return (
            f"no source is detected at {where}: the target is the one at {_written((target.xc, target.yc))}; "
            "choose another by position=(x, y)"
        )
    if given or found.main == striking:
        return None
    target, other = (_written((each.xc, each.yc)) for each in map(found.measure, (found.main, striking)))
    return (
        f"the target is the source at {where}, found at {target}, although there is a brighter one at {other}. Model "
        'both by sources="auto", or mask the brighter one, as detect does; if it is the target itself, give '
        f"position={other}, else position={target}"
    )


def _written(position: Position) -> str:
    return f"({position[0]:.1f}, {position[1]:.1f})"


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


def _numbered(found: Found, order: list[int]) -> Labels:
    """The regions numbered from 1 in this order; -1 for other light, 0 for the sky."""
    segments, smooth, threshold = found.segments.labels, found.segments.smooth, PEAK * found.segments.noise
    numbers = np.where(segments > 0, -1, 0)
    labels = np.arange(1, int(segments.max()) + 1)
    peaks = np.atleast_1d(ndimage.maximum(smooth, segments, labels)) if labels.size else labels
    # Segments without a source are as likely noise, and to mask only what is bright would lower the sky.
    numbers[np.concatenate([[False], peaks < threshold])[segments]] = 0
    lookup = np.zeros(int(found.regions.max()) + 1, int)
    lookup[order] = np.arange(1, len(order) + 1)
    return np.where(found.regions > 0, lookup[found.regions], numbers)


def _disturbance(neighbour: Source, target: Source) -> float:
    return neighbour.flux / max((neighbour.xc - target.xc) ** 2 + (neighbour.yc - target.yc) ** 2, 1.0)


def reach_of_others(labels: Labels, keep: int, width: float) -> Mask:
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


def _cut_off(region: Mask) -> float:
    """The part of a region's outline that lies at the image's edge."""
    padded = np.pad(region, 1)
    inner: Any = ndimage.binary_erosion(padded)
    outline = padded & ~inner
    at_edge = outline[1:-1, 1:-1].copy()
    at_edge[1:-1, 1:-1] = False
    return float(at_edge.sum() / max(outline.sum(), 1))
