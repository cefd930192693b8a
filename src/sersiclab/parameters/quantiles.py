"""Quantiles of priors, also of those distributions for which numpyro has only a CDF."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from sersiclab.parameters.tree import AbstractPrior


def quantile(prior: AbstractPrior, q: Any) -> jax.Array:
    """The number below which a prior has the share `q` of its probability.

    Raises `NotImplementedError` if its distribution has neither `icdf` nor `cdf`.
    """
    law = prior.distribution()
    try:
        return jnp.asarray(law.icdf(q))
    except (NotImplementedError, ImportError):  # numpyro wants TensorFlow for some
        transform = prior.transform()
        return jnp.asarray(transform(_least(lambda u: law.cdf(transform(u)) >= q, jnp.result_type(float))))


def _least(condition: Any, kind: Any) -> jax.Array:
    """The least number that meets a condition that all larger ones meet too.

    By bisection of the floating-point numbers in their order, so that no scale is built in.
    """
    bits = jnp.dtype(f"i{kind.itemsize}")
    largest = lax.bitcast_convert_type(jnp.asarray(jnp.finfo(kind).max, kind), bits)

    def number(place: Any) -> jax.Array:
        return jnp.sign(place).astype(kind) * lax.bitcast_convert_type(jnp.abs(place), kind)

    def halved(_: Any, ends: Any) -> Any:
        low, high = ends
        middle = low // 2 + high // 2 + (low & high & 1)  # without overflow
        met = condition(number(middle))
        return jnp.where(met, low, middle), jnp.where(met, middle, high)

    return number(lax.fori_loop(0, 8 * kind.itemsize + 1, halved, (-largest, largest))[1])
