"""Whether the posterior meets the limits of its priors, or disagrees with them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.parameters import AbstractPrior
from sersiclab.priors import LogNormal, LogUniform, Normal, TruncatedNormal
from sersiclab.results.derived import parameter_sds
from sersiclab.results.verdict.levels import Reason


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

# A bound presses if the 5 % quantile is this close to it, in units of the quantile's distance from the
# median: 0.08 for an exponential that starts there, 0.10 for a half normal, 0.11 for a flat posterior,
# 0.30 for a normal cut off at two sigma.
BOUND_RATIO = 0.2
BOUND_SIGMA = 1.0  # without draws: the bound lies within one sigma of the best value,
BOUND_FRACTION = 1e-3  # or, without sigma, within this fraction of the prior's range
CONFLICT_SIGMA = 3.0  # posterior mean from the prior's centre, in the prior's sigma


def posterior_draws(fit: "Fit") -> dict[str, np.ndarray]:
    """The draws, or some picked to be more like the posterior where the approximation they come from is not."""
    return fit.draws if fit.approximation is None else fit.approximation.draws


def bound_reasons(fit: "Fit") -> Iterator[Reason]:
    free = fit.model.free
    draws = posterior_draws(fit)
    sds = {} if draws else parameter_sds(free, fit.best, fit.covariance)
    for path, prior in free.items():
        low, high = prior.support()
        ends = [end for end in (low, high) if np.isfinite(end) and _presses(fit, draws, path, prior, end, sds)]
        if len(ends) == 2:
            yield "caution", f"The data hardly constrain {path}: it fills its prior's range, [{low:g}, {high:g}]."
        elif ends:
            side = "lower" if ends[0] == low else "upper"
            yield "caution", f"{path} presses against the {side} bound of its prior, {ends[0]:g}."


def _presses(
    fit: "Fit", draws: Mapping[str, Any], path: str, prior: AbstractPrior, end: float, sds: dict[str, float]
) -> bool:
    scale = np.log if isinstance(prior, LogUniform | LogNormal) else np.asarray
    if isinstance(prior, LogNormal):
        return False  # zero is infinitely far away
    if draws:
        quantiles = np.abs(np.quantile(scale(draws[path].astype(float)), (0.05, 0.5, 0.95)) - scale(end))
        near, middle = min(quantiles[0], quantiles[2]), quantiles[1]
        return bool(near <= BOUND_RATIO * (middle - near))
    best, distance = fit.best[path], abs(scale(fit.best[path]) - scale(end))
    low, high = prior.support()
    if fit.covariance is None:
        return bool(np.isfinite(high - low) and distance < BOUND_FRACTION * (scale(high) - scale(low)))
    return bool(abs(best - end) < BOUND_SIGMA * sds[path])


def conflict_reasons(fit: "Fit") -> Iterator[Reason]:
    for path, prior in fit.model.free.items():
        values: Any = fit.draws[path].astype(float) if fit.draws else fit.best[path]
        if isinstance(prior, Normal | TruncatedNormal):
            centre = float(np.mean(values))
        elif isinstance(prior, LogNormal):
            centre = float(np.mean(np.log(values)))
        else:
            continue
        off = (centre - float(prior.loc)) / float(prior.scale)
        if abs(off) > CONFLICT_SIGMA:
            yield (
                "caution",
                f"Data and prior disagree on {path}: it lies {abs(off):.1f} prior sigma "
                f"{'above' if off > 0 else 'below'} the prior's centre; is the prior right?",
            )
