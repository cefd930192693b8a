"""Coordinates in which a bent posterior is about normal.

Where the data hardly tell two components apart, the posterior is a long and thin ridge, and a curved one: a normal
distribution along its tangent leaves it within a standard deviation or two. The metric that the data make of the
parameter space, the Fisher information, shows the curvature: its derivatives say by how much a step along one axis
moves the ridge along the others (Transtrum, Machta & Sethna 2011, Phys. Rev. E 83, 036701).
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


COPIES = 4  # of a number for each three parameters, at the same time
STEP = 0.3  # sigma, between which and the mode the metric is differenced
WEAK = 12  # axes, the weakest, along which it is: each costs two Jacobians
ROOM = 0.5  # of the way to a bound that a step goes at most
OUTSIDE = 1.5  # sigma beyond a bound: more, and hardly a candidate would be within


class Bend(NamedTuple):
    """w = middle + axes y, with y_k = s_k - s_i forms_kij s_j / 2 for i, j < k, and so on from the weakest axis on.

    The coordinates w are those of `straight` with angles in units of `turns`. The middle is the posterior's mode. The
    s are about standard normal about `centre`. As each coordinate is shifted by those before it alone, the volume is
    that of w, and one s belongs to each w.
    """

    straight: Straight
    turns: Turns
    middle: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "d d"]
    forms: Float[np.ndarray, "d d d"]
    centre: Float[np.ndarray, " d"]

    def points(
        self, s: Float[np.ndarray, "point d"]
    ) -> tuple[Float[np.ndarray, "point d"], Float[np.ndarray, " point"]]:
        """The points of the unconstrained space, and the log of their volume du/ds; -infinite beyond a bound."""
        y = s + self.centre
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(1, s.shape[1]):
                before = y[:, :k]
                y[:, k] -= 0.5 * np.sum((before @ self.forms[k, :k, :k]) * before, axis=1)
            w = self.middle + y @ self.axes.T
            u = self.straight.u(self.turns.v(w))
            inside = np.all(np.isfinite(u), axis=1)
            u = np.where(inside[:, None], u, 0.0)
            log_volume = self.turns.log_volume(w) - np.sum(self.straight.log_slope(u), axis=1)
        return u, np.where(inside, log_volume, -np.inf)

    def at(self, w: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """The point of the unconstrained space."""
        return self.straight.u(self.turns.v(w))


class Surrounding(NamedTuple):
    """Minus the log posterior density of w about a point: its gradient, and the curvatures of its parts."""

    gradient: Float[np.ndarray, " d"]
    likelihood: Float[np.ndarray, "d d"]
    prior: Float[np.ndarray, " d"]


def check_bend(problem: Problem) -> None:
    """Raise `ValueError` if coordinates that can be bent, of so many parameters, need too much memory."""
    size = len(problem.start)
    check_memory(
        f"the bending of {size} coordinates",
        float(COPIES * 8 * size**3),
        "use MAP() or Laplace(), or fit fewer components at a time",
    )


def bend(problem: Problem, monitor: Monitor, minimum: Minimum) -> Bend:
    """The coordinates about a mode, from the metric at two points on each of the weakest axes. Raises `Cancelled`."""
    return bent(problem, monitor, unbent(problem, monitor, minimum, turn=True))


def bent(problem: Problem, monitor: Monitor, flat: Bend) -> Bend:
    """The same coordinates, bent as the ridge is. Raises `Cancelled`."""
    return flat._replace(forms=_forms(problem, monitor, flat))


def unbent(problem: Problem, monitor: Monitor, minimum: Minimum, *, turn: bool = False) -> Bend:
    """Coordinates that are not bent: those of the normal approximation, with angles in units of `Turns` if `turn`.

    A parameter that the likelihood presses so hard against its bound that a normal distribution would lie beyond it
    keeps its unconstrained coordinate.
    """
    straight = Straight.of(problem.density)
    here = expand(problem, monitor, minimum.u)
    # The likelihood's own curvature, if it has one, in place of the metric.
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
    """Coordinates that are not bent: the axes of the normal approximation, the longest first."""
    turns = unturned() if turns is None else turns
    middle = straight.v(u)
    around = _surrounding(straight, turns, middle, u, here)
    # No posterior is wider than the prior: neither between two bounds, nor of an angle on its half circle.
    widest = np.where(straight.between, (2 / LENGTH) ** 2, problem.angles.astype(float))
    curvature = around.likelihood + np.diag(around.prior + widest)
    covariance = definite_inverse(curvature, problem.density.paths)
    values, vectors = np.linalg.eigh(covariance)
    axes = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1]
    size = len(u)
    return Bend(straight, turns, middle, axes, np.zeros((size, size, size)), -axes.T @ around.gradient)


def _outside(flat: Bend) -> Bool[np.ndarray, " d"]:
    """Which parameters a normal distribution would have beyond their bounds."""
    centre = flat.middle + flat.axes @ flat.centre
    reach = OUTSIDE * np.linalg.norm(flat.axes, axis=1)
    return (centre + reach < flat.straight.low) | (centre - reach > flat.straight.high)


def _surrounding(
    straight: Straight, turns: Turns, w: Float[np.ndarray, " d"], u: Float[np.ndarray, " d"], here: Expansion
) -> Surrounding:
    """From the derivatives by u to those by w, of a density of w."""
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
    """By how much each axis is shifted by products of those before it.

    Third derivatives of the posterior, from those of the metric: where residuals are noise, these are half the sum
    of the metric's derivatives along the three axes. A product of three coordinates is removed by a shift of the
    shortest. Along other axes than the weakest the metric does not change.
    """
    size, axes = len(flat.middle), flat.axes
    along = np.zeros((size, size, size))
    weak = min(size, WEAK)
    monitor.phase("bending", total=weak)
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
    """The share of a step that stays clear of all bounds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = np.where(step > 0, flat.straight.high - flat.middle, flat.straight.low - flat.middle) / step
    return float(min(1.0, ROOM * np.min(np.where(step == 0, np.inf, ways))))
