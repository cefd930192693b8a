"""The maximum of a posterior density: descents from several starts, by Levenberg-Marquardt."""

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
from sersiclab.inference.search.descent import (
    SMALL,
    Aim,
    Descent,
    Known,
    Minimum,
    Point,
    begin,
    cancelled_minimum,
    iterate,
    minimum_of,
)
from sersiclab.inference.search.field import check_derivatives, is_field
from sersiclab.inference.search.field_descent import evaluated_field, minimise_field
from sersiclab.model.density import Density
from sersiclab.runtime.errors import InputError


STARTS = 4
FEW_PARAMETERS = 24  # with more of them a random start is worse than the user's
MAX_ITERATIONS = 100  # for the first start
OTHER_ITERATIONS = 50  # for each of the others
MORE_ITERATIONS = 300  # for the best of them
NEARLY = 2.0  # in log density: a maximum lower by so little counts ...
FAR = 10.0  # ... if one peak alone would have fallen by so much there


def _descend(density: Density, aim: Aim, state: Descent, iterations: Int[Array, ""]) -> Descent:
    """Up to so many iterations more."""
    last = state.iterations + iterations

    def going(state: Descent) -> Bool[Array, ""]:
        return ~state.ended & (state.iterations < last)

    return jax.lax.while_loop(going, lambda state: iterate(density, aim, state), state)


_DESCEND = Program(_descend)


def _starts(problem: Problem) -> list[Float[np.ndarray, " d"]]:
    """The start, the same with every angle turned by a right angle, and two at random about it.

    Random ones move each parameter by about the width of its prior.
    """
    if problem.settled:
        return [problem.start]
    rng = np.random.default_rng(problem.seed)
    moves = [np.zeros_like(problem.start)]
    if problem.angles.any():
        moves.append(0.5 * np.pi * problem.angles)
    while len(moves) < STARTS and len(problem.start) <= FEW_PARAMETERS:
        moves.append(np.where(problem.angles, rng.uniform(0, np.pi, moves[0].size), rng.normal(size=moves[0].size)))
    return [problem.start + move for move in moves]


def _run(density: Density, monitor: Monitor, aim: Aim, state: Descent, *, most: int) -> Minimum:
    """Descend to the end, for `most` iterations, or to where the user cancels."""
    pace = Pace(first=1, most=most)
    try:
        while not (state.ended or state.iterations >= most):
            steps = jnp.asarray(min(pace.steps, most - int(state.iterations)))
            descend = _DESCEND.prepare(monitor, density, aim, state, 0 * steps)
            monitor.check()
            began = time.perf_counter()
            state = descend(density, aim, state, steps)
            pace.took(int(steps), time.perf_counter() - began)
        return minimum_of(density, state)
    except Cancelled:
        return cancelled_minimum(density, state)


def minimise(problem: Problem, monitor: Monitor, *, jacobian: bool) -> Minimum:
    """The deepest of the minima found from several starts; of a field of sources (`field.py`), from one.

    Of the posterior density of the unconstrained `u` with `jacobian`, else of the parameters. After a
    cancellation, the best so far. Raises `ValueError` if the posterior can't be evaluated anywhere or would need more
    memory than there is, and `Cancelled` if it was cancelled before it began.
    """
    monitor.check()
    constrain(monitor, problem.density, problem.start)  # so that a cancelled run need not compile
    aim = _aim(jacobian=jacobian)
    if is_field(problem):
        best = minimise_field(problem, monitor, aim)
    else:
        check_derivatives(problem)
        best = _deepest(problem, monitor, aim)
    if best.cost == np.inf and not best.cancelled:
        raise InputError(
            "the posterior is not finite at the starting values; give the priors other init values, "
            "or init={path: value}"
        )
    if best.cancelled or likelihood.is_least_squares(problem.density):
        return best
    return _observed(problem, monitor, best)


