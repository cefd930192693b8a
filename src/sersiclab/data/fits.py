"""Image planes from FITS files."""

import dataclasses
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sersiclab.data.astrometry import celestial_of_header, pixel_scale_of
from sersiclab.data.filters import bands_in_names
from sersiclab.data.headers import Header
from sersiclab.data.opening import File, is_hdu, named, opened
from sersiclab.data.panstarrs import linear, softening
from sersiclab.data.sections import FileName, Section, Span, part_of, part_of_wcs
from sersiclab.runtime.errors import InputError


NO_HEADER = Header()


@dataclasses.dataclass(frozen=True)
class Extension:
    """A 2-d image from a file: its array `[y, x]`, its source, its celestial WCS, if any, and its header.

    `spans` are the pixels, along x and y, of the section that was read; None for the whole image. `notes` describe
    changes to the pixels of the file.
    """

    array: Shaped[np.ndarray, "y x"]
    source: str
    wcs: Any = None
    header: Header = NO_HEADER
    spans: tuple[Span, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def pixel_scale(self) -> float | None:
        """Arcsec per pixel: the square root of the pixel's area, else the value in the header, if any."""
        if self.wcs is not None:
            return pixel_scale_of(self.wcs)
        scale = self.header.number("PIXSCALE", "PIXSCAL1", "SECPIX", "SECPIX1", "PIXELSCL")
        return scale if scale is not None and scale > 0 else None


def read_plane(argument: str, source: Any, *, band: str | None = None) -> Extension:
    """Read the image `"sci.fits"` (its first 2-d image), `"sci.fits[SCI]"`, `"sci.fits[SCI,2]"` or `"sci.fits[1]"`.

    A section may follow, `"sci.fits[SCI,2][11:80,11:90]"` or `"sci.fits[11:80,11:90]"`, in pixels from 1 with both
    ends included; the WCS is that of the section. `argument` names the argument in messages. If a file has images in
    several bands, `band` selects one. The source may also be a `.npy` file, an open `HDUList` or a single HDU. Raises
    `FileNotFoundError` if there is no such file and `InputError` if it has no such image.
    """
    name = None if is_hdu(source) else named(argument, source)
    if name is not None and name.path.suffix == ".npy":
        return _numpy_plane(argument, name)
    with opened(argument, source) as file:
        return plane(file, choose(file, band), band)


def choose(file: File, band: str | None = None) -> int:
    """Return the index of the extension in the name, else of the first image of the band, else of the first image."""
    if file.extension is not None:
        return _index(file, file.extension)
    images = _images(file)
    if not images:
        raise InputError(f"{file.argument}: {file.label!r} has no 2-d image; it has {contents(file.hdus)}")
    bands = band_by_index(file, images)
    if band is None or not bands:
        return _first(file, images)
    for index, text in bands.items():
        if text.lower() == band.lower():
            return index
    raise InputError(f"{file.argument}: {file.label!r} has no band {band!r}; it has {', '.join(set(bands.values()))}")


def bands_in(file: File) -> tuple[str, ...]:
    """Return the bands of which a file has an image each, in its order; none unless it has images of several bands."""
    images = _images(file) if file.extension is None else [_index(file, file.extension)]
    bands = tuple(dict.fromkeys(band_by_index(file, images).values()))
    if bands or not images or len(squeezed(file.hdus[images[0]].shape)) != 3:
        return bands
    return bands_of(file.hdus[images[0]])


def band_by_index(file: File, images: Sequence[int]) -> dict[int, str]:
    """Return the bands of extensions by index, from their headers, or else from names such as "g" or "SCI_F160W".

    Empty unless there are several bands.
    """
    headers = [Header((file.hdus[i].header,)) for i in images]
    in_headers = [header.text("BAND", "FILTER") for header in headers]
    for texts in (in_headers, bands_in_names([header.text("EXTNAME") or "" for header in headers])):
        found = {i: text for i, text in zip(images, texts, strict=True) if text is not None}
        if len(set(found.values())) > 1:
            return found
    return {}


def _images(file: File) -> list[int]:
    axes = 2 if file.section is None else len(file.section.ranges)
    return [i for i, hdu in enumerate(file.hdus) if hdu.is_image and _is_plane(hdu, axes)]


def plane(file: File, index: int, band: str | None = None, bands: Sequence[str] = ()) -> Extension:
    """Return the 2-d image of an extension, or the plane of a band from a cube that names its bands.

    `bands` names the bands of a cube that does not. Pixels that Pan-STARRS compressed are linear in the result.
    """
    hdu = file.hdus[index]
    label = file.where(index)
    pixels = file.pixels(index)
    wcs = celestial_of_header(file.argument, label, hdu.header, file.hdus)
    bands = bands_of(hdu) or bands
    spans = None
    if file.section is None:
        array = _two_dimensional(file, index, pixels, band, bands)
    else:
        if len(file.section.ranges) == 2:
            pixels = _two_dimensional(file, index, pixels, band, bands)
        spans = spans_in(file.argument, label, file.section, pixels.shape)
        array = _two_dimensional(file, index, part_of(pixels, spans), band, bands)
        label, spans = f"{label}[{file.section.text}]", spans[:2]
        wcs = None if wcs is None else part_of_wcs(wcs, spans)
    soft = softening(Header((hdu.header,)))
    notes = () if soft is None else (f"{label}: asinh compression undone (BSOFTEN, BOFFSET)",)
    return Extension(array if soft is None else linear(array, *soft), label, wcs, file.header(index), spans, notes)


def spans_in(argument: str, label: str, section: Section, shape: tuple[int, ...]) -> tuple[Span, ...]:
    try:
        return section.spans(shape)
    except InputError as error:
        raise InputError(f"{argument}: {label}: {error}") from error


def contents(hdus: Any) -> str:
    """Return the extensions in a few words, such as "[0] PRIMARY (empty), [1] SCI 100 x 120"."""

    def size(hdu: Any) -> str:
        if not hdu.is_image:
            return "(a table)"
        return " x ".join(map(str, hdu.shape)) or "(empty)"

    return ", ".join(" ".join(f"[{i}] {hdu.name} {size(hdu)}".split()) for i, hdu in enumerate(hdus))


def _numpy_plane(argument: str, name: FileName) -> Extension:
    path = name.path
    if not path.is_file():
        raise FileNotFoundError(f"{argument}: there is no file {str(path)!r}")
    if name.extension is not None:
        raise InputError(
            f"{argument}: {str(path)!r} has no extension [{name.extension}]; it is a file of a numpy array"
        )
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{argument}: {str(path)!r} is not a file of a numpy array ({error})") from error
    if name.section is None:
        return Extension(array, str(path))
    spans = spans_in(argument, str(path), name.section, array.shape)
    return Extension(part_of(array, spans), f"{path}[{name.section.text}]", spans=spans)


def _index(file: File, name: str) -> int:
    extension, version, *_ = (part.strip() for part in f"{name},".split(","))  # a third part is CFITSIO's XTENSION
    if extension.isdecimal() and not version:
        key: Any = int(extension)
        found = key if key < len(file.hdus) else None
    else:
        key = (extension, int(version)) if version.isdecimal() else extension
        found = file.hdus.index_of(key) if key in file.hdus else None
    if found is None:
        raise InputError(f"{file.argument}: {file.label!r} has no extension [{name}]; it has {contents(file.hdus)}")
    return found


def _first(file: File, images: Sequence[int]) -> int:
    """Return the first of these images that is not constant, as the first image in some GALFIT files is."""
    if file.argument not in ("data", "psf"):
        return images[0]
    for index in images[:-1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they appear when the image is read
            pixels = file.pixels(index)
        finite = pixels[np.isfinite(pixels)]
        if finite.size and np.ptp(finite) > 0:
            return index
        following = images[images.index(index) + 1]
        warnings.warn(
            f"{file.argument}: {file.where(index)} has one value in every pixel; {file.where(following)} is read "
            "instead (name an extension to read another)",
            stacklevel=7,
        )
    return images[-1]


def _is_plane(hdu: Any, axes: int) -> bool:
    if axes > 2:
        return len(hdu.shape) == axes
    shape = squeezed(hdu.shape)
    return len(shape) == 2 or (len(shape) == 3 and len(bands_of(hdu)) == shape[0])


def bands_of(hdu: Any) -> tuple[str, ...]:
    """Return the bands of a cube's planes, from BAND0, BAND1 ... or from BANDS, such as "grz" or "w1,w2"."""
    header = Header((hdu.header,))
    planes = squeezed(hdu.shape)[0] if len(squeezed(hdu.shape)) == 3 else 0
    named = [header.text(f"BAND{number}") for number in range(planes)]
    if named and None not in named:
        return tuple(name for name in named if name is not None)
    text = header.text("BANDS") or ""
    return tuple(part for part in re.split(r"[,\s]+", text) if part) if re.search(r"[,\s]", text) else tuple(text)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape without leading axes of length 1, such as that of a cube of one plane."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _two_dimensional(
    file: File, index: int, pixels: Any, band: str | None, bands: Sequence[str]
) -> Shaped[np.ndarray, "y x"]:
    return pixels[place_in_cube(file, index, pixels.shape, band, bands)]


def place_in_cube(
    file: File, index: int, shape: tuple[int, ...], band: str | None, bands: Sequence[str]
) -> tuple[int, ...]:
    """Return the indices of a 2-d image along the axes before y and x; none if there are no other axes."""
    planes = squeezed(shape)
    leading = (0,) * (len(shape) - len(planes))
    if len(planes) == 2:
        return leading
    bands = bands if len(planes) == 3 and len(bands) == planes[0] else ()
    known = [name.lower() for name in bands]
    if band is not None and band.lower() in known:
        return (*leading, known.index(band.lower()))
    remedy = f"give band=, one of {', '.join(bands)}" if bands else "give one plane of it as an array"
    raise InputError(
        f"{file.argument}: {file.where(index)} ({file.hdus[index].name or 'no name'}) has the shape {shape}; "
        f"expected a 2-d image [y, x] ({remedy})"
    )
