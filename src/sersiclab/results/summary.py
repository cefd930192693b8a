"""The table of a fit's parameters and derived quantities."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sersiclab.parameters.priors import Angle
from sersiclab.results import circular
from sersiclab.results.derived import parameter_sds
from sersiclab.results.diagnostics import convergence
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived


if TYPE_CHECKING:
    import pandas as pd


QUANTILES = {"q5": 0.05, "q16": 0.16, "q50": 0.5, "q84": 0.84, "q95": 0.95}
COLUMNS = ("mean", "sd", *QUANTILES, "r_hat", "ess_bulk", "ess_tail", "best", "unit")


def summarise(fit: AbstractDrawn, derived: Mapping[str, Derived]) -> "pd.DataFrame":
    """Return one row for each quantity, with the columns `COLUMNS`; see `Fit.summary`."""
    import pandas as pd

    free, draws = fit.model.free, fit.draws
    everything = {**draws, **{name: quantity.draws for name, quantity in derived.items() if draws}}
    checks = convergence(everything)
    bests = {**fit.best, **{name: quantity.best for name, quantity in derived.items()}}
    units = {**fit.units, **{name: each.unit for name, each in derived.items()}}
    sds = {} if draws else parameter_sds(fit)
    rows = {}
    for path, value in bests.items():
        angle = isinstance(free.get(path), Angle)
        row = dict.fromkeys(COLUMNS, float("nan"))
        if path in everything:
            row |= moments(everything[path], angle=angle) | checks[path]._asdict()
        elif path in derived:
            row["sd"] = derived[path].sd
        else:
            row["sd"] = sds[path]
        rows[path] = row | {"best": circular.wrap(value) if angle else value, "unit": units[path]}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def moments(draws: Float[np.ndarray, "chain draw"], *, angle: bool) -> dict[str, float]:
    """Return mean, sd (n - 1) and quantiles of all chains together; circular mean and sd for an angle."""
    flat = np.asarray(draws, dtype=float).reshape(-1)
    if angle:
        flat = circular.unwrap(flat)
        centre, spread = circular.mean(flat), circular.sd(flat)
    else:
        centre, spread = float(np.mean(flat)), float(np.std(flat, ddof=1))
    quantiles = np.quantile(flat, list(QUANTILES.values()))
    return {"mean": centre, "sd": spread} | dict(zip(QUANTILES, map(float, quantiles), strict=True))
