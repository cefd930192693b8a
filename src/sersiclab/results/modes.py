"""The modes of a posterior that `SMC` has told apart."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from sersiclab.parameters.priors import Angle
from sersiclab.results import circular
from sersiclab.results.drawn import AbstractDrawn


if TYPE_CHECKING:
    import pandas as pd


def members(fit: AbstractDrawn) -> list[Bool[np.ndarray, "chain draw"]]:
    """Return which draws belong to each mode, the one with most draws first."""
    shape = next(iter(fit.draws.values())).shape
    mode = np.asarray(fit.stats.get("mode", np.zeros(shape)))
    found = [mode == number for number in np.unique(mode)]
    return sorted(found, key=lambda member: -np.count_nonzero(member))


def centre(fit: AbstractDrawn, path: str, member: Bool[np.ndarray, "chain draw"]) -> tuple[float, float]:
    """Return mean and standard deviation of a parameter in one mode; circular for angles."""
    values: Float[np.ndarray, " draw"] = fit.draws[path][member]
    if isinstance(fit.model.free[path], Angle):
        return float(circular.mean(values)), float(circular.sd(values))
    return float(np.mean(values)), float(np.std(values))


def table(fit: AbstractDrawn) -> "pd.DataFrame":
    """Return a row for each mode; see `Fit.modes`."""
    import pandas as pd

    fit.need_draws("modes")
    rows = []
    for member in members(fit):
        row = {"share": float(np.mean(member))}
        for path in fit.draws:
            row[path], row[f"{path}_sd"] = centre(fit, path, member)
        rows.append(row)
    return pd.DataFrame(rows).rename_axis("mode")
