"""Whether an approximation represents the posterior: the importance weights of its draws."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from sersiclab.parameters.priors import Angle
from sersiclab.rendering import AbstractRenderer, HybridRenderer
from sersiclab.results import per_draw
from sersiclab.results.diagnostics import pareto_smoothed
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.verdict.deviations import SHIFT, STRETCH, ApproximationCheck, Deviation
from sersiclab.results.verdict.levels import Reason, others
from sersiclab.results.verdict.sampling import PARETO_K_BAD


# Draws examined at first, more if their weights are uneven, and more again while those are too few to tell, unless the
# images of all have more than `MOST_PIXELS`. By the inequality of Cauchy and Schwarz, no mean is off by more sigma than
# the weights scatter, in units of their mean. If that is well below the deviation that matters, the first are enough.
FEW_DRAWS, DRAWS, MORE_DRAWS, MOST_DRAWS = 64, 128, 256, 512
EVEN = 0.7 * SHIFT
MOST_PIXELS = 5_000_000
MARGIN = 4.5  # of the widest Gaussian that is drawn in Fourier space: the padding about the pictures of draws
FAR = 30.0  # in the unconstrained space: a draw that rounding put on its bound
UNKNOWN_ANGLE = 1.0  # radians: an angle with a larger sigma is uniform on the half circle
CHANCE = 3.0  # standard errors that a deviation exceeds
SHIFT_BAD, STRETCH_BAD = 1.0, 2.0  # deviation of a mean in sigma, and factor of a sigma, from which on a fit is bad
NEARLY = 0.7  # part of those deviations from which on more draws are examined
# Share of the draws: with a smaller effective number, errors are only approximate. In few draws the share appears
# larger than it is, since they may lack the largest weights.
FEW_EFFECTIVE, SURELY_EFFECTIVE = 0.5, 0.75
STATED = 0.1  # sigma, and part of a factor: smaller deviations are not stated


def approximation_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report wrong means and errors, as the weights of the draws show them."""
    check = fit.approximation
    if check is None:
        return
    what = f"the {'guide' if 'log_weight' in fit.stats else 'normal distribution'} of {type(fit.method).__name__}"
    if check.blind:
        yield (
            "bad",
            f"The posterior differs from {what} so much that means and errors may be far off (the Pareto k of the "
            f"draws is {check.pareto_k:.2f}, their effective number {check.effective:.0f}): use SMC() or NUTS().",
        )
    elif check.deviations:
        worst = check.deviations[0]
        bad = not _within(worst, 1.0)
        yield (
            "bad" if bad else "caution",
            f"The posterior differs from {what}: {_size(worst)}{others(len(check.deviations))}; use Importance() or "
            "NUTS().",
        )
    elif _share(check) < FEW_EFFECTIVE:
        yield (
            "caution",
            f"The posterior differs from {what}, though no mean or sigma is clearly wrong: few of its draws are "
            "effective, and errors are approximate; use Importance() or NUTS().",
        )
    elif "log_weight" in fit.stats and not check.pareto_k < PARETO_K_BAD:
        yield (
            "caution",
            f"The posterior may have longer tails than {what}: Pareto k is {check.pareto_k:.2f}, and should be below "
            f"{PARETO_K_BAD}; check with Importance(proposal=SVI()) or NUTS().",
        )


def _size(deviation: Deviation) -> str:
    """Return the errors of the mean and of sigma in words."""
    shift, stretch = deviation.shift, deviation.stretch
    words = []
    if abs(shift) >= STATED:
        words.append(f"the mean of {deviation.path} is {abs(shift):.1f} sigma too {'high' if shift > 0 else 'low'}")
    if not 1 / (1 + STATED) <= stretch <= 1 + STATED:
        whose = "its sigma" if words else f"sigma of {deviation.path}"
        factor, side = (stretch, "large") if stretch > 1 else (1 / stretch, "small")
        words.append(f"{whose} is {factor:.1f} times too {side}")
    return ", ".join(words)


