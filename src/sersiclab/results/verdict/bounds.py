"""Whether the posterior lies at the bounds of its priors, or disagrees with them."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from sersiclab.parameters import AbstractPrior
from sersiclab.parameters.priors import LogNormal, LogUniform, Normal, TruncatedNormal
from sersiclab.results.derived import parameter_sds
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.verdict.levels import Reason


# A posterior lies at a bound if its 5 % quantile is this close to it, in units of the quantile's distance from the
# median: 0.08 for an exponential that starts there, 0.10 for a half normal, 0.11 for a flat posterior,
# 0.30 for a normal cut off at two sigma.
BOUND_RATIO = 0.2
BOUND_SIGMA = 1.0  # without draws, a parameter lies at a bound within one sigma of the best value
BOUND_FRACTION = 1e-3  # of the prior's range: so close to a bound without draws, or with draws that are unreliable
CONFLICT_SIGMA = 3.0  # distance of the posterior mean from the prior's centre, in the prior's sigma


def posterior_draws(fit: AbstractDrawn) -> dict[str, np.ndarray]:
    """Return the draws, resampled to represent the posterior where their approximation allows it."""
    check = fit.approximation
    return fit.draws if check is None or check.blind else check.draws


Side = Literal["lower", "upper"]


def bounds_reached(fit: AbstractDrawn) -> dict[str, dict[Side, float]]:
    """Return the bounds of priors that the posterior lies at, by path and side, without limits by nature."""
    draws = posterior_draws(fit)
    sds = {} if draws else parameter_sds(fit)
    found: dict[str, dict[Side, float]] = {}
    for path, prior in fit.model.free.items():
        low, high = prior.support()
        sides: dict[Side, float] = {"lower": low, "upper": high}
        ends: dict[Side, float] = {
            side: end for side, end in sides.items() if np.isfinite(end) and _lies_at(fit, draws, path, prior, end, sds)
        }
        if ends and (len(ends) == 2 or not _natural(fit, path, *ends.values())):
            found[path] = ends
    return found


def bound_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report parameters at a bound of their priors, except for natural limits."""
    for path, ends in bounds_reached(fit).items():
        if len(ends) == 2:
            low, high = ends.values()
            yield (
                "caution",
                f"The data hardly constrain {path}: its posterior fills its prior's range, [{low:g}, {high:g}].",
            )
        for side, end in ends.items() if len(ends) == 1 else ():
            yield "caution", f"{path} lies at the {side} bound of its prior, {end:g}."


def _natural(fit: AbstractDrawn, path: str, end: float) -> bool:
    """Whether a bound is a natural limit: a declared zero that the parameter may reach, such as the ellipticity's."""
    info = fit.infos[path]
    return end == 0.0 == info.low and not info.open_low


def _lies_at(
    fit: AbstractDrawn, draws: Mapping[str, Any], path: str, prior: AbstractPrior, end: float, sds: dict[str, float]
) -> bool:
    scale = np.log if isinstance(prior, LogUniform | LogNormal) else np.asarray
    if isinstance(prior, LogNormal):
        return False  # zero is infinitely far away
    best, distance = fit.best[path], abs(scale(fit.best[path]) - scale(end))
    low, high = prior.support()
    unreliable = fit.approximation is not None and fit.approximation.blind
    if (unreliable or not fit.draws) and distance < BOUND_FRACTION * (scale(high) - scale(low)) < np.inf:
        return True
    if draws:
        quantiles = np.abs(np.quantile(scale(draws[path].astype(float)), (0.05, 0.5, 0.95)) - scale(end))
        near, middle = min(quantiles[0], quantiles[2]), quantiles[1]
        return bool(near <= BOUND_RATIO * (middle - near))
    return fit.covariance is not None and not abs(best - end) >= BOUND_SIGMA * sds[path]


def conflict_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report parameters far from the centre of an informative prior."""
    for path, prior in fit.model.free.items():
        values: Any = fit.draws[path].astype(float) if fit.draws else fit.best[path]
        if isinstance(prior, Normal | TruncatedNormal):
            centre = float(np.mean(values))
        elif isinstance(prior, LogNormal):
            centre = float(np.mean(np.log(values)))
        else:
            continue
        off = (centre - float(prior.loc)) / float(prior.scale)
        if not abs(off) <= CONFLICT_SIGMA:
            yield (
                "caution",
                f"Data and prior disagree on {path}: it lies {abs(off):.1f} prior sigma "
                f"{'above' if off > 0 else 'below'} the prior's centre; check the prior.",
            )
