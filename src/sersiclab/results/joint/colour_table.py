"""Colours of components: differences of magnitudes between images, with their errors."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.model.accuracy import enable_x64
from sersiclab.parameters.joint import image_links
from sersiclab.results.derived import delta_sd
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.fit import Fit


if TYPE_CHECKING:
    import pandas as pd


def colours(fit: AbstractDrawn, fits: Mapping[str, Fit]) -> "pd.DataFrame":
    """Return the colour of every component and total between neighbouring images; see `JointFit.colours`."""
    import pandas as pd

    rows = {}
    for one, other in pairwise(fits):
        first, second = fits[one].observables, fits[other].observables
        for path in (path for path in first if path.endswith(".mag") and path in second):
            name = path.removesuffix(".mag")
            value = first[path].best - second[path].best
            if fit.draws:
                draws = first[path].draws - second[path].draws
                value, sd = float(np.mean(draws)), float(np.std(draws, ddof=1))
            else:
                sd = _first_order(fit, name, (one, other)) if np.isfinite(value) else float("nan")
            rows[name, f"{one} - {other}"] = {"value": value, "sd": sd}
    order = {owner: i for i, owner in enumerate(fit.model.owners)}
    ordered = dict(sorted(rows.items(), key=lambda row: order[row[0][0]]))
    index = pd.MultiIndex.from_tuples(list(ordered), names=["component", "colour"])
    return pd.DataFrame(list(ordered.values()), index=index, columns=["value", "sd"])


def _first_order(fit: AbstractDrawn, component: str, names: tuple[str, str]) -> float:
    """Return the sd of a colour from the covariance of the joint parameters, on which both fluxes depend."""
    links = image_links(fit.model.owners, fit.model.images)
    order = [label.name for label in fit.model.images]

    def flux(known: Float[Array, " known"], name: str) -> Any:
        place = order.index(name)
        values = dict(zip(links.paths[place], known[links.places[place]], strict=True))
        source: Any = fit.model.of(name).at(values).owners[component]
        return source.flux

    def colour(values: Mapping[str, Any]) -> Any:
        known = links.known(jnp.stack([values[path] for path in fit.best]))
        return 2.5 * (jnp.log10(flux(known, names[1])) - jnp.log10(flux(known, names[0])))

    with enable_x64():
        return delta_sd(colour, fit)
