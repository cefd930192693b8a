"""Levenberg-Marquardt for a posterior density: a likelihood of pixels plus a separable prior.

The prior's part of the objective is a sum of functions of one parameter each, whose gradient and
curvature are exact. That is why this is our own solver: least-squares libraries take residuals only,
and a prior such as a log-uniform one, or the Jacobian of a transform, is not a sum of squares.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sersiclab.density import Density, Vector
from sersiclab.inference import likelihood
from sersiclab.inference.base import Problem
from sersiclab.inference.monitor import Cancelled, Monitor, Pace
from sersiclab.inference.program import Program, is_double, precision
from sersiclab.inference.threads import threads


STARTS = 4
FEW_PARAMETERS = 24  # with more of them a random start is worse than the user's
MAX_ITERATIONS = 100  # for the first start
OTHER_ITERATIONS = 50  # for each of the others
MORE_ITERATIONS = 300  # for the best of them
SMALL = 1e-3  # a gain in log density that matters to nobody ...
PATIENCE = 8  # ... once so many more iterations have had one like it than a larger one
NEARLY = 2.0  # in log density: a maximum lower by so little counts ...
FAR = 10.0  # ... if one peak alone would have fallen by so much there
SAME = 1.0  # and where it would have fallen by less, a descent would only find it again
RETRY = 1e-3  # the least damping after a step that was refused
# In the unconstrained space, where priors have widths of order one. Longer steps take a bright galaxy's ellipticity
# to its bound before the angle has turned; there is hardly a slope there, and no way back.
MAX_STEP = 1.0
FAR_AWAY = 1e6


class Aim(NamedTuple):
    """What is minimised: with `jacobian` 1 the posterior of `u` itself, with 0 that of the parameters.

    `observed` is that of `likelihood.about`.
    """

    jacobian: Float[Array, ""]
    observed: Float[Array, ""]


class Point(NamedTuple):
    """Minus the log posterior about a point: its parts, gradient and curvature.

    `prior_slope` and `prior_bend` are the first and second derivatives of the log prior.
    """

    u: Vector
    pixels: Float[Array, " p"]
    log_prior: Float[Array, ""]
    prior_slope: Vector
    prior_bend: Vector
    gradient: Vector
    curvature: Float[Array, "d d"]


class Known(NamedTuple):
    """A minimum found before, far from everything if there is none; `angles` are 1 for the half circle's parameters."""

    u: Vector
    curvature: Float[Array, "d d"]
    angles: Vector


class Descent(NamedTuple):
    """A point, where to go next, and what is expected there; `again` if it has come near the `known` minimum."""

    known: Known
    point: Point
    trial: Vector
    expected: Float[Array, ""]
    reach: Float[Array, ""]
    damping: Float[Array, ""]
    quiet: Int[Array, ""]
    iterations: Int[Array, ""]
    fresh: Bool[Array, ""]
    converged: Bool[Array, ""]
    failed: Bool[Array, ""]
    again: Bool[Array, ""]

    @property
    def ended(self) -> Bool[Array, ""]:
        """Whether there is nowhere to go."""
        return self.converged | self.failed | self.again


class Minimum(NamedTuple):
    """Where the minimiser ended, in double precision.

    `message` says what went wrong, if anything; `rival` the part of it that tells of another answer.
    """

    u: Float[np.ndarray, " d"]
    curvature: Float[np.ndarray, "d d"]
    cost: float
    message: str
    cancelled: bool
    rival: str = ""
    again: bool = False


def evaluate(density: Density, u: Vector, aim: Aim) -> Point:
    """Minus the log posterior about `u`: Gauss-Newton for the likelihood, exact for the prior."""
    here = likelihood.about(density, u, aim.observed)

    def log_prior(v: Vector) -> Float[Array, ""]:
        plain = density.log_prior(v, jacobian=False)
        return plain + aim.jacobian * (density.log_prior(v) - plain)

    # The prior is separable, so its Hessian's product with ones is its Hessian's diagonal.
    slope, bend = jax.jvp(jax.grad(log_prior), (u,), (jnp.ones_like(u),))
    return Point(
        u=u,
        pixels=here.pixels,
        log_prior=log_prior(u),
        prior_slope=slope,
        prior_bend=bend,
        gradient=here.slope - slope,
        curvature=here.curvature + jnp.diag(jnp.maximum(-bend, 0.0)),
    )


