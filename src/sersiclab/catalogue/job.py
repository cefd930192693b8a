"""One galaxy of a catalogue: its image, or several, and its model or how to make one."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.guess import guess
from sersiclab.model import Model
from sersiclab.runtime.errors import InputError, InputTypeError


Recipe: TypeAlias = Callable[[Image], Model] | Callable[[Images], Model]
Reader: TypeAlias = Callable[[], Image | Images]
Source: TypeAlias = Image | str | Path | Reader


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One galaxy to fit: a name, an image or several, and a model or a recipe that makes one from them.

    Arguments:
        id: the name of the galaxy, unique in its catalogue. Whole numbers are converted to text.
        image: the image, the path of a FITS file for `Image.read`, or a function without arguments that returns an
            image, such as `partial(sl.Image.read, "a.fits", sigma="a_rms.fits")`. Files are read, and functions
            called, by the process that fits the galaxy. For a joint fit of several bands, `Images`, a function that
            returns them, or `{name: image, path or function}`, with None for one that is missing.
        model: the model, or a function of the image, or of the `Images`, that returns one, such as `guess`. If other
            processes fit the galaxies, they must be able to import the functions, so that these can't be lambdas.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: the name is empty.

    Example:
        >>> job = sl.Job("NGC 1365", sl.datasets.example(), sl.guess)
        >>> model, image = job.load()
        >>> list(model.components)
        ['galaxy']
    """

    id: str
    image: Source | Images | Mapping[str, Source | None]
    model: Model | Recipe = guess

    def __post_init__(self) -> None:
        if isinstance(self.id, bool) or not (isinstance(self.id, str) or hasattr(self.id, "__index__")):
            raise InputTypeError(f"id must be text or a whole number, got {self.id!r}")
        if not str(self.id).strip():
            raise InputError("id must name the galaxy, got an empty text")
        object.__setattr__(self, "id", str(self.id).strip())
        if isinstance(self.image, Mapping):
            if not self.image:
                raise InputError(f"image of job {self.id!r} must hold at least one image, got an empty mapping")
            for name, source in self.image.items():
                self._check_source(source, f" for {name!r}", missing=True)
        else:
            self._check_source(self.image)
        if not isinstance(self.model, Model) and not callable(self.model):
            raise InputTypeError(
                f"model of job {self.id!r} must be a Model or a function of an image that returns one, "
                f"got {self.model!r}"
            )

    def _check_source(self, source: Any, place: str = "", *, missing: bool = False) -> None:
        if isinstance(source, Image | str | os.PathLike) or callable(source) or (missing and source is None):
            return
        raise InputTypeError(
            f"image of job {self.id!r} must be an Image, the path of a FITS file or a function that returns an image, "
            f"or {{name: one of these}}, got {type(source).__name__}{place}"
        )

    def load(self) -> tuple[Model, Image | Images]:
        """Read the image, or images, and make the model if it is given as a recipe.

        Returns:
            The model and the image, or `Images` if there are several.

        Raises:
            TypeError: a function returns something other than an image, or a model.
            Exception: the error of reading the image, or of a function.
        """
        image = self.load_image()
        if isinstance(self.model, Model):
            return self.model, image
        recipe: Any = self.model
        model = recipe(image)
        if not isinstance(model, Model):
            raise InputTypeError(f"the recipe of job {self.id!r} must return a Model, got {model!r}")
        return model, image

    def load_image(self) -> Image | Images:
        """Return the image, or images, read if need be."""
        if isinstance(self.image, Image | Images):
            return self.image
        if isinstance(self.image, Mapping):
            return Images({name: self._read(source) for name, source in self.image.items()})
        return self._read(self.image)

    def _read(self, source: Source | None) -> Any:
        if source is None or isinstance(source, Image):
            return source
        image = Image.read(source) if isinstance(source, str | os.PathLike) else source()
        kinds = Image if isinstance(self.image, Mapping) else Image | Images
        if not isinstance(image, kinds):
            raise InputTypeError(f"the image function of job {self.id!r} must return an Image, got {image!r}")
        return image
