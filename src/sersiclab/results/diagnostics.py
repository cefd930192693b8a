"""Diagnostics of draws (Vehtari et al. 2021, arXiv:1903.08008; Betancourt, arXiv:1604.00695) and of weights."""

import warnings
from types import ModuleType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


MINIMUM_DRAWS = 4  # rank-normalised split chains need four draws
MINIMUM_WEIGHTS = 25  # the largest fifth, at least five, is fitted
NOTHING = -700.0  # log of a negligible weight, relative to the largest


class Convergence(NamedTuple):
    """Rank-normalised split r_hat and effective sample sizes of the bulk and of the tails (5 % and 95 %)."""

    r_hat: float
    ess_bulk: float
    ess_tail: float


def arviz() -> ModuleType:
    """Return the installed ArviZ, without the notice about its next version that 0.23 gives on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz
    return arviz


def convergence(draws: dict[str, Float[np.ndarray, "chain draw"]]) -> dict[str, Convergence]:
    """Return the diagnostics of each quantity; NaN if chains or draws are too few (r_hat needs two chains)."""
    import xarray as xr

    nothing = Convergence(float("nan"), float("nan"), float("nan"))
    if not draws or next(iter(draws.values())).shape[1] < MINIMUM_DRAWS:
        return dict.fromkeys(draws, nothing)
    az = arviz()
    chains = next(iter(draws.values())).shape[0]
    # Variables are numbered, because names in a DataTree, to which ArviZ may convert them, can't contain "/".
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
    """Return the energy Bayesian fraction of missing information: how freely each chain moves between energies."""
    energy = np.asarray(energy, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)


def pareto_smoothed(log_weights: Float[np.ndarray, " draw"]) -> tuple[Float[np.ndarray, " draw"], float]:
    """Return log importance weights, the largest smoothed, all normalised to a sum of one, and Pareto k.

    Vehtari et al. 2024, JMLR 25, 72. k measures how heavy the tail of the weights is: from 0.7, sums over
    them are unreliable. It is infinite if there are too few weights, and zero if the largest are all equal.
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

        smoothed, k = array_stats.psislw(-relative)  # it expects negative log weights
    return np.asarray(smoothed), float(k)
