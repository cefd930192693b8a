"""PSFs from files and from other packages' objects, at a position where they vary.

PSFEx: Bertin 2011, ADASS XX, ASPC 442, 435; the format of its files is in the manual's appendix.
"""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float, Shaped

from sersiclab.data.fits import choose, plane, read_plane
from sersiclab.data.headers import Header
from sersiclab.data.opening import File, is_hdu, named, opened
from sersiclab.runtime.errors import InputError, InputTypeError


Position = tuple[float, float]  # x, y: pixels from 0, of the image that the PSF model was made for
OVERSAMPLED = ("OVERDIST", "OVERSAMP")  # STPSF's extensions, with and without the detector's effects


@dataclasses.dataclass(frozen=True)
class Psf:
    """A PSF and its description in the file; None where the file has none.

    `domain` is the range of positions, in x and y, over which a varying PSF was measured.
    """

    array: Shaped[np.ndarray, "v u"]
    source: str
    oversampling: int | None = None
    includes_pixel: bool | None = None
    pixel_scale: float | None = None
    domain: tuple[Position, Position] | None = None
    centre: str | None = None


@dataclasses.dataclass(frozen=True)
class PsfModel:
    """A PSF at any position; `varies` if it depends on the position."""

    at: Callable[[Position], Psf]
    varies: bool


def read_psf(source: Any, *, band: str | None, position: Position) -> Psf:
    """Return the PSF at a position, from a file (FITS, PSFEx, STPSF, a grid of PSFs, npy) or a photutils model."""
    return psf_model(source, band=band).at(position)


def psf_model(source: Any, *, band: str | None) -> PsfModel:
    """Return the PSF at any position; its file is read once."""
    return _of_model(source) if is_model(source) else _of_file(source, band)


def is_model(value: Any) -> bool:
    """Return whether this is a photutils PSF model defined by arrays."""
    return type(value).__module__.partition(".")[0] == "photutils"


def _fixed(psf: Psf) -> PsfModel:
    return PsfModel(lambda position: psf, varies=False)


def _of_file(source: Any, band: str | None) -> PsfModel:
    if not is_hdu(source) and named("psf", source).path.suffix == ".npy":
        return _fixed(Psf(read_plane("psf", source).array, str(source)))
    with opened("psf", source) as file:
        for index, hdu in enumerate(file.hdus):
            header = Header((hdu.header,))
            if not hdu.is_image and header.find("PSF_SAMP") and "PSF_MASK" in hdu.columns.names:
                return _of_psfex(file, index)
            if header.find("DET_YX0") and len(hdu.shape) == 3:
                return _of_stpsf_grid(file, index)
        index = _stpsf_extension(file, band)
        found = plane(file, index, band)
        oversampling, includes_pixel = _stpsf_sampling(file.hdus[index].name, found.header)
        centre = (found.header.text("PSFCENTR") or "").lower() or None  # a keyword that only sersiclab writes
        scale = found.header.number("PIXELSCL")
        return _fixed(Psf(found.array, found.source, oversampling, includes_pixel, scale, centre=centre))


def _stpsf_extension(file: File, band: str | None) -> int:
    """Return the index of the oversampled PSF if STPSF wrote several."""
    names = [hdu.name for hdu in file.hdus]
    for name in OVERSAMPLED:
        if file.extension is None and name in names:
            return names.index(name)
    return choose(file, band)


def _stpsf_sampling(name: str, header: Header) -> tuple[int | None, bool | None]:
    """Return the samples per pixel, and whether the pixel's response is included: STPSF does both."""
    if name.startswith("DET_"):
        return 1, True
    samples = header.number("DET_SAMP", "OVERSAMP")
    if samples is None or samples != round(samples) or samples < 1:
        return None, None
    # A file of one extension with these keywords is also STPSF's, unless it is sersiclab's, which has PIXRESP.
    response = header.find("PIXRESP")
    return int(samples), False if response is None else bool(response[1])


def _of_psfex(file: File, index: int) -> PsfModel:
    """Return the sum of PSFEx's images times the monomials of the position, with whole samples per pixel."""
    hdu = file.hdus[index]
    header, label = Header((hdu.header,)), file.where(index)
    with file.reading(index):
        images = np.asarray(hdu.data["PSF_MASK"][0], dtype=float)
    images = images.reshape((-1, *images.shape[-2:]))
    monomials, number = _monomials(label, header)
    if number != len(images):
        raise InputError(f"psf: {label} has {len(images)} images; its polynomial has {number} terms")
    step = header.number("PSF_SAMP")
    if step is None or step <= 0:
        raise InputError(f"psf: {label} has the sampling PSF_SAMP = {step}; expected a positive number")
    resampled = [_on_whole_samples(image, step) for image in images]
    stack, oversampling = np.stack([array for array, _ in resampled]), resampled[0][1]
    ranges = [_range(header, name) for name in "XY"]

    def at(position: Position) -> Psf:
        array = np.tensordot(monomials(position), stack, 1)
        x, y = ((place, place) if span is None else span for span, place in zip(ranges, position, strict=True))
        domain = None if number == 1 else (x, y)
        return Psf(array / array.sum(), label, oversampling, includes_pixel=True, domain=domain)

    return PsfModel(at, varies=number > 1)


def _range(header: Header, name: str) -> Position | None:
    """Return the least and largest position of PSFEx's stars along x or y, from 0: POLZERO is the middle.

    None if the PSF does not vary along this axis.
    """
    axis = next((i for i in (1, 2) if (header.text(f"POLNAME{i}") or "").startswith(name)), None)
    if axis is None:
        return None
    middle, width = header.number(f"POLZERO{axis}") or 0.0, header.number(f"POLSCAL{axis}") or 1.0
    return middle - 0.5 * width - 1.0, middle + 0.5 * width - 1.0


