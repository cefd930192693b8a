"""The images of a GALFITM menu: the fit region in every band, on one grid of pixels."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.io.functions import Conventions
from sersiclab.io.galfit_courses import Bands, Course
from sersiclab.io.galfit_image import check_unused, conventions_of, fit_region, menu_image, of_band
from sersiclab.io.galfit_text import Menu
from sersiclab.runtime.errors import InputError


SAME_PLACE = 0.01  # pixels by which the WCS of a band may differ from that of the first


@dataclasses.dataclass(frozen=True)
class Planes:
    """The images, and in each band the file's conventions and the factor by which its numbers were multiplied."""

    images: Images
    conventions: tuple[Conventions, ...]
    factors: tuple[float, ...]


def menu_planes(menu: Menu, folder: Path, bands: Bands, given: Images | None, notes: list[str]) -> Planes:
    """Return the fit regions of the bands, from the files or from the whole images that the user gave."""
    if given is None:
        _check_counts(menu, bands)
        whole = [menu_image(menu, folder, i, notes) for i in range(bands.number)]
    else:
        check_unused(menu, notes)
        whole = _given(menu, bands, given)
    shapes = {image.shape for image in whole}
    if len(shapes) > 1:
        line = menu.fields["A"][0] if "A" in menu.fields else 0
        listed = ", ".join(f"{nx} x {ny}" for ny, nx in sorted(shapes))
        raise InputError(f"{menu.source}, line {line}: A) the images must have the same pixels, got {listed}")
    whole = _on_one_grid(whole, notes)
    parts, corners = zip(*(fit_region(menu, image, notes) for image in whole), strict=True)
    usable = next((part for part in parts if part.valid.any()), None)
    if usable is None:
        raise InputError(f"{menu.source}: no image has a usable pixel in the region H)")
    conventions = tuple(
        dataclasses.replace(conventions_of(menu, part if part.valid.any() else usable, corners[0]), zeropoint=zeropoint)
        for part, zeropoint in zip(parts, _zeropoints(menu, parts), strict=True)
    )
    lengths = dict(zip(bands.names, bands.wavelengths, strict=True)) if bands.wavelengths else None
    images = Images(dict(zip(bands.names, parts, strict=True)), wavelengths=lengths)
    return Planes(images, conventions, (1.0,) * bands.number)


def in_one_unit(menu: Menu, planes: Planes, courses: Mapping[str, Course], notes: list[str]) -> Planes:
    """Return the images scaled to the zero-point of the first, if a magnitude in `courses` is a polynomial.

    A polynomial of magnitudes is one of the logarithm of the flux in a unit that all bands share.
    """
    zeropoints = [each.zeropoint for each in planes.conventions]
    smooth = [course for course in courses.values() if course.nodes]
    if not smooth or np.ptp(zeropoints) < 1e-9:
        return planes
    factors = [10.0 ** (0.4 * (zeropoints[0] - zeropoint)) for zeropoint in zeropoints]
    notes.append(
        f"line {menu.fields['J'][0]}: J) the images are scaled to the zero-point {zeropoints[0]:g} of the first, since "
        f"the magnitude of line {smooth[0].line} is a polynomial of wavelength"
    )
    scaled = {
        name: image if factor == 1.0 else _times(image, factor, zeropoints[0])
        for (name, image), factor in zip(planes.images.items(), factors, strict=True)
    }
    lengths = dict(zip(planes.images.names, planes.images.given, strict=True))
    conventions = tuple(
        dataclasses.replace(each, zeropoint=zeropoints[0], scatter=each.scatter * factor)
        for each, factor in zip(planes.conventions, factors, strict=True)
    )
    return Planes(Images(scaled, wavelengths=lengths), conventions, tuple(factors))


def _zeropoints(menu: Menu, images: Sequence[Image]) -> list[float]:
    return [
        of_band(menu.numbers("J"), i) if image.zeropoint is None else image.zeropoint for i, image in enumerate(images)
    ]


def _times(image: Image, factor: float, zeropoint: float) -> Image:
    fields = image.fields | {"data": image.data * factor, "sigma": image.sigma * factor, "zeropoint": zeropoint}
    gain = None if image.gain is None else image.gain / factor
    return Image.restored(**{**fields, "gain": gain, "unit": None})


def _check_counts(menu: Menu, bands: Bands) -> None:
    """Raise unless each list of files or zero-points has one item, or one for each band."""
    for letter, what in {"C": "sigma images", "D": "PSFs", "F": "masks"}.items():
        found = menu.names(letter)
        if len(found) not in (0, 1, bands.number):
            line = menu.fields[letter][0]
            raise InputError(
                f"{menu.source}, line {line}: {letter}) names {len(found)} {what} for {bands.number} bands"
            )
    found = menu.numbers("J")
    if len(found) not in (1, bands.number):
        raise InputError(
            f"{menu.source}, line {menu.fields['J'][0]}: J) has {len(found)} zero-points for {bands.number} bands"
        )


def _given(menu: Menu, bands: Bands, images: Images) -> list[Image]:
    """Return the whole images that the user gave, in the order of the bands."""
    if set(images) != set(bands.names):
        raise InputError(
            f"image must hold the bands of {menu.source}, {', '.join(bands.names)}, got {', '.join(images)}"
        )
    return [images[name] for name in bands.names]


def share_pixels(images: Images) -> None:
    """Raise `ValueError` unless all images have the same pixels, as GALFITM's must."""
    frame = images.frame
    for name, image in images.items():
        what = None
        if image.shape != frame.shape:
            what = f"{name} of {image.shape[1]} x {image.shape[0]} pixels after {frame.shape[1]} x {frame.shape[0]}"
        elif image.wcs is not None and frame.wcs is not None and not _same_place(frame, image):
            what = f"{name}, whose WCS differs from that of {images.names[0]}"
        if what is not None:
            raise InputError(f"image must hold images of the same pixels, got {what}")


def _on_one_grid(images: list[Image], notes: list[str]) -> list[Image]:
    """Return the images with the WCS of the first: in GALFITM they have the same pixels, whatever their headers say."""
    first, *others = images
    found = [first]
    for image in others:
        same = _same_place(first, image)
        if not same:
            notes.append(
                "the WCS of a band differs from that of the first, which replaces it: in GALFITM bands share pixels"
            )
        found.append(image if same else Image.restored(**{**image.fields, "wcs": first.wcs}))
    return found


def _same_place(first: Image, other: Image) -> bool:
    """Return whether the corners of two images of one shape lie at the same place in the sky."""
    if first.wcs is None or other.wcs is None:
        return first.wcs is other.wcs
    ny, nx = first.shape
    x, y = np.meshgrid([0.0, nx - 1.0], [0.0, ny - 1.0])
    return bool(np.allclose(other.wcs.world_to_pixel(first.wcs.pixel_to_world(x, y)), (x, y), atol=SAME_PLACE))
