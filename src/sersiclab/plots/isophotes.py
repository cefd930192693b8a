"""Ellipses and colours of a model's sources, and the sky below them, for all figures."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.model import Model
from sersiclab.parameters import own_parameters
from sersiclab.profiles import AbstractSky, AbstractSource
from sersiclab.profiles.base import size_name


# The palette of Okabe & Ito, whose colours colour-blind readers can distinguish; the model is black.
MODEL = "#000000"
COMPONENTS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


class Ellipse(NamedTuple):
    """The centre of a source and the shape of its isophotes; `size` is `r_eff`, or else the profile's first length."""

    xc: float
    yc: float
    ellip: float
    theta: float
    size: float


def colours(model: Model) -> dict[str, str]:
    """Return the colour of each source by name."""
    names = [name for name, component in model.components.items() if isinstance(component, AbstractSource)]
    return {name: COMPONENTS[i % len(COMPONENTS)] for i, name in enumerate(names)}


def ellipses(model: Model, best: Mapping[str, float]) -> dict[str, Ellipse]:
    """Return the ellipse of each source by name; that of a point source is a circle of size zero."""
    drawn = model.at(best).components
    found = {}
    for name in colours(model):
        source: Any = drawn[name]
        length = size_name(source)
        ellip, theta = (float(part) for part in source.shape())
        size = 0.0 if length is None else float(own_parameters(source)[length])
        found[name] = Ellipse(float(source.xc), float(source.yc), ellip, theta, size)
    return found


def sky_image(model: Model, parts: Mapping[str, Any]) -> Float[np.ndarray, "y x"]:
    """Return the sum of the images of all sky components."""
    zero = np.zeros(np.shape(next(iter(parts.values()))))
    skies = [np.asarray(part) for name, part in parts.items() if isinstance(model.components[name], AbstractSky)]
    return sum(skies, start=zero)
