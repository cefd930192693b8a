"""Steps of Levenberg-Marquardt about points of a posterior density.

The prior's part of the objective is a sum of functions of one parameter each, whose gradient and
curvature are exact. That is why this is our own solver: least-squares libraries take residuals only,
and a prior such as a log-uniform one, or the Jacobian of a transform, is not a sum of squares.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sersiclab.inference.search import likelihood
from sersiclab.model.density import Density, Vector


SMALL = 1e-3  # a gain in log density that matters to nobody ...
PATIENCE = 8  # ... once so many more iterations have had one like it than a larger one
SAME = 1.0  # where one peak alone would have fallen by less, a descent would only find it again
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
    return with_prior(density, u, likelihood.about(density, u, aim.observed), aim)


def with_prior(density: Density, u: Vector, here: likelihood.Likelihood, aim: Aim) -> Point:
    """Minus the log posterior about `u`, from the likelihood there."""

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


def begin(density: Density, u: Float[np.ndarray, " d"]) -> Descent:
    """A descent whose first iteration only evaluates `u`, so that there is one evaluation to compile."""
    start, zero = jnp.asarray(u, dtype=float), jnp.zeros(())
    nothing = jnp.zeros_like(start)
    point = Point(start, jnp.zeros(density.data.size), zero, nothing, nothing, nothing, jnp.eye(start.size))
    no, count = jnp.zeros((), bool), jnp.zeros((), int)
    nothing = Known(start + FAR_AWAY, jnp.eye(start.size), jnp.zeros_like(start))
    return Descent(nothing, point, start, zero + 1, zero + jnp.inf, zero + 1e-3, count, count, ~no, no, no, no)


def iterate(density: Density, aim: Aim, state: Descent) -> Descent:
    """Evaluate the trial, accept or refuse it, and propose the next."""
    return judge(density, state, evaluate(density, state.trial, aim))


def judge(density: Density, state: Descent, new: Point) -> Descent:
    """Accept or refuse the trial, which has been evaluated, and propose the next."""
    old = state.point
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


def _fall(known: Known, u: Vector) -> Float[Array, ""]:
    """By how much a normal peak at a minimum has fallen at `u`, in log density."""
    away = u - known.u
    turn = (away + 0.5 * jnp.pi) % jnp.pi - 0.5 * jnp.pi
    away = jnp.where(known.angles > 0, turn, away)
    return 0.5 * jnp.dot(away, known.curvature @ away)


def minimum_of(density: Density, state: Descent) -> Minimum:
    """Where a descent has ended."""
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


def cancelled_minimum(density: Density, state: Descent) -> Minimum:
    """The best point of a descent that was cancelled: where it began, if that was not even evaluated."""
    if state.fresh and not state.iterations:
        message = "cancelled before the minimiser had evaluated its start"
        return minimum_of(density, state)._replace(cost=np.inf, cancelled=True, message=message)
    return minimum_of(density, state)._replace(cancelled=True, message="cancelled before the minimiser had converged")