def checked(fit: AbstractDrawn) -> ApproximationCheck | None:
    """Check the approximation that the draws were taken from; None if they are draws of the posterior."""
    if "log_weight" in fit.stats:
        return check_guide(fit)
    if "lp" in fit.stats or not fit.draws or fit.covariance is None:
        return None
    return check(fit)


def check(fit: AbstractDrawn) -> ApproximationCheck:
    """Compare the posterior density of some of the draws with the normal density about `best`.

    The model is rendered at a few draws, and at more if their weights are uneven. The approximation is that of
    `fit.covariance`, in the unconstrained space.
    """
    weighed = _Weighed(fit)
    weighed.extend(FEW_DRAWS)
    if weighed.scatter() < EVEN:
        return ApproximationCheck(weighed.smoothed()[1], weighed.total * weighed.effective(), fit.draws, ())
    weighed.extend(DRAWS)
    found = weighed.check()
    if not _is_clear(found):
        weighed.extend(MORE_DRAWS)
        found = weighed.check()
    if found.blind and weighed.total > MORE_DRAWS and MOST_DRAWS * weighed.pixels <= MOST_PIXELS:
        weighed.extend(MOST_DRAWS)
        found = weighed.check()
    return found


def _is_clear(found: ApproximationCheck) -> bool:
    """Return whether more draws would hardly change the level of the reason."""
    if found.blind or not all(_within(each, NEARLY) for each in found.deviations):
        return False
    return bool(found.deviations) or not FEW_EFFECTIVE <= _share(found) < SURELY_EFFECTIVE


def _share(found: ApproximationCheck) -> float:
    """Return the effective share of the draws that were examined."""
    return found.effective / next(iter(found.draws.values())).size


def _within(deviation: Deviation, part: float) -> bool:
    """Return whether a deviation is smaller than this part of what makes a fit bad."""
    most = STRETCH_BAD**part
    return abs(deviation.shift) <= part * SHIFT_BAD and 1 / most <= deviation.stretch <= most


def _with_narrow_margin(renderer: AbstractRenderer) -> AbstractRenderer:
    """Return the renderer with less padding about the image: pictures are drawn in two thirds of the time.

    Light that wraps around is the same in all draws but for a part of 1e-4, and weights need only differences.
    """
    if not (isinstance(renderer, HybridRenderer) and renderer.padding > (margin := math.ceil(MARGIN * renderer.split))):
        return renderer
    return dataclasses.replace(renderer, padding=margin)


class _Weighed:
    """The importance weights of a growing number of draws."""

    def __init__(self, fit: AbstractDrawn) -> None:
        self._fit, self._density = fit, fit.density(_with_narrow_margin(fit.model.renderer))
        self._draws = per_draw.flat(fit.draws)
        self._centre = _near(per_draw.point(self._density, fit.best))
        self._ratios = np.empty(0)
        self.total, self.pixels = len(next(iter(self._draws.values()))), self._density.size

    def extend(self, number: int) -> None:
        """Weigh the first draws, up to `number`, of which some may have been weighed before."""
        rows = slice(len(self._ratios), min(number, self.total))
        if rows.start == rows.stop:
            return
        flat = {path: array[rows] for path, array in self._draws.items()}
        log_posterior, u = per_draw.log_posterior(self._density, flat, self._fit.best)
        ratios = log_posterior - _log_normal(self._fit, _near(u) - self._centre)
        self._ratios = np.append(self._ratios, np.where(np.isfinite(ratios), ratios, -np.inf))

    def scatter(self) -> float:
        """Return the standard deviation of the weights, as they are, in units of their mean."""
        if not np.isfinite(self._ratios).all():
            return np.inf
        weights = np.exp(self._ratios - self._ratios.max())
        return float(np.std(weights) / np.mean(weights))

    def smoothed(self) -> tuple[Float[np.ndarray, " draw"], float]:
        """Return the smoothed weights, which sum to one, and their Pareto k."""
        log_weights, k = pareto_smoothed(self._ratios)
        return np.exp(log_weights), k

    def effective(self) -> float:
        """Return the effective share of the draws."""
        return float(1 / np.sum(self.smoothed()[0] ** 2)) / len(self._ratios)

    def check(self) -> ApproximationCheck:
        """Compare the draws with the same draws resampled by their weights."""
        flat = {path: array[: len(self._ratios)] for path, array in self._draws.items()}
        if not np.isfinite(self._ratios).any():
            return _unknown(flat)
        return _check(self._fit, flat, *self.smoothed())


