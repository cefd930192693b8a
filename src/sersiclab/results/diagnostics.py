"""Diagnostics of draws (Vehtari et al. 2021, arXiv:1903.08008; Betancourt, arXiv:1604.00695) and of weights."""

import warnings
from types import ModuleType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


MINIMUM_DRAWS = 4  # rank-normalised split chains need four draws
MINIMUM_WEIGHTS = 25  # the largest fifth is fitted, and has at least five
NOTHING = -700.0  # log of a weight that is as good as zero, relative to the largest


class Convergence(NamedTuple):
    """Rank-normalised split r_hat and effective sample sizes of the bulk and of the tails (5 % and 95 %)."""

    r_hat: float
    ess_bulk: float
    ess_tail: float


def arviz() -> ModuleType:
    """The installed ArviZ, without the notice about its next version that 0.23 gives on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz
    return arviz


def convergence(draws: dict[str, Float[np.ndarray, "chain draw"]]) -> dict[str, Convergence]:
    """Diagnostics of each quantity; NaN where chains or draws are too few (r_hat needs two chains)."""
    import xarray as xr

    nothing = Convergence(float("nan"), float("nan"), float("nan"))
    if not draws or next(iter(draws.values())).shape[1] < MINIMUM_DRAWS:
        return dict.fromkeys(draws, nothing)
    az = arviz()
    chains = next(iter(draws.values())).shape[0]
    # Variables are numbered, because a DataTree, which ArviZ may make of them, bears no "/" in a name.
    data = xr.Dataset({str(i): (("chain", "draw"), array) for i, array in enumerate(draws.values())})
    with np.errstate(invalid="ignore", divide="ignore"):
        r_hat = az.rhat(data) if chains > 1 else None
        bulk = az.ess(data, method="bulk")
        tail = az.ess(data, method="tail", prob=(0.05, 0.95))
    return {
        path: Convergence(float("nan") if r_hat is None else float(r_hat[i]), float(bulk[i]), float(tail[i]))
        for path, i in zip(draws, map(str, range(len(draws))), strict=True)
    }


def e_bfmi(energy: Float[np.ndarray, "chain draw"]) -> Float[np.ndarray, " chain"]:
    """Energy Bayesian fraction of missing information: how freely a chain walks between energies."""
    energy = np.asarray(energy, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)


def pareto_smoothed(log_weights: Float[np.ndarray, " draw"]) -> tuple[Float[np.ndarray, " draw"], float]:
    """Log importance weights, the largest smoothed, all normalised to a sum of one, and Pareto k.

    Vehtari et al. 2024, JMLR 25, 72. k tells how heavy the weights' tail is: from 0.7 on, no sum over them
    can be trusted. Infinite if the weights are too few to tell; zero if the largest are all alike.
    """
    relative = np.maximum(log_weights - np.max(log_weights), NOTHING)
    normalised = relative - np.log(np.sum(np.exp(relative)))
    if len(relative) < MINIMUM_WEIGHTS:
        return normalised, float("inf")
    if np.quantile(relative, 0.75) == 0:
        return normalised, 0.0
    az = arviz()
    if az.__version__.startswith("0."):
        smoothed, k = az.psislw(relative)
    else:
        from arviz_stats.base import array_stats  # pyright: ignore[reportMissingImports]

        smoothed, k = array_stats.psislw(-relative)  # it takes what log weights are the negative of
    return np.asarray(smoothed), float(k)
