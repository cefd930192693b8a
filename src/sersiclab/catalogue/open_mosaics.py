"""A mosaic whose files are open: what holds for all of it, and the arguments of `Image` for any part of it."""

import dataclasses
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from sersiclab.catalogue.stamp_windows import StampWindow
from sersiclab.data.arrays import Labels
from sersiclab.data.astrometry import celestial
from sersiclab.data.companions import bad_pixels, companion_indices
from sersiclab.data.fits import Extension, bands_of, choose, read_plane
from sersiclab.data.gathering import NOISE, Gathered
from sersiclab.data.image import Image
from sersiclab.data.layers import Layer, layer_of, layer_of_numpy, mapped
from sersiclab.data.noise_sources import factor_of_weight, rescaled, scatter_by_weight, take_noise
from sersiclab.data.opening import named
from sersiclab.data.photometry import in_unit, unit_of
from sersiclab.data.planes import array_of
from sersiclab.data.reading import is_file, of_panstarrs, science_of, take_header, take_mask
from sersiclab.data.sections import part_of_wcs
from sersiclab.runtime.errors import InputError, InputTypeError


ARRAY = "array"
OPTIONS = ("zeropoint", "pixel_scale", "wcs", "band", "unit", "gain", "read_noise", "sky_level")
PIXELS = ("sigma", "weight", "invvar", "mask", "segmentation")  # the planes beside the image itself
SURROUNDINGS = 256  # pixels: the side of the region in which the noise of a stamp is measured, if there is no error map
SAMPLES, SAMPLE = 8, 128  # windows along each axis, and the side of each, that stand for the whole mosaic
FILL = {"data": np.nan, "sigma": np.nan, "weight": 0.0, "invvar": 0.0, "mask": True}  # beyond the mosaic's edges


@dataclasses.dataclass(frozen=True)
class OpenMosaic:
    """An open mosaic.

    `science` is the image, `planes` are the user's other planes by name, and `companions` those of the image's file by
    role. `header` holds the arguments and notes that are those of every stamp, and `frame` says how positions are
    counted in the image that the mosaic was cut from.
    """

    science: Layer
    planes: Mapping[str, Layer]
    companions: Mapping[str, Layer]
    header: Gathered
    frame: Extension
    weight_factor: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.science.shape

    @property
    def wcs(self) -> Any:
        """The celestial WCS; None if there is none."""
        return self.header.arguments["wcs"]

    @property
    def measures_noise(self) -> bool:
        """Whether there is no error map, so that the noise of a stamp is measured around it."""
        given = [self.header.arguments.get(name) for name in (*NOISE, "gain")]
        noise = {*NOISE, "variance"} & {*self.planes, *self.companions}
        return not noise and all(value is None for value in given)

    def gathered(self, window: StampWindow) -> Gathered:
        """Return the arguments of `Image` for a window, which must overlap the mosaic.

        Pixels outside the mosaic, and those whose value or error is no finite number, are masked.
        """
        inside = window.within(self.shape)
        if inside is None:
            raise InputError(f"the stamp {window} lies outside of the mosaic of shape {self.shape}")
        region = inside.grown(SURROUNDINGS, self.shape) if self.measures_noise else inside
        result = self._region(region)
        given = result.arguments
        if given["mask"] is None:
            given["mask"] = np.zeros(region.shape, bool)
        for name, fill in FILL.items():
            if np.ndim(given[name]) == 2:
                given[name] = window.fitted(_native(given[name]), region, fill)
        given["mask"] = given["mask"] | _unusable(given)
        given["wcs"] = None if self.wcs is None else part_of_wcs(self.wcs, window.spans)
        result.notes.append(f"stamp {window} of {self.science.source}")
        return result

    def labels(self, window: StampWindow) -> Labels:
        """Return the segmentation map in a window, which must overlap the mosaic."""
        inside = window.within(self.shape)
        if inside is None:
            return np.zeros(window.shape, np.int32)
        found = self.planes["segmentation"].part(inside.spans).array
        if found.dtype.kind not in "iu":
            raise InputTypeError(f"segmentation must hold whole numbers, got {found.dtype}")
        return window.fitted(found, inside, 0)

    def measured_weight_factor(self) -> float | None:
        """Return the factor that makes weights in the image's file 1/sigma², from samples of the mosaic; warn of it.

        None if there are no such weights, or another error map.
        """
        weight = self.companions.get("weight")
        others = {"sigma", "variance", "invvar"} & {*self.companions}
        if weight is None or others or set(NOISE) & set(self.planes) or self.header.arguments.get("gain") is not None:
            return None
        parts = [self._weighted(window) for window in _samples(self.shape)]
        scatter = float(np.median([found for found in parts if found > 0] or [0.0]))
        factor = factor_of_weight(scatter)
        if factor != 1.0:
            warnings.warn(rescaled(weight.source, scatter), stacklevel=6)
        return factor

    def _weighted(self, window: StampWindow) -> float:
        data = np.asarray(self.science.part(window.spans).array, float)
        weights = np.asarray(self.companions["weight"].part(window.spans).array, float)
        return scatter_by_weight(data, np.isfinite(data), weights)

    def _region(self, region: StampWindow) -> Gathered:
        """Return the arguments for a region inside the mosaic, as `Image.read` finds them for a section of a file."""
        science = self.science.part(region.spans)
        others = {role: layer.part(region.spans) for role, layer in self.companions.items()}
        header = self.header
        result = Gathered({**header.arguments, "data": science.array}, {**header.files}, [*header.notes], quiet=True)
        for name in NOISE:
            if name in self.planes:
                result.arguments[name] = of_panstarrs(result, name, self.planes[name].part(region.spans))
        if "mask" in self.planes:
            result.arguments["mask"], _ = bad_pixels(self.planes["mask"].part(region.spans), header.arguments["band"])
        take_mask(result, {"mask": result.arguments["mask"], "band": header.arguments["band"]}, others)
        take_noise(result, science, others, weight_factor=self.weight_factor)
        return result


