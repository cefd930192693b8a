"""A descent by the method of Levenberg and Marquardt: pure functions from one state to the next.

Minus the log posterior density is expanded about a point u,

    f(u + p) = f(u) + g.p + p.H p / 2 + ...,

with the gradient g and, for H, the Gauss-Newton matrix of the likelihood (`likelihood.py`) plus the curvature of the
prior where that is positive. The next point tried is u + p, with p from the damped normal equations

    (S^-1 H S^-1 + damping I) S p = -S^-1 g,    S^2 = diag(H),

in which each parameter has its own scale (Marquardt 1963, J. SIAM 11, 431). The damping falls where the gain is
about what the expansion predicts, and grows where it is not. What H leaves out is learned on the way (`secant.py`), and
used for a step if with it the expansion predicted the gain of the step before better.

A library for least squares would not do: the log prior is a sum of functions of one parameter each, with exact first
and second derivatives, but a log-uniform prior or the Jacobian of a transform is not a sum of squares.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sersiclab.inference.search import likelihood, secant
from sersiclab.model.unconstrained import AbstractDensity, Vector


# Gains are in log density.
NEGLIGIBLE_GAIN = 1e-3
# A descent has converged when iterations with a negligible gain outnumber the others since then by this many.
PATIENCE = 8
# A point at which a known normal peak has fallen by less than this belongs to that peak.
SAME_PEAK = 1.0
START_DAMPING = 1e-3
LEAST_DAMPING_AFTER_REFUSAL = 1e-3
MOST_DAMPING = 1e10
# Longest step of a parameter in the unconstrained space, where priors have widths of order one. Longer steps take a
# bright galaxy's ellipticity to its bound before its angle has turned; the slope there is too small to lead back.
MAX_STEP = 1.0
# Distance at which a `Known` minimum has no effect.
FAR_AWAY = 1e6
# A parameter lies at its bound, or in the far tail of its prior, if it is this far from zero in the unconstrained
# space: 0.25 % of its range for a uniform prior. Each step further out gains less by a factor.
AT_BOUND = 6.0


class Aim(NamedTuple):
    """Which function is minimised.

    With `jacobian` 1 it is minus the log posterior density of `u` itself, with 0 that of the parameters. `observed`
    chooses the curvature, as in `likelihood.about`.
    """

    jacobian: Float[Array, ""]
    observed: Float[Array, ""]


class Expansion(NamedTuple):
    """Minus the log posterior density about a point: its parts, gradient and curvature.

    `pixels` is the likelihood's part, as in `likelihood.Likelihood`. `prior_slope` and `prior_bend` are the first and
    second derivatives of the log prior.
    """

    u: Vector
    pixels: Float[Array, " p"]
    log_prior: Float[Array, ""]
    prior_slope: Vector
    prior_bend: Vector
    gradient: Vector
    curvature: Float[Array, "d d"]

    @staticmethod
    def unknown(u: Vector, pixels: int) -> "Expansion":
        """Return the place-holder for a point that has not been evaluated."""
        none = jnp.zeros_like(u)
        return Expansion(
            u=u,
            pixels=jnp.zeros(pixels),
            log_prior=jnp.zeros(()),
            prior_slope=none,
            prior_bend=none,
            gradient=none,
            curvature=jnp.eye(u.size),
        )


class Known(NamedTuple):
    """A minimum that was found before. `angles` is 1 for parameters that live on the half circle, else 0."""

    u: Vector
    curvature: Float[Array | np.ndarray, "d d"]
    angles: Vector

    @staticmethod
    def none(u: Vector) -> "Known":
        """Return one that is too far from `u` to have any effect."""
        return Known(u=u + FAR_AWAY, curvature=jnp.eye(u.size), angles=jnp.zeros_like(u))

    def fall(self, u: Vector) -> Float[Array, ""]:
        """Return by how much a normal peak at this minimum has fallen at `u`, in log density."""
        away = u - self.u
        wrapped = (away + 0.5 * jnp.pi) % jnp.pi - 0.5 * jnp.pi
        away = jnp.where(self.angles > 0, wrapped, away)
        return 0.5 * jnp.dot(away, self.curvature @ away)


class Descent(NamedTuple):
    """The state of a descent: the best point so far, and the next one to try.

    `missing` is what has been learned of the Hessian beside the expansion's curvature. `expected` is the gain that is
    predicted for the `trial`, and `reach` the gain that the gradient alone predicts. `quiet` counts iterations with a
    negligible gain. A `fresh` descent has not evaluated its start.
    `again` is set when it has come near the `known` minimum.
    """

    known: Known
    expansion: Expansion
    missing: Float[Array, "d d"]
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

    @staticmethod
    def at(density: AbstractDensity, u: Vector) -> "Descent":
        """Return a descent whose first iteration only evaluates `u`: so there is one evaluation to compile."""
        start, no = jnp.asarray(u, dtype=float), jnp.zeros((), bool)
        return Descent(
            known=Known.none(start),
            expansion=Expansion.unknown(start, density.size),
            missing=jnp.zeros((start.size, start.size)),
            trial=start,
            expected=jnp.ones(()),
            reach=jnp.asarray(jnp.inf, dtype=float),
            damping=jnp.asarray(START_DAMPING, dtype=float),
            quiet=jnp.zeros((), int),
            iterations=jnp.zeros((), int),
            fresh=~no,
            converged=no,
            failed=no,
            again=no,
        )

    def afresh(self, u: Float[np.ndarray, " d"], *, most_damping: float) -> "Descent":
        """Return the state with `u` for its next trial, which is accepted whatever was known before."""
        return self._replace(
            trial=jnp.asarray(u, dtype=float),
            damping=jnp.minimum(self.damping, most_damping),
            quiet=jnp.zeros_like(self.quiet),
            fresh=jnp.ones((), bool),
            converged=jnp.zeros((), bool),
        )

    @property
    def ended(self) -> Bool[Array, ""]:
        """Whether there are no more steps to take."""
        return self.converged | self.failed | self.again

    @property
    def u(self) -> Float[np.ndarray, " d"]:
        """The best point so far, in double precision."""
        return np.asarray(self.expansion.u, dtype=float)


def evaluate(density: AbstractDensity, u: Vector, aim: Aim) -> Expansion:
    """Expand minus the log posterior density about `u`: Gauss-Newton for the likelihood, exact for the prior."""
    return with_prior(density, u, likelihood.about(density, u, aim.observed), aim)


def with_prior(density: AbstractDensity, u: Vector, here: likelihood.Likelihood, aim: Aim) -> Expansion:
    """Return the expansion about `u` from that of the likelihood alone."""

    def log_prior(v: Vector) -> Float[Array, ""]:
        plain = density.log_prior(v, jacobian=False)
        return plain + aim.jacobian * (density.log_prior(v) - plain)

    # The prior is separable, so the product of its Hessian with ones is the diagonal of the Hessian.
    slope, bend = jax.jvp(jax.grad(log_prior), (u,), (jnp.ones_like(u),))
    return Expansion(
        u=u,
        pixels=here.pixels,
        log_prior=log_prior(u),
        prior_slope=slope,
        prior_bend=bend,
        gradient=here.slope - slope,
        curvature=here.curvature + jnp.diag(jnp.maximum(-bend, 0.0)),
    )


def iterate(density: AbstractDensity, aim: Aim, state: Descent) -> Descent:
    """Evaluate the trial, accept or refuse it, and propose the next one."""
    return judge(density, state, evaluate(density, state.trial, aim), learning=True)


def judge(density: AbstractDensity, state: Descent, new: Expansion, *, learning: bool = False) -> Descent:
    """Accept or refuse the trial, given the expansion about it, and propose the next one.

    With `learning`, what the expansions leave out is learned. That takes time with many parameters, and needs
    expansions of one and the same function.
    """
    old = state.expansion
    epsilon = jnp.finfo(state.trial.dtype).eps
    tolerance, noise = 100 * epsilon, 1e5 * epsilon
    gain = likelihood.gain(density, old.pixels, new.pixels) + new.log_prior - old.log_prior
    finite = jnp.isfinite(gain) & jnp.all(jnp.isfinite(new.gradient)) & jnp.all(jnp.isfinite(new.curvature))
    accepted = finite & (state.fresh | (gain > 0) | (state.reach < noise))
    best = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), new, old)
    damping = _next_damping(state, gain / state.expected, accepted)
    here, missing = _scaled(best), state.missing
    if learning:
        missing, helps = _learned(state, new, gain, finite & ~state.fresh)
        whole = here._replace(curvature=secant.completed(here.curvature, missing / here.scales))
        here = jax.tree.map(lambda a, b: jnp.where(accepted & helps, a, b), whole, here)
    step, expected = _propose(here, damping)
    gains = best.gradient * step
    outwards = (jnp.abs(best.u) > AT_BOUND) & (step * best.u > 0)
    inside, outside = (jnp.abs(jnp.sum(jnp.where(chosen, gains, 0.0))) for chosen in (~outwards, outwards))
    reach = jnp.abs(jnp.sum(gains))
    # For a very bright galaxy in single precision, rounding alone exceeds a negligible gain now and then.
    quiet = jnp.where(reach < NEGLIGIBLE_GAIN, state.quiet + 1, jnp.maximum(state.quiet - 1, 0))
    settled = accepted & (inside < tolerance) & (outside < jnp.maximum(NEGLIGIBLE_GAIN, tolerance))
    return Descent(
        known=state.known,
        expansion=best,
        missing=missing,
        trial=best.u + step,
        expected=expected,
        reach=reach,
        damping=damping,
        quiet=quiet,
        iterations=state.iterations + 1,
        fresh=jnp.zeros((), bool),
        converged=settled | (quiet >= PATIENCE),
        failed=(damping > MOST_DAMPING) | (state.fresh & ~accepted),
        again=state.known.fall(best.u) < SAME_PEAK,
    )


def _learned(
    state: Descent, new: Expansion, gain: Float[Array, ""], valid: Bool[Array, ""]
) -> tuple[Float[Array, "d d"], Bool[Array, ""]]:
    """Return what is missing in the curvature, as the last trial shows, and whether what was known of it helped."""
    old, step = state.expansion, new.u - state.expansion.u
    plain = -jnp.dot(old.gradient, step) - 0.5 * jnp.dot(step, old.curvature @ step)
    whole = plain - 0.5 * jnp.dot(step, state.missing @ step)
    change = jnp.asarray(new.gradient - old.gradient)
    learned = secant.learned(state.missing, jnp.asarray(step), change, new.curvature)
    known = valid & jnp.all(jnp.isfinite(learned))
    return jnp.where(known, learned, state.missing), valid & (jnp.abs(gain - whole) < jnp.abs(gain - plain))


def _next_damping(state: Descent, ratio: Float[Array, ""], accepted: Bool[Array, ""]) -> Float[Array, ""]:
    """Return the damping after a trial whose gain was `ratio` times the expected one."""
    easier = jnp.where(ratio > 0.75, 0.1, jnp.where(ratio < 0.25, 4.0, 1.0))
    factor = jnp.where(state.fresh, 1.0, jnp.where(accepted, easier, 8.0))
    least = jnp.where(accepted, 10 * jnp.finfo(state.trial.dtype).eps, LEAST_DAMPING_AFTER_REFUSAL)
    return jnp.maximum(state.damping * factor, least)


class Scaled(NamedTuple):
    """Gradient and curvature in units of each parameter's own scale."""

    scale: Float[Array, " d"]
    gradient: Float[Array, " d"]
    curvature: Float[Array, "d d"]

    @property
    def scales(self) -> Float[Array, "d d"]:
        """The products of the scales of two parameters."""
        return self.scale[:, None] * self.scale[None, :]


def _scaled(here: Expansion) -> Scaled:
    identity = jnp.eye(here.u.size, dtype=here.u.dtype)
    # Less curvature than this is rounding: the angle of a round galaxy, or a parameter at its bound.
    curvature = here.curvature + 1e4 * jnp.finfo(here.u.dtype).eps * identity
    scale = jnp.sqrt(jnp.diag(curvature))
    return Scaled(scale, jnp.asarray(here.gradient) / scale, curvature / (scale[:, None] * scale[None, :]))


def _propose(here: Scaled, damping: Float[Array, ""]) -> tuple[Vector, Float[Array, ""]]:
    """Solve the damped normal equations; return the step p and the gain -g.p - p.H p / 2 that is predicted for it."""
    damped = here.curvature + damping * jnp.eye(here.scale.size, dtype=here.scale.dtype)
    factor = jax.scipy.linalg.cho_factor(damped, lower=True)
    step = jnp.clip(-jax.scipy.linalg.cho_solve(factor, here.gradient) / here.scale, -MAX_STEP, MAX_STEP)
    scaled = step * here.scale
    return step, -jnp.dot(here.gradient, scaled) - 0.5 * jnp.dot(scaled, here.curvature @ scaled)
