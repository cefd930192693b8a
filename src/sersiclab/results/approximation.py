"""Whether an approximation represents the posterior: the importance weights of its draws."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.model.density import Density
from sersiclab.parameters.priors import Angle
from sersiclab.results import per_draw
from sersiclab.results.diagnostics import pareto_smoothed


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

DRAWS = 255  # examined at first, with the best values
MORE, MORE_PIXELS = 1023, 10_000_000  # draws examined where those are too few, and how many pixels they may have in all
FAR = 30.0  # in the unconstrained space: a draw that rounding put on its bound
UNKNOWN_ANGLE = 1.0  # radians: what is wider is uniform on the half circle
# Of a sigma by which a mean, and a factor by which a sigma, may be wrong: together a tenth of the whole error.
SHIFT, STRETCH = 0.35, 1.3
CHANCE = 3.0  # standard errors that a deviation exceeds
NO_MEAN = 1.0  # Pareto k from which on weights have no mean: Vehtari et al. 2024, JMLR 25, 72
LEAST_EFFECTIVE = 25.0  # draws: with fewer, resampled draws show nothing


class Deviation(NamedTuple):
    """By how many sigma the mean of a parameter is too high, and by what factor its sigma is too large."""

    path: str
    shift: float
    stretch: float

    @property
    def size(self) -> float:
        """In units of what does not matter."""
        return max(abs(self.shift) / SHIFT, abs(np.log(self.stretch)) / np.log(STRETCH))


class Check(NamedTuple):
    """The importance weights of an approximation's draws: Pareto k, their effective number, and draws resampled.

    `deviations` holds the parameters whose mean or standard deviation is wrong by more than chance, the worst first.
    """

    pareto_k: float
    effective: float
    draws: dict[str, Float[np.ndarray, "1 draw"]]
    deviations: tuple[Deviation, ...]

    @property
    def blind(self) -> bool:
        """Whether the approximation misses so much of the posterior that the resampled draws are no better."""
        return not (self.pareto_k < NO_MEAN and self.effective >= LEAST_EFFECTIVE)


def check(fit: "Fit") -> Check:
    """Compare the posterior density of some of the draws with the normal density about `best`.

    By a rendering of each of `DRAWS` draws, or of more where few of these count. The approximation is that of
    `fit.covariance`, in the unconstrained space.
    """
    found = _weighed(fit, DRAWS)
    total = next(iter(fit.draws.values())).size
    if found.blind and total > DRAWS and MORE * fit.image.data.size <= MORE_PIXELS:
        return _weighed(fit, MORE)
    return found


def _weighed(fit: "Fit", most: int) -> Check:
    flat = per_draw.flat(fit.draws, most)
    ends = {path: np.append(array, fit.best[path]) for path, array in flat.items()}
    log_posterior, u = per_draw.log_posterior(Density.of(fit.model, fit.image), ends, fit.best)
    ratios = log_posterior[:-1] - _log_normal(fit, np.clip(np.nan_to_num(u, posinf=FAR, neginf=-FAR), -FAR, FAR))
    if not np.isfinite(ratios).any():
        return _unknown(flat)
    log_weights, k = pareto_smoothed(np.where(np.isfinite(ratios), ratios, -np.inf))
    return _check(fit, flat, np.exp(log_weights), k)


def check_guide(fit: "Fit") -> Check:
    """The same for a guide's draws, whose weights are known."""
    flat = per_draw.flat(fit.draws)
    weights = np.exp(fit.stats["log_weight"].ravel())
    if not (np.all(np.isfinite(weights)) and np.sum(weights) > 0):
        return _unknown(flat)
    return _check(fit, flat, weights / np.sum(weights), float(fit.stats["pareto_k"].max()))


def _unknown(flat: dict[str, Float[np.ndarray, " draw"]]) -> Check:
    """Draws whose weights can't be told."""
    return Check(float("inf"), 0.0, {path: array[None] for path, array in flat.items()}, ())


def _check(
    fit: "Fit", flat: dict[str, Float[np.ndarray, " draw"]], weights: Float[np.ndarray, " draw"], k: float
) -> Check:
    ends = np.cumsum(weights)
    chosen = np.searchsorted(ends / ends[-1], (np.arange(len(ends)) + 0.5) / len(ends))
    picked = {path: array[chosen][None] for path, array in flat.items()}
    effective = float(1 / np.sum(weights**2))
    return Check(k, effective, picked, _deviations(fit, picked, effective))


def _deviations(fit: "Fit", picked: dict[str, np.ndarray], effective: float) -> tuple[Deviation, ...]:
    """The parameters whose mean or standard deviation differs from that of the resampled draws by more than chance."""
    least, found = np.finfo(float).tiny, []
    for path, array in fit.draws.items():
        centre, width = float(np.mean(array)), max(float(np.std(array)), least)
        other, other_width = float(np.mean(picked[path])), max(float(np.std(picked[path])), least)
        with np.errstate(over="ignore"):  # draws that are all alike have no width
            found.append(Deviation(path, (centre - other) / min(width, other_width), width / other_width))
    shift = max(SHIFT, CHANCE / np.sqrt(effective))
    stretch = max(STRETCH, np.exp(CHANCE / np.sqrt(2 * effective)))
    beyond = [each for each in found if not (abs(each.shift) <= shift and 1 / stretch <= each.stretch <= stretch)]
    return tuple(sorted(beyond, key=lambda each: -each.size))


def _log_normal(fit: "Fit", u: Float[np.ndarray, "points d"]) -> Float[np.ndarray, " draw"]:
    """The log density of the approximation at all points but the last, which is its middle."""
    covariance = np.asarray(fit.covariance, dtype=float)
    angles = np.array([isinstance(prior, Angle) for prior in fit.model.free.values()])
    away = u[:-1] - u[-1]
    away = np.where(angles, (away + 0.5 * np.pi) % np.pi - 0.5 * np.pi, away)
    known = ~(angles & (np.diag(covariance) > UNKNOWN_ANGLE**2))
    away = away[:, known]
    return -0.5 * np.sum(away * np.linalg.solve(covariance[np.ix_(known, known)], away.T).T, axis=-1)
