"""Coordinates in which a bent posterior is about normal.

Where the data hardly distinguish two components, the posterior is a long, thin and curved ridge: a normal distribution
along its tangent leaves it within a standard deviation or two. The Fisher information, a metric of the parameter space,
shows the curvature: its derivatives say by how much a step along one axis moves the ridge along the others (Transtrum,
Machta & Sethna 2011, Phys. Rev. E 83, 036701).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.straight import LENGTH, Straight
from sersiclab.inference.coordinates.turning import Turns, turned, unturned
from sersiclab.inference.laplace import definite_inverse
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search.descent import Expansion
from sersiclab.inference.search.minimiser import expand
from sersiclab.inference.search.minimum import Minimum
from sersiclab.runtime.memory import check_memory


# Arrays of d x d x d numbers that are in memory at the same time.
COPIES = 4
# Distance from the mode, in sigma, at which the metric is differenced.
STEP = 0.3
# Largest fraction of the way to a bound that such a step takes.
MOST_OF_THE_WAY = 0.5
# Number of axes, the longest, along which the metric is differenced: each costs two Jacobians.
MOST_AXES = 12
# A normal distribution that lies this many sigma beyond a bound would give hardly any candidates within.
MOST_BEYOND = 1.5


class Bend(NamedTuple):
    """The bijection from coordinates s, about standard normal, to the unconstrained space.

    With t = s + centre, y_k = t_k - y_i forms_kij y_j / 2 for i, j < k, beginning with the longest axis. Then
    w = middle + axes y, where the middle is the mode of the posterior. The coordinates w are those of `straight` with
    angles in the units of `turns`. Each coordinate is shifted by those before it alone, so that the volume does not
    change and one s belongs to each w.
    """

    straight: Straight
    turns: Turns
    middle: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "d d"]
    forms: Float[np.ndarray, "d d d"]
    centre: Float[np.ndarray, " d"]

    def forward(
        self, s: Float[np.ndarray, "point d"]
    ) -> tuple[Float[np.ndarray, "point d"], Float[np.ndarray, " point"]]:
        """Return points u, and ln |det du/ds| up to that of the axes.

        It is minus infinity beyond a bound, where there is no point.
        """
        y = s + self.centre
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(1, s.shape[1]):
                before = y[:, :k]
                y[:, k] -= 0.5 * np.sum((before @ self.forms[k, :k, :k]) * before, axis=1)
            w = self.middle + y @ self.axes.T
            v, log_turn = self.turns.forward(w)
            u = self.straight.inverse(v)
            inside = np.all(np.isfinite(u), axis=1)
            u = np.where(inside[:, None], u, 0.0)
            log_volume = log_turn - np.sum(self.straight.log_slope(u), axis=1)
        return u, np.where(inside, log_volume, -np.inf)

    def inverse(self, u: Float[np.ndarray, "point d"]) -> Float[np.ndarray, "point d"]:
        """Return the s of points u."""
        w = self.turns.inverse(self.straight.v(u))
        y = np.linalg.solve(self.axes, (w - self.middle).T).T
        t = y.copy()
        for k in range(1, u.shape[1]):
            before = y[:, :k]
            t[:, k] += 0.5 * np.sum((before @ self.forms[k, :k, :k]) * before, axis=1)
        return t - self.centre

    def at(self, w: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """Return the point u of coordinates w."""
        return self.straight.inverse(self.turns.forward(w)[0])


class Surrounding(NamedTuple):
    """Minus the log posterior density of w about a point: its gradient, and the curvatures of its two parts."""

    gradient: Float[np.ndarray, " d"]
    likelihood: Float[np.ndarray, "d d"]
    prior: Float[np.ndarray, " d"]


def check_bend(problem: Problem) -> None:
    """Raise `ValueError` if bent coordinates of this many parameters would need too much memory."""
    size = len(problem.start)
    check_memory(
        f"the bending of {size} coordinates",
        float(COPIES * 8 * size**3),
        "use MAP() or Laplace(), or fit fewer components at a time",
    )


def bend(problem: Problem, monitor: Monitor, minimum: Minimum) -> Bend:
    """Return bent coordinates about a mode, from the metric at two points on each of the longest axes.

    Raises `Cancelled`.
    """
    return bent(problem, monitor, unbent(problem, monitor, minimum, turn=True))


def bent(problem: Problem, monitor: Monitor, flat: Bend) -> Bend:
    """Return the coordinates bent as the ridge is. Raises `Cancelled`."""
    return flat._replace(forms=_forms(problem, monitor, flat))


def unbent(problem: Problem, monitor: Monitor, minimum: Minimum, *, turn: bool = False) -> Bend:
    """Return the coordinates of the normal approximation, not bent, with angles in the units of `Turns` if `turn`.

    A parameter lies at its bound if a normal distribution of it would lie beyond; it keeps its unconstrained
    coordinate.
    """
    straight = Straight.of(problem.density)
    here = expand(problem, monitor, minimum.u)
    # The minimum has the likelihood's own curvature, if that is positive, in place of the metric.
    here = here._replace(curvature=minimum.curvature)
    while True:
        flat = _flat(problem, straight, minimum.u, here)
        outside = _outside(flat)
        if not outside.any():
            break
        straight = straight.without(outside)
    if not turn:
        return flat
    turns = turned(problem, monitor, straight, minimum.u, np.linalg.norm(flat.axes, axis=1))
    return _flat(problem, straight, minimum.u, here, turns)


def _flat(
    problem: Problem, straight: Straight, u: Float[np.ndarray, " d"], here: Expansion, turns: Turns | None = None
) -> Bend:
    """Return coordinates along the axes of the normal approximation, the longest first."""
    turns = unturned() if turns is None else turns
    middle = straight.v(u)
    around = _surrounding(straight, turns, middle, u, here)
    # No posterior is wider than its prior: neither between two bounds, nor that of an angle on the half circle.
    widest = np.where(straight.between, (2 / LENGTH) ** 2, problem.angles.astype(float))
    curvature = around.likelihood + np.diag(around.prior + widest)
    covariance = definite_inverse(curvature, problem.density.paths)
    values, vectors = np.linalg.eigh(covariance)
    axes = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1]
    size = len(u)
    return Bend(straight, turns, middle, axes, np.zeros((size, size, size)), -axes.T @ around.gradient)


def _outside(flat: Bend) -> Bool[np.ndarray, " d"]:
    """Return which parameters of a normal distribution would lie beyond their bounds."""
    centre = flat.middle + flat.axes @ flat.centre
    reach = MOST_BEYOND * np.linalg.norm(flat.axes, axis=1)
    return (centre + reach < flat.straight.low) | (centre - reach > flat.straight.high)


def _surrounding(
    straight: Straight, turns: Turns, w: Float[np.ndarray, " d"], u: Float[np.ndarray, " d"], here: Expansion
) -> Surrounding:
    """Return the derivatives by w of the density of w, from those by u."""
    first, second = straight.slopes_of_log_slope(u)
    slope = np.exp(straight.log_slope(u))
    prior_slope, prior_bend = np.asarray(here.prior_slope), np.asarray(here.prior_bend)
    likelihood = np.asarray(here.curvature) - np.diag(np.maximum(-prior_bend, 0.0))
    prior = (second - prior_bend - (first - prior_slope) * first) / slope**2
    turn, log_volume_slope = turns.slopes(w)
    return Surrounding(
        gradient=turn.T @ ((np.asarray(here.gradient) + first) / slope) - log_volume_slope,
        likelihood=turn.T @ (likelihood / np.outer(slope, slope)) @ turn,
        prior=np.maximum(prior, 0.0),
    )


def _forms(problem: Problem, monitor: Monitor, flat: Bend) -> Float[np.ndarray, "d d d"]:
    """Return by how much each coordinate is shifted by products of those before it.

    These are third derivatives of the posterior. Where residuals are noise, they are half the sum of the derivatives of
    the metric along the three axes. The term of three coordinates is removed by a shift of the one with the shortest
    axis. The metric is taken as constant along all but the longest axes.
    """
    size, axes = len(flat.middle), flat.axes
    along = np.zeros((size, size, size))
    weak = min(size, MOST_AXES)
    monitor.phase("adapting", total=weak)
    for i in range(weak):
        ends, metrics = [], []
        for sign in (1.0, -1.0):
            step = sign * STEP * _room(flat, sign * STEP * axes[:, i])
            w = flat.middle + step * axes[:, i]
            u = flat.at(w)
            around = _surrounding(flat.straight, flat.turns, w, u, expand(problem, monitor, u, slope=False))
            ends.append(step)
            metrics.append(axes.T @ around.likelihood @ axes)
        change = (metrics[0] - metrics[1]) / (ends[0] - ends[1])
        along[i] = change if np.isfinite(change).all() else 0.0
        monitor.advance(i + 1)
    third = 0.5 * (along + along.transpose(1, 0, 2) + along.transpose(1, 2, 0))
    before = np.arange(size)
    longer = (before[None, :, None] < before[:, None, None]) & (before[None, None, :] < before[:, None, None])
    return np.where(longer, third, 0.0)


def _room(flat: Bend, step: Float[np.ndarray, " d"]) -> float:
    """Return the share of a step that stays clear of all bounds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = np.where(step > 0, flat.straight.high - flat.middle, flat.straight.low - flat.middle) / step
    return float(min(1.0, MOST_OF_THE_WAY * np.min(np.where(step == 0, np.inf, ways))))
