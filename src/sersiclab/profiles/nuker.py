"""Nuker profiles: two power laws."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractElliptical,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    held,
    theta_parameter,
)
from sersiclab.profiles.special import log_beta


def nuker_shape(log_x: Float[Array, "*s"], alpha: Any, beta: Any, gamma: Any) -> Float[Array, "*s"]:
    """`x^-gamma (1 + x^alpha)^((gamma - beta)/alpha)` at ln x."""
    return jnp.exp(-gamma * log_x - (beta - gamma) / alpha * jax.nn.softplus(alpha * log_x))


def nuker(m: Float[Array, "*s"], r_b: Any, alpha: Any, beta: Any, gamma: Any) -> Float[Array, "*s"]:
    """Surface brightness of a round Nuker profile of flux 1 at the radius `m` > 0 (pixels).

    The flux of `nuker_shape` is `2 pi r_b² B((2 - gamma)/alpha, (beta - 2)/alpha) / alpha`.
    """
    r_b, alpha = held(r_b), jnp.clip(alpha, 0.19, 110.0)
    beta, gamma = jnp.clip(beta, 2.009, 22.0), jnp.clip(gamma, -0.1, 1.95)
    log_flux = jnp.log(2.0 * math.pi * r_b**2 / alpha) + log_beta((2.0 - gamma) / alpha, (beta - 2.0) / alpha)
    return nuker_shape(jnp.log(m / r_b), alpha, beta, gamma) * jnp.exp(-log_flux)


class Nuker(AbstractElliptical):
    """Nuker profile, I = I_b 2^((beta - gamma)/alpha) (m/r_b)^-gamma [1 + (m/r_b)^alpha]^((gamma - beta)/alpha).

    Lauer et al. (1995). The total flux exists where beta > 2 and gamma < 2.
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_b: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.7, doc="break radius")
    alpha: Parameter = parameter(low=0.2, high=100.0, usual=(0.5, 10.0), start=2.0, doc="sharpness of the break")
    beta: Parameter = parameter(low=2.01, high=20.0, usual=(2.1, 8.0), start=3.5, doc="outer slope, I ~ m^-beta")
    gamma: Parameter = parameter(low=0.0, high=1.9, usual=(0.0, 1.5), start=0.3, doc="inner slope, I ~ m^-gamma")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return nuker(m, self.r_b, self.alpha, self.beta, self.gamma)