def opened_mosaic(planes: dict[str, Any], options: dict[str, Any], weight_factor: float | None) -> OpenMosaic:
    """Return a mosaic from its planes and the options of `Image.read`."""
    given = dict.fromkeys((*FILL, *OPTIONS)) | options
    image = planes["image"]
    if isinstance(image, Image):
        planes, given = _of_image(image, planes, given)
    science, companions, frame = _science(planes["image"], given["band"])
    notes = [*getattr(image, "provenance", ()), *science.notes]
    header = Gathered(given, {"data": science.source} if is_file(image) else {}, notes)
    layers: dict[str, Layer] = {}
    for name in PIXELS:
        found = _plane(name, planes[name], image, given["band"]) if name in planes else None
        if isinstance(found, Layer) and found.shape != science.shape:
            raise InputError(f"{name} must have the shape of image, {science.shape}, got {found.shape}")
        if isinstance(found, Layer):
            layers[name] = found
        else:
            given[name] = found
    given["wcs"] = celestial(given["wcs"])
    take_header(header, frame)
    return OpenMosaic(science, layers, companions, header, frame, weight_factor)


def _of_image(image: Image, planes: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the planes and options of an `Image`; raise an error if the user gave others, too."""
    names = ("zeropoint", "pixel_scale", "wcs", "band", "wavelength", "unit", "gain")
    own = {name: getattr(image, name) for name in names}
    twice = [name for name in planes if name in (*NOISE, "mask")]
    twice += [name for name, value in given.items() if value and (name in own or name in ("read_noise", "sky_level"))]
    if twice:
        raise InputError(f"image is an Image, which has its own {twice[0]}; give {twice[0]} to the Image instead")
    return {**planes, "image": image.data, "sigma": image.sigma, "mask": image.mask}, {**given, **own}


def _science(image: Any, band: str | None) -> tuple[Layer, dict[str, Layer], Extension]:
    """Return the image, the planes that its file has, and how positions are counted."""
    if isinstance(image, str | os.PathLike):
        name = named("image", image)
        if name.path.suffix == ".npy":
            layer = layer_of_numpy("image", image)
            return layer, {}, _frame(layer)
        file = mapped("image", image)
        index = choose(file, band)
        bands = bands_of(file.hdus[index])
        layer = layer_of(file, index, band)
        others = {kind: layer_of(file, other, band, bands) for kind, other in companion_indices(file, index).items()}
        return layer, others, _frame(layer)
    science, others = science_of(image if is_file(image) or unit_of(image) is not None else _plain(image), band)
    layer = _in_memory("image", science)
    found = {role: _in_memory(role, extension) for role, extension in others.items()}
    return layer, found, dataclasses.replace(_frame(layer), spans=science.spans)


def _frame(layer: Layer) -> Extension:
    return Extension(np.empty((0, 0)), layer.source, layer.wcs, layer.header, layer.spans)


def _plane(name: str, value: Any, image: Any, band: str | None) -> Layer | Any:
    """Return a plane of the mosaic, or its one number."""
    if isinstance(value, str | os.PathLike):
        if named(name, value).path.suffix == ".npy":
            return layer_of_numpy(name, value)
        file = mapped(name, value)
        return layer_of(file, choose(file, band), band)
    if is_file(value):
        return _in_memory(name, read_plane(name, value, band=band))
    if name in NOISE:
        value = in_unit(name, value, unit_of(image), NOISE[name])
        if np.ndim(value) == 0:
            return value
    return _in_memory(
        name, Extension(_plain(getattr(value, "data", value) if name == "segmentation" else value), ARRAY)
    )


def _plain(array: Any) -> Any:
    """Return an array whose masked values, if any, are no numbers."""
    return np.ma.filled(np.ma.asarray(array, float), np.nan) if np.ma.isMaskedArray(array) else array


def _in_memory(name: str, found: Extension) -> Layer:
    array = array_of(name, found.array)
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{name} must be a 2-d array [y, x], got shape {array.shape}")
    return Layer(array, array.shape, found.source, name, found.wcs, found.header)


def _native(array: Any) -> Any:
    """Return floats of this machine's byte order, of single precision if they have no more; or a mask as it is."""
    if array.dtype.kind == "b":
        return array
    return array.astype(np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64)


def _unusable(given: Mapping[str, Any]) -> Any:
    """Return the pixels whose value is no number or whose error is none, such as those without an exposure."""
    unusable = ~np.isfinite(given["data"])
    for name in NOISE:
        if np.ndim(given[name]) == 2:
            unusable |= ~np.isfinite(given[name]) | (given[name] == 0)
    return unusable


def _samples(shape: tuple[int, int]) -> list[StampWindow]:
    """Return windows spread over a mosaic."""
    ny, nx = (min(SAMPLE, side) for side in shape)
    places = [np.unique(np.linspace(0, side - n, SAMPLES).astype(int)) for side, n in zip(shape, (ny, nx), strict=True)]
    return [StampWindow(int(x), int(y), nx, ny) for y in places[0] for x in places[1]]
