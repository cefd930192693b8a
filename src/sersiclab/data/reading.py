"""The arguments of `Image` from files and objects of other packages, for `Image.read`.

An explicit argument always wins. Values from a header or from another extension are noted.
"""

import dataclasses
import os
import warnings
from typing import Any

import numpy as np
from scipy import ndimage

from sersiclab.data import planes
from sersiclab.data.arrays import Mask, Plane
from sersiclab.data.blanks import blanks, without_data
from sersiclab.data.companions import bad_pixels, companions, without_role
from sersiclab.data.fits import Extension, choose, plane, read_plane
from sersiclab.data.headers import Header
from sersiclab.data.opening import is_hdu, named, opened
from sersiclab.data.panstarrs import is_panstarrs, softening
from sersiclab.data.photometry import (
    in_unit,
    read_band,
    read_gain,
    read_unit,
    read_zeropoint,
    system_of,
    uncertain_zeropoint,
    unit_of,
)
from sersiclab.data.psf_files import Position, Psf, is_model, read_psf
from sersiclab.data.psf_positions import check_grid, check_place, place_of
from sersiclab.data.scatter import level_and_scatter, scatter_in_boxes
from sersiclab.data.sections import Span
from sersiclab.data.units import is_logarithmic
from sersiclab.runtime.errors import InputError


NOISE = {"sigma": 1, "weight": -2, "invvar": -2}  # the power of the image's unit that each has
VARIANCES = (".wt.fits[0]", ".wt.fits[1]", ".wt.fits.fz[1]")  # the names of Pan-STARRS's weights
ARRAY = "array"
WEIGHTS_AGREE = (0.5, 2.0)  # scatter over that of the weights; resampling correlates pixels, which lowers it
SCALES_AGREE = 0.02
SOURCE_WIDTH = 2.0  # pixels: the smoothing that separates the light of sources from noise


@dataclasses.dataclass
class Gathered:
    """The arguments of `Image` so far, the file of each array, and notes on values from headers."""

    arguments: dict[str, Any]
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def take(self, name: str, value: Any, origin: str) -> None:
        """Use a value that the user did not give, and note its origin."""
        if self.arguments.get(name) is None and value is not None:
            self.arguments[name] = value
            shown = f" {value:.6g}" if isinstance(value, float) else f" {value}" if np.ndim(value) == 0 else ""
            self.notes.append(f"{name}{shown} ({origin})")


def gather(arguments: dict[str, Any], *, psf_position: Position | None) -> Gathered:
    """Return the arguments of `Image` from those of `Image.read`, where None means not given."""
    result = Gathered(dict(arguments))
    science, others = _science(arguments["data"], arguments["band"])
    result.arguments["data"] = science.array
    _note_file(result, "data", arguments["data"], science)
    for name, power in NOISE.items():
        result.arguments[name] = in_unit(name, arguments[name], unit_of(arguments["data"]), power)
        if is_file(arguments[name]):
            found = read_plane(name, arguments[name], band=arguments["band"])
            result.arguments[name] = _of_panstarrs(result, name, found)
            _note_file(result, name, arguments[name], found)
    _take_mask(result, arguments, others)
    _take_header(result, science)
    _take_psf(result, science, psf_position)
    _take_noise(result, science, others)
    return result


def is_file(value: Any) -> bool:
    """Return whether this is a path or an open file."""
    return isinstance(value, str | os.PathLike) or is_hdu(value)


def _note_file(result: Gathered, name: str, given: Any, found: Extension) -> None:
    result.notes += found.notes
    if is_file(given):
        result.files[name] = found.source


def _of_panstarrs(result: Gathered, name: str, found: Extension) -> Any:
    """Return an error map; Pan-STARRS calls its variance maps weights."""
    if not is_panstarrs(found.header) or (name == "sigma" and not found.source.endswith(VARIANCES)):
        return found.array
    text = f"{name}: {found.source} is read as variances, which Pan-STARRS's weights are"
    warnings.warn(text, stacklevel=4)
    result.notes.append(text)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.sqrt(np.asarray(found.array, float))
        return deviation if name == "sigma" else deviation**-2


def _science(data: Any, band: str | None) -> tuple[Extension, dict[str, Extension]]:
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


def _take_mask(result: Gathered, arguments: dict[str, Any], others: dict[str, Extension]) -> None:
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
            warnings.warn(
                f"data are not finite in {(blank & ~mask).sum()} pixels: they are excluded from the fit", stacklevel=4
            )
            result.arguments["mask"] = mask | blank


def _take_header(result: Gathered, science: Extension) -> None:
    """WCS, pixel scale, band, unit, zero-point and gain."""
    given, header = result.arguments, science.header
    if given["wcs"] is None:
        given["wcs"] = science.wcs
        if given["pixel_scale"] is None:
            result.take("pixel_scale", science.pixel_scale, "WCS" if science.wcs is not None else "header")
    result.take("band", read_band(header), "header")
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
    if is_file(given["psf"]) or is_model(given["psf"]):
        shape = np.shape(given["data"])
        place = place_of(science, shape, position)
        found = read_psf(given["psf"], band=given["band"], position=place.position)
        note = check_place(place, found, science)
        result.notes += [] if note is None else [note]
        result.files["psf"] = found.source
        given["psf"] = found.array
        samples = _samples_per_pixel(given, found)
        result.take("psf_oversampling", samples if samples != 1 else None, found.source)
        result.take("psf_includes_pixel", False if found.includes_pixel is False else None, found.source)
        result.take("psf_centre", None if found.centre == "array" else found.centre, found.source)
    if given["psf"] is not None:
        check_grid(science)
    for name, default in (("psf_oversampling", 1), ("psf_includes_pixel", True), ("psf_centre", "array")):
        given[name] = default if given[name] is None else given[name]


