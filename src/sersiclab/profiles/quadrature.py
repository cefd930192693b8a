"""Numerical total fluxes of profiles without a closed form: a fixed number of nodes, which move with the profile."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


_NODES = 1001
_REACH = 40.0  # in ln m, on either side
_HALF_NODES = 60


def log_flux(
    log_brightness: Callable[[Float[Array, " k"]], Float[Array, " k"]], radius: Any, sharpness: Any
) -> Float[Array, ""]:
    """Return ln of the integral of `2 pi m I(m)` over all m, for a round profile that is a function of ln m.

    This is the trapezoidal rule in t, where ln m = ln radius + sinh(t) / sharpness. The nodes are dense at a break of
    the profile, at `radius`, which may be as narrow as 1 / sharpness in ln m.
    """
    width = lax.stop_gradient(1.0 / jnp.maximum(sharpness, 1.0))
    reach = jnp.arcsinh(_REACH / width)
    t = jnp.asarray(np.linspace(-1.0, 1.0, _NODES), reach.dtype) * reach
    log_m = lax.stop_gradient(jnp.log(radius)) + width * jnp.sinh(t)
    log_weight = jnp.log(width * jnp.cosh(t) * reach * (2.0 / (_NODES - 1)))
    return math.log(2.0 * math.pi) + _log_sum_exp(log_brightness(log_m) + 2.0 * log_m + log_weight)


def _log_sum_exp(terms: Float[Array, " k"]) -> Float[Array, ""]:
    largest = lax.stop_gradient(jnp.max(terms))
    return largest + jnp.log(jnp.sum(jnp.exp(terms - largest)))


@cache
def unit_interval() -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return nodes and weights on the interval from 0 to 1, for functions with any power law near its ends.

    They are those of the double-exponential rule of Takahasi & Mori (1974).
    """
    t = np.linspace(-3.6, 3.6, 2 * _HALF_NODES + 1)
    nodes = 1.0 / (1.0 + np.exp(-math.pi * np.sinh(t)))
    weights = nodes / (1.0 + np.exp(math.pi * np.sinh(t))) * math.pi * np.cosh(t) * (t[1] - t[0])
    return nodes, weights