def _propose(point: Point, damping: Float[Array, ""]) -> tuple[Vector, Float[Array, ""], Float[Array, ""]]:
    """The damped step, by how much it should lower the objective, and how far the gradient reaches."""
    identity = jnp.eye(point.u.size, dtype=point.u.dtype)
    # Less curvature than this is rounding: an angle of a round galaxy, a parameter at its bound.
    curvature = point.curvature + 1e4 * jnp.finfo(point.u.dtype).eps * identity
    scale = jnp.sqrt(jnp.diag(curvature))
    scaled = curvature / (scale[:, None] * scale[None, :]) + damping * identity
    factor = jax.scipy.linalg.cho_factor(scaled, lower=True)
    step = -jax.scipy.linalg.cho_solve(factor, point.gradient / scale) / scale
    step = jnp.clip(step, -MAX_STEP, MAX_STEP)
    slope = jnp.dot(point.gradient, step)
    return step, -slope - 0.5 * jnp.dot(step, point.curvature @ step), jnp.abs(slope)


def _iterate(density: Density, aim: Aim, state: Descent) -> Descent:
    """Evaluate the trial, accept or refuse it, and propose the next."""
    old, new = state.point, evaluate(density, state.trial, aim)
    epsilon = jnp.finfo(state.trial.dtype).eps
    tolerance, noise = 10 * epsilon, 1e5 * epsilon
    gain = likelihood.gain(density, old.pixels, new.pixels) + new.log_prior - old.log_prior
    finite = jnp.isfinite(gain) & jnp.all(jnp.isfinite(new.gradient)) & jnp.all(jnp.isfinite(new.curvature))
    accepted = finite & (state.fresh | (gain > 0) | (state.reach < noise))
    point = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), new, old)
    ratio = gain / state.expected
    easier = jnp.where(ratio > 0.75, 0.1, jnp.where(ratio < 0.25, 4.0, 1.0))
    factor = jnp.where(state.fresh, 1.0, jnp.where(accepted, easier, 8.0))
    damping = jnp.maximum(state.damping * factor, jnp.where(accepted, 10 * epsilon, RETRY))
    step, expected, reach = _propose(point, damping)
    # Of a very bright galaxy in single precision, rounding alone reaches so far now and then.
    quiet = jnp.where(reach < SMALL, state.quiet + 1, jnp.maximum(state.quiet - 1, 0))
    failed = (damping > 1e10) | (state.fresh & ~accepted)
    return Descent(
        known=state.known,
        point=point,
        trial=point.u + step,
        expected=expected,
        reach=reach,
        damping=damping,
        quiet=quiet,
        iterations=state.iterations + 1,
        fresh=jnp.zeros((), bool),
        converged=(accepted & (reach < tolerance)) | (quiet >= PATIENCE),
        failed=failed,
        again=_fall(state.known, point.u) < SAME,
    )


def _fall(known: Known, u: Vector) -> Float[Array, ""]:
    """By how much a normal peak at a minimum has fallen at `u`, in log density."""
    away = u - known.u
    turn = (away + 0.5 * jnp.pi) % jnp.pi - 0.5 * jnp.pi
    away = jnp.where(known.angles > 0, turn, away)
    return 0.5 * jnp.dot(away, known.curvature @ away)


def _descend(density: Density, aim: Aim, state: Descent, iterations: Int[Array, ""]) -> Descent:
    """Up to so many iterations more."""
    last = state.iterations + iterations

    def going(state: Descent) -> Bool[Array, ""]:
        return ~state.ended & (state.iterations < last)

    return jax.lax.while_loop(going, lambda state: _iterate(density, aim, state), state)


_DESCEND = Program(_descend)


