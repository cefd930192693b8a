"""Images of which no pixel can be used, such as those of a band that does not cover an object."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.data.gathering import NOISE
from sersiclab.data.image import Image
from sersiclab.data.planes import array_of


PLANES = ("data", *NOISE, "mask", "read_noise", "sky_level")  # what an image without usable pixels does not need


def is_blank(arguments: Mapping[str, Any]) -> bool:
    """Return whether no pixel can be used, given the arguments of `Image` as plain arrays and numbers.

    That is so if every pixel is masked, not finite, or without a positive sigma or weight; or if all have one value
    and there is no error map. Raises `TypeError` if a plane is no array of real numbers.
    """
    data = array_of("data", arguments["data"])
    valid = np.isfinite(data) & ~np.ma.getmaskarray(arguments["data"])
    mask: Any = arguments.get("mask")
    if np.shape(mask) == data.shape:
        valid &= np.ma.filled(mask, 1) == 0
    given = [array_of(name, value) for name in NOISE if (value := arguments.get(name)) is not None]
    for noise in given:
        if (noise < 0).any() or noise.shape not in ((), data.shape):
            return False  # which is a mistake
        valid &= np.isfinite(noise) & (noise > 0)
    constant = not given and arguments.get("gain") is None and valid.any() and np.ptp(data[valid]) == 0
    return bool(constant or not valid.any())


def blank_image(arguments: Mapping[str, Any], notes: Sequence[str] = ()) -> Image:
    """Return an image that has what these arguments of `Image` say, but no usable pixel."""
    plain = {name: value for name, value in arguments.items() if name not in PLANES}
    data = np.ma.getdata(arguments["data"])
    image = Image(np.where(np.isfinite(data), data, 0), sigma=1.0, **plain, provenance=notes)
    mask = np.ones(image.shape, bool)
    mask.flags.writeable = False
    return eqx.tree_at(lambda old: old.mask, image, mask)
