"""The truncated normal distribution, accurate however far in the tails its bounds lie.

numpyro's version subtracts two tail probabilities. In single precision the difference is zero beyond 13 standard
deviations, so that the density is infinite there and samples lie outside the bounds. Here everything is computed from
the logarithms of probabilities in the lower tail, where they keep their precision.
"""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr
from jaxtyping import Array
from numpyro.distributions import constraints
from scipy.special import log_ndtr as log_probability
from scipy.special import ndtri_exp


STEPS = 60  # of bisection, which reach the last digit in double precision
FAR = 15.0  # standard deviations: the probability beyond is negligible in double precision


def median(low: float, high: float) -> float:
    """Return the median of a standard normal distribution truncated at `low` and `high`, which may be infinite."""
    if low + high > 0:
        return -median(-high, -low)
    ends = log_probability([low, high])
    return float(ndtri_exp(ends[1] + math.log1p(math.exp(ends[0] - ends[1])) - math.log(2)))


def log_mass(low: Any, high: Any) -> Any:
    """Return the logarithm of the standard normal probability between `low` and `high`."""
    flip = low + high > 0
    low, high = jnp.where(flip, -high, low), jnp.where(flip, -low, high)
    upper = log_ndtr(high)
    return upper + jnp.log(-jnp.expm1(log_ndtr(low) - upper))


def quantile(q: Array, low: Any, high: Any) -> Array:
    """Return the quantile `q` of a standard normal distribution truncated at `low` and `high`."""
    flip = low + high > 0
    q, low, high = jnp.where(flip, 1 - q, q), jnp.where(flip, -high, low), jnp.where(flip, -low, high)
    wanted = jnp.log(q) + log_mass(low, high)
    # All but a negligible part of the probability lies between these.
    ends = jnp.maximum(low, jnp.minimum(high, 0.0) - FAR), jnp.minimum(high, FAR)

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        below = log_mass(low, middle) < wanted
        return jnp.where(below, middle, ends[0]), jnp.where(below, ends[1], middle)

    ends = jax.lax.fori_loop(0, STEPS, halve, (jnp.broadcast_to(ends[0], q.shape), jnp.broadcast_to(ends[1], q.shape)))
    return jnp.where(flip, -1.0, 1.0) * 0.5 * (ends[0] + ends[1])


class TruncatedNormalDistribution(dist.Distribution):
    """Normal distribution truncated at `low` and `high`; `None` leaves that side open."""

    reparametrized_params: ClassVar[list[str]] = []

    def __init__(self, loc: Any, scale: Any, low: Any, high: Any) -> None:
        self.loc, self.scale, self.low, self.high = loc, scale, low, high
        super().__init__(batch_shape=(), event_shape=())

    @constraints.dependent_property(is_discrete=False, event_dim=0)  # pyright: ignore[reportArgumentType]
    def support(self) -> Any:
        if self.low is not None and self.high is not None:
            return constraints.interval(self.low, self.high)
        if self.low is not None:
            return constraints.greater_than(self.low)
        return constraints.real if self.high is None else constraints.less_than(self.high)

    def log_prob(self, value: Any) -> Any:
        z, (low, high) = (value - self.loc) / self.scale, self._ends
        density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) - jnp.log(self.scale) - log_mass(low, high)
        return jnp.where((z >= low) & (z <= high), density, -jnp.inf)

    def cdf(self, value: Any) -> Any:
        low, high = self._ends
        z = jnp.clip((value - self.loc) / self.scale, low, high)
        return jnp.exp(log_mass(low, z) - log_mass(low, high))

    def icdf(self, q: Any) -> Any:
        low, high = self._ends
        return jnp.clip(self.loc + self.scale * quantile(jnp.asarray(q, float), low, high), self.low, self.high)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.icdf(jax.random.uniform(key, sample_shape))

    @property
    def _ends(self) -> tuple[Any, Any]:
        """The bounds in standard deviations from the mean."""
        return (
            jnp.asarray(-jnp.inf if self.low is None else (self.low - self.loc) / self.scale),
            jnp.asarray(jnp.inf if self.high is None else (self.high - self.loc) / self.scale),
        )
