"""Detection of the sources of an image, and choice of the target."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import scipy

from sersiclab.data.arrays import Labels, Mask, Plane
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.interchange import labels_of, position_of
from sersiclab.data.planes import place_of
from sersiclab.detection.blends import Hidden, hidden_at
from sersiclab.detection.boxes import grown, within
from sersiclab.detection.measuring import HALF_LIGHT, Source, assumed, coordinates, measure_region
from sersiclab.detection.segmentation import Segments, segment, split, without_dips
from sersiclab.detection.skies import Sky, sky_around
from sersiclab.detection.targeting import NEAR, Position, around, most_striking, off_peak, source_at
from sersiclab.runtime.errors import InputError


PEAK = 5.0  # standard deviations of the smoothed sky: the peak of a source is higher
SURROUNDINGS = 8  # pixels around a source's region, at least, from which it is measured


@dataclasses.dataclass(frozen=True, eq=False)
class Extraction:
    """The sources in the pixels of an image, in units of its median sigma, `unit`.

    `blur` is the half-light radius of the PSF and `width` that of the smoothing. `regions` numbers the sources, the
    parts of `segments` with a peak of their own. `there` is the label of the source at the position, 0 if there is
    none; `main` that of the target, which is then another source. `hidden` is the target if it lies on the wings of a
    brighter source. `note` gives the reason why another source than the target may be meant.
    """

    unit: float
    blur: float
    width: float
    image: Image
    data: Plane
    segments: Segments
    regions: Labels
    position: Position
    there: int
    main: int
    hidden: Hidden | None
    note: str | None

    @property
    def threshold(self) -> float:
        """The least height of a source's peak in the smoothed image."""
        return PEAK * self.segments.noise

    @functools.cached_property
    def boxes(self) -> list[Any]:
        """The rows and columns of each region."""
        return scipy.ndimage.find_objects(self.regions)

    def source_at(self, position: Position) -> int:
        """Return the label of the source at another position; 0 if there is none."""
        return source_at(self.segments.smooth, self.regions, position)

    def measure(self, label: int) -> Source:
        """Return the source of a region, in image units, measured from the pixels around it."""
        box = grown(self.boxes[label - 1], SURROUNDINGS, self.regions.shape)
        section = self.hidden.section(box) if self.hidden and label == self.main else box
        data, smooth = self.data[section] - self.segments.level, self.segments.smooth[section]
        usable = ~self.image.mask[section]
        if self.hidden and label == self.main:
            data, smooth = (self.hidden.alone(light, usable, section) for light in (data, smooth))
        place = within(box, section)
        regions = self.regions[box]
        source = measure_region(
            data[place],
            self._sigma(box),
            smooth[place],
            regions == label,
            usable[place] & ~((self.segments.labels[box] > 0) & (regions != label)),
            self.blur,
            self.width,
        )
        return self._in_image_units(
            dataclasses.replace(source, xc=source.xc + box[1].start, yc=source.yc + box[0].start)
        )

    def target(self) -> Source:
        """Return the source at the position, or an assumed one there."""
        if self.main == 0:
            everywhere = self._sigma((slice(None), slice(None)))
            return self._in_image_units(assumed(self.data.shape, self.position, everywhere, self.blur))
        return self.measure(self.main)

    def neighbours(self) -> dict[int, Source]:
        """Return all sources but the target by label: those that disturb it most first."""
        target = self.target()
        labels = (label for label in range(1, int(self.regions.max()) + 1) if label != self.main)
        found = {label: self.measure(label) for label in labels}
        return dict(sorted(found.items(), key=lambda each: -_disturbance(each[1], target)))

    def sky(self) -> Sky:
        """Return the sky of the image, without the wings of the target."""
        measured = self.segments.measured
        blank = without_dips(self.segments, self.image.valid) if measured else self.segments.blank
        light = (self.segments.labels if measured else self.regions) > 0
        target = self.measure(self.main) if self.main else None
        return sky_around(self.data, blank, light, target).scaled(self.unit)

    def _sigma(self, box: tuple[slice, slice]) -> Plane:
        return np.where(self.image.mask[box], 0.0, self.image.sigma[box].astype(float)) / self.unit

    def _in_image_units(self, source: Source) -> Source:
        return dataclasses.replace(source, flux=source.flux * self.unit, flux_error=source.flux_error * self.unit)


def find(image: Image, position: Any = None, segmentation: Any = None) -> Extraction:
    """Return the sources of an image, or those of a given segmentation map, and which of them is the target."""
    place = _place(checked_image(image), position)
    valid = image.valid
    unit = float(np.median(image.sigma[valid]))
    data = np.zeros(image.shape)
    np.divide(image.data, unit, out=data, where=valid, dtype=float)
    blur = _half_light_radius(image)
    width = min(max(blur / HALF_LIGHT, 1.0), 3.0)
    segments = segment(data, valid, width)
    smooth, threshold = segments.smooth, PEAK * segments.noise
    if segmentation is None:
        regions = split(smooth, segments.labels, threshold)
    else:
        regions = np.where(valid, labels_of(segmentation, image.shape), 0)
        segments = segments._replace(labels=np.where(regions > 0, regions, 0))
    striking = most_striking(smooth, regions, place)
    there = source_at(smooth, regions, place)
    nearest = (there or around(regions, place)) if segmentation is None else 0
    hidden = _hidden(smooth, regions, valid, place, nearest, threshold)
    if hidden:
        there = int(regions.max()) + 1
        regions[hidden.region] = there
        segments.labels[hidden.region & (segments.labels == 0)] = segments.labels.max() + 1
    found = Extraction(
        unit=unit,
        blur=blur,
        width=width,
        image=image,
        data=data,
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
    """Return the target on the wings of the source with this label, if the peak of that source is elsewhere."""
    if not label:
        return None
    region = regions == label
    if not off_peak(smooth, region, place):
        return None
    return hidden_at(smooth, region, valid, place, NEAR, math.sqrt(2.0) * threshold)


def _place(image: Image, position: Any) -> Position:
    """Return (x, y) in pixels; the image's centre if `position` is None."""
    ny, nx = image.shape
    if position is None:
        return (nx - 1) / 2, (ny - 1) / 2
    position = position_of(position)
    if hasattr(position, "to_pixel"):
        if image.wcs is None:
            raise InputError("position is a SkyCoord and the image has no WCS; give (x, y) in pixels")
        position = position.to_pixel(image.wcs)
    x, y = place_of(position)
    if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5):
        raise InputError(f"position must lie in the image of shape {image.shape}, got ({x:g}, {y:g})")
    return x, y


def _note(found: Extraction, striking: int, *, given: bool) -> str | None:
    """Return the reason why another source than the target may be meant."""
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
    """Return the half-light radius of the PSF in pixels, from an equal area; half a pixel if there is no PSF."""
    if image.psf is None:
        return 0.5
    psf = image.psf.astype(float)
    y, x = coordinates(psf.shape)
    radius = np.hypot(y - (psf.shape[0] - 1) / 2, x - (psf.shape[1] - 1) / 2).ravel()
    growth = np.cumsum(psf.ravel()[np.argsort(radius, kind="stable")])
    pixels = 1 + int(np.argmax(growth >= 0.5))
    return max(math.sqrt(pixels / math.pi) / image.psf_oversampling, 0.5)


def _disturbance(neighbour: Source, target: Source) -> float:
    return neighbour.flux / max((neighbour.xc - target.xc) ** 2 + (neighbour.yc - target.yc) ** 2, 1.0)