def _begin(density: Density, u: Float[np.ndarray, " d"]) -> Descent:
    """A descent whose first iteration only evaluates `u`, so that there is one evaluation to compile."""
    start, zero = jnp.asarray(u, dtype=float), jnp.zeros(())
    nothing = jnp.zeros_like(start)
    point = Point(start, jnp.zeros(density.data.size), zero, nothing, nothing, nothing, jnp.eye(start.size))
    no, count = jnp.zeros((), bool), jnp.zeros((), int)
    nothing = Known(start + FAR_AWAY, jnp.eye(start.size), jnp.zeros_like(start))
    return Descent(nothing, point, start, zero + 1, zero + jnp.inf, zero + 1e-3, count, count, ~no, no, no, no)


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
    pace = Pace(first=2, most=most)
    try:
        while not (state.ended or state.iterations >= most):
            steps = jnp.asarray(min(pace.steps, most - int(state.iterations)))
            descend = _DESCEND.prepare(monitor, density, aim, state, 0 * steps)
            monitor.check()
            began = time.perf_counter()
            state = descend(density, aim, state, steps)
            pace.took(int(steps), time.perf_counter() - began)
        return _minimum(density, state)
    except Cancelled:
        if state.fresh:
            raise
        return _minimum(density, state)._replace(cancelled=True, message="cancelled before the minimiser had converged")


def _minimum(density: Density, state: Descent) -> Minimum:
    message, count = "", int(state.iterations)
    if state.failed:
        message = f"the minimiser stopped after {count} iterations: no step improves the posterior"
    elif not (state.converged or state.again):
        message = f"the minimiser did not converge in {count} iterations"
    pixels = np.asarray(state.point.pixels, dtype=float)
    cost = 0.5 * float(pixels @ pixels) if likelihood.is_least_squares(density) else -float(pixels.sum())
    evaluated = not (state.failed and count == 1)
    return Minimum(
        u=np.asarray(state.point.u, dtype=float),
        curvature=np.asarray(state.point.curvature, dtype=float),
        cost=cost - float(state.point.log_prior) if evaluated else np.inf,
        message=message,
        cancelled=False,
        again=bool(state.again),
    )


def minimise(problem: Problem, monitor: Monitor, *, jacobian: bool) -> Minimum:
    """The deepest of the minima found from several starts.

    Of the posterior density of the unconstrained `u` with `jacobian`, else of the parameters. After a
    cancellation, the best so far. Raises `ValueError` if the posterior can't be evaluated anywhere, and
    `Cancelled` if it was not.
    """
    starts, aim = _starts(problem), _aim(jacobian=jacobian)
    monitor.phase("optimising", total=len(starts))
    found = [_run(problem.density, monitor, aim, _begin(problem.density, starts[0]), most=MAX_ITERATIONS)]
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
    if best.cost == np.inf:
        raise ValueError(
            "the posterior is not finite at the starting values; give the priors other init values, "
            "or init={path: value}"
        )
    if cancelled:
        return best._replace(cancelled=True, message="cancelled before the minimiser had tried all its starts")
    rival = _rival(problem, best, found)
    if best.message or best.again:
        state = _begin(problem.density, best.u)
        best = _run(problem.density, monitor, aim, state, most=MORE_ITERATIONS)
    if rival:
        best = best._replace(message="; ".join(filter(None, [best.message, rival])), rival=rival)
    return best if likelihood.is_least_squares(problem.density) else _observed(problem.density, monitor, best)


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
            state = _begin(problem.density, start)
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


def look(density: Density, monitor: Monitor, u: Float[np.ndarray, " d"], *, observed: bool = False) -> Point:
    """Minus the log posterior density about `u`, by the minimiser's own program; NaN where it is not finite."""
    state = _DESCEND(monitor, density, _aim(jacobian=True, observed=observed), _begin(density, u), jnp.asarray(1))
    nothing = np.nan if state.failed else 0.0
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float) + nothing, state.point)


def _observed(density: Density, monitor: Monitor, minimum: Minimum) -> Minimum:
    """The same with the likelihood's own curvature, if the posterior has a maximum there by that too."""
    curvature = look(density, monitor, minimum.u, observed=True).curvature
    if np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[0] > 0:
        return minimum._replace(curvature=curvature)
    return minimum


def _aim(*, jacobian: bool, observed: bool = False) -> Aim:
    return Aim(jnp.asarray(float(jacobian)), jnp.asarray(float(observed)))
