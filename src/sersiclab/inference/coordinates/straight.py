"""Coordinates in which parameters do not crowd at the bounds of their priors.

In the unconstrained space a bound is infinitely far away: a posterior that lies at its bound has a long tail there, and
a straight ridge is bent. Here a bound is at a finite distance, and nothing lies beyond it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpyro.distributions import transforms

from sersiclab.model.unconstrained import AbstractDensity


# Length of an interval between two bounds, such that no coordinate is longer than the unconstrained one.
LENGTH = 4.0


class Straight(NamedTuple):
    """The bijection from the unconstrained space to coordinates v, parameter by parameter.

    v = 4 / (1 + exp(-u)) for parameters `between` two bounds, ln(1 + exp(u)) `beyond` one, else u. So v is linear in
    the parameter, or in its logarithm if the prior is one of the logarithm.
    """

    between: Bool[np.ndarray, " d"]
    beyond: Bool[np.ndarray, " d"]

    @staticmethod
    def of(density: AbstractDensity) -> "Straight":
        """Return the coordinates that suit the transforms of the priors."""
        between, beyond = np.zeros((2, len(density.paths)), bool)
        for prior, members in zip(density.priors, density.members, strict=True):
            transform = prior.transform()
            while isinstance(transform, transforms.ComposeTransform):
                transform = transform.parts[0]
            between[list(members)] = isinstance(transform, transforms.SigmoidTransform)
            beyond[list(members)] = isinstance(transform, transforms.SoftplusTransform)
        return Straight(between, beyond)

    @property
    def low(self) -> Float[np.ndarray, " d"]:
        """The lower bounds of v."""
        return np.where(self.between | self.beyond, 0.0, -np.inf)

    @property
    def high(self) -> Float[np.ndarray, " d"]:
        """The upper bounds of v."""
        return np.where(self.between, LENGTH, np.inf)

    def without(self, these: Bool[np.ndarray, " d"]) -> "Straight":
        """Return the same with v = u for these parameters."""
        return Straight(self.between & ~these, self.beyond & ~these)

    def forward(self, u: Float[np.ndarray, "*s d"]) -> tuple[Float[np.ndarray, "*s d"], Float[np.ndarray, "*s"]]:
        """Return v and ln |det dv/du| of points of the unconstrained space."""
        return self.v(u), np.sum(self.log_slope(u), axis=-1)

    def inverse(self, v: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Return the points of the unconstrained space; NaN beyond a bound."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ends = np.log(v) - np.log(LENGTH - v)
            return np.where(self.between, ends, np.where(self.beyond, v + np.log(-np.expm1(-v)), v))

    def v(self, u: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Return v of points of the unconstrained space."""
        return np.where(self.between, LENGTH * _share(u), np.where(self.beyond, np.logaddexp(0.0, u), u))

    def log_slope(self, u: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Return ln dv/du of each coordinate."""
        beyond = -np.logaddexp(0.0, -u)
        between = np.log(LENGTH) + beyond - np.logaddexp(0.0, u)
        return np.where(self.between, between, np.where(self.beyond, beyond, 0.0))

    def slopes_of_log_slope(
        self, u: Float[np.ndarray, " d"]
    ) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
        """Return the first and second derivatives of ln dv/du by u."""
        share = _share(u)
        first = np.where(self.between, 1 - 2 * share, np.where(self.beyond, 1 - share, 0.0))
        second = np.where(self.between, -2.0, np.where(self.beyond, -1.0, 0.0)) * share * (1 - share)
        return first, second


def _share(u: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
    """Return 1 / (1 + exp(-u)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -u))
