"""The search for the maximum of the posterior of a field: descents in windows, between images of the whole field."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.running.monitor import Cancelled, Monitor
from sersiclab.inference.running.program import Program
from sersiclab.inference.search import likelihood
from sersiclab.inference.search.descent import NEGLIGIBLE_GAIN, Aim, Descent, Expansion, judge, with_prior
from sersiclab.inference.search.field import Base, Field
from sersiclab.inference.search.likelihood import Likelihood
from sersiclab.inference.search.minimum import Minimum, cancelled_minimum, minimum_of
from sersiclab.model.unconstrained import AbstractDensity, Vector


ROUNDS = 8  # the whole image is rendered once in each
ITERATIONS = 100  # of all rounds together
# Gains are in log density. The first round, which neglects the light outside the windows, ends below this gain.
COARSE_GAIN = 1.0
# The search ends at a base where the gradient promises less than this, or less than `GAIN_PER_PARAMETER` for each
# parameter, which is a hundredth of its sigma: in single precision, rounding errors are as large.
CLOSE_GAIN = 10 * NEGLIGIBLE_GAIN
GAIN_PER_PARAMETER = 1e-4
# A base may be worse than the one before by this much, because of rounding.
MOST_LOSS = 0.1
BASE_DAMPING = 1e-3  # the largest damping of a step from a base


def _expansion(
    density: AbstractDensity, u: Vector, here: Likelihood, aim: Aim, base_u: Vector, missed: Vector
) -> Expansion:
    """Expand minus the log posterior about `u`; the light that the windows miss has the slope `missed` at the base."""
    expansion = with_prior(density, u, here, aim)
    # The slope of the likelihood includes it already.
    return expansion._replace(log_prior=expansion.log_prior - jnp.dot(missed, u - base_u))


def _gain(density: AbstractDensity, old: Float[Array, " p"], new: Float[Array, " p"]) -> Float[Array, ""]:
    return likelihood.gain(density, old, new)


_EXPANSION, _JUDGE, _GAIN = Program(_expansion), Program(judge), Program(_gain)


def minimise_field(problem: Problem, monitor: Monitor, aim: Aim) -> Minimum:
    """Find the minimum that is reached from the start; after a cancellation, return the best point so far.

    Each round descends in windows. It begins at a base, a point where the whole image is drawn, so that the light
    beyond the windows is known. A base at which no gain is left is the minimum.
    """
    search = _Search(problem, monitor, aim)
    monitor.phase("optimising", total=(ITERATIONS + 2 * ROUNDS) * search.field.size, at_most=True)
    monitor.check()
    try:
        search.descend()
    except Cancelled:
        return cancelled_minimum(problem.density, search.state)
    return minimum_of(problem.density, search.state)


def evaluated_field(
    problem: Problem, monitor: Monitor, u: Float[np.ndarray, " d"], aim: Aim, *, exact: bool
) -> Expansion:
    """Expand minus the log posterior about `u`, with the slope of the whole image if `exact`.

    Everything is NaN where the posterior is not finite.
    """
    search = _Search(problem, monitor, aim)
    state = search.evaluated(search.field.base(u, exact=exact), Descent.at(problem.density, u))
    invalid = np.nan if state.failed else 0.0
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float) + invalid, state.expansion)


class _Search:
    """A search, and its best state so far."""

    def __init__(self, problem: Problem, monitor: Monitor, aim: Aim) -> None:
        self.density, self.monitor, self.aim = problem.density, monitor, aim
        self.field = Field(problem, monitor)
        self.state = Descent.at(problem.density, problem.start)

    def descend(self) -> None:
        """Take rounds until the whole image, too, promises no significant gain."""
        base = self.field.base(self.state.u, exact=False)
        self._round(base, enough=0.0 if base.is_whole else COARSE_GAIN)
        if base.is_whole:
            return
        before, u = None, self.state.u
        close = max(CLOSE_GAIN, GAIN_PER_PARAMETER * len(u))
        for _ in range(ROUNDS):
            if self.state.failed or self.state.iterations >= ITERATIONS:
                return
            self.field.message = self._message("the whole image")
            base = self.field.base(u, exact=True)
            state = self.evaluated(base, self.state.afresh(u, most_damping=BASE_DAMPING))
            if before is not None and self._gain(before.expansion, state.expansion) < -MOST_LOSS:
                self.state, u = before, 0.5 * (u + before.u)
                continue
            self.state = before = state
            if float(state.reach) < close:
                self.state = state._replace(converged=jnp.ones((), bool))
                return
            self._round(base, enough=0.3 * close)
            u = self.state.u
        self.state = self.state._replace(converged=jnp.zeros((), bool))

    def _round(self, base: Base, *, enough: float) -> None:
        """Descend until the expected gain is below `enough`, with the light outside the windows as at the base."""
        while not self.state.ended and self.state.iterations < ITERATIONS:
            self.field.message = self._message("windows")
            self.state = self.evaluated(base, self.state)
            if float(self.state.reach) < enough:
                return

    def evaluated(self, base: Base, state: Descent) -> Descent:
        """Return the state after its trial."""
        here = self.field.about(np.asarray(state.trial, dtype=float), base, observed=float(self.aim.observed))
        missed, centre = (jnp.asarray(each, dtype=float) for each in (base.slope, base.u))
        expansion = _EXPANSION(self.monitor, self.density, state.trial, here, self.aim, centre, missed)
        return _JUDGE(self.monitor, self.density, state, expansion)

    def _gain(self, old: Expansion, new: Expansion) -> float:
        """Return the increase of the log posterior from one base to another."""
        return float(_GAIN(self.monitor, self.density, old.pixels, new.pixels) + new.log_prior - old.log_prior)

    def _message(self, drawn: str) -> str:
        return f"iteration {int(self.state.iterations) + 1}: {drawn}"
