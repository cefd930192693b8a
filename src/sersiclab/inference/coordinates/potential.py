"""Coordinates in which a posterior is about round, and minus its log density there.

A point is u = centre + factor z, so that z is about standard normal where the factor is that of the posterior's
covariance. Where the posterior is bent, u = centre + factor flow(z) with a flow, or u = ridge(factor z) with a ridge.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.flow import Flow, transport, transported
from sersiclab.inference.coordinates.ridge import Ridge
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import Program
from sersiclab.model.unconstrained import AbstractDensity, Vector


# Width of the edges of a copy of the half circle, in radians.
COPY_WIDTH = 0.2


class Coordinates(NamedTuple):
    """Coordinates z of the unconstrained space, and each pixel's log likelihood at their centre."""

    centre: Vector
    factor: Float[Array, "d d"]
    reference: Float[Array, "y x"]
    angles: Vector
    flow: Flow | None = None
    ridge: Ridge | None = None

    def forward(self, z: Vector) -> tuple[Vector, Float[Array, ""]]:
        """Return the point u of z, and ln |det du/dz| up to a constant."""
        straight, log_stretch = (z, jnp.zeros(())) if self.flow is None else transport(self.flow, z)
        turn = jnp.matmul(self.factor, straight, precision=jax.lax.Precision.HIGHEST)
        if self.ridge is not None:
            return self.ridge.forward(turn)
        return self.centre + turn, log_stretch

    def points(self, z: Array | Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Return the points `u` of many `z`, in double precision."""
        factor, centre = np.asarray(self.factor, dtype=float), np.asarray(self.centre, dtype=float)
        straight = np.asarray(z, dtype=float) if self.flow is None else transported(self.flow, z)
        turn = straight @ factor.T
        if self.ridge is None:
            return centre + turn
        return self.ridge.points(turn.reshape(-1, len(centre))).reshape(turn.shape)

    def offset(self) -> float:
        """Return the log likelihood at the centre, to which potentials are relative."""
        return float(np.sum(self.reference, dtype=float))


def coordinates_about(
    problem: Problem, monitor: Monitor, centre: Float[np.ndarray, " d"], covariance: Float[np.ndarray, "d d"]
) -> Coordinates:
    """Return the coordinates about `centre` for a posterior with this covariance."""
    point = jnp.asarray(centre, dtype=float)
    return Coordinates(
        centre=point,
        factor=jnp.asarray(np.linalg.cholesky(covariance), dtype=float),
        reference=REFERENCE(monitor, problem.density, point),
        angles=jnp.asarray(problem.angles, dtype=float),
    )


def _log_copies(turn: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Return the log weight of the copy of the half circle in which an angle lies, `turn` from the centre.

    Angles are sampled on the line, where the posterior repeats itself and can't be normalised: where the data hardly
    constrain an angle, a trajectory would never turn back. The weight is one near the centre and falls off beyond a
    quarter turn. As a difference of two logistic functions half a circle apart, the weights of all copies of an angle
    sum to one, so that the draws modulo pi are those of the posterior.
    """
    edge, x = 0.5 * np.pi / COPY_WIDTH, turn / COPY_WIDTH
    both_edges = np.logaddexp(edge, -edge)
    return both_edges - jnp.logaddexp(both_edges, jnp.logaddexp(x, -x))


def potential(density: AbstractDensity, here: Coordinates, z: Vector) -> Float[Array, ""]:
    """Return minus the log posterior density of z relative to the centre's, which keeps its digits in float32."""
    u, log_stretch = here.forward(z)
    turn = jnp.subtract(u, here.centre)
    gain = density.pointwise_log_likelihood(density.constrain(u)) - here.reference
    return -(density.log_prior(u) + jnp.sum(gain) + jnp.sum(here.angles * _log_copies(turn)) + log_stretch)


def reference(density: AbstractDensity, u: Vector) -> Float[Array, "y x"]:
    """Return each pixel's log likelihood at `u`."""
    return density.pointwise_log_likelihood(density.constrain(u))


REFERENCE = Program(reference)
