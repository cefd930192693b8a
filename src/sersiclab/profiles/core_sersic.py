"""Core-Sérsic profiles: Sérsic profiles with a shallow core."""

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
    r_eff_parameter,
    theta_parameter,
)
from sersiclab.profiles.quadrature import log_flux
from sersiclab.profiles.sersic import held_index, index_parameter, sersic_constants


def core_sersic(m: Float[Array, "*s"], r_eff: Any, n: Any, r_b: Any, alpha: Any, gamma: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round core-Sérsic profile of flux 1 at the radius `m` > 0 (pixels)."""
    r_eff, alpha, gamma = held(r_eff), jnp.clip(alpha, 0.4, 110.0), jnp.clip(gamma, -0.1, 1.55)
    r_b = jnp.maximum(held(r_b), 1e-5 * r_eff)
    b, _ = sersic_constants(n)

    def log_brightness(log_m: Float[Array, "*k"]) -> Float[Array, "*k"]:
        outer = jnp.logaddexp(alpha * log_m, alpha * jnp.log(r_b)) / alpha
        power = jnp.exp(jnp.minimum((outer - jnp.log(r_eff)) / held_index(n), 50.0))
        return gamma * (outer - log_m) - b * power

    return jnp.exp(log_brightness(jnp.log(m)) - log_flux(log_brightness, r_b, alpha))


class CoreSersic(AbstractElliptical):
    """Core-Sérsic profile, I = I' [1 + (r_b/m)^alpha]^(gamma/alpha) exp(-b_n [(m^alpha + r_b^alpha) / r_eff^alpha]^p).

    Here p = 1/(alpha n), and `r_eff` is the half-light radius of the Sérsic profile without its core (Graham et al.
    2003; arXiv:astro-ph/0306023).
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    n: Parameter = index_parameter(low=0.3, usual=(0.5, 8.0), doc="Sérsic index outside the core")
    r_b: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.2, doc="break radius")
    alpha: Parameter = parameter(low=0.5, high=100.0, usual=(1.0, 10.0), start=3.0, doc="sharpness of the break")
    gamma: Parameter = parameter(low=0.0, high=1.5, usual=(0.0, 1.0), start=0.2, doc="slope of the core, I ~ m^-gamma")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return core_sersic(m, self.r_eff, self.n, self.r_b, self.alpha, self.gamma)
