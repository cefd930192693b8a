"""The models of several images with numbers for all parameters, each in its own image's pixels and unit."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from sersiclab import parameters
from sersiclab.data.image_set import Images
from sersiclab.model.checked_models import checked_values
from sersiclab.model.joint_frames import frames_of
from sersiclab.model.model import Model
from sersiclab.parameters import joint
from sersiclab.parameters.image_shift import frame_with
from sersiclab.parameters.joint import image_links
from sersiclab.profiles.mapping import mapped


def bound(model: Model, images: Images) -> Model:
    """Return the model with the labels of the images that have data, and no values for those that have none.

    Raises `ValueError` if the images do not suit the model.
    """
    used = [label for label in images.labels if label.name in images.used]
    known = {text for label in used for text in (label.name, label.band)}
    gone = {*images.missing, *(text for label in images.labels for text in (label.name, label.band))} - known
    changes = joint.without_nodes(model.owners, gone)
    return (model.for_images(()).replace(changes) if changes else model).for_images(used)


def own_models(model: Model, images: Images, values: Mapping[str, Any] | None) -> dict[str, Model]:
    """Return the model of each image with a number for every parameter, in the image's own pixels and unit.

    Arguments:
        model: the model, which may vary between the images.
        images: the images; those without data are left out.
        values: `{path: number}`, which may be traced. Other free parameters have their initial values.

    Raises:
        ValueError: `values` has an unknown path, or a number outside its parameter's range.
    """
    model, given = bound(model, images), {} if values is None else checked_values(values)
    parameters.check_values(model.owners, given, model.images)
    numbers = {path: given.get(path, start) for path, start in model.initial.items()}
    links, frames = image_links(model.owners, model.images), frames_of(model, images)
    vector = jnp.stack([jnp.asarray(each, dtype=float) for each in numbers.values()]) if numbers else jnp.zeros(0)
    known, models = links.known(vector), {}
    for (name, frame), places, paths in zip(frames.items(), links.places, links.paths, strict=True):
        filled = model.of(name).at(dict(zip(paths, known[places], strict=True)))
        if frame is not None:
            frame = frame_with(frame, filled.owners)
        own = {key: part if frame is None else mapped(part, frame) for key, part in filled.components.items()}
        found = (own, None)
        models[name] = eqx.tree_at(lambda m: (m.components, m.shift), filled, found, is_leaf=lambda x: x is None)
    return models
