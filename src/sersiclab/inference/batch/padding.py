"""Stamps padded to a few sizes, so that a catalogue of stamps of any size compiles a handful of programs."""

import numpy as np
from jaxtyping import Shaped

from sersiclab.data.image import Image


# The sides of padded stamps: a fifth to a third larger each. Larger images are not padded.
SIDES = (32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024)


def padded(image: Image) -> Image:
    """Return the image with masked pixels added after its last row and column, for a density.

    Positions of pixels do not change. The WCS, which densities do not use, is left out.
    """
    extra = [next_side(side) - side for side in image.shape]
    if not any(extra):
        return image

    def wider(plane: Shaped[np.ndarray, "y x"], value: float) -> Shaped[np.ndarray, "b a"]:
        return np.pad(plane, [(0, extra[0]), (0, extra[1])], constant_values=value)

    planes = {"data": wider(image.data, 0.0), "sigma": wider(image.sigma, 1.0), "mask": wider(image.mask, 1.0)}
    return Image.restored(**image.fields | planes | {"wcs": None})


def next_side(side: int) -> int:
    """Return the smallest side of a padded stamp that is at least `side`; `side` itself if it is larger than all."""
    return next((larger for larger in SIDES if larger >= side), side)
