"""Several starts of a search: where they lie, when they are needed, and whether they have found several maxima."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from sersiclab.inference.base import Problem
from sersiclab.inference.search.descent import AT_BOUND, NEGLIGIBLE_GAIN
from sersiclab.inference.search.minimum import Minimum


STARTS = 4
# With more parameters than this a random start is worse than the user's.
MOST_PARAMETERS_FOR_RANDOM_STARTS = 24
# chi2 per degree of freedom is too high if it exceeds 1 by this many of its standard deviations.
EXCESS_SIGMA = 5.0
# Another maximum counts if it is lower by less than `RIVAL_COST`, in log density, and if a normal peak at the best one
# has fallen by more than `RIVAL_FALL` where it lies.
RIVAL_COST = 2.0
RIVAL_FALL = 10.0


def starts(problem: Problem) -> list[Float[np.ndarray, " d"]]:
    """Return the points from which to search: one if the user or an earlier fit has chosen it.

    Else these are the priors' initial values, the same with every angle turned by a right angle, and two random ones
    that move each parameter by about the width of its prior.
    """
    if problem.settled:
        return [problem.start]
    rng = np.random.default_rng(problem.seed)
    moves = [np.zeros_like(problem.start)]
    if problem.angles.any():
        moves.append(0.5 * np.pi * problem.angles)
    while len(moves) < STARTS and len(problem.start) <= MOST_PARAMETERS_FOR_RANDOM_STARTS:
        moves.append(np.where(problem.angles, rng.uniform(0, np.pi, moves[0].size), rng.normal(size=moves[0].size)))
    return [problem.start + move for move in moves]


def is_doubtful(problem: Problem, first: Minimum) -> bool:
    """Return whether a deeper minimum than the first may exist, so that the other starts are worth their time.

    The first descent failed or ended at a bound, the residuals are larger than the noise, or the question can't be
    answered from one minimum: sources that overlap may be exchanged for one another, and noise that is not normal has
    no chi2. Of 150 mock galaxies of other kinds, the other starts of those not in doubt found two more maxima, both
    of galaxies with a signal-to-noise ratio below 20, and nothing higher by more than 0.4 in log density.
    """
    if first.message or problem.overlapping or np.isnan(first.chi2):
        return True
    dof = problem.density.used - first.u.size
    if dof <= 0 or first.chi2 > dof + EXCESS_SIGMA * np.sqrt(2.0 * dof):
        return True
    return bool(np.any(~problem.angles & ~(np.abs(first.u) < AT_BOUND)))


def deepest(found: Sequence[Minimum]) -> Minimum:
    """Return the deepest minimum. One that stopped near a known minimum is deeper only by more than rounding."""
    return min(found, key=lambda minimum: minimum.cost + 10 * NEGLIGIBLE_GAIN * minimum.again)


def with_rival(minimum: Minimum, warning: str) -> Minimum:
    """Return the minimum with the description of its rival, if there is one, in its message."""
    if not warning:
        return minimum
    return minimum._replace(message="; ".join(filter(None, [minimum.message, warning])), rival=warning)


def rival(problem: Problem, best: Minimum, found: Sequence[Minimum]) -> str:
    """Describe another maximum that is nearly as high as the best one and does not belong to its peak, if any."""
    for other in found:
        away = other.u - best.u
        away = np.where(problem.angles, (away + 0.5 * np.pi) % np.pi - 0.5 * np.pi, away)
        if other.message or other.cost - best.cost > RIVAL_COST or 0.5 * away @ best.curvature @ away < RIVAL_FALL:
            continue
        farthest = int(np.argmax(np.abs(away) * np.sqrt(np.maximum(np.diag(best.curvature), 0.0))))
        return (
            f"another maximum of the posterior, at a different {problem.density.paths[farthest]}, is nearly as high: "
            "the posterior has several modes: use SMC()"
        )
    return ""
