"""The arguments of `sl.jobs` on one mosaic: checked at once, and settled for each row of the table."""

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sersiclab.catalogue.mosaics import Mosaic, mosaic_of
from sersiclab.catalogue.open_mosaics import OPTIONS, OpenMosaic
from sersiclab.catalogue.psf_fields import SAMPLING, PsfField, check_field, field_of, field_of_row
from sersiclab.catalogue.source_tables import SourceTable
from sersiclab.catalogue.stamp_windows import StampWindow
from sersiclab.catalogue.stamps import USUAL, Neighbours, Stamp
from sersiclab.data.astrometry import celestial, checked_wcs
from sersiclab.data.gathering import NOISE
from sersiclab.data.image import Image
from sersiclab.data.image_units import unit_name
from sersiclab.data.planes import check_sides, positive_integer
from sersiclab.data.psf_files import is_model
from sersiclab.data.reading import is_file
from sersiclab.runtime.errors import InputError, InputTypeError


class MosaicArguments(NamedTuple):
    """The arguments of `sl.jobs` on a mosaic: those of `Image.read` by name, and its PSF or PSFs."""

    planes: dict[str, Any]
    options: dict[str, Any]
    psf: Any
    sampling: dict[str, Any]


class StampField(NamedTuple):
    """A mosaic, and the name, position, PSF and label of each source in it."""

    mosaic: Mosaic
    ids: list[str]
    places: list[list[float]]
    psfs: list[PsfField]
    labels: list[int | None]


def field_of_stamps(
    sources: SourceTable, given: MosaicArguments, places_in: Callable[[OpenMosaic], list[list[float]]]
) -> StampField:
    """Return what all stamps of a mosaic need; `places_in(mosaic)` returns the positions of the sources."""
    planes, options = given.planes, given.options
    unit = options["unit"]
    known = {"wcs": celestial_part(options["wcs"]), "unit": None if unit is None else unit_name(unit)}
    mosaic = mosaic_of(planes, {**options, **known})
    opened = mosaic.opened()
    check_options(opened, [name for name in NOISE if planes[name] is not None])
    psfs = psfs_of_rows(sources, given.psf, planes["image"], given.sampling)
    ids = sources.ids()
    labels: list[int | None] = [None] * len(sources) if planes["segmentation"] is None else sources.labels()
    places = places_in(opened)
    check_psf(psfs, opened, places)
    return StampField(mosaic, ids, places, psfs, labels)


def stamps_of(field: StampField, shapes: list[tuple[int, int] | None], neighbours: Neighbours) -> tuple[Stamp, ...]:
    """Return the stamp of each source, of these shapes."""
    rows = zip(field.ids, field.places, field.psfs, shapes, field.labels, strict=True)
    return tuple(
        Stamp(name, x, y, field.mosaic, psf, shape, neighbours, number) for name, (x, y), psf, shape, number in rows
    )


def celestial_part(wcs: Any) -> Any:
    """Return a WCS that can be shifted to each stamp."""
    found = celestial(checked_wcs(wcs))
    if found is None and wcs is not None:
        raise InputTypeError(f"wcs must be an astropy WCS with celestial axes, or a FITS header, got {wcs!r}")
    return found


def check_options(opened: OpenMosaic, names: list[str]) -> None:
    """Raise the errors that `Image` raises for options of the whole mosaic; warn if there is no error map."""
    if "segmentation" in opened.planes:
        opened.labels(StampWindow(0, 0, 1, 1))
    if opened.measures_noise:
        warnings.warn(
            "there is no error map: sigma is measured around each galaxy; give sigma=, weight=, invvar= or gain= to "
            "use another",
            stacklevel=5,
        )
    given = opened.header.arguments
    options: dict[str, Any] = {name: given[name] for name in OPTIONS if given[name] is not None}
    noise: dict[str, Any] = dict.fromkeys(names, 1.0)
    measured = "gain" not in options and not noise
    noise |= {"sigma": 1.0} if measured else {}
    Image(np.ones((8, 8)), **noise, **options)


def check_psf(psfs: list[PsfField], opened: OpenMosaic, places: list[list[float]]) -> None:
    """Raise or warn of what is wrong with a PSF that all galaxies share, at one position, as `Image` does."""
    if not psfs or psfs[0].own:
        return
    x, y = next((place for place in places if np.isfinite(place).all()), (0.0, 0.0))
    check_field(psfs[0], opened.header.arguments, opened.frame, (x, y))


def psfs_of_rows(sources: SourceTable, psf: Any, image: Any, options: dict[str, Any]) -> list[PsfField]:
    """Return the PSF of each row."""
    if psf is None and isinstance(image, Image):
        own = {name: getattr(image, name) for name in SAMPLING}
        settled = {name: own[name] if value is None else value for name, value in options.items()}
        return [field_of(image.psf, settled)] * len(sources)
    rows = _one_each(sources, psf)
    if rows is None:
        return [field_of(psf, options)] * len(sources)
    if len(rows) != len(sources):
        raise InputError(f"psf must be one PSF, or one for each of the {len(sources)} rows of table, got {len(rows)}")
    return [field_of_row(value, options) for value in rows]


def _one_each(sources: SourceTable, psf: Any) -> list[Any] | None:
    """Return the PSFs of the rows; None if one PSF is given for all."""
    if isinstance(psf, str) and psf in sources.table.colnames:
        return list(sources.table[psf])
    if isinstance(psf, np.ndarray):
        return list(psf) if psf.ndim == 3 else None
    return list(psf) if isinstance(psf, list | tuple) and any(map(_is_psf, psf)) else None


def _is_psf(value: Any) -> bool:
    return is_file(value) or is_model(value) or np.ndim(value) == 2


def sizes_of_rows(sources: SourceTable, size: Any, opened: OpenMosaic) -> list[tuple[int, int] | None]:
    """Return the shape (ny, nx) of each stamp; None for that of the target's segment."""
    scale = opened.header.arguments["pixel_scale"]
    if size is None or isinstance(size, str):
        found = sources.sizes(size, scale)
        usual = None if "segmentation" in opened.planes else (USUAL, USUAL)
        return [usual] * len(sources) if found is None else found
    check_sides(size)
    sides = (size, size) if np.ndim(size) == 0 else tuple(size)
    ny, nx = (_pixels(side, scale) for side in sides)
    return [(ny, nx)] * len(sources)


def _pixels(side: Any, scale: float | None) -> int:
    unit = getattr(side, "unit", None)
    if unit is None or unit == "pix":
        return positive_integer("size", getattr(side, "value", side))
    if scale is None:
        raise InputError(f"size is an angle, {side}, and the pixel scale of image is unknown; give pixel_scale=")
    return math.ceil(side.to_value("arcsec") / scale)
