"""Soft walls: coordinates without end in which a parameter comes to its bounds only gradually."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.coordinates.straight import LENGTH, Straight


# Below this argument a softplus is an exponential in single precision.
LEAST_ARGUMENT = -15.0
# Below this argument exp(x) - 1 is x.
LEAST_EXPONENT = 1e-20
# A distance from a bound that is smaller than any with digits.
LEAST_DISTANCE = 1e-290


class Walls(NamedTuple):
    """The bijection from coordinates w without bounds to the unconstrained space, u.

    In between are the coordinates v of `Straight`, in which bounds are at a finite distance. `low` and `high` are 1 for
    coordinates with a lower bound, at 0, and an upper one, at `LENGTH`; else 0. Within about a `depth` of a bound
    v hardly follows w any more:

        v = depth ln(1 + exp(w / depth))                                      with a lower bound,
        v = depth ln((1 + exp(w / depth)) / (1 + exp((w - LENGTH) / depth)))  with both,
        v = w                                                                 without bounds.
    """

    low: Float[Array, " d"]
    high: Float[Array, " d"]
    depth: Float[Array, " d"]

    def forward(self, w: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Return u, and ln |det du/dw|."""
        u, log_slope = self.unconstrained(w)
        return u, jnp.sum(log_slope)

    def inverse(self, u: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """Return the w of points u; a finite number, also where u is so far out that v is at a bound."""
        low, high, depth = (np.asarray(part, dtype=float) for part in self)
        straight = Straight(high > 0, (low > 0) & ~(high > 0))
        v, to_high = straight.v(u), np.where(high > 0, straight.v(-u), np.inf)
        from_low, to_high = np.maximum(np.abs(v), LEAST_DISTANCE), np.maximum(to_high, LEAST_DISTANCE)
        w = v + depth * (np.log(-np.expm1(-from_low / depth)) - np.log(-np.expm1(-to_high / depth)))
        return np.where(low > 0, w, u)

    def inside(self, w: Any, xp: Any = jnp) -> Any:
        """Return the coordinates v of w, by the functions of the array library `xp`."""
        from_low = xp.logaddexp(0.0, w / self.depth)
        from_both = from_low - self.high * xp.logaddexp(0.0, (w - LENGTH) / self.depth)
        return xp.where(self.low > 0, self.depth * from_both, w)

    def unconstrained(self, w: Array) -> tuple[Array, Array]:
        """Return u and ln du/dw of each coordinate.

        Not by way of v, which has no digits left near a bound.
        """
        log_depth = jnp.log(self.depth)
        from_low, from_high = self._log_distances(w)
        slope_low, slope_high = -jnp.logaddexp(0.0, -w / self.depth), -jnp.logaddexp(0.0, (w - LENGTH) / self.depth)
        alone = log_depth + _log_softplus(w / self.depth)
        distance = jnp.exp(alone)
        least = LEAST_EXPONENT
        log_end = jnp.where(distance < least, alone, jnp.log(-jnp.expm1(-jnp.maximum(distance, 0.1 * least))))
        u = self._choose(from_low - from_high, distance + log_end, w)
        slope_high = slope_high + jnp.log1p(-jnp.exp(-LENGTH / self.depth)) + np.log(LENGTH) - from_low - from_high
        return u, self._choose(slope_low + slope_high, slope_low - log_end, jnp.zeros_like(w))

    def _log_distances(self, w: Array) -> tuple[Array, Array]:
        """Return the logs of the distances of v from two bounds."""
        length = LENGTH / self.depth

        def log_distance(x: Array) -> Array:
            near = jnp.maximum(x, LEAST_ARGUMENT)
            exact = jnp.log(jnp.logaddexp(0.0, near) - jnp.logaddexp(0.0, near - length))
            return jnp.log(self.depth) + jnp.where(x < LEAST_ARGUMENT, x + jnp.log1p(-jnp.exp(-length)), exact)

        return log_distance(w / self.depth), log_distance((LENGTH - w) / self.depth)

    def _choose(self, between: Array, alone: Array, free: Array) -> Array:
        return jnp.where(self.high > 0, between, jnp.where(self.low > 0, alone, free))


def _log_softplus(x: Array) -> Array:
    return jnp.where(x < LEAST_ARGUMENT, x, jnp.log(jnp.logaddexp(0.0, jnp.maximum(x, LEAST_ARGUMENT))))