def _samples_per_pixel(given: dict[str, Any], psf: Psf) -> int | None:
    """Return the samples per pixel from the PSF's file, else from the two pixel scales; warn if they disagree."""
    stated = given["psf_oversampling"] or psf.oversampling
    if psf.pixel_scale is None or given["pixel_scale"] is None:
        return stated
    ratio = given["pixel_scale"] / psf.pixel_scale
    samples = stated or max(round(ratio), 1)
    if abs(ratio / samples - 1.0) > SCALES_AGREE:
        warnings.warn(
            f"the psf has samples of {psf.pixel_scale:g} arcsec, {samples} to a pixel; the image has pixels of "
            f"{given['pixel_scale']:g} arcsec: is it the PSF of this image?",
            stacklevel=5,
        )
    return samples


def _take_noise(result: Gathered, science: Extension, others: dict[str, Extension]) -> None:
    """Take an error map from the file's other extensions, else measure one, unless the user gave one."""
    given = result.arguments
    if given["gain"] is None and all(given[name] is None for name in NOISE):
        if "sigma" in others:
            result.take("sigma", others["sigma"].array, others["sigma"].source)
        elif "variance" in others:
            with np.errstate(invalid="ignore"):
                result.take("sigma", np.sqrt(np.asarray(others["variance"].array, float)), others["variance"].source)
        elif "invvar" in others:
            result.take("invvar", others["invvar"].array, others["invvar"].source)
        elif "weight" in others:
            _take_weight(result, others["weight"])
        elif _is_image(given["data"]):
            _mask_blanks(result)
            _take_measured_noise(result, science.header)
    found = read_gain(science.header, given["unit"])
    if found is not None:
        result.take("gain", *found)


def _take_weight(result: Gathered, weight: Extension) -> None:
    """Take weights, and rescale them to 1/sigma² if the scatter of the sky shows that they are something else.

    Drizzled images of HST have exposure times there, unless inverse variances were requested.
    """
    data, valid = _usable(result.arguments)
    weights = np.asarray(weight.array, float)
    valid &= np.isfinite(weights) & (weights > 0)
    factor = 1.0
    if valid.any():
        level, _ = level_and_scatter(data[valid])
        _, scatter = level_and_scatter((data[valid] - level) * np.sqrt(weights[valid]))
        if scatter > 0 and not WEIGHTS_AGREE[0] < scatter < WEIGHTS_AGREE[1]:
            factor = scatter**-2
            warnings.warn(
                f"weight: {weight.source} is not an inverse variance: the sky scatters {scatter:.3g} times as much "
                f"as it says; it is scaled by {factor:.4g} (give weight= or sigma= to use another)",
                stacklevel=6,
            )
    result.take("weight", weights * factor, f"{weight.source}" + (f" x {factor:.4g}" if factor != 1.0 else ""))


def _is_image(data: Any) -> bool:
    """Return whether noise can be measured on this; `Image` reports the problem with anything else."""
    try:
        array = np.asarray(data)
    except ValueError:
        return False
    return array.ndim == 2 and array.size > 0 and array.dtype.kind in "fiub"


def _mask_blanks(result: Gathered) -> None:
    """Exclude pixels that hold a constant in place of data, with which the sky's scatter would be too small."""
    data, valid = _usable(result.arguments)
    found = blanks(data, valid)
    if found:
        text = without_data(found)
        warnings.warn(f"{text}: they are excluded from the fit (give an error map to use them)", stacklevel=6)
        mask = result.arguments["mask"]
        if mask is None or np.shape(mask) == data.shape:  # `Image` reports the problem with any other
            excluded = np.any([part.pixels for part in found], axis=0)
            result.arguments["mask"] = excluded | (False if mask is None else np.ma.filled(mask, 1) != 0)
        result.notes.append(f"mask: {text}")


def _take_measured_noise(result: Gathered, header: Header) -> None:
    """Measure sigma² = (the sky's scatter)² + (data - sky)/gain on sources, if the header has the gain.

    On the sky, this photon noise would follow the noise itself: pixels that scatter upwards would get less weight than
    pixels that scatter downwards, and every fit would find too faint a sky.
    """
    data, valid = _usable(result.arguments)
    level, scatter = level_and_scatter(data[valid]) if valid.any() else (0.0, 0.0)
    scatter = min(scatter, scatter_in_boxes(np.where(valid, data, np.nan)))
    if not scatter > 0:
        return
    variance = np.full(data.shape, scatter**2)
    text = f"measured: sky {level:.4g} +- {scatter:.4g}"
    found = read_gain(header, result.arguments["unit"])
    if found is not None:
        excess = np.where(valid, data - level, 0.0)
        source = ndimage.gaussian_filter(excess, SOURCE_WIDTH) > scatter
        variance += np.where(source, np.maximum(excess, 0.0), 0.0) / found[0]
        text += f", photons by gain {found[0]:.6g}"
    warnings.warn(
        f"there is no error map: sigma is {text}; give sigma=, weight=, invvar= or gain= to use another", stacklevel=5
    )
    result.take("sigma", np.sqrt(variance), text)


def _usable(given: dict[str, Any]) -> tuple[Plane, Mask]:
    data = np.asarray(np.ma.getdata(given["data"]), float)
    valid = np.isfinite(data) & ~np.ma.getmaskarray(given["data"])
    mask = np.zeros(data.shape) if given["mask"] is None else np.ma.filled(given["mask"], 1)
    return data, valid & (np.asarray(mask) == 0 if np.shape(mask) == data.shape else True)
