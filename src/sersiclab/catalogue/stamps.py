"""Stamps: the image of one galaxy, cut from a mosaic when it is fitted."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import numpy as np

from sersiclab.catalogue.mosaics import Mosaic
from sersiclab.catalogue.neighbourhoods import (
    Other,
    Surroundings,
    by_detection,
    by_map,
    in_stamp,
    label_of_target,
)
from sersiclab.catalogue.open_mosaics import OpenMosaic
from sersiclab.catalogue.psf_fields import PsfField
from sersiclab.catalogue.stamp_windows import StampWindow, centred
from sersiclab.data.arrays import Labels
from sersiclab.data.gathering import Gathered
from sersiclab.data.image import Image
from sersiclab.data.psf_files import Position
from sersiclab.inference.batch.padding import next_side
from sersiclab.runtime.errors import InputError


Neighbours = Literal["mask", "model", "ignore"]
USUAL = 64  # pixels: the side of a stamp if nothing else is known
SMALLEST, LARGEST = 48, 1024  # pixels: the sides of stamps of segments
ROOM = 2.0  # times the reach of the target's segment, so that there is sky around it


@dataclasses.dataclass(frozen=True, eq=False)
class Cut:
    """A stamp that has been cut: its image, its pixels in the mosaic, and the sources in it."""

    image: Image
    window: StampWindow
    surroundings: Surroundings


@dataclasses.dataclass(frozen=True, eq=False)
class Stamp:
    """The image of one galaxy in a mosaic; calling it cuts the image.

    It is small if the mosaic is in files. If part of the mosaic is in memory, it is cut when it is pickled for another
    process.

    Attributes:
        id: the name of the galaxy.
        x: its position in the mosaic, in pixels from 0; so is `y`.
        y: see `x`.
        mosaic: the mosaic.
        psf: the PSF at any position.
        size: the shape of the stamp, (ny, nx); None for that of the target's segment.
        neighbours: what becomes of the other sources.
        label: the target's label in the segmentation map; None for that at its position.
        others: the other rows of the table nearby.
    """

    id: str
    x: float
    y: float
    mosaic: Mosaic
    psf: PsfField
    size: tuple[int, int] | None = (USUAL, USUAL)
    neighbours: Neighbours = "mask"
    label: int | None = None
    others: tuple[Other, ...] = ()

    def __call__(self) -> Image:
        """Cut the stamp.

        Returns:
            The image, with its WCS, sigma, mask and PSF, centred on the galaxy to within half a pixel along each axis;
            pixels beyond the mosaic's edges are masked.

        Raises:
            ValueError: the position is no number, or lies outside of the mosaic, or nothing is left to fit.
        """
        return self.cut().image

    def cut(self) -> Cut:
        """Cut the stamp, with its place in the mosaic and the sources in it; raises as `__call__` does."""
        found = self.attempt()
        if isinstance(found, str):
            raise InputError(found)
        return found

    def attempt(self) -> Cut | str:
        """Cut the stamp, or return why it has no usable pixel; raises the errors of making its image."""
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            return f"{self.id!r} has no position in the mosaic: x is {self.x:g} and y is {self.y:g}"
        mosaic = self.mosaic.opened()
        labels = "segmentation" in mosaic.planes and self.neighbours != "ignore"
        window = self.window(mosaic)
        if window.within(mosaic.shape) is None:
            ny, nx = mosaic.shape
            return (
                f"the stamp of {self.id!r} at x = {self.x:.6g}, y = {self.y:.6g} lies outside of the mosaic of {nx} x "
                f"{ny} pixels (x, y)"
            )
        gathered = mosaic.gathered(window)
        if gathered.arguments["mask"].all():
            return "mask excludes every pixel: nothing is left to fit (True means excluded)"
        image = self._image(gathered, mosaic)
        place = (self.x - window.x0, self.y - window.y0)
        around = self._by_map(mosaic.labels(window), window, place) if labels else self._found(image, window, place)
        mask = image.mask | around.mask
        if mask.all():
            return f"every pixel of the stamp of {self.id!r} is masked: nothing is left to fit"
        mask.flags.writeable = False
        return Cut(eqx.tree_at(lambda old: old.mask, image, mask), window, around)

    @property
    def origin(self) -> tuple[int, int]:
        """The mosaic's pixel, (x, y), that is the first of the stamp."""
        window = self.window(self.mosaic.opened())
        return window.x0, window.y0

    def window(self, mosaic: OpenMosaic) -> StampWindow:
        """Return the stamp's pixels in the mosaic."""
        return centred(self.x, self.y, self.size or self._shape_of_segment(mosaic))

    def _image(self, found: Gathered, mosaic: OpenMosaic) -> Image:
        self.psf.take(found, mosaic.frame, (self.x, self.y))
        psf = found.arguments.pop("psf")
        options = {name: value for name, value in found.arguments.items() if value is not None}
        image = Image(**options, provenance=found.notes)
        return image if psf is None else eqx.tree_at(lambda old: old.psf, image, psf, is_leaf=lambda leaf: leaf is None)

    def _by_map(self, labels: Labels, window: StampWindow, place: Position) -> Surroundings:
        target = label_of_target(labels, self.label, place, repr(self.id))
        others = in_stamp(self.others, (window.x0, window.y0), place)
        return by_map(labels, target, others, model=self.neighbours == "model")

    def _found(self, image: Image, window: StampWindow, place: Position) -> Surroundings:
        if self.neighbours == "ignore":
            return Surroundings(np.zeros(image.shape, np.int32), np.zeros(image.shape, bool))
        ny, nx = image.shape
        inside = (min(max(place[0], 0.0), nx - 1.0), min(max(place[1], 0.0), ny - 1.0))
        others = in_stamp(self.others, (window.x0, window.y0), place)
        return by_detection(image, inside, others, model=self.neighbours == "model")

    def _shape_of_segment(self, mosaic: OpenMosaic) -> tuple[int, int]:
        """Return the shape of a square with room around the target's segment, found in larger and larger regions."""
        side = 2 * USUAL
        while True:
            region = centred(self.x, self.y, (side, side))
            labels = mosaic.labels(region)
            place = (self.x - region.x0, self.y - region.y0)
            known = self.label is not None and (labels == self.label).any()
            label = self.label if known else label_of_target(labels, None, place, repr(self.id))
            y, x = np.nonzero(labels == label) if label else (np.zeros(0), np.zeros(0))
            if not x.size:
                return USUAL, USUAL
            reach = float(max(np.abs(x - place[0]).max(), np.abs(y - place[1]).max())) + 1.0
            if reach < side / 2 - 1 or side >= LARGEST:
                break
            side *= 2
        # One of a few sides, each of which compiles its own programs.
        side = next_side(min(max(math.ceil(2.0 * ROOM * reach), SMALLEST), LARGEST))
        return side, side

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self.mosaic.in_memory:
            return CutStamp, (self.id, self._cut_or_problem())
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if math.isfinite(self.x) and math.isfinite(self.y):
            opened = self.mosaic.opened()
            band = opened.header.arguments["band"]
            fields["psf"] = self.psf.fixed(band, opened.frame, (self.x, self.y))
        return Stamp, tuple(fields.values())

    def _cut_or_problem(self) -> Cut | Exception:
        try:
            return self.cut()
        except Exception as error:  # which this stamp raises where it is loaded
            return error


@dataclasses.dataclass(frozen=True, eq=False)
class CutStamp:
    """A stamp of a mosaic in the memory of another process, which cut it; or the error of doing so."""

    id: str
    found: Cut | Exception

    def __call__(self) -> Image:
        """Return the image; raises what `Stamp` does."""
        return self.cut().image

    @property
    def origin(self) -> tuple[int, int]:
        """The mosaic's pixel, (x, y), that is the first of the stamp."""
        window = self.cut().window
        return window.x0, window.y0

    def cut(self) -> Cut:
        """Return the stamp with its place in the mosaic and the sources in it."""
        if isinstance(self.found, Exception):
            raise self.found
        return self.found
