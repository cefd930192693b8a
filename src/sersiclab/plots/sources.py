"""What all figures say of a model's sources: ellipses, colours, and the sky below them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.model import Model
from sersiclab.parameters import parameter_info
from sersiclab.profiles import AbstractSky, AbstractSource


# Okabe & Ito's colours for components, which the colour-blind can tell apart; the model is black.
MODEL = "#000000"
COMPONENTS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


class Ellipse(NamedTuple):
    """Where a source is, and the shape of its isophotes."""

    xc: float
    yc: float
    ellip: float
    theta: float
    r_eff: float


def colours(model: Model) -> dict[str, str]:
    """The colour of each source."""
    names = [name for name, component in model.components.items() if isinstance(component, AbstractSource)]
    return {name: COMPONENTS[i % len(COMPONENTS)] for i, name in enumerate(names)}


def ellipses(model: Model, best: Mapping[str, float]) -> dict[str, Ellipse]:
    """The ellipse of each source; a point source has a circle of no size."""
    drawn = model.at(best).components
    none = {"ellip": 0.0, "theta": 0.0, "r_eff": 0.0}
    found = {}
    for name in colours(model):
        own = {k: float(getattr(drawn[name], k)) for k in parameter_info(drawn[name]) if k in Ellipse._fields}
        found[name] = Ellipse(**none | own)
    return found


def sky_image(model: Model, parts: Mapping[str, Any]) -> Float[np.ndarray, "y x"]:
    """The sum of the skies among the components' images."""
    zero = np.zeros(np.shape(next(iter(parts.values()))))
    skies = [np.asarray(part) for name, part in parts.items() if isinstance(model.components[name], AbstractSky)]
    return sum(skies, start=zero)
