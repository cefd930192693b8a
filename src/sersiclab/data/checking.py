"""The check of the argument `image` of every public function."""

import os
from typing import Any

from sersiclab.data.image import Image
from sersiclab.runtime.errors import InputTypeError
from sersiclab.runtime.process import check_process


def checked_image(image: Any) -> Image:
    """Return the image. Raises `TypeError`, with advice on how to make one, for an array, a path or anything else.

    Everything that renders or fits passes through here, so the process is checked here too.
    """
    check_process()
    if isinstance(image, Image):
        return image
    kind = type(image).__name__
    if isinstance(image, str | os.PathLike):
        path = os.fspath(image)
        raise InputTypeError(f"image must be an Image, got the path {path!r}: read it with sl.Image.read({path!r})")
    if type(image).__module__.partition(".")[0] == "astropy":
        raise InputTypeError(f"image must be an Image, got {kind}: make one with sl.Image.read(image)")
    if isinstance(image, type):
        raise InputTypeError(
            f"image must be an Image, got the class {image.__name__}: make one with sl.Image(array, sigma=...)"
        )
    if hasattr(image, "__array__") or isinstance(image, list | tuple):
        raise InputTypeError(f"image must be an Image, got {kind}: make one with sl.Image(array, sigma=...)")
    raise InputTypeError(f"image must be an Image, such as sl.Image(array, sigma=...), got {kind}")
