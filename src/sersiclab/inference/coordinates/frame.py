"""Coordinates in which a posterior is about round, and its density there.

A point is u = centre + factor z: z is about standard normal where the covariance is that of the posterior. With a
flow, u = centre + factor flow(z), or with a ridge, u = ridge(factor z), it can be so where the posterior is bent, too.
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
from sersiclab.model.density import Density, Vector


COPY_WIDTH = 0.2  # radians


class Frame(NamedTuple):
    """The coordinates, and each pixel's log likelihood at the centre."""

    centre: Vector
    factor: Float[Array, "d d"]
    reference: Float[Array, "y x"]
    angles: Vector
    flow: Flow | None = None
    ridge: Ridge | None = None

    def points(self, z: Array | Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """The points `u` of `z`, in double precision."""
        factor, centre = np.asarray(self.factor, dtype=float), np.asarray(self.centre, dtype=float)
        straight = np.asarray(z, dtype=float) if self.flow is None else transported(self.flow, z)
        turn = straight @ factor.T
        if self.ridge is None:
            return centre + turn
        return self.ridge.points(turn.reshape(-1, len(centre))).reshape(turn.shape)

    def offset(self) -> float:
        """The log likelihood at the centre, to which potentials are relative."""
        return float(np.sum(self.reference, dtype=float))


def frame(
    problem: Problem, monitor: Monitor, centre: Float[np.ndarray, " d"], covariance: Float[np.ndarray, "d d"]
) -> Frame:
    """The frame about `centre` for a posterior with this covariance."""
    point = jnp.asarray(centre, dtype=float)
    return Frame(
        centre=point,
        factor=jnp.asarray(np.linalg.cholesky(covariance), dtype=float),
        reference=REFERENCE(monitor, problem.density, point),
        angles=jnp.asarray(problem.angles, dtype=float),
    )


def _log_copies(turn: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Log weight of the copy of the half circle in which an angle lies, `turn` from the centre.

    Angles are sampled on the line, where the posterior repeats itself and is not integrable: where the
    data do not say much of an angle, a trajectory would never turn. The weight is one near the centre,
    falls off beyond a quarter turn, and the weights of all copies of an angle sum to one (it is a
    difference of logistic functions half a circle apart), so that modulo pi the draws are the posterior's.
    """
    edge, x = 0.5 * np.pi / COPY_WIDTH, turn / COPY_WIDTH
    both_edges = np.logaddexp(edge, -edge)
    return both_edges - jnp.logaddexp(both_edges, jnp.logaddexp(x, -x))


def potential(density: Density, frame: Frame, z: Vector) -> Float[Array, ""]:
    """Minus the log posterior density relative to the centre's, which keeps its digits in float32."""
    straight, log_stretch = (z, jnp.zeros(())) if frame.flow is None else transport(frame.flow, z)
    turn = jnp.matmul(frame.factor, straight, precision=jax.lax.Precision.HIGHEST)
    u = frame.centre + turn
    if frame.ridge is not None:
        u, log_stretch = frame.ridge.point(turn)
        turn = jnp.subtract(u, frame.centre)
    gain = density.pointwise_log_likelihood(density.constrain(u)) - frame.reference
    return -(density.log_prior(u) + jnp.sum(gain) + jnp.sum(frame.angles * _log_copies(turn)) + log_stretch)


def reference(density: Density, u: Vector) -> Float[Array, "y x"]:
    """Each pixel's log likelihood at `u`."""
    return density.pointwise_log_likelihood(density.constrain(u))


REFERENCE = Program(reference)
