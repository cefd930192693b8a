"""The arguments of `sl.jobs`: checked at once, and settled for each row of the table."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from sersiclab.catalogue.group_models import Guess
from sersiclab.catalogue.job import Recipe
from sersiclab.catalogue.job_list import Jobs
from sersiclab.catalogue.mosaics import mosaic_of
from sersiclab.catalogue.neighbourhoods import Other
from sersiclab.catalogue.open_mosaics import OPTIONS, OpenMosaic
from sersiclab.catalogue.psf_fields import SAMPLING, PsfField, check_field, field_of, field_of_row
from sersiclab.catalogue.source_tables import ColumnNames, SourceTable, source_table
from sersiclab.catalogue.stamp_windows import StampWindow
from sersiclab.catalogue.stamps import USUAL, Neighbours, Stamp
from sersiclab.data.astrometry import celestial, checked_wcs
from sersiclab.data.gathering import NOISE
from sersiclab.data.image import Image
from sersiclab.data.image_units import unit_name
from sersiclab.data.planes import check_sides, positive_integer
from sersiclab.data.psf_files import is_model
from sersiclab.data.reading import is_file
from sersiclab.detection import Detection
from sersiclab.guess import profiles_of
from sersiclab.model import Model
from sersiclab.profiles import AbstractProfile
from sersiclab.runtime.errors import InputError, InputTypeError


def jobs_of(
    table: Any,
    columns: dict[str, Any],
    planes: dict[str, Any],
    options: dict[str, Any],
    *,
    psf: Any,
    sampling: dict[str, Any],
    size: Any,
    model: Any,
    neighbours: Neighbours,
) -> Jobs:
    """Return the jobs of a table; `planes`, `options` and `sampling` are arguments of `Image.read` by name."""
    if neighbours not in get_args(Neighbours):
        raise InputError(f'neighbours must be "mask", "model" or "ignore", got {neighbours!r}')
    recipe = recipe_of(model)
    sources = source_table(table, ColumnNames(**columns))
    if planes["segmentation"] is None and isinstance(table, Detection):
        planes = {**planes, "segmentation": table.labels}
    unit = options["unit"]
    known = {"wcs": celestial_part(options["wcs"]), "unit": None if unit is None else unit_name(unit)}
    mosaic = mosaic_of(planes, {**options, **known})
    opened = mosaic.opened()
    check_options(opened, [name for name in NOISE if planes[name] is not None])
    psfs = psfs_of_rows(sources, psf, planes["image"], sampling)
    ids = sources.ids()
    labels = [None] * len(sources) if planes["segmentation"] is None else sources.labels()
    places = sources.positions(opened.wcs).tolist()
    check_psf(psfs, opened, places)
    rows = zip(ids, places, psfs, sizes_of_rows(sources, size, opened), labels, strict=True)
    stamps = tuple(
        Stamp(name, x, y, mosaic, field, shape, neighbours, number) for name, (x, y), field, shape, number in rows
    )
    others = (Other(x, y, number) for (x, y), number in zip(places, labels, strict=True) if np.isfinite(x + y))
    return Jobs(stamps, recipe, tuple(others) if neighbours == "model" else ())


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
            stacklevel=4,
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


def recipe_of(model: Any) -> Model | Recipe:
    """Return a model or a recipe, from an argument that `guess` may accept."""
    if isinstance(model, str | Mapping) or (isinstance(model, type) and issubclass(model, AbstractProfile)):
        try:
            profiles_of(model)
        except InputError as error:
            raise InputError(f"model: {error}") from error
        return Guess(model)
    if not isinstance(model, Model) and not callable(model):
        raise InputTypeError(f"model must be a Model, a function of an image, or what guess accepts, got {model!r}")
    return model  # pyright: ignore[reportReturnType]
