"""All maxima of a posterior that a search finds, and where its models without one of their sources lie."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import Problem
from sersiclab.inference.laplace import definite_inverse, start_covariance
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search.minimiser import descents, expand
from sersiclab.inference.search.minimum import Minimum, cost_of


# Random starts, besides those of every search.
STARTS = 12
# Minima that are higher than the lowest by more than this, in log density, hold no part of the posterior that counts.
COUNTS = 12.0
# Minima are one if they lie within this many sigma, squared, and twice the difference of their heights.
SAME = 9.0
# A model without a source may be higher by more, because its parameters are then free.
COUNTS_FREE = 25.0
# Where a source has no light, in the unconstrained space: its flux and its width there, and the widths of its shape,
# which is as its prior has it, and of its angle.
DARK, DARK_WIDTH, FREE_WIDTH, ANGLE_WIDTH = -3.0, 1.5, 1.7, 0.9
PLACES = ("xc", "yc")
# Steps of the search without a source: how many, the longest, the first damping and its factors, and what ends it.
STEPS, LONGEST, DAMPING, EASED, DAMPED, MOST_DAMPING, NEGLIGIBLE = 15, 2.0, 1e-3, 0.2, 8.0, 1e4, 0.01


class Peak(NamedTuple):
    """A part of the posterior that is about normal: its centre and covariance in the unconstrained space."""

    u: Float[np.ndarray, " d"]
    covariance: Float[np.ndarray, "d d"]


def peaks(problem: Problem, monitor: Monitor, best: Minimum) -> list[Peak]:
    """Return the peaks of the posterior, the highest first, and those of models in which a source has no light.

    Raises `Cancelled`.
    """
    minima = _maxima(problem, monitor, best)
    found = [Peak(each.u, start_covariance(problem, each)) for each in minima]
    return found + _without_sources(problem, monitor, minima[0])


def away(problem: Problem, u: Float[np.ndarray, " d"], other: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    """Return u - other, with angles within a quarter turn."""
    return np.where(problem.angles, (u - other + 0.5 * np.pi) % np.pi - 0.5 * np.pi, u - other)


def _maxima(problem: Problem, monitor: Monitor, best: Minimum) -> list[Minimum]:
    rng, size = np.random.default_rng(problem.seed), len(problem.start)
    moves = [np.where(problem.angles, rng.uniform(0, np.pi, size), rng.normal(size=size)) for _ in range(STARTS)]
    monitor.phase("looking for modes", total=len(moves))
    found = [best]
    for minimum in descents(problem, monitor, [problem.start + move for move in moves]):
        if np.isfinite(minimum.cost):
            found.append(minimum)
        monitor.advance(len(found) - 1)
    found.sort(key=lambda each: each.cost)
    kept: list[Minimum] = []
    for minimum in found:
        if minimum.cost <= found[0].cost + COUNTS and not any(_are_one(problem, minimum, each) for each in kept):
            kept.append(minimum)
    return kept


def _are_one(problem: Problem, minimum: Minimum, other: Minimum) -> bool:
    step = away(problem, minimum.u, other.u)
    return bool(step @ other.curvature @ step < SAME + 2.0 * abs(minimum.cost - other.cost))


def _without_sources(problem: Problem, monitor: Monitor, best: Minimum) -> list[Peak]:
    """Return the peaks of the models in which one source has no light, and its shape is free, if they count.

    They are no maxima, and no descent ends there; but where a source is hardly needed, they hold much of the posterior.
    """
    paths = problem.density.paths
    names = list(dict.fromkeys(path.split(".")[0] for path in paths if path.split(".")[1] == "flux"))
    found = []
    for name in names if len(names) > 1 else []:
        own = np.array([path.split(".")[0] == name and path.split(".")[1] not in PLACES for path in paths])
        fluxes = own & np.array([path.split(".")[1] == "flux" for path in paths])
        u = np.where(own & ~problem.angles, np.where(fluxes, DARK, 0.0), best.u)
        rest = np.flatnonzero(~own)
        if not len(rest):
            continue
        u, curvature, cost = _descended(problem, monitor, u, rest)
        if not cost <= best.cost + COUNTS_FREE:
            continue
        widths = np.where(fluxes, DARK_WIDTH, np.where(problem.angles, ANGLE_WIDTH, FREE_WIDTH))
        covariance = np.diag(widths**2)
        labels = tuple(paths[i] for i in rest)
        covariance[np.ix_(rest, rest)] = definite_inverse(curvature[np.ix_(rest, rest)], labels)
        found.append(Peak(u, covariance))
    return found


def _descended(
    problem: Problem, monitor: Monitor, u: Float[np.ndarray, " d"], some: Int[np.ndarray, " k"]
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"], float]:
    """Descend in some of the parameters, by damped Gauss-Newton steps; return the point, the curvature and the cost."""
    damping, known = DAMPING, expand(problem, monitor, u)
    cost = cost_of(problem.density, known)[0]
    for _ in range(STEPS):
        monitor.check()
        curvature = np.asarray(known.curvature)[np.ix_(some, some)]
        damped = curvature + damping * np.diag(np.abs(np.diag(curvature)) + DAMPING)
        step = np.clip(-np.linalg.solve(damped, np.asarray(known.gradient)[some]), -LONGEST, LONGEST)
        trial = u.copy()
        trial[some] += step
        there = expand(problem, monitor, trial)
        lower = cost_of(problem.density, there)[0]
        if not lower < cost:
            damping *= DAMPED
            if damping > MOST_DAMPING:
                break
            continue
        gain, u, known, cost, damping = cost - lower, trial, there, lower, EASED * damping
        if gain < NEGLIGIBLE:
            break
    return u, np.asarray(known.curvature, dtype=float), cost
