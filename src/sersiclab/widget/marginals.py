"""Densities of a posterior's parameters, which the page draws over their priors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sersiclab.parameters.priors import Angle
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit


POINTS = 64
MOST_DRAWS = 1000  # the cost of a density estimate is proportional to the number of draws times that of points
REACH = 0.25  # fraction of the draws' range that is added on each side
DIGITS = 4

Marginal = tuple[float, float, list[float]]


def marginals(fit: Fit | JointFit, paths: Sequence[str] | None = None) -> dict[str, Marginal]:
    """Return the ends of the densities of parameters and their values at `POINTS` even steps; {} without draws.

    A density stays within its prior's support: kernels that extend beyond a bound are mirrored there.
    """
    if not fit.draws:
        return {}
    free = fit.model.free
    return {path: _density(fit.draws[path], free[path]) for path in (free if paths is None else paths) if path in free}


def _density(draws: Any, prior: Any) -> Marginal:
    from scipy.stats import gaussian_kde

    flat = np.asarray(draws, dtype=float).reshape(-1)
    flat = flat[:: -(-flat.size // MOST_DRAWS)]
    least, most = float(flat.min()), float(flat.max())
    if not most > least:
        return least, least, [1.0, 1.0]
    if isinstance(prior, Angle):
        return _angle(flat)
    margin = REACH * (most - least)
    low, high = prior.support()
    begin, end = max(least - margin, low), min(most + margin, high)
    x = np.linspace(begin, end, POINTS)
    estimate = gaussian_kde(flat)
    density = estimate(x)
    for bound in (low, high):
        if np.isfinite(bound):
            density += estimate(2 * bound - x)
    return float(begin), float(end), _rounded(density)


def _angle(flat: Any) -> Marginal:
    """Return the density over the half circle, which wraps around."""
    from scipy.stats import gaussian_kde

    x = np.linspace(0.0, np.pi, POINTS)
    estimate = gaussian_kde(flat)
    turns = range(int(flat.min() // np.pi) - 1, int(flat.max() // np.pi) + 2)
    return 0.0, float(np.pi), _rounded(sum(estimate(x + turn * np.pi) for turn in turns))


def _rounded(density: Any) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in density]
