"""The search for the maximum of a posterior density: a descent and, where it is in doubt, others in threads."""

import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sersiclab.inference.base import Problem
from sersiclab.inference.running.monitor import Cancelled, Monitor, Pace
from sersiclab.inference.running.program import Program, constrain, is_double, precision
from sersiclab.inference.running.threads import threads
from sersiclab.inference.search import likelihood
from sersiclab.inference.search.descent import Aim, Descent, Expansion, Known, iterate
from sersiclab.inference.search.field import check_derivatives, is_field
from sersiclab.inference.search.field_descent import evaluated_field, minimise_field
from sersiclab.inference.search.minimum import Minimum, cancelled_minimum, minimum_of, with_curvature
from sersiclab.inference.search.starts import deepest, is_doubtful, rival, starts, with_rival
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.runtime.errors import InputError


# The most iterations from the first start, from each other start, and of a second descent from the best of them.
FIRST_ITERATIONS = 100
OTHER_ITERATIONS = 50
FINAL_ITERATIONS = 300
NOWHERE_FINITE = (
    "the posterior is not finite at the starting values; give the priors other init values, or init={path: value}"
)


def minimise(problem: Problem, monitor: Monitor, *, jacobian: bool) -> Minimum:
    """Find the deepest minimum: from other starts too if the first is in doubt, unless this is a field (`field.py`).

    Arguments:
        problem: the posterior density and where to begin.
        monitor: reports progress and may cancel; the best point so far is then returned.
        jacobian: whether to maximise the density of the unconstrained `u`, rather than that of the parameters.

    Raises:
        ValueError: the posterior can't be evaluated anywhere, or would need more memory than there is.
        Cancelled: the run was cancelled before it began.
    """
    monitor.check()
    constrain(monitor, problem.density, problem.start)  # compiled now, because a cancelled run needs it without delay
    aim = aim_of(jacobian=jacobian)
    if is_field(problem):
        best = minimise_field(problem, monitor, aim)
    else:
        check_derivatives(problem)
        best = _deepest(problem, monitor, aim)
    if best.cost == np.inf and not best.cancelled:
        raise InputError(NOWHERE_FINITE)
    if best.cancelled or likelihood.is_least_squares(problem.density):
        return best
    return _observed(problem, monitor, best)


def expand(
    problem: Problem, monitor: Monitor, u: Float[np.ndarray, " d"], *, observed: bool = False, slope: bool = True
) -> Expansion:
    """Expand minus the log posterior density of `u` about a point, by the program that the minimiser has compiled.

    Everything is NaN where the density is not finite. Without `slope` only the curvature is right, which takes less
    time for a field of sources.
    """
    aim = aim_of(jacobian=True, observed=observed)
    if is_field(problem):
        return evaluated_field(problem, monitor, u, aim, exact=slope)
    state = _DESCEND(monitor, problem.density, aim, Descent.at(problem.density, u), jnp.asarray(1))
    invalid = np.nan if state.failed else 0.0
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float) + invalid, state.expansion)


def aim_of(*, jacobian: bool, observed: bool = False) -> Aim:
    """Return which function is minimised, as arrays for jitted functions."""
    return Aim(jnp.asarray(float(jacobian)), jnp.asarray(float(observed)))


def descend(density: AbstractDensity, aim: Aim, state: Descent, iterations: Int[Array, ""]) -> Descent:
    """Take this many iterations, or fewer if the descent ends before."""
    last = state.iterations + iterations

    def unfinished(state: Descent) -> Bool[Array, ""]:
        return ~state.ended & (state.iterations < last)

    return jax.lax.while_loop(unfinished, lambda state: iterate(density, aim, state), state)


_DESCEND = Program(descend)


def _run(density: AbstractDensity, monitor: Monitor, aim: Aim, state: Descent, *, most: int) -> Minimum:
    """Descend until the descent ends, has taken `most` iterations, or is cancelled."""
    pace = Pace(first=1, most=most)
    try:
        while not (state.ended or state.iterations >= most):
            steps = jnp.asarray(min(pace.steps, most - int(state.iterations)))
            move = _DESCEND.prepare(monitor, density, aim, state, 0 * steps)
            monitor.check()
            began = time.perf_counter()
            state = move(density, aim, state, steps)
            pace.took(int(steps), time.perf_counter() - began)
        return minimum_of(density, state)
    except Cancelled:
        return cancelled_minimum(density, state)


def _deepest(problem: Problem, monitor: Monitor, aim: Aim) -> Minimum:
    """Return the deepest minimum from the first start and, if that is in doubt, the others.

    After a cancellation it is the deepest of those completed.
    """
    first, *others = starts(problem)
    monitor.phase("optimising", total=1 + len(others), at_most=True)
    monitor.check()
    state = Descent.at(problem.density, first)
    found = [_run(problem.density, monitor, aim, state, most=FIRST_ITERATIONS)]
    cancelled = found[0].cancelled
    others = others if is_doubtful(problem, found[0]) else []
    try:
        monitor.advance(1)
        for minimum in _descents(problem, monitor, aim, found[0], others):
            found.append(minimum)
            monitor.advance(len(found))
    except Cancelled:
        cancelled = True
    best = deepest(found)
    if best.cancelled or best.cost == np.inf:
        return best
    if cancelled:
        return best._replace(cancelled=True, message="cancelled before the minimiser had tried all its starts")
    warning = rival(problem, best, found)
    if best.message or best.again:
        again = Descent.at(problem.density, best.u)
        best = _run(problem.density, monitor, aim, again, most=FINAL_ITERATIONS)
    return with_rival(best, warning)


def descents(
    problem: Problem, monitor: Monitor, points: list[Float[np.ndarray, " d"]], *, known: Minimum | None = None
) -> Iterator[Minimum]:
    """Descend from several points to minima of the density of `u`, one thread for each core.

    A descent ends where it meets the `known` minimum.
    """
    yield from _descents(problem, monitor, aim_of(jacobian=True), known, points)


def _descents(
    problem: Problem, monitor: Monitor, aim: Aim, first: Minimum | None, others: list[Float[np.ndarray, " d"]]
) -> Iterator[Minimum]:
    x64 = is_double()  # which a user may have set for this thread alone
    known = None
    if first is not None and not first.message:
        known = Known(*(jnp.asarray(part, dtype=float) for part in (first.u, first.curvature, problem.angles)))

    def descend(start: Float[np.ndarray, " d"]) -> Minimum:
        with precision(x64):
            state = Descent.at(problem.density, start)
            state = state if known is None else state._replace(known=known)
            return _run(problem.density, monitor, aim, state, most=OTHER_ITERATIONS)

    with threads("start") as pool:
        yield from pool.map(descend, others)


def _observed(problem: Problem, monitor: Monitor, minimum: Minimum) -> Minimum:
    """Return the minimum with the likelihood's own curvature, if it is a minimum according to that too."""
    try:
        curvature = expand(problem, monitor, minimum.u, observed=True).curvature
    except Cancelled:
        return minimum._replace(cancelled=True, message="cancelled before the curvature was known")
    return with_curvature(minimum, np.asarray(curvature))
