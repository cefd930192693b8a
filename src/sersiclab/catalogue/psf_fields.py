"""The PSF of each stamp: one for the whole mosaic, one of each galaxy, or one that varies with the position."""

import dataclasses
import functools
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from sersiclab.catalogue.mosaics import absolute, file_version
from sersiclab.data.fits import Extension
from sersiclab.data.gathering import Gathered
from sersiclab.data.image import Image
from sersiclab.data.psf_files import Position, Psf, PsfModel, is_model, psf_model
from sersiclab.data.psf_positions import in_whole
from sersiclab.data.psf_shape import normalised_psf
from sersiclab.data.reading import is_file, take_psf


MOST_KEPT = 64  # PSFs and their models in one process
SAMPLING = ("psf_oversampling", "psf_includes_pixel", "psf_centre")

Options = tuple[tuple[str, Any], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class PsfField:
    """The PSF at any position of a mosaic.

    `source` is None for no blurring, an array, the absolute path of a file, or an object in memory that `Image.read`
    accepts; `options` are those of `Image.read`. It is the `own` PSF of one galaxy, or shared by all.
    """

    source: Any
    options: Options = ()
    own: bool = False

    def take(self, result: Gathered, frame: Extension, position: Position) -> None:
        """Add the PSF at a position to the arguments of `Image`; `frame` says how positions are counted."""
        result.arguments |= dict.fromkeys(SAMPLING) | dict(self.options)
        if self.source is None or _is_array(self.source):
            result.arguments["psf"] = _normalised(self.source) if self.own else self.source
            take_psf(result, None)
            return
        found, note = self._evaluated(result.arguments["band"], frame, position)
        result.notes += [] if note is None else [note]
        take_psf(result, found)

    def fixed(self, band: str | None, frame: Extension, position: Position) -> "PsfField":
        """Return the PSF at one position, without the object in memory that it comes from."""
        if self.source is None or isinstance(self.source, str | Psf) or _is_array(self.source):
            return self
        return PsfField(self._evaluated(band, frame, position)[0], self.options, self.own)

    def _evaluated(self, band: str | None, frame: Extension, position: Position) -> tuple[Psf, str | None]:
        if isinstance(self.source, Psf):
            return self.source, None
        model = _model_in(self.source, band) if isinstance(self.source, str) else self._model(band)
        place = in_whole(frame, position, "position")
        x, y = place.position
        return model.at(place.position), f"psf at ({x:.6g}, {y:.6g})" if model.varies else None

    @functools.cached_property
    def _models(self) -> dict[str | None, PsfModel]:
        return {}

    def _model(self, band: str | None) -> PsfModel:
        if band not in self._models:
            self._models[band] = _ready(psf_model(self.source, band=band))
        return self._models[band]

    def __str__(self) -> str:
        if isinstance(self.source, np.ndarray):
            return " x ".join(map(str, self.source.shape))
        return os.path.basename(self.source) if isinstance(self.source, str) else type(self.source).__name__

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "options": self.options, "own": self.own}


def field_of(source: Any, options: dict[str, Any]) -> PsfField:
    """Return the PSF that an argument gives; its array is normalised once."""
    given = tuple((name, value) for name, value in options.items() if value is not None)
    if isinstance(source, str | os.PathLike):
        return PsfField(absolute(source), given)
    if source is None or is_file(source) or is_model(source):
        return PsfField(source, given)
    return PsfField(_normalised(source), given)


def field_of_row(source: Any, options: dict[str, Any]) -> PsfField:
    """Return the PSF of one galaxy; what is wrong with it is found when its stamp is cut."""
    given = tuple((name, value) for name, value in options.items() if value is not None)
    return PsfField(absolute(source) if isinstance(source, str | os.PathLike) else source, given, own=True)


def check_field(field: PsfField, header: Mapping[str, Any], frame: Extension, position: Position) -> None:
    """Raise or warn of what is wrong with a PSF at one position, as `Image` does."""
    result = Gathered({**header, **dict.fromkeys(SAMPLING), **dict(field.options), "psf": field.source})
    if field.source is None or _is_array(field.source):
        take_psf(result, None)
    else:
        place = in_whole(frame, position, "position")
        take_psf(result, psf_model(field.source, band=header["band"]).at(place.position))
    given: dict[str, Any] = {name: result.arguments[name] for name in ("psf", *SAMPLING)}
    Image(np.zeros((64, 64)), sigma=1.0, **given)


def _is_array(source: Any) -> bool:
    return not (isinstance(source, str | Psf) or is_file(source) or is_model(source))


def _ready(model: PsfModel) -> PsfModel:
    """Return a model of normalised PSFs; one that does not vary is always the same array.

    `check_field` has said what is doubtful about them.
    """

    def at(place: Position) -> Psf:
        psf = model.at(place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dataclasses.replace(psf, array=_normalised(psf.array))

    fixed = None if model.varies else at((0.0, 0.0))
    return PsfModel(at if fixed is None else lambda place: fixed, model.varies)


def _normalised(source: Any) -> Float[np.ndarray, "v u"]:
    array = normalised_psf(source)
    array.flags.writeable = False
    return array


def _model_in(path: str, band: str | None) -> PsfModel:
    return _kept(path, band, file_version("psf", path))


@functools.lru_cache(maxsize=MOST_KEPT)
def _kept(path: str, band: str | None, version: tuple[str, int, int]) -> PsfModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _ready(psf_model(path, band=band))