def _deepest(problem: Problem, monitor: Monitor, aim: Aim) -> Minimum:
    """The deepest of the minima from all starts; after a cancellation, of those found."""
    starts = _starts(problem)
    monitor.phase("optimising", total=len(starts))
    monitor.check()
    found = [_run(problem.density, monitor, aim, begin(problem.density, starts[0]), most=MAX_ITERATIONS)]
    cancelled = found[0].cancelled
    try:
        monitor.advance(1)
        for minimum in _others(problem, monitor, aim, found[0], starts[1:]):
            found.append(minimum)
            monitor.advance(len(found))
    except Cancelled:
        cancelled = True
    # One that was ended near a minimum is the better one only by more than rounding.
    best = min(found, key=lambda minimum: minimum.cost + 10 * SMALL * minimum.again)
    if best.cancelled or best.cost == np.inf:
        return best
    if cancelled:
        return best._replace(cancelled=True, message="cancelled before the minimiser had tried all its starts")
    rival = _rival(problem, best, found)
    if best.message or best.again:
        state = begin(problem.density, best.u)
        best = _run(problem.density, monitor, aim, state, most=MORE_ITERATIONS)
    if rival:
        best = best._replace(message="; ".join(filter(None, [best.message, rival])), rival=rival)
    return best


def _others(
    problem: Problem, monitor: Monitor, aim: Aim, first: Minimum, starts: list[Float[np.ndarray, " d"]]
) -> Iterator[Minimum]:
    """Where the other starts end, one for each core at a time; those that come to the first minimum end there."""
    x64 = is_double()  # which a user may have set for this thread alone
    known = None
    if not first.message:
        known = Known(*(jnp.asarray(part, dtype=float) for part in (first.u, first.curvature, problem.angles)))

    def descend(start: Float[np.ndarray, " d"]) -> Minimum:
        with precision(x64):
            state = begin(problem.density, start)
            state = state if known is None else state._replace(known=known)
            return _run(problem.density, monitor, aim, state, most=OTHER_ITERATIONS)

    with threads("start") as pool:
        yield from pool.map(descend, starts)


def _rival(problem: Problem, best: Minimum, found: list[Minimum]) -> str:
    """What to say if another start has ended nearly as deep, where the curvature about the best says it could not."""
    for other in found:
        away = other.u - best.u
        away = np.where(problem.angles, (away + 0.5 * np.pi) % np.pi - 0.5 * np.pi, away)
        if other.message or other.cost - best.cost > NEARLY or 0.5 * away @ best.curvature @ away < FAR:
            continue
        farthest = int(np.argmax(np.abs(away) * np.sqrt(np.maximum(np.diag(best.curvature), 0.0))))
        return (
            f"another maximum of the posterior, with another {problem.density.paths[farthest]}, is nearly as high: "
            "there is more than one answer, which only NUTS may find"
        )
    return ""


def look(
    problem: Problem, monitor: Monitor, u: Float[np.ndarray, " d"], *, observed: bool = False, slope: bool = True
) -> Point:
    """Minus the log posterior density about `u`, by the minimiser's own program; NaN where it is not finite.

    Without `slope` only the curvature counts, which for a field of sources takes less time.
    """
    aim = _aim(jacobian=True, observed=observed)
    if is_field(problem):
        return evaluated_field(problem, monitor, u, aim, exact=slope)
    state = _DESCEND(monitor, problem.density, aim, begin(problem.density, u), jnp.asarray(1))
    nothing = np.nan if state.failed else 0.0
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float) + nothing, state.point)


def _observed(problem: Problem, monitor: Monitor, minimum: Minimum) -> Minimum:
    """The same with the likelihood's own curvature, if the posterior has a maximum there by that too."""
    try:
        curvature = look(problem, monitor, minimum.u, observed=True).curvature
    except Cancelled:
        return minimum._replace(cancelled=True, message="cancelled before the curvature was known")
    if np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[0] > 0:
        return minimum._replace(curvature=curvature)
    return minimum


def _aim(*, jacobian: bool, observed: bool = False) -> Aim:
    return Aim(jnp.asarray(float(jacobian)), jnp.asarray(float(observed)))
