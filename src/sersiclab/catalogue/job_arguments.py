"""The arguments of `sl.jobs`: checked at once, and settled for each row of the table."""

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from sersiclab.catalogue.group_models import Guess
from sersiclab.catalogue.job import Recipe
from sersiclab.catalogue.job_list import Jobs
from sersiclab.catalogue.joint_arguments import joint_stamps_of
from sersiclab.catalogue.neighbourhoods import Other
from sersiclab.catalogue.source_tables import ColumnNames, source_table
from sersiclab.catalogue.stamp_arguments import MosaicArguments, field_of_stamps, sizes_of_rows, stamps_of
from sersiclab.catalogue.stamps import Neighbours
from sersiclab.detection import Detection
from sersiclab.guess import profiles_of
from sersiclab.model import Model
from sersiclab.profiles import AbstractProfile
from sersiclab.runtime.errors import InputError, InputTypeError


def jobs_of(
    table: Any,
    columns: dict[str, Any],
    given: MosaicArguments,
    *,
    size: Any,
    model: Any,
    neighbours: Neighbours,
    wavelengths: Any,
) -> Jobs:
    """Return the jobs of a table, whose stamps are those of one mosaic, or of one for each band."""
    if neighbours not in get_args(Neighbours):
        raise InputError(f'neighbours must be "mask", "model" or "ignore", got {neighbours!r}')
    recipe = recipe_of(model)
    sources = source_table(table, ColumnNames(**columns))
    if given.planes["segmentation"] is None and isinstance(table, Detection):
        given = given._replace(planes={**given.planes, "segmentation": table.labels})
    if isinstance(given.planes["image"], Mapping):
        return Jobs(joint_stamps_of(sources, given, size, neighbours, wavelengths), recipe)
    if wavelengths is not None:
        raise InputError("wavelengths are those of several bands, and image is one; give image={name: mosaic}")
    field = field_of_stamps(sources, given, lambda mosaic: sources.positions(mosaic.wcs).tolist())
    stamps = stamps_of(field, sizes_of_rows(sources, size, field.mosaic.opened()), neighbours)
    others = (Other(s.x, s.y, s.label) for s in stamps if np.isfinite(s.x + s.y))
    return Jobs(stamps, recipe, tuple(others) if neighbours == "model" else ())


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
