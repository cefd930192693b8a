"""The arguments of `Image` from files and objects of other packages, for `Image.read`.

An explicit argument always wins. Values from a header or from another extension are noted.
"""

import dataclasses
import os
import warnings
from typing import Any

import numpy as np

from sersiclab.data import planes
from sersiclab.data.companions import bad_pixels, companions, without_role
from sersiclab.data.filters import read_wavelength
from sersiclab.data.fits import Extension, choose, plane, read_plane
from sersiclab.data.gathering import NOISE, Gathered
from sersiclab.data.headers import Header
from sersiclab.data.noise_sources import take_noise
from sersiclab.data.opening import is_hdu, named, opened
from sersiclab.data.panstarrs import is_panstarrs, softening
from sersiclab.data.photometry import (
    in_unit,
    read_band,
    read_unit,
    read_zeropoint,
    system_of,
    uncertain_zeropoint,
    unit_of,
)
from sersiclab.data.psf_files import Position, Psf, is_model, read_psf
from sersiclab.data.psf_positions import check_grid, check_place, place_of
from sersiclab.data.sections import Span
from sersiclab.data.units import is_logarithmic
from sersiclab.runtime.errors import InputError


VARIANCES = (".wt.fits[0]", ".wt.fits[1]", ".wt.fits.fz[1]")  # the names of Pan-STARRS's weights
ARRAY = "array"
SCALES_AGREE = 0.02


def gather(arguments: dict[str, Any], *, psf_position: Position | None) -> Gathered:
    """Return the arguments of `Image` from those of `Image.read`, where None means not given."""
    result = Gathered(dict(arguments))
    science, others = science_of(arguments["data"], arguments["band"])
    result.arguments["data"] = science.array
    _note_file(result, "data", arguments["data"], science)
    for name, power in NOISE.items():
        result.arguments[name] = in_unit(name, arguments[name], unit_of(arguments["data"]), power)
        if is_file(arguments[name]):
            found = read_plane(name, arguments[name], band=arguments["band"])
            result.arguments[name] = of_panstarrs(result, name, found)
            _note_file(result, name, arguments[name], found)
    take_mask(result, arguments, others)
    take_header(result, science)
    _take_psf(result, science, psf_position)
    take_noise(result, science, others)
    return result


def is_file(value: Any) -> bool:
    """Return whether this is a path or an open file."""
    return isinstance(value, str | os.PathLike) or is_hdu(value)


def _note_file(result: Gathered, name: str, given: Any, found: Extension) -> None:
    result.notes += found.notes
    if is_file(given):
        result.files[name] = found.source


def of_panstarrs(result: Gathered, name: str, found: Extension) -> Any:
    """Return an error map; Pan-STARRS calls its variance maps weights."""
    if not is_panstarrs(found.header) or (name == "sigma" and not found.source.endswith(VARIANCES)):
        return found.array
    text = f"{name}: {found.source} is read as variances, which Pan-STARRS's weights are"
    result.warn(text, stacklevel=4)
    result.notes.append(text)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.sqrt(np.asarray(found.array, float))
        return deviation if name == "sigma" else deviation**-2


def science_of(data: Any, band: str | None) -> tuple[Extension, dict[str, Extension]]:
    """Return the image itself and the other extensions of its file by role."""
    from astropy.nddata import Cutout2D, NDData

    if isinstance(data, str | os.PathLike) and named("data", data).path.suffix == ".npy":
        return read_plane("data", data), {}
    if is_file(data):
        with opened("data", data) as file:
            index = choose(file, band)
            science, others = plane(file, index, band), companions(file, index, band)
            unused = without_role(file, index)
            note = f"not used: {', '.join(unused)}, of the image's shape"
            return dataclasses.replace(science, notes=(*science.notes, *([note] if unused else []))), others
    if isinstance(data, NDData):
        return _of_nddata(data)
    if isinstance(data, Cutout2D):
        x, y = data.origin_original
        spans = tuple(Span(start + 1, 1, size) for start, size in zip((x, y), data.shape[::-1], strict=True))
        return Extension(data.data, "Cutout2D", data.wcs, spans=spans), {}
    array: Any = data
    if unit_of(array) is not None:
        return Extension(array.value, ARRAY, header=Header(({"BUNIT": str(array.unit)},))), {}
    return Extension(array, ARRAY), {}


def _of_nddata(data: Any) -> tuple[Extension, dict[str, Extension]]:
    """Return the image in an astropy `NDData` or `CCDData`, and its uncertainty and mask by role."""
    from astropy.nddata import StdDevUncertainty

    label = type(data).__name__
    unit = {} if data.unit is None else {"BUNIT": str(data.unit)}
    wcs = data.wcs
    if wcs is not None and hasattr(wcs, "celestial"):
        wcs = wcs.celestial
    science = Extension(np.asarray(data.data), label, wcs, Header((unit, data.meta or {})))
    others = {}
    if softening(science.header) is not None:
        warnings.warn(
            f"the header of this {label} has Pan-STARRS's BSOFTEN and BOFFSET; its values are assumed to be linear; if "
            "they are compressed as in the file, give the file itself",
            stacklevel=5,
        )
    if data.uncertainty is not None:
        deviation = data.uncertainty.represent_as(StdDevUncertainty)
        array = deviation.array if data.unit is None else deviation.quantity.to_value(data.unit)
        others["sigma"] = Extension(array, f"{label}.uncertainty")
    if data.mask is not None:
        others["mask"] = Extension(np.broadcast_to(np.asarray(data.mask), data.data.shape), f"{label}.mask")
    return science, others


