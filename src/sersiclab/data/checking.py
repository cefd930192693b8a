"""The checks of the arguments `image` and `images` of every public function."""

import os
from typing import Any

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
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
    if isinstance(image, Images):
        raise InputTypeError(f"image must be one Image, got Images: choose one, such as images[{image.names[0]!r}]")
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


def checked_images(images: Any) -> Images:
    """Return the images. Raises `TypeError` for anything else, with advice on how to make them; see `checked_image`."""
    check_process()
    if isinstance(images, Images):
        return images
    kind = f"the class {images.__name__}" if isinstance(images, type) else type(images).__name__
    if isinstance(images, Image):
        raise InputTypeError("images must be Images, got one Image: make them with sl.Images({name: image})")
    if isinstance(images, str | os.PathLike):
        path = os.fspath(images)
        raise InputTypeError(f"images must be Images, got the path {path!r}: read them with sl.Images.read({path!r})")
    raise InputTypeError(f'images must be Images, such as sl.Images({{"g": image, "r": image}}), got {kind}')
