"""The uniform distribution of position angles."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints


class HalfCircle(dist.Distribution):
    """Uniform distribution on the half circle, continued periodically over the real line.

    theta and theta + pi are the same angle. A sampler therefore meets no boundary at 0 and pi, and its draws modulo pi
    are draws of the posterior.
    """

    support = constraints.real  # pyright: ignore[reportAssignmentType]
    reparametrized_params: ClassVar[list[str]] = []

    def __init__(self, *, validate_args: bool | None = None) -> None:
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return jax.random.uniform(key, sample_shape, maxval=math.pi)

    def log_prob(self, value: Any) -> jax.Array:
        return jnp.full(jnp.shape(value), -math.log(math.pi))

    def icdf(self, q: Any) -> jax.Array:
        return math.pi * jnp.asarray(q)
