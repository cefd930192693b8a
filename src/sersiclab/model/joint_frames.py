"""The maps from the pixels of the first image, in which a joint model's parameters are given, to those of each."""

import numpy as np

from sersiclab.data.image_set import Images
from sersiclab.data.registration import flux_factors, frame_between
from sersiclab.model.model import Model
from sersiclab.parameters import own_parameters
from sersiclab.parameters.frame import Frame
from sersiclab.profiles import AbstractSource


def frames_of(model: Model, images: Images) -> dict[str, Frame | None]:
    """Return the map to each image of a model, about its first source; None for all if every map is the identity.

    With the shift of an image, which is added to its map later, no map is None.

    Raises `ValueError` if an image can't be related to the first.
    """
    about, first = target_of(model, images), images.names[0]
    fluxes = flux_factors(images, images.bands)
    frames = {}
    for name in (label.name for label in model.images):
        found = frame_between(images.frame, images[name], about, names=(first, name))
        frames[name] = Frame(found.matrix, found.origin, found.place, fluxes[name])
    if model.shift is None and all(_is_identity(frame) for frame in frames.values()):
        return dict.fromkeys(frames)
    return dict(frames)


def target_of(model: Model, images: Images) -> tuple[float, float]:
    """Return where the first source is at the starting values, in the first image's pixels; its middle without one."""
    starts = model.first.at(model.first.initial).components
    for part in starts.values():
        if isinstance(part, AbstractSource):
            own = own_parameters(part)
            return float(own["xc"]), float(own["yc"])
    ny, nx = images.frame.shape
    return 0.5 * (nx - 1), 0.5 * (ny - 1)


def _is_identity(frame: Frame) -> bool:
    same = np.array_equal(frame.matrix, np.eye(2)) and np.array_equal(frame.place, frame.origin)
    return bool(same and frame.flux == 1.0)
