"""The ellipses of a posterior, which the page draws over the pictures after a run."""

from typing import Any

import numpy as np

from sersiclab.parameters import own_parameters
from sersiclab.profiles import AbstractSource
from sersiclab.profiles.base import size_name
from sersiclab.results import Fit


NUMBER = 30  # draws; more would only darken the picture

Shapes = dict[str, list[list[float | None]]]


def posterior_shapes(fit: Fit) -> Shapes:
    """Return `[xc, yc, size, ellip, theta]` of each source in some of the draws; {} without draws.

    The size is the semi-major axis of the ellipse: `r_eff`, or the profile's first other length, or None for a point.
    """
    if not fit.draws:
        return {}
    flat = {path: np.asarray(array).reshape(-1) for path, array in fit.draws.items()}
    total = len(next(iter(flat.values())))
    sources = [name for name, part in fit.model.components.items() if isinstance(part, AbstractSource)]
    shapes: Shapes = {name: [] for name in sources}
    for i in np.unique(np.linspace(0, total - 1, NUMBER).astype(int)):
        drawn = fit.model.at({path: float(array[i]) for path, array in flat.items()}).components
        for name in sources:
            shapes[name].append(_shape(drawn[name]))
    return shapes


def _shape(source: Any) -> list[float | None]:
    size, values = size_name(source), own_parameters(source)

    def value(name: str) -> float:
        return float(values.get(name, 0.0))

    return [value("xc"), value("yc"), None if size is None else value(size), value("ellip"), value("theta")]
