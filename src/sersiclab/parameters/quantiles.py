"""Quantiles of priors, including distributions for which numpyro has only a CDF."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sersiclab.parameters.base import AbstractPrior


def quantile(prior: AbstractPrior, q: Any) -> jax.Array:
    """Return the number below which a prior has the share `q` of its probability.

    Raises `NotImplementedError` if its distribution has neither `icdf` nor `cdf`.
    """
    law = prior.distribution()
    try:
        return jnp.asarray(law.icdf(q))
    except (NotImplementedError, ImportError):  # numpyro needs TensorFlow for some
        transform = prior.transform()
        return jnp.asarray(transform(_least(lambda u: law.cdf(transform(u)) >= q, jnp.result_type(float))))


def _least(condition: Callable[[Any], Any], kind: Any) -> jax.Array:
    """Return `least_number` in the precision `kind`, by operations that can be traced."""
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


def least_number(condition: Callable[[np.floating], bool]) -> np.floating:
    """Return the least number that meets a condition; all larger numbers must meet it too.

    The ordered floating-point numbers of the user's precision are bisected, so the result is exact on any scale.
    """
    kind = np.dtype(jnp.result_type(float))
    bits = np.dtype(f"i{kind.itemsize}")

    def number(place: int) -> Any:
        magnitude = np.array(abs(place), bits).view(kind)[()]
        return magnitude if place >= 0 else -magnitude

    last = int(np.array(np.finfo(kind).max).view(bits))
    low, high = -last, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if condition(number(middle)) else (middle + 1, high)
    return number(low)
