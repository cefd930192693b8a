"""Changes of coordinates: maps that are one to one, with the logs of their Jacobian determinants.

Samplers use `forward`: it takes one point and may be traced by JAX. `inverse` is used between runs, for rows of points,
and computes in double precision whatever JAX computes in.
"""

from collections.abc import Iterable
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Bijection(Protocol):
    """A map of points that is one to one."""

    def forward(self, point: Float[Array, " d"], /) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Return the image of a point, and ln |det J| there."""
        ...

    def inverse(self, rows: Float[np.ndarray, "row d"], /) -> Float[np.ndarray, "row d"]:
        """Return the points whose images these are."""
        ...


def chain(parts: Iterable[Bijection], point: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
    """Apply bijections one after the other. Returns the image of a point, and the sum of their ln |det J|."""
    log_det = jnp.zeros(())
    for part in parts:
        point, more = part.forward(point)
        log_det = log_det + more
    return point, log_det


def inverse_chain(parts: Iterable[Bijection], rows: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
    """Undo bijections that were applied one after the other."""
    for part in reversed(list(parts)):
        rows = part.inverse(rows)
    return rows


def dot(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return the matrix product in full precision, on accelerators too."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
