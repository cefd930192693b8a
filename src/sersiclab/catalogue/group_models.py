"""Models of a galaxy together with the neighbours that touch it."""

import dataclasses
import warnings
from typing import Any

import numpy as np

from sersiclab.catalogue.stamps import CutStamp, Stamp
from sersiclab.data.image import Image
from sersiclab.data.psf_files import Position
from sersiclab.detection import Extraction, find
from sersiclab.detection.measuring import Source
from sersiclab.guess import component_of, guess
from sersiclab.model import Model


@dataclasses.dataclass(frozen=True)
class Guess:
    """A recipe: the model that `guess` makes of these profiles."""

    what: Any = "sersic"

    def __call__(self, image: Image) -> Model:
        """Return the model of the galaxy in the middle of an image."""
        return guess(image, self.what)


@dataclasses.dataclass(frozen=True, eq=False)
class GroupModel:
    """A recipe: a model of the target, or a recipe for it, and a Sérsic component for each neighbour in its group.

    The neighbours are "neighbour_1", "neighbour_2", ..., the nearest first.
    """

    # The image does not belong to what identifies a recipe.
    stamp: Stamp | CutStamp = dataclasses.field(compare=False)
    model: Any

    def __call__(self, image: Image) -> Model:
        """Return the model of the target and its group; `image` is the stamp's."""
        around = self.stamp.cut().surroundings
        model = self.model if isinstance(self.model, Model) else self.model(image)
        if not around.group:
            return model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the table says where the neighbours are
            found = find(image, segmentation=around.labels)
        labels = np.unique(around.labels[around.labels > 0]).tolist()
        for number, place in enumerate(around.group, start=1):
            name, own = f"neighbour_{number}", number + 1
            region = labels.index(own) + 1 if own in labels else 0  # `find` numbers them without gaps
            model = model.with_component(name, component_of(_source(found, place, region), name))
        return model


def _source(found: Extraction, place: Position, region: int) -> Source:
    """Return the source of a region, or one that is assumed at a position if there is no region."""
    there = region if region <= len(found.boxes) and found.boxes[region - 1] is not None else 0
    return dataclasses.replace(found, main=there, position=place, hidden=None).target()