def take_mask(result: Gathered, arguments: dict[str, Any], others: dict[str, Extension]) -> None:
    """Take the mask, and exclude the pixels of a file that are not finite."""
    given = arguments["mask"]
    if is_file(given):
        found = read_plane("mask", given, band=arguments["band"])
        result.arguments["mask"], _ = bad_pixels(found, arguments["band"])
        result.files["mask"] = found.source
    elif given is None and "mask" in others:
        array, rule = bad_pixels(others["mask"], arguments["band"])
        result.take("mask", array, f"{others['mask'].source}: {rule}")
    data = result.arguments["data"]
    if isinstance(data, np.ndarray) and data.dtype.kind == "f" and data.ndim == 2 and "data" in result.files:
        mask = result.arguments["mask"]
        mask = np.zeros(data.shape, bool) if mask is None else np.asarray(mask) != 0
        blank = ~np.isfinite(data)
        if mask.shape == data.shape and (blank & ~mask).any():
            result.warn(
                f"data are not finite in {(blank & ~mask).sum()} pixels: they are excluded from the fit", stacklevel=4
            )
            result.arguments["mask"] = mask | blank


def take_header(result: Gathered, science: Extension) -> None:
    """WCS, pixel scale, band, wavelength, unit and zero-point."""
    given, header = result.arguments, science.header
    if given["wcs"] is None:
        given["wcs"] = science.wcs
        if given["pixel_scale"] is None:
            result.take("pixel_scale", science.pixel_scale, "WCS" if science.wcs is not None else "header")
    result.take("band", read_band(header), "header")
    wavelength = read_wavelength(header, given["band"])
    if wavelength is not None:
        result.take("wavelength", *wavelength)
    text = header.text("BUNIT", "BUNITS")
    result.take("unit", read_unit(header), f"BUNIT = {text}" if text else f"SURVEY = {header.text('SURVEY')}")
    if given["unit"] is None and text is not None:
        result.notes.append(f"unit unknown (BUNIT = {text})")
    if is_logarithmic(given["unit"] or text):
        warnings.warn(
            f"data seem to be magnitudes (unit {given['unit'] or text}); an image must be linear", stacklevel=4
        )
    found = read_zeropoint(header, given["unit"], given["pixel_scale"])
    card = uncertain_zeropoint(header)
    if found is None and given["zeropoint"] is None and card is not None:
        result.notes.append(f"zeropoint unknown ({card} may be for one second, and is not used: give zeropoint=)")
    if found is not None and given["zeropoint"] is None:
        result.take("zeropoint", *found)
        system = system_of(found)
        if system not in (None, "AB"):
            warnings.warn(
                f"zero-point {found[0]:.6g} is in the {system} system ({found[1]}): this image's magnitudes are not "
                "AB; give zeropoint= to use another",
                stacklevel=4,
            )


def _take_psf(result: Gathered, science: Extension, position: Position | None) -> None:
    given = result.arguments
    if position is not None and not np.isfinite(planes.place_of(position, "psf_position")).all():
        raise InputError(f"psf_position must be finite, got {position}")
    found = None
    if is_file(given["psf"]) or is_model(given["psf"]):
        place = place_of(science, np.shape(given["data"]), position)
        found = read_psf(given["psf"], band=given["band"], position=place.position)
        note = check_place(place, found, science)
        result.notes += [] if note is None else [note]
    if given["psf"] is not None:
        check_grid(science)
    take_psf(result, found)


def take_psf(result: Gathered, found: Psf | None) -> None:
    """Take a PSF and what its file says of its samples; the other values of PSFs are the user's or the usual ones."""
    given = result.arguments
    if found is not None:
        result.files["psf"] = found.source
        given["psf"] = found.array
        samples = _samples_per_pixel(result, found)
        result.take("psf_oversampling", samples if samples != 1 else None, found.source)
        result.take("psf_includes_pixel", False if found.includes_pixel is False else None, found.source)
        result.take("psf_centre", None if found.centre == "array" else found.centre, found.source)
    for name, default in (("psf_oversampling", 1), ("psf_includes_pixel", True), ("psf_centre", "array")):
        given[name] = default if given[name] is None else given[name]


def _samples_per_pixel(result: Gathered, psf: Psf) -> int | None:
    """Return the samples per pixel from the PSF's file, else from the two pixel scales; warn if they disagree."""
    given = result.arguments
    stated = given["psf_oversampling"] or psf.oversampling
    if psf.pixel_scale is None or given["pixel_scale"] is None:
        return stated
    ratio = given["pixel_scale"] / psf.pixel_scale
    samples = stated or max(round(ratio), 1)
    if abs(ratio / samples - 1.0) > SCALES_AGREE:
        result.warn(
            f"the psf has samples of {psf.pixel_scale:g} arcsec, {samples} to a pixel; the image has pixels of "
            f"{given['pixel_scale']:g} arcsec: is it the PSF of this image?",
            stacklevel=6,
        )
    return samples