def _monomials(label: str, header: Header) -> tuple[Callable[[Position], Float[np.ndarray, " term"]], int]:
    """Return x^i y^j for i + j up to the degree, i running first, as a function of the position; and their number.

    x and y are shifted and scaled, and counted from 1. x is the first axis of the polynomial and y the second, if there
    is one; either may be the image's x or y.
    """
    number = int(header.number("POLNAXIS") or 0)  # missing if the PSF is constant
    if number == 0:
        return lambda position: np.ones(1), 1
    names = [header.text(f"POLNAME{i}") or "" for i in range(1, number + 1)]
    axes = [name[0] for name in names if re.fullmatch(r"[XY].*_IMAGE.*", name)]
    if len(set(axes)) != number or header.number("POLNGRP") != 1:
        raise InputError(
            f"psf: {label} varies with {', '.join(names)}; expected X_IMAGE and Y_IMAGE, or one, in one group"
        )
    degree = int(header.number("POLDEG1") or 0)
    zero = np.array([header.number(f"POLZERO{i}") or 0.0 for i in range(1, number + 1)])
    scale = np.array([header.number(f"POLSCAL{i}") or 1.0 for i in range(1, number + 1)])
    powers = [(i, j) for j in range(degree + 1 if number > 1 else 1) for i in range(degree + 1 - j)]

    def at(position: Position) -> Float[np.ndarray, " term"]:
        places = np.array([position["XY".index(axis)] + 1.0 for axis in axes])
        x, y = (*(places - zero) / scale, 1.0)[:2]
        return np.array([x**i * y**j for i, j in powers])

    return at, len(powers)


def _on_whole_samples(psf: Float[np.ndarray, "v u"], step: float) -> tuple[Float[np.ndarray, "b a"], int]:
    """Return the PSF resampled from a grid of `step` pixels to one of 1/k pixel, k the next whole number; and k."""
    k = max(1, math.ceil(1.0 / step - 1e-6))
    if abs(k * step - 1.0) < 1e-6:
        return psf, k
    centres = [(side - 1) / 2 for side in psf.shape]
    halves = [math.floor(centre * step * k) for centre in centres]
    grid = np.meshgrid(
        *(c + np.arange(-h, h + 1) / (step * k) for c, h in zip(centres, halves, strict=True)), indexing="ij"
    )
    return scipy.ndimage.map_coordinates(psf, grid, order=5, mode="constant"), k


def _of_stpsf_grid(file: File, index: int) -> PsfModel:
    hdu = file.hdus[index]
    header = Header((hdu.header,))
    numbers = [re.findall(r"[-+.\deE]+", header.text(f"DET_YX{i}") or "") for i in range(hdu.shape[0])]
    unknown = next((i for i, found in enumerate(numbers) if len(found) != 2), None)
    if unknown is not None:
        raise InputError(f"psf: {file.where(index)} does not say in DET_YX{unknown} where its PSF {unknown} lies")
    places = np.array([(float(x), float(y)) for y, x in numbers])
    # A grid holds effective PSFs: STPSF convolves them with the pixel.
    oversampling = int(header.number("OVERSAMP", "DET_SAMP") or 1)
    return _grid(np.asarray(file.pixels(index), float), places, file.where(index), oversampling)


def _grid(stack: Float[np.ndarray, "n v u"], places: Float[np.ndarray, "n 2"], source: str, samples: int) -> PsfModel:
    domain = _extent(places)

    def at(position: Position) -> Psf:
        array = _interpolated(stack, places, position)
        return Psf(array / array.sum(), source, samples, includes_pixel=True, domain=domain)

    return PsfModel(at, varies=True)


def _extent(places: Float[np.ndarray, "n 2"]) -> tuple[Position, Position]:
    (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
    return (float(x0), float(x1)), (float(y0), float(y1))


def _interpolated(
    stack: Float[np.ndarray, "n v u"], places: Float[np.ndarray, "n 2"], position: Position
) -> Float[np.ndarray, "v u"]:
    """Interpolate between the four PSFs around the position on a rectangular grid; outside, use those at its edge."""
    result = np.zeros(stack.shape[1:])
    weights = np.ones(len(stack))
    for axis in (0, 1):
        lines = np.unique(places[:, axis])
        at = min(max(float(position[axis]), lines[0]), lines[-1])
        weights *= np.array([np.interp(at, lines, lines == value) for value in places[:, axis]])
    for weight, image in zip(weights, stack, strict=True):
        if weight:
            result += weight * image
    return result


def _of_model(model: Any) -> PsfModel:
    """Return the effective PSF of a photutils `ImagePSF`, or that of a `GriddedPSFModel` at any position."""
    label = type(model).__name__
    data, places = getattr(model, "data", None), getattr(model, "grid_xypos", None)
    if data is None:
        raise InputTypeError(f"psf must be an array, a file, or a photutils model given by arrays, got {label}")
    array = np.asarray(data, float)
    origin = None if places is not None else getattr(model, "origin", None)  # x, y
    if origin is not None and not np.allclose(origin, (np.array(array.shape[::-1]) - 1) / 2):
        shown = tuple(map(float, origin))
        raise InputError(f"psf: {label} must be centred in its array of shape {array.shape}, got the origin {shown}")
    sampling = np.unique(np.atleast_1d(model.oversampling))
    if sampling.size != 1:
        raise InputError(f"psf: {label} must have one oversampling in x and y, got {sampling.tolist()}")
    if places is not None:
        return _grid(array, np.asarray(places, float), label, int(sampling[0]))
    return _fixed(Psf(array / array.sum(), label, int(sampling[0]), includes_pixel=True))
