"""The arguments of `sl.jobs` for several bands: those of each mosaic, and the stamps of each galaxy in all of them."""

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

import numpy as np
from jaxtyping import Float

from sersiclab.catalogue.joint_stamps import JointStamp, scaled
from sersiclab.catalogue.open_mosaics import OpenMosaic
from sersiclab.catalogue.source_tables import SourceTable, on_pixels
from sersiclab.catalogue.stamp_arguments import MosaicArguments, StampField, field_of_stamps, sizes_of_rows, stamps_of
from sersiclab.catalogue.stamps import Neighbours
from sersiclab.data.astrometry import pixel_scale_of
from sersiclab.data.filters import micrometres
from sersiclab.runtime.errors import InputError, InputTypeError


SAME = 0.01  # pixels: mosaics whose corners differ by less share their pixels
DEFAULTS = {"read_noise": 0.0, "sky_level": 0.0}


def joint_stamps_of(
    sources: SourceTable, given: MosaicArguments, size: Any, neighbours: Neighbours, wavelengths: Any
) -> tuple[JointStamp, ...]:
    """Return the stamps of each source, in the mosaics of all bands."""
    if neighbours == "model":
        raise InputError('neighbours="model" needs one image, got several; use "mask", or the model of each galaxy')
    split = by_band(given)
    lengths = _lengths(wavelengths, list(split))
    first = next(iter(split))
    frame = _field(sources, first, split[first], lambda mosaic: sources.positions(mosaic.wcs).tolist())
    opened = frame.mosaic.opened()
    shapes = sizes_of_rows(sources, size, opened)
    bands, ratios = [stamps_of(frame, shapes, neighbours)], [1.0]
    for name in list(split)[1:]:
        relation = _Relation(sources, frame, opened, f"{first} and {name}")
        field = _field(sources, name, split[name], relation.places)
        ratios.append(relation.ratio(field.mosaic.opened()))
        bands.append(stamps_of(field, [shape and scaled(shape, ratios[-1]) for shape in shapes], neighbours))
    same = all(_share_pixels(opened, stamps[0].mosaic.opened()) for stamps in bands if stamps)
    names, each = tuple(split), zip(*bands, strict=True)
    return tuple(JointStamp(names, stamps, tuple(ratios), same, lengths) for stamps in each)


@dataclasses.dataclass(frozen=True)
class _Relation:
    """How the mosaics of other bands are related to the first: they share its pixels, or have a WCS as it has."""

    sources: SourceTable
    frame: StampField
    first: OpenMosaic
    names: str

    def places(self, mosaic: OpenMosaic) -> list[list[float]]:
        """Return the positions of the sources in another mosaic."""
        if _share_pixels(self.first, mosaic):
            return self.frame.places
        if self.first.wcs is None or mosaic.wcs is None:
            raise InputError(
                f"the mosaics of {self.names} have the shapes {self.first.shape} and {mosaic.shape}: to relate them, "
                "both need a WCS"
            )
        if self.sources.uses_sky:
            return self.sources.positions(mosaic.wcs).tolist()
        return _moved(np.array(self.frame.places).reshape(-1, 2), self.first.wcs, mosaic.wcs).tolist()

    def ratio(self, mosaic: OpenMosaic) -> float:
        """Return the side of a pixel of the first mosaic over that of another."""
        if _share_pixels(self.first, mosaic):
            return 1.0
        return _scale(self.first) / _scale(mosaic)


def _share_pixels(one: OpenMosaic, other: OpenMosaic) -> bool:
    """Return whether two mosaics of one shape have no WCS to tell them apart, or the same one at their corners."""
    if one.shape != other.shape:
        return False
    if one is other or one.wcs is None or other.wcs is None:
        return True
    ny, nx = one.shape
    corners = np.array([(x, y) for x in (0.0, nx - 1.0) for y in (0.0, ny - 1.0)])
    return bool(np.abs(_moved(corners, one.wcs, other.wcs) - corners).max() < SAME)  # not if one is NaN


def _moved(places: Float[np.ndarray, "n 2"], one: Any, other: Any) -> Float[np.ndarray, "n 2"]:
    """Return the pixels of another WCS at the pixels of one; NaN where there are none."""
    from astropy.wcs.utils import wcs_to_celestial_frame

    angles = np.full(places.shape, np.nan)
    good = np.isfinite(places).all(axis=1)
    if good.any():
        sky = one.pixel_to_world(*places[good].T).transform_to(wcs_to_celestial_frame(other)).spherical
        angles[good] = np.stack([sky.lon.deg, sky.lat.deg], axis=1)
    return on_pixels(angles, other)


def _scale(mosaic: OpenMosaic) -> float:
    """Return the pixel scale by the WCS, without which the mosaic is related to no other."""
    scale = pixel_scale_of(mosaic.wcs)
    assert scale is not None
    return scale


def by_band(given: MosaicArguments) -> dict[str, MosaicArguments]:
    """Return the arguments of each mosaic by the name of its band."""
    names = list(given.planes["image"])
    if not names:
        raise InputError("image must name at least one band, got an empty mapping")
    for name in names:
        if not (isinstance(name, str) and name.isidentifier()):
            raise InputError(f"image: a band must be an identifier, as in the path galaxy.flux.g, got {name!r}")
        if given.planes["image"][name] is None:
            raise InputTypeError(f"image must hold a mosaic for band {name}, got None")
    split = {name: MosaicArguments({}, {}, _chosen("psf", given.psf, name, names), {}) for name in names}
    for part, values in (("planes", given.planes), ("options", given.options), ("sampling", given.sampling)):
        for argument, value in values.items():
            for name in names:
                getattr(split[name], part)[argument] = _chosen(argument, value, name, names)
    return split


def _chosen(argument: str, value: Any, name: str, names: list[str]) -> Any:
    """Return the value of an argument in one band: its own, or that of all."""
    if not isinstance(value, Mapping):
        return value
    unknown = [key for key in value if key not in names]
    if unknown:
        raise InputError(f"{argument} has a value for {unknown[0]!r}; the bands of image are {', '.join(names)}")
    return value.get(name, DEFAULTS.get(argument))


def _lengths(wavelengths: Any, names: list[str]) -> tuple[tuple[str, float], ...]:
    """Return the wavelengths that the user gave, in micrometres."""
    if not isinstance(wavelengths, Mapping | NoneType):
        raise InputTypeError(f"wavelengths must be {{name of the band: micrometres}}, got {wavelengths!r}")
    found = {name: _chosen("wavelengths", wavelengths or {}, name, names) for name in names}
    lengths = {name: micrometres(f"wavelengths[{name!r}]", value) for name, value in found.items()}
    return tuple((name, length) for name, length in lengths.items() if length is not None)


def _field(
    sources: SourceTable, name: str, given: MosaicArguments, places_in: Callable[[OpenMosaic], list[list[float]]]
) -> StampField:
    """Return what all stamps of a band need; errors and warnings name the band."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            field = field_of_stamps(sources, given, places_in)
        except InputError as error:
            raise InputError(f"band {name}: {error}") from error
    for text in dict.fromkeys(str(warning.message) for warning in said):
        warnings.warn(f"band {name}: {text}", stacklevel=5)
    return field
