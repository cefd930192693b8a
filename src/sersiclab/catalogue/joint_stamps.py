"""Stamps of one galaxy in several bands, cut from a mosaic of each when the galaxy is fitted."""

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.catalogue.stamps import Cut, Stamp
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.data.sections import part_of_wcs
from sersiclab.runtime.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class JointStamp:
    """The images of one galaxy in the mosaics of several bands; calling it cuts them.

    A band in which the galaxy has no usable pixel is left out, with a warning that says why. If part of a mosaic is in
    memory, the images are cut when the stamp is pickled for another process.

    Attributes:
        names: the names of the bands.
        stamps: the stamp in each band. The first is the frame, in whose pixels positions are.
        ratios: the side of a pixel of the first mosaic over that of each.
        same_pixels: whether the mosaics share their pixels.
        wavelengths: those that the user gave, in micrometres, by the name of the band.
    """

    names: tuple[str, ...]
    stamps: tuple[Stamp, ...]
    ratios: tuple[float, ...]
    same_pixels: bool
    wavelengths: tuple[tuple[str, float], ...] = ()

    @property
    def id(self) -> str:
        """The name of the galaxy."""
        return self.stamps[0].id

    @property
    def x(self) -> float:
        """The galaxy's position in the first mosaic, in pixels from 0."""
        return self.stamps[0].x

    @property
    def y(self) -> float:
        """See `x`."""
        return self.stamps[0].y

    def __call__(self) -> Images:
        """Cut the stamps.

        Returns:
            The images of the bands that have a usable pixel.

        Raises:
            ValueError: no band has one.
        """
        found, missing = self._cut()
        if len(missing) == len(self.names):
            raise InputError(f"{self.id!r} has no usable pixel in any band: {'; '.join(missing.values())}")
        for name, why in missing.items():
            warnings.warn(f"band {name!r} is left out: {why}", stacklevel=2)
        images: dict[str, Image | None] = {name: found[name].image if name in found else None for name in self.names}
        if not self.same_pixels and self.names[0] in missing and math.isfinite(self.x + self.y):
            images[self.names[0]] = self._frame()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is missing has been said
            return Images(images, wavelengths=dict(self.wavelengths))

    @property
    def origin(self) -> tuple[int, int] | None:
        """The first mosaic's pixel, (x, y), that is the first of its stamp; None without a position."""
        return self.stamps[0].origin if math.isfinite(self.x + self.y) else None

    def _cut(self) -> tuple[dict[str, Cut], dict[str, str]]:
        """Return the stamps that have a usable pixel, and why the others have none."""
        found, missing = {}, {}
        for name, stamp in zip(self.names, self._sized(), strict=True):
            one = stamp.attempt()
            if isinstance(one, str):
                missing[name] = one
            else:
                found[name] = one
        return found, missing

    def _sized(self) -> tuple[Stamp, ...]:
        """Return the stamps, all as large on the sky as the first, whose size may be that of a segment."""
        first = self.stamps[0]
        if first.size is not None or not math.isfinite(self.x + self.y):
            return self.stamps
        shape = first.window(first.mosaic.opened()).shape
        return tuple(
            dataclasses.replace(stamp, size=scaled(shape, ratio))
            for stamp, ratio in zip(self.stamps, self.ratios, strict=True)
        )

    def _frame(self) -> Image:
        """Return an image without a usable pixel, whose pixels are those of the first mosaic."""
        mosaic = self.stamps[0].mosaic.opened()
        window, given = self.stamps[0].window(mosaic), mosaic.header.arguments
        wcs = None if mosaic.wcs is None else part_of_wcs(mosaic.wcs, window.spans)
        scales = {name: given[name] for name in ("pixel_scale", "zeropoint", "unit", "band")}
        image = Image(np.zeros(window.shape), sigma=1.0, wcs=wcs, **scales)
        return eqx.tree_at(lambda old: old.mask, image, np.ones(window.shape, bool))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if not any(stamp.mosaic.in_memory for stamp in self.stamps):
            return JointStamp, (self.names, self.stamps, self.ratios, self.same_pixels, self.wavelengths)
        return CutJointStamp, (self.id, self.names, self.origin, *self._images_or_problem())

    def _images_or_problem(self) -> tuple[Images | Exception, tuple[str, ...]]:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                found = self()
            except Exception as error:  # which this stamp raises where it is loaded
                found = error
        return found, tuple(str(warning.message) for warning in said)


def scaled(shape: tuple[int, int], ratio: float) -> tuple[int, int]:
    """Return the shape in pixels of another size, not smaller on the sky."""
    ny, nx = (math.ceil(side * ratio - 1e-6) for side in shape)
    return ny, nx


@dataclasses.dataclass(frozen=True, eq=False)
class CutJointStamp:
    """Stamps of mosaics in the memory of another process, which cut them; or the error of doing so."""

    id: str
    names: tuple[str, ...]
    origin: tuple[int, int] | None
    found: Images | Exception
    notes: tuple[str, ...] = ()

    def __call__(self) -> Images:
        """Return the images, with the same warnings; raises what `JointStamp` does."""
        for note in self.notes:
            warnings.warn(note, stacklevel=2)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found
