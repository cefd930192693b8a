"""Coordinates of position angles in which a posterior does not fan out where a galaxy may be round.

The rounder a galaxy, the less is known of its angle: where the ellipticity may be near zero, the posterior is a funnel
that opens towards zero. Here the angle is measured in units of its error at each ellipticity. The data determine the
two components e cos 2 theta and e sin 2 theta about equally well, with an error s: at a given e, theta has a von Mises
distribution with a concentration of e e_0 / s^2, if e_0 is the ellipticity at the posterior's mode.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.straight import LENGTH, Straight
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain


UNKNOWN = 1.0  # radians, about the standard deviation of an angle of which nothing is known
ENDS = 15.0  # of the unconstrained space: within 1e-6 of the bounds of a prior
LINEAR = 1e-4  # of the range, by which the middle of a linear one may be off


class Turns(NamedTuple):
    """v = w but for the angles: v = middle + (w - middle) r(e), r^2 = (e_0^2 + soft) / (e min(e, e_0) + soft).

    The ellipticity is e = low + slope w, e_0 (`start`) that at the posterior's mode, and the middle the mode's angle.
    Below e_0 the unit is that of a concentration of e^2, which is wider: a von Mises distribution that covers much of
    the half circle is higher at its ends than a normal one.
    """

    angle: Int[np.ndarray, " pair"]
    ellip: Int[np.ndarray, " pair"]
    middle: Float[np.ndarray, " pair"]
    start: Float[np.ndarray, " pair"]
    low: Float[np.ndarray, " pair"]
    slope: Float[np.ndarray, " pair"]
    soft: Float[np.ndarray, " pair"]

    def v(self, w: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """The coordinates whose angles are angles."""
        v = np.array(w)
        v[..., self.angle] = self.middle + (w[..., self.angle] - self.middle) * np.exp(self._log_ratio(w))
        return v

    def log_volume(self, w: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s"]:
        """ln dv/dw."""
        return np.sum(self._log_ratio(w), axis=-1)

    def slopes(self, w: Float[np.ndarray, " d"]) -> tuple[Float[np.ndarray, "d d"], Float[np.ndarray, " d"]]:
        """The derivatives of v and of ln dv/dw by w."""
        ratio = np.exp(self._log_ratio(w))
        e = self._e(w)
        rise = self.slope * np.where(e < self.start, 2.0 * e, self.start)
        fall = -0.5 * rise / (e * np.minimum(e, self.start) + self.soft)
        jacobian, volume = np.eye(len(w)), np.zeros(len(w))
        jacobian[self.angle, self.angle] = ratio
        jacobian[self.angle, self.ellip] = (w[self.angle] - self.middle) * ratio * fall
        np.add.at(volume, self.ellip, fall)
        return jacobian, volume

    def _log_ratio(self, w: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s pair"]:
        e = self._e(w)
        return 0.5 * np.log((self.start**2 + self.soft) / (e * np.minimum(e, self.start) + self.soft))

    def _e(self, w: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s pair"]:
        return np.maximum(self.low + self.slope * w[..., self.ellip], 0.0)


def unturned() -> Turns:
    """Coordinates in which angles are angles."""
    none, nothing = np.zeros(0, int), np.zeros(0)
    return Turns(none, none, nothing, nothing, nothing, nothing, nothing)


def turned(
    problem: Problem,
    monitor: Monitor,
    straight: Straight,
    mode: Float[np.ndarray, " d"],
    sd: Float[np.ndarray, " d"],
) -> Turns:
    """The angles of all components whose ellipticity is free and linear in its coordinate.

    `mode` is the posterior's mode in the unconstrained space, `sd` the width in the coordinates of `straight`.
    """
    paths = list(problem.density.paths)
    others = {i: _ellip(paths[i]) for i in np.flatnonzero(problem.angles)}
    pairs = [(i, paths.index(other)) for i, other in others.items() if other in paths]
    pairs = [(i, j) for i, j in pairs if straight.between[j]]
    if not pairs:
        return unturned()
    u = np.full((3, len(paths)), mode)
    angle, ellip = np.array(pairs).T
    u[:, ellip] = np.array([-ENDS, 0.0, ENDS])[:, None]
    low, middle, high = constrain(monitor, problem.density, u[None])[0][:, ellip]
    linear = np.abs(middle - 0.5 * (low + high)) < LINEAR * (high - low)
    angle, ellip, low, slope = angle[linear], ellip[linear], low[linear], (high - low)[linear] / LENGTH
    soft = (0.5 * slope * sd[ellip] / UNKNOWN) ** 2
    return Turns(angle, ellip, mode[angle], low + slope * straight.v(mode)[ellip], low, slope, soft)


def _ellip(path: str) -> str:
    return f"{path.rsplit('.', 1)[0]}.ellip"
