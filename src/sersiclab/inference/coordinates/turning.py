"""Coordinates of position angles in which a posterior does not fan out where a galaxy may be round.

The rounder a galaxy, the less is known about its angle: where the ellipticity may be near zero, the posterior is a
funnel that opens towards zero. Here the angle is measured in units of its error at each ellipticity. The data determine
the two components e cos 2 theta and e sin 2 theta about equally well, with an error s. So at a given e the angle has a
von Mises distribution with a concentration of e e_0 / s^2, where e_0 is the ellipticity at the mode of the posterior.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.straight import LENGTH, Straight
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain


# About the standard deviation, in radians, of an angle that is unconstrained.
UNCONSTRAINED_SD = 1.0
# Points of the unconstrained space that lie within 1e-6 of the bounds of a prior.
ENDS = 15.0
# A prior is taken as linear if its middle is off by less than this fraction of its range.
LINEAR = 1e-4


class Turns(NamedTuple):
    """The bijection from coordinates w to v that scales each `angle` by its error at the ellipticity, `ellip`.

    v = middle + (w - middle) r(e) for the angles, with r^2 = (e_0^2 + soft) / (e min(e, e_0) + soft); else v = w. Here
    e = low + slope w is the ellipticity, e_0 = `start` that at the mode, and `middle` the angle at the mode. Below e_0
    the concentration is taken as e^2, which gives a wider unit: a von Mises distribution that covers much of the half
    circle is higher at its ends than a normal one.
    """

    angle: Int[np.ndarray, " pair"]
    ellip: Int[np.ndarray, " pair"]
    middle: Float[np.ndarray, " pair"]
    start: Float[np.ndarray, " pair"]
    low: Float[np.ndarray, " pair"]
    slope: Float[np.ndarray, " pair"]
    soft: Float[np.ndarray, " pair"]

    def forward(self, w: Float[np.ndarray, "*s d"]) -> tuple[Float[np.ndarray, "*s d"], Float[np.ndarray, "*s"]]:
        """Return v, in which angles are angles, and ln |det dv/dw|."""
        v, log_ratio = np.array(w), self._log_ratio(w)
        v[..., self.angle] = self.middle + (w[..., self.angle] - self.middle) * np.exp(log_ratio)
        return v, np.sum(log_ratio, axis=-1)

    def inverse(self, v: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Return w."""
        w = np.array(v)
        w[..., self.angle] = self.middle + (v[..., self.angle] - self.middle) * np.exp(-self._log_ratio(v))
        return w

    def slopes(self, w: Float[np.ndarray, " d"]) -> tuple[Float[np.ndarray, "d d"], Float[np.ndarray, " d"]]:
        """Return the derivatives of v and of ln |det dv/dw| by w."""
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
    """Return coordinates in which angles are angles."""
    none, nothing = np.zeros(0, int), np.zeros(0)
    return Turns(none, none, nothing, nothing, nothing, nothing, nothing)


def turned(
    problem: Problem,
    monitor: Monitor,
    straight: Straight,
    mode: Float[np.ndarray, " d"],
    sd: Float[np.ndarray, " d"],
) -> Turns:
    """Return the coordinates that scale the angles of all components with a free ellipticity.

    The ellipticity must be linear in its coordinate. `mode` is the mode of the posterior in the unconstrained space,
    and `sd` the posterior's width in the coordinates of `straight`.
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
    soft = (0.5 * slope * sd[ellip] / UNCONSTRAINED_SD) ** 2
    return Turns(angle, ellip, mode[angle], low + slope * straight.v(mode)[ellip], low, slope, soft)


def _ellip(path: str) -> str:
    return f"{path.rsplit('.', 1)[0]}.ellip"
