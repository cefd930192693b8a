"""The deepest minima of many posterior densities: the search of `minimiser`, for all of them at once."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from sersiclab.inference.base import Problem
from sersiclab.inference.batch.descents import PlannedDescent, descend_all
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search import likelihood
from sersiclab.inference.search.descent import Aim
from sersiclab.inference.search.field import check_derivatives, is_field
from sersiclab.inference.search.minimiser import (
    FINAL_ITERATIONS,
    FIRST_ITERATIONS,
    NOWHERE_FINITE,
    OTHER_ITERATIONS,
    aim_of,
    minimise,
)
from sersiclab.inference.search.minimum import Minimum, minimum_of, with_curvature
from sersiclab.inference.search.starts import deepest, is_doubtful, rival, starts, with_rival
from sersiclab.runtime.errors import InputError, SersiclabError


Result = Minimum | SersiclabError | TimeoutError
Numbered = list[tuple[int, PlannedDescent]]
Plan = Callable[..., tuple[int, PlannedDescent]]
Descend = Callable[[Numbered], dict[int, list[Minimum]]]


def minimise_all(
    problems: Sequence[Problem], monitor: Monitor, *, jacobian: bool, seconds: Sequence[float]
) -> list[Result]:
    """Find the deepest minimum of each problem, as `minimise` does for one.

    Arguments:
        problems: posterior densities and where to begin. Their shapes and structures may differ; each kind compiles a
            program of its own.
        monitor: may cancel.
        jacobian: whether to maximise the density of the unconstrained `u`, rather than that of the parameters.
        seconds: the time that each search may take. Problems that are computed together share theirs.

    Returns:
        For each problem its minimum or, where there is none, the error that says why.

    Raises:
        Cancelled: the run was cancelled.
    """
    alone = {i: found for i, problem in enumerate(problems) if (found := _alone(problem, monitor, jacobian=jacobian))}
    together = {i: problem for i, problem in enumerate(problems) if i not in alone}
    plan = partial(_plan, together, seconds)
    found = _minima(together, plan, partial(_descend, aim_of(jacobian=jacobian), monitor))
    found = _observed(together, found, plan, partial(_descend, aim_of(jacobian=True, observed=True), monitor))
    return [alone[i] if i in alone else _checked(found.get(i), seconds[i]) for i in range(len(problems))]


def _alone(problem: Problem, monitor: Monitor, *, jacobian: bool) -> Minimum | SersiclabError | None:
    """Return the minimum of a field of sources, which is searched for in another way; None for other problems."""
    try:
        if is_field(problem):
            return minimise(problem, monitor, jacobian=jacobian)
        check_derivatives(problem)
    except SersiclabError as error:
        return error
    return None


def _plan(
    problems: Mapping[int, Problem],
    seconds: Sequence[float],
    number: int,
    u: Float[np.ndarray, " d"],
    most: int,
    known: Minimum | None = None,
) -> tuple[int, PlannedDescent]:
    return number, PlannedDescent(problems[number], u, most, seconds[number], known)


def _minima(problems: Mapping[int, Problem], plan: Plan, descend: Descend) -> dict[int, Minimum]:
    """Return the deepest minimum of each problem, by its number; none of those that ran out of time."""
    found = descend([plan(i, problem.start, FIRST_ITERATIONS) for i, problem in problems.items()])
    doubtful = {i: minima[0] for i, minima in found.items() if is_doubtful(problems[i], minima[0])}
    others = [
        plan(i, start, OTHER_ITERATIONS, None if first.message else first)
        for i, first in doubtful.items()
        for start in starts(problems[i])[1:]
    ]
    for i, minima in descend(others).items():
        found[i] += minima
    best = {i: deepest(minima) for i, minima in found.items()}
    again = [i for i, minimum in best.items() if np.isfinite(minimum.cost) and (minimum.message or minimum.again)]
    final = descend([plan(i, best[i].u, FINAL_ITERATIONS) for i in again])
    return {
        i: with_rival(final[i][0] if i in final else minimum, rival(problems[i], minimum, found[i]))
        for i, minimum in best.items()
    }


def _descend(aim: Aim, monitor: Monitor, tasks: Numbered) -> dict[int, list[Minimum]]:
    """Return the minima that the tasks of each problem reach, in their order."""
    states = dict(descend_all([task for _, task in tasks], aim, monitor))
    minima: dict[int, list[Minimum]] = {}
    for k, (i, task) in enumerate(tasks):
        if k in states:
            minima.setdefault(i, []).append(minimum_of(task.problem.density, states[k]))
    return minima


def _observed(
    problems: Mapping[int, Problem], found: dict[int, Minimum], plan: Plan, descend: Descend
) -> dict[int, Minimum]:
    """Return the minima with the likelihood's own curvature where the noise is not normal."""
    exact = descend(
        [
            plan(i, minimum.u, 1)
            for i, minimum in found.items()
            if np.isfinite(minimum.cost) and not likelihood.is_least_squares(problems[i].density)
        ]
    )
    return {
        i: with_curvature(minimum, exact[i][0].curvature) if i in exact else minimum for i, minimum in found.items()
    }


def _checked(minimum: Minimum | None, seconds: float) -> Result:
    if minimum is None:
        return TimeoutError(f"the search for the maximum has not ended within {seconds:g} s")
    return minimum if np.isfinite(minimum.cost) else InputError(NOWHERE_FINITE)
