"""Ferrers profiles, such as those of bars."""

import math
from typing import Any

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


def ferrers(m: Float[Array, "*s"], r_out: Any, alpha: Any, beta: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round Ferrers profile of flux 1 at the radius `m` > 0 (pixels)."""
    r_out, alpha, power = held(r_out), jnp.clip(alpha, -0.05, 11.0), jnp.clip(2.0 - beta, 0.05, 6.2)
    # One float32 step from the end, where the slope of a sharp truncation is infinite.
    t = jnp.minimum(jnp.exp(power * jnp.minimum(jnp.log(m / r_out), 0.0)), 1.0 - 1e-7)
    log_flux = jnp.log(2.0 * math.pi * r_out**2 / power) + log_beta(2.0 / power, alpha + 1.0)
    return jnp.where(m < r_out, jnp.exp(alpha * jnp.log1p(-t) - log_flux), 0.0)


class Ferrers(AbstractElliptical):
    """Ferrers profile, I = I_0 [1 - (m/r_out)^(2 - beta)]^alpha, 0 beyond r_out (Peng et al. 2010; arXiv:0912.0731)."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_out: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=2.0, doc="outer radius")
    alpha: Parameter = parameter(low=0.0, high=10.0, usual=(0.5, 5.0), start=2.0, doc="softness of the truncation")
    beta: Parameter = parameter(low=-4.0, high=1.9, usual=(-1.0, 1.5), start=0.0, doc="central slope: 0 is flat")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return ferrers(m, self.r_out, self.alpha, self.beta)
