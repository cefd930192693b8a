"""Whether an approximation is like the posterior: the draws' weights, were they to be draws of the posterior."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.density import Density
from sersiclab.priors import Angle
from sersiclab.results import per_draw
from sersiclab.results.diagnostics import pareto_smoothed


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

DRAWS = 255  # looked at, and the best
FAR = 30.0  # in the unconstrained space: a draw that rounding put on its bound
UNKNOWN_ANGLE = 1.0  # radians: what is wider is uniform on the half circle
SHIFT, STRETCH = 0.5, 1.5  # sd by which the mean, and factor by which the sd, may be wrong
NO_MEAN = 1.0  # Pareto k from which on weights have no mean: Vehtari et al. 2024, JMLR 25, 72
EFFICIENCY_BAD = 0.1  # effective share of the draws: with less the picked draws tell nothing


class Check(NamedTuple):
    """What the ratios of posterior and approximation say: Pareto k, their effective share, and draws picked by them.

    `wrong` is the path of the worst mean or standard deviation, "" if none is wrong by much.
    """

    pareto_k: float
    efficiency: float
    draws: dict[str, Float[np.ndarray, "1 draw"]]
    wrong: str

    @property
    def blind(self) -> bool:
        """Whether the approximation misses so much of the posterior that the picked draws are no better."""
        return self.pareto_k >= NO_MEAN or self.efficiency < EFFICIENCY_BAD


def check(fit: "Fit") -> Check:
    """Compare the posterior density of some of the draws with the normal density about `best`.

    By a rendering of each of `DRAWS` draws. The approximation is that of `fit.covariance`, in the
    unconstrained space.
    """
    flat = per_draw.flat(fit.draws, DRAWS)
    ends = {path: np.append(array, fit.best[path]) for path, array in flat.items()}
    log_posterior, u = per_draw.log_posterior(Density.of(fit.model, fit.image), ends, fit.best)
    ratios = log_posterior[:-1] - _log_normal(fit, np.clip(np.nan_to_num(u, posinf=FAR, neginf=-FAR), -FAR, FAR))
    log_weights, k = pareto_smoothed(np.where(np.isfinite(ratios), ratios, -np.inf))
    return _check(fit, flat, np.exp(log_weights), k)


def check_guide(fit: "Fit") -> Check:
    """The same of a guide's draws, whose weights are known."""
    flat = {path: array.ravel() for path, array in fit.draws.items()}
    return _check(fit, flat, np.exp(fit.stats["log_weight"].ravel()), float(fit.stats["pareto_k"].max()))


def _check(
    fit: "Fit", flat: dict[str, Float[np.ndarray, " draw"]], weights: Float[np.ndarray, " draw"], k: float
) -> Check:
    ends = np.cumsum(weights)
    chosen = np.searchsorted(ends / ends[-1], (np.arange(len(ends)) + 0.5) / len(ends))
    picked = {path: array[chosen][None] for path, array in flat.items()}
    return Check(k, float(1 / (len(weights) * np.sum(weights**2))), picked, _worst(fit, picked))


def _worst(fit: "Fit", picked: dict[str, np.ndarray]) -> str:
    """The parameter whose mean or standard deviation is most wrong, if it is."""
    wrongs = {}
    for path, array in fit.draws.items():
        centre, width = float(np.mean(array)), float(np.std(array))
        other, other_width = float(np.mean(picked[path])), max(float(np.std(picked[path])), np.finfo(float).tiny)
        with np.errstate(over="ignore"):  # draws that are all alike have no width
            shift = abs(other - centre) / max(min(width, other_width), np.finfo(float).tiny)
            stretch = max(width / other_width, other_width / max(width, np.finfo(float).tiny))
        wrongs[path] = max(shift / SHIFT, stretch / STRETCH)
    worst = max(wrongs, key=lambda path: wrongs[path])
    return worst if wrongs[worst] > 1 else ""


def _log_normal(fit: "Fit", u: Float[np.ndarray, "points d"]) -> Float[np.ndarray, " draw"]:
    """The log density of the approximation at all points but the last, which is its middle."""
    covariance = np.asarray(fit.covariance, dtype=float)
    angles = np.array([isinstance(prior, Angle) for prior in fit.model.free.values()])
    away = u[:-1] - u[-1]
    away = np.where(angles, (away + 0.5 * np.pi) % np.pi - 0.5 * np.pi, away)
    known = ~(angles & (np.diag(covariance) > UNKNOWN_ANGLE**2))
    away = away[:, known]
    return -0.5 * np.sum(away * np.linalg.solve(covariance[np.ix_(known, known)], away.T).T, axis=-1)
