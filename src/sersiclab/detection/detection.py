"""Detection: the target, and the neighbours that a fit must mask or model."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.data.arrays import Labels, Mask
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.planes import place_of
from sersiclab.detection.extraction import Extraction, find
from sersiclab.detection.masking import cut_off, numbered, reach_of_others
from sersiclab.detection.measuring import Source
from sersiclab.detection.skies import Sky
from sersiclab.detection.targeting import Position
from sersiclab.runtime.errors import InputError, InputTypeError


@dataclasses.dataclass(frozen=True, eq=False)
class Detection:
    """The sources of an image, its sky, and the pixels that belong to each source.

    Attributes:
        sources: the target first, then its neighbours by flux over squared distance: those that disturb it most
            come first.
        sky: the sky, in image units.
        labels: k + 1 where a pixel belongs to `sources[k]`, 0 on the sky, and -1 in light around the sources that
            belongs to none of them. Shape [y, x].
        mask: True where a fit of the target alone must exclude a pixel: the image's mask, the neighbours and their
            wings. Shape [y, x].
        edge: the fraction of the target's outline that the image's edge cuts off.
        width: the width of the smoothing, in pixels.
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
        """Return the image with its neighbours masked, except for the sources that the model contains.

        Arguments:
            image: the image in which the sources were detected.
            keep: how many of `sources` to keep, counted from the first one, or a position (x, y) in each source to
                keep. The target is kept if no position lies in a source.

        Raises:
            ValueError: if the image has another shape, or `keep` is neither.
        """
        if checked_image(image).shape != self.labels.shape:
            raise InputError(f"image must be the detection's, of shape {self.labels.shape}, got {image.shape}")
        if isinstance(keep, int) and not isinstance(keep, bool) and keep > 0:
            labels, number = self.labels, keep
        elif (places := _places(keep)) is not None:
            labels, number = self._first(places)
        else:
            raise InputError(f"keep must be a positive integer, the target included, or positions, got {keep!r}")
        mask = image.mask | reach_of_others(labels, number, self.width)
        mask.flags.writeable = False
        return eqx.tree_at(lambda old: old.mask, image, mask)

    def _first(self, places: Sequence[tuple[float, float]]) -> tuple[Labels, int]:
        """Return labels in which the sources at these positions come first, and the number of these sources."""
        ny, nx = self.labels.shape
        inside = [(round(y), round(x)) for x, y in places if 0 <= round(y) < ny and 0 <= round(x) < nx]
        found = {int(self.labels[place]) for place in inside} - {0, -1}
        order = sorted(range(1, len(self.sources) + 1), key=lambda label: label not in found)
        lookup = np.argsort([0, *order]).astype(self.labels.dtype)
        return np.where(self.labels > 0, lookup[self.labels], self.labels), max(len(found), 1)

    def __repr__(self) -> str:
        number = len(self.sources)
        found = "no source" if not self.target.detected else f"{number} source{'s' if number > 1 else ''}"
        masked = f"{self.mask.mean():.1%} of the pixels masked"
        cut = f", target cut off by the image's edge along {self.edge:.0%} of its outline" if self.edge > 0 else ""
        return f"Detection({found}, target at ({self.target.xc:.1f}, {self.target.yc:.1f}), {masked}{cut})"


def detect(image: Image, *, position: Any = None, segmentation: Any = None) -> Detection:
    """Detect the sources of an image: `detect(image).masked(image)` is ready for a fit of the target alone.

    Segments rise 2.5 standard deviations above the smoothed sky (photutils), and are split between peaks that a
    saddle separates. If nothing rises above the noise, one source is assumed, with `detected` False.

    Arguments:
        image: the image.
        position: where the target is, (x, y) in pixels or a `SkyCoord`; by default the image's centre. A row of a
            photutils or SEP catalogue, or a region with a centre, has a position, too.
        segmentation: the pixels of the sources, if another program found them: photutils' `SegmentationImage`, or an
            array of whole numbers, 0 on the sky, such as SEP's segmentation map.

    Returns:
        The sources, the target first, with the sky, the pixels of each source, and the mask of the neighbours.

    Raises:
        ValueError: if the position is outside the image, or a `SkyCoord` and the image has no WCS.

    Warns if no source is at the position, or if a brighter one near the centre may be meant.

    Example:
        >>> import sersiclab as sl
        >>> found = sl.detect(sl.datasets.example())
        >>> len(found.sources), f"{found.mask.mean():.1%} masked"
        (1, '4.6% masked')
        >>> round(found.target.r_eff)
        7
    """
    found = find(image, position, segmentation)
    if found.note:
        warnings.warn(found.note, stacklevel=2)
    return _detection(found)


def _detection(found: Extraction) -> Detection:
    """Return all sources, the target first, and whose pixels are whose."""
    neighbours = found.neighbours()
    order = [found.main, *neighbours] if found.main else []
    labels = numbered(found.regions, order, found.segments.labels, found.segments.smooth, found.threshold)
    mask = found.image.mask | reach_of_others(labels, 1, found.width)
    sources = (found.target(), *neighbours.values())
    return Detection(sources, found.sky(), labels, mask, cut_off(labels == 1), found.width)


def _places(keep: Any) -> list[Position] | None:
    """Return finite positions (x, y); None if these are none."""
    try:
        places = [place_of(place) for place in keep] if np.iterable(keep) else None
    except InputTypeError:
        return None
    return places if places is not None and np.isfinite(places).all() else None
