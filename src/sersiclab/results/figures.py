"""Figures of a fit: its images, its posterior and its parameters."""

from typing import TYPE_CHECKING

import numpy as np

from sersiclab.data.arrays import Plane
from sersiclab.parameters.priors import Angle
from sersiclab.results import circular
from sersiclab.results.base import AbstractFit
from sersiclab.results.drawn import AbstractDrawn


if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def plot(fit: AbstractFit) -> "Figure":
    """Plot data, model, residual and profile; see `Fit.plot`."""
    from sersiclab import plots

    return plots.plot_fit(fit.model, fit.image, fit.best, title=_title(fit))


def plot_posterior(
    fit: AbstractFit, sd: Plane, predicted: Plane, tables: "tuple[pd.DataFrame, pd.DataFrame]"
) -> "Figure":
    """Plot a predicted image, the uncertainty map, and profiles with bands; see `Fit.plot_posterior`."""
    from sersiclab import plots

    return plots.plot_posterior(fit.model, fit.image, sd, predicted, *tables, title=_title(fit))


def plot_corner(fit: AbstractDrawn, paths: list[str] | None) -> "Figure":
    """Plot marginal and pairwise densities of the draws; see `Fit.plot_corner`."""
    from sersiclab import plots

    units = {path: info.unit for path, info in fit.infos.items()} | {k: d.unit for k, d in fit.derived.items()}
    draws = fit.draws | {name: quantity.draws for name, quantity in fit.derived.items()}
    best = fit.best | {name: quantity.best for name, quantity in fit.derived.items()}
    for path, prior in fit.model.free.items():
        if isinstance(prior, Angle):
            best[path] = circular.near(best[path], float(np.mean(fit.draws[path])))
    return plots.plot_corner(draws, best, units, paths=paths)


def _title(fit: AbstractFit) -> str:
    return f"{type(fit.method).__name__}, χ²/dof = {fit.reduced_chi2:.3f}, {fit.verdict.level}"
