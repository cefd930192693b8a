"""Mosaics: images of which stamps are cut, opened once by each process and never read whole."""

import dataclasses
import functools
import os
import warnings
from pathlib import Path
from typing import Any

from sersiclab.catalogue.open_mosaics import OpenMosaic, opened_mosaic
from sersiclab.data.opening import named
from sersiclab.data.photometry import unit_of
from sersiclab.runtime.errors import InputError


MOST_OPEN = 64  # mosaics in one process, one for each band


class Held:
    """An array, or another object in memory, that is equal only to itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Held({type(self.value).__name__})"  # jobs are identified by their fields, and arrays are large


@dataclasses.dataclass(frozen=True)
class Mosaic:
    """The files or arrays of a mosaic, and the options of `Image.read` that hold for all of it.

    `planes` are the image and, if given, its sigma, weight, invvar, mask and segmentation: absolute paths, numbers, or
    objects in memory. With a `weight_factor`, the weights in the image's file are 1/sigma² after multiplication by it.
    """

    planes: tuple[tuple[str, str | float | Held], ...]
    options: tuple[tuple[str, Any], ...]
    weight_factor: float | None = None

    @property
    def in_memory(self) -> bool:
        """Whether any part of it is in the memory of this process alone."""
        return any(isinstance(value, Held) for _, value in self.planes)

    def opened(self) -> OpenMosaic:
        """Return the mosaic, ready for stamps; files are opened again if they have changed."""
        if self.in_memory:
            return self._kept
        return _opened(self, tuple(file_version(name, value) for name, value in self.planes if isinstance(value, str)))

    @functools.cached_property
    def _kept(self) -> OpenMosaic:
        return _open_again(self)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def mosaic_of(planes: dict[str, Any], options: dict[str, Any]) -> Mosaic:
    """Return a mosaic from arguments, of which None means not given; warn of what is doubtful about it.

    A `weight_factor` is measured if need be.
    """
    given = tuple((name, _held(name, value)) for name, value in planes.items() if value is not None)
    mosaic = Mosaic(given, tuple((name, value) for name, value in options.items() if value is not None))
    return dataclasses.replace(mosaic, weight_factor=_open(mosaic).measured_weight_factor())


def absolute(name: str | os.PathLike[str]) -> str:
    """Return the name of a file, with what it has in brackets, for a process in another folder."""
    return os.path.abspath(os.path.expanduser(os.fspath(name)))


def file_version(argument: str, name: str) -> tuple[str, int, int]:
    """Return a file's name, size and time of change, which tell whether it is the same as before."""
    path = Path(named(argument, name).path)
    try:
        found = path.stat()
    except OSError as error:
        raise FileNotFoundError(f"{argument}: there is no file {str(path)!r}") from error
    return str(path), found.st_size, found.st_mtime_ns


def _held(name: str, value: Any) -> str | float | Held:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str | os.PathLike):
        file_version(name, absolute(value))
        return absolute(value)
    return Held(value)


@functools.lru_cache(maxsize=MOST_OPEN)
def _opened(mosaic: Mosaic, versions: tuple[tuple[str, int, int], ...]) -> OpenMosaic:
    return _open_again(mosaic)


def _open_again(mosaic: Mosaic) -> OpenMosaic:
    """Open a mosaic about which everything has been said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _open(mosaic)


def _open(mosaic: Mosaic) -> OpenMosaic:
    planes = {name: value.value if isinstance(value, Held) else value for name, value in mosaic.planes}
    for name in ("sigma", "weight", "invvar"):
        if unit_of(planes.get(name)) is not None and unit_of(planes["image"]) is None:
            raise InputError(f"{name} has a unit and image has none; give both with their units, or neither")
    return opened_mosaic(planes, dict(mosaic.options), mosaic.weight_factor)
