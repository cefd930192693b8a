"""Ring profiles."""

import math
from typing import Any

import jax.numpy as jnp
from jax.scipy.special import erf
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


def gaussian_ring(m: Float[Array, "*s"], r_ring: Any, sigma: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round Gaussian ring of flux 1 at the radius `m` (pixels).

    Its flux is `2 pi sigma² {exp(-x²) + sqrt(pi) x [1 + erf(x)]}` times the peak, with x = r_ring / (sqrt(2) sigma).
    """
    r_ring, sigma = held(r_ring), held(sigma)
    x = r_ring / (math.sqrt(2.0) * sigma)
    flux = 2.0 * math.pi * sigma**2 * (jnp.exp(-(x**2)) + math.sqrt(math.pi) * x * (1.0 + erf(x)))
    return jnp.exp(-0.5 * ((m - r_ring) / sigma) ** 2) / flux


class GaussianRing(AbstractElliptical):
    """Gaussian ring, I(m) = I_0 exp(-(m - r_ring)² / (2 sigma²))."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_ring: Parameter = parameter(low=0.0, open_low=True, unit="pixel", doc="radius of the ring")
    sigma: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.3, doc="width of the ring")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return gaussian_ring(m, self.r_ring, self.sigma)