def check_guide(fit: AbstractDrawn) -> ApproximationCheck:
    """Check the draws of a guide, whose weights are known."""
    flat = per_draw.flat(fit.draws)
    weights = np.exp(fit.stats["log_weight"].ravel())
    if not (np.all(np.isfinite(weights)) and np.sum(weights) > 0):
        return _unknown(flat)
    return _check(fit, flat, weights / np.sum(weights), float(fit.stats["pareto_k"].max()))


def _unknown(flat: dict[str, Float[np.ndarray, " draw"]]) -> ApproximationCheck:
    """Return the check of draws whose weights are not known."""
    return ApproximationCheck(float("inf"), 0.0, {path: array[None] for path, array in flat.items()}, ())


def _check(
    fit: AbstractDrawn, flat: dict[str, Float[np.ndarray, " draw"]], weights: Float[np.ndarray, " draw"], k: float
) -> ApproximationCheck:
    ends = np.cumsum(weights)
    chosen = np.searchsorted(ends / ends[-1], (np.arange(len(ends)) + 0.5) / len(ends))
    picked = {path: array[chosen][None] for path, array in flat.items()}
    effective = float(1 / np.sum(weights**2))
    return ApproximationCheck(k, effective, picked, _deviations(fit, picked, effective))


def _deviations(fit: AbstractDrawn, picked: dict[str, np.ndarray], effective: float) -> tuple[Deviation, ...]:
    """Return the parameters whose mean or sigma differs from that of the resampled draws by more than chance."""
    # Draws that are all equal have no width. Quotients of Python's own floats become infinite without a warning.
    least, found = float(np.finfo(float).tiny), []
    for path, array in fit.draws.items():
        centre, width = float(np.mean(array)), max(float(np.std(array)), least)
        other, other_width = float(np.mean(picked[path])), max(float(np.std(picked[path])), least)
        found.append(Deviation(path, (centre - other) / min(width, other_width), width / other_width))
    shift = max(SHIFT, CHANCE / np.sqrt(effective))
    stretch = max(STRETCH, np.exp(CHANCE / np.sqrt(2 * effective)))
    beyond = [each for each in found if not (abs(each.shift) <= shift and 1 / stretch <= each.stretch <= stretch)]
    return tuple(sorted(beyond, key=lambda each: -each.size))


def _near(u: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
    """Return points with those at infinity, which rounding put on a bound, brought near."""
    return np.clip(np.nan_to_num(u, posinf=FAR, neginf=-FAR), -FAR, FAR)


def _log_normal(fit: AbstractDrawn, away: Float[np.ndarray, "draw d"]) -> Float[np.ndarray, " draw"]:
    """Return the log density of the approximation at points `away` from its centre."""
    covariance = np.asarray(fit.covariance, dtype=float)
    angles = np.array([isinstance(prior, Angle) for prior in fit.model.free.values()])
    away = np.where(angles, (away + 0.5 * np.pi) % np.pi - 0.5 * np.pi, away)
    known = ~(angles & (np.diag(covariance) > UNKNOWN_ANGLE**2))
    away = away[:, known]
    return -0.5 * np.sum(away * np.linalg.solve(covariance[np.ix_(known, known)], away.T).T, axis=-1)
