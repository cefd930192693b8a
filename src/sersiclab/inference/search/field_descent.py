"""The maximum of the posterior of a field of sources, in windows, between which the whole image is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.running.monitor import Cancelled, Monitor
from sersiclab.inference.running.program import Program
from sersiclab.inference.search import likelihood
from sersiclab.inference.search.descent import (
    SMALL,
    Aim,
    Descent,
    Minimum,
    Point,
    begin,
    cancelled_minimum,
    judge,
    minimum_of,
    with_prior,
)
from sersiclab.inference.search.field import Base, Field
from sersiclab.inference.search.likelihood import Likelihood
from sersiclab.model.density import Density, Vector


ROUNDS = 8  # in each of which the whole image is drawn
ITERATIONS = 100  # of all rounds together
COARSE = 1.0  # in log density: what the first round, which knows of no light beyond the windows, leaves to gain
CLOSE = 10 * SMALL  # in log density: what there may be to gain where the whole image was drawn last, at least, ...
SHARE = 1e-4  # ... and for each parameter, a hundredth of its sigma; rounding is as large in single precision
DAMPING = 1e-3  # at most, of a step from a base
WORSE = 0.1  # in log density, by which the next such place may be the worse, for rounding


def _point(density: Density, u: Vector, here: Likelihood, aim: Aim, base_u: Vector, missed: Vector) -> Point:
    """Minus the log posterior about `u`; what the windows miss has the slope `missed` at the base."""
    point = with_prior(density, u, here, aim)
    # The likelihood's slope has it already.
    return point._replace(log_prior=point.log_prior - jnp.dot(missed, u - base_u))


def _gain(density: Density, old: Float[Array, " p"], new: Float[Array, " p"]) -> Float[Array, ""]:
    return likelihood.gain(density, old, new)


_POINT, _JUDGE, _GAIN = Program(_point), Program(judge), Program(_gain)


def minimise_field(problem: Problem, monitor: Monitor, aim: Aim) -> Minimum:
    """The minimum that is reached from the start. After a cancellation, the best so far.

    Each round descends in windows. It begins from a base: the whole image is drawn there, and then what the
    windows miss is known. Where there is nothing to gain at a base, it is the minimum.
    """
    search = _Search(problem, monitor, aim)
    monitor.phase("optimising", total=(ITERATIONS + 2 * ROUNDS) * search.field.size, at_most=True)
    monitor.check()
    try:
        search.descend()
    except Cancelled:
        return cancelled_minimum(problem.density, search.state)
    return minimum_of(problem.density, search.state)


def evaluated_field(problem: Problem, monitor: Monitor, u: Float[np.ndarray, " d"], aim: Aim, *, exact: bool) -> Point:
    """Minus the log posterior about `u`, with the slope of the whole image if `exact`; NaN where it is not finite."""
    search = _Search(problem, monitor, aim)
    state = search.evaluated(search.field.base(u, exact=exact), begin(problem.density, u))
    nothing = np.nan if state.failed else 0.0
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float) + nothing, state.point)


class _Search:
    """A search, and the best state so far."""

    def __init__(self, problem: Problem, monitor: Monitor, aim: Aim) -> None:
        self.density, self.monitor, self.aim = problem.density, monitor, aim
        self.field = Field(problem, monitor)
        self.state = begin(problem.density, problem.start)

    def descend(self) -> None:
        """Rounds, until there is nothing to gain where the whole image was drawn."""
        base = self.field.base(_place(self.state), exact=False)
        self._round(base, enough=0.0 if base.is_whole else COARSE)
        if base.is_whole:
            return
        before, u = None, _place(self.state)
        close = max(CLOSE, SHARE * len(u))
        for _ in range(ROUNDS):
            if self.state.failed or self.state.iterations >= ITERATIONS:
                return
            self.field.message = self._message("the whole image")
            base = self.field.base(u, exact=True)
            state = self.evaluated(base, _afresh(self.state, u))
            if before is not None and self._gain(before.point, state.point) < -WORSE:
                self.state, u = before, 0.5 * (u + _place(before))
                continue
            self.state = before = state
            if float(state.reach) < close:
                self.state = state._replace(converged=jnp.ones((), bool))
                return
            self._round(base, enough=0.3 * close)
            u = _place(self.state)
        self.state = self.state._replace(converged=jnp.zeros((), bool))

    def _round(self, base: Base, *, enough: float) -> None:
        """Descend until so little is left to gain, with what the windows miss as at the base."""
        while not self.state.ended and self.state.iterations < ITERATIONS:
            self.field.message = self._message("windows")
            self.state = self.evaluated(base, self.state)
            if float(self.state.reach) < enough:
                return

    def evaluated(self, base: Base, state: Descent) -> Descent:
        """The state after its trial."""
        here = self.field.about(np.asarray(state.trial, dtype=float), base, observed=float(self.aim.observed))
        missed, centre = (jnp.asarray(each, dtype=float) for each in (base.slope, base.u))
        point = _POINT(self.monitor, self.density, state.trial, here, self.aim, centre, missed)
        return _JUDGE(self.monitor, self.density, state, point)

    def _gain(self, old: Point, new: Point) -> float:
        """By how much the log posterior is larger, at two bases."""
        return float(_GAIN(self.monitor, self.density, old.pixels, new.pixels) + new.log_prior - old.log_prior)

    def _message(self, what: str) -> str:
        return f"iteration {int(self.state.iterations) + 1}: {what}"


def _place(state: Descent) -> Float[np.ndarray, " d"]:
    """The point of a state, in double precision."""
    return np.asarray(state.point.u, dtype=float)


def _afresh(state: Descent, u: Float[np.ndarray, " d"]) -> Descent:
    """A state whose next trial is `u`, whatever was known about the point before."""
    return state._replace(
        trial=jnp.asarray(u, dtype=float),
        damping=jnp.minimum(state.damping, DAMPING),
        quiet=jnp.zeros_like(state.quiet),
        fresh=jnp.ones((), bool),
        converged=jnp.zeros((), bool),
    )
