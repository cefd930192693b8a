"""Several images from files: one for each name, one for each file of a list, or one for each band in a file."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from sersiclab.data.fits import bands_in
from sersiclab.data.image import Image
from sersiclab.data.image_names import check_image_name, path_name
from sersiclab.data.image_units import unit_name
from sersiclab.data.opening import is_hdu, named, opened
from sersiclab.data.photometry import read_band
from sersiclab.data.reading import gather, is_file, science_of
from sersiclab.data.unusable import blank_image, is_blank
from sersiclab.runtime.errors import InputError, InputTypeError


# The arguments of `Image` that `gather` completes.
ARGUMENTS = ("sigma", "weight", "invvar", "psf", "mask", "psf_oversampling", "psf_includes_pixel", "psf_centre", "gain")
ARGUMENTS += ("zeropoint", "pixel_scale", "wcs", "band", "wavelength", "unit")

EXAMPLE = '{"g": source, "r": source}'

Source = tuple[Any, str | None]  # what `Image.read` reads, and the band to read if it has several


def read_images(data: Any, options: Mapping[str, Any]) -> dict[str, Image | None]:
    """Return the images by name; None for one that is missing.

    Arguments:
        data: `{name: source}`, a list of sources of different bands, or one with images of several bands.
        options: the other arguments of `Image.read`: one value for all images, or a value for each by name.
    """
    sources = _by_name(data, options["band"]) if _is_by_name(data) else _by_band(data)
    for option, value in options.items():
        unknown = [name for name in value if name not in sources] if _is_by_name(value) else []
        if unknown:
            raise InputError(f"{option} has no image {unknown[0]!r}; the images are {', '.join(sources)}")
    return {name: _read(name, source, options) for name, source in sources.items()}


def _is_by_name(value: Any) -> bool:
    """Return whether a value is one for each image, and not a header, which is a mapping, too."""
    from astropy.io.fits import Header

    return isinstance(value, Mapping) and not isinstance(value, Header)


def _read(name: str, source: Source, options: Mapping[str, Any]) -> Image | None:
    data, band = source
    if data is None:
        return None
    own = {option: value.get(name) if _is_by_name(value) else value for option, value in options.items()}
    own = {option: value for option, value in own.items() if value is not None}
    own |= {"band": band} if band is not None else {}
    with _naming(name, data) as heard:
        try:
            return Image.read(data, **own)
        except InputError:
            found = _blank(data, own)
            if found is None:
                raise
            heard.clear()  # `Images` warns that no pixel is usable
            return found


def _blank(data: Any, options: Mapping[str, Any]) -> Image | None:
    """Return an image without usable pixels if these are such, else None."""
    given = {name: options.get(name) for name in ARGUMENTS} | {"data": data}
    given["unit"] = None if given["unit"] is None else unit_name(given["unit"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = gather(given, psf_position=options.get("psf_position"))
            blank = is_blank(found.arguments)
        except (InputError, InputTypeError):
            return None
    return blank_image(found.arguments, found.notes) if blank else None


def _by_name(data: Mapping[str, Any], band: Any) -> dict[str, Source]:
    """Return the source of each name, with the band of this name if the source has several bands."""
    found: dict[str, Source] = {}
    for name, source in data.items():
        check_image_name(name)
        _check_unread(f"data[{name!r}]", source)
        chosen = band.get(name) if _is_by_name(band) else band
        with _naming(name, source):
            found[name] = source, _band_of_name(name, source) if chosen is None else None
    return found


def _band_of_name(name: str, source: Any) -> str | None:
    bands = _several_bands(source)
    for band in bands:
        if name.lower() in (band.lower(), path_name(band).lower()):
            return band
    if bands:
        raise InputError(f"data: {_label(source)} has the bands {', '.join(bands)}; choose with band={{{name!r}: ...}}")
    return None


def _by_band(data: Any) -> dict[str, Source]:
    """Return a source for each band; the names are the bands."""
    several = isinstance(data, list | tuple) and not is_hdu(data)
    found: dict[str, Source] = {}
    for place, source in enumerate(data if several else [data]):
        label = f"data[{place}]" if several else "data"
        _check_unread(label, source)
        for band in _several_bands(source) or (_only_band(label, source),):
            name = path_name(band)
            check_image_name(name)
            if name in found:
                raise InputError(f"{label}: {_label(source)} has the band {band!r}, as another image; give {EXAMPLE}")
            found[name] = source, band
    return found


def _check_unread(label: str, source: Any) -> None:
    if isinstance(source, Image):
        raise InputTypeError(f"{label} is an Image, which needs no reading: give it to sl.Images")


def _only_band(label: str, source: Any) -> str:
    band = read_band(science_of(source, None)[0].header)
    if band is None:
        raise InputError(f"{label}: {_label(source)} does not name its band; give {EXAMPLE}")
    return band


def _several_bands(source: Any) -> tuple[str, ...]:
    """Return the bands in a file with images of several."""
    if not is_file(source) or (not is_hdu(source) and named("data", source).path.suffix == ".npy"):
        return ()
    with opened("data", source) as file:
        return bands_in(file)


def _label(source: Any) -> str:
    return repr(os.fspath(source)) if isinstance(source, str | os.PathLike) else f"this {type(source).__name__}"


@contextlib.contextmanager
def _naming(name: str, source: Any) -> Iterator[list[warnings.WarningMessage]]:
    """Name the image, and its file, in every error and warning; yield the list of the warnings."""
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            yield heard
        except FileNotFoundError as error:
            raise FileNotFoundError(f"image {name!r}: {error}") from error
        except (InputError, InputTypeError) as error:
            file = "" if path in str(error) else f" ({path})"
            raise type(error)(f"image {name!r}: {error}{file}") from error
    for warning in heard:
        warnings.warn(f"image {name!r}: {warning.message}", warning.category, stacklevel=7)
