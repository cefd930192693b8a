"""Stamps padded to a few sizes, so that a catalogue of stamps of any size compiles a handful of programs."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Shaped

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import Model
from sersiclab.profiles import AbstractSky, FlatSky


# The sides of padded stamps: a fifth to a third larger each. Larger images are not padded.
SIDES = (32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024)


def may_be_padded(model: Model) -> bool:
    """Return whether no component depends on where the middle of the image lies, as a tilted sky does."""
    skies = [component for component in model.components.values() if isinstance(component, AbstractSky)]
    return all(isinstance(sky, FlatSky) for sky in skies)


def padded(data: Image | Images) -> Image | Images:
    """Return an image, or several, with masked pixels added after the last row and column, for a density.

    Positions of pixels do not change. The density of one image does not use its WCS, which is left out.
    """
    if isinstance(data, Images):
        members = [each if each.mask.all() else _padded(each, wcs=each.wcs) for each in data.members]
        return eqx.tree_at(lambda images: images.members, data, tuple(members))
    return _padded(data, wcs=None)


def _padded(image: Image, *, wcs: Any) -> Image:
    extra = [next_side(side) - side for side in image.shape]
    if not any(extra):
        return image

    def wider(plane: Shaped[np.ndarray, "y x"], value: float) -> Shaped[np.ndarray, "b a"]:
        return np.pad(plane, [(0, extra[0]), (0, extra[1])], constant_values=value)

    planes = {"data": wider(image.data, 0.0), "sigma": wider(image.sigma, 1.0), "mask": wider(image.mask, 1.0)}
    return Image.restored(**image.fields | planes | {"wcs": wcs})


def next_side(side: int) -> int:
    """Return the smallest side of a padded stamp that is at least `side`; `side` itself if it is larger than all."""
    return next((larger for larger in SIDES if larger >= side), side)
