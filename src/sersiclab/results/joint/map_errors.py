"""Whether the affine maps between images hold where their sources are."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.data.registration import misplaced
from sersiclab.model.joint_frames import frames_of
from sersiclab.parameters import own_parameters
from sersiclab.profiles import AbstractSource
from sersiclab.profiles.base import size_name
from sersiclab.results.verdict.levels import Reason


if TYPE_CHECKING:
    from sersiclab.results.joint.joint_base import AbstractJoint

# Pixels of the other image. A source of a few pixels that is displaced by this has a centre that is wrong by less than
# its error at a signal-to-noise ratio of 100, and a size that is right to 1 %.
BENT = 0.05
EXTENT = 2.0  # half-light radii about a centre, within which the map must hold


def map_reasons(fit: "AbstractJoint") -> Iterator[Reason]:
    """Report images in which the affine map misplaces parts of the sources."""
    first, frames = fit.images.frame, frames_of(fit.model, fit.images)
    for name, frame in frames.items():
        if frame is None:
            continue
        part, found = "", BENT
        for source, points in _extents(fit, name).items():
            distance = misplaced(first, fit.images[name], frame, *frame.to_frame(*points))
            part, found = (source, distance) if distance > found else (part, found)
        if part:
            size = f"by {found:.2f} pixels" if math.isfinite(found) else "without limit"
            yield (
                "caution",
                f"Image {name}: its map from {fit.images.names[0]} bends {size} across {part}, and is taken to be "
                "affine: cut the image more tightly about the target.",
            )


def _extents(fit: "AbstractJoint", name: str) -> dict[str, Any]:
    """Return the centre of each source and four points about it, (x, y) in the image's pixels."""
    own, found = fit.of(name), {}
    for key, part in own.model.at(own.best).components.items():
        if isinstance(part, AbstractSource):
            numbers, size = own_parameters(part), size_name(part)
            reach = EXTENT * float(numbers[size]) if size is not None else 0.0
            x, y = float(numbers["xc"]), float(numbers["yc"])
            found[key] = (x + reach * np.array([0, 1, -1, 0, 0]), y + reach * np.array([0, 0, 0, 1, -1]))
    return found
