"""One galaxy of a catalogue: its image, and its model or how to make one."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from sersiclab.data.image import Image
from sersiclab.guess import guess
from sersiclab.model import Model
from sersiclab.runtime.errors import InputError, InputTypeError


Recipe = Callable[[Image], Model]
Reader = Callable[[], Image]


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One galaxy to fit: a name, an image, and a model or a recipe that makes one from the image.

    Arguments:
        id: the name of the galaxy, unique in its catalogue. Whole numbers are converted to text.
        image: the image, the path of a FITS file for `Image.read`, or a function without arguments that returns an
            image, such as `partial(sl.Image.read, "a.fits", sigma="a_rms.fits")`. Files are read, and functions
            called, by the process that fits the galaxy.
        model: the model, or a function of the image that returns one, such as `guess`. If other processes fit the
            galaxies, they must be able to import the functions, so that these can't be lambdas.

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
    image: Image | str | Path | Reader
    model: Model | Recipe = guess

    def __post_init__(self) -> None:
        if isinstance(self.id, bool) or not (isinstance(self.id, str) or hasattr(self.id, "__index__")):
            raise InputTypeError(f"id must be text or a whole number, got {self.id!r}")
        if not str(self.id).strip():
            raise InputError("id must name the galaxy, got an empty text")
        object.__setattr__(self, "id", str(self.id).strip())
        if not isinstance(self.image, Image | str | os.PathLike) and not callable(self.image):
            raise InputTypeError(
                f"image of job {self.id!r} must be an Image, the path of a FITS file or a function that returns an "
                f"image, got {type(self.image).__name__}"
            )
        if not isinstance(self.model, Model) and not callable(self.model):
            raise InputTypeError(
                f"model of job {self.id!r} must be a Model or a function of an image that returns one, "
                f"got {self.model!r}"
            )

    def load(self) -> tuple[Model, Image]:
        """Read the image, and make the model if it is given as a recipe.

        Returns:
            The model and the image.

        Raises:
            TypeError: a function returns something other than an image, or a model.
            Exception: the error of reading the image, or of a function.
        """
        image = self.load_image()
        if isinstance(self.model, Model):
            return self.model, image
        model = self.model(image)
        if not isinstance(model, Model):
            raise InputTypeError(f"the recipe of job {self.id!r} must return a Model, got {model!r}")
        return model, image

    def load_image(self) -> Image:
        """Return the image, read if need be."""
        if isinstance(self.image, str | os.PathLike):
            return Image.read(self.image)
        image = self.image if isinstance(self.image, Image) else self.image()
        if not isinstance(image, Image):
            raise InputTypeError(f"the image function of job {self.id!r} must return an Image, got {image!r}")
        return image
