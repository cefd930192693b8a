"""King profiles: star clusters that end at a tidal radius."""

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
from sersiclab.profiles.quadrature import unit_interval


def king(m: Float[Array, "*s"], r_core: Any, r_tidal: Any, alpha: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round King profile of flux 1 at the radius `m` (pixels).

    Let y = ln(1 + m²/r_core²), and Y its value at r_tidal. The profile is `exp(-y) (1 - exp((y - Y)/alpha))^alpha` in
    units of the value at the centre. The flux is the integral of the second factor over y from 0 to Y, times
    pi r_core².
    """
    r_core, alpha = held(r_core), jnp.clip(alpha, 0.4, 11.0)
    r_tidal = jnp.maximum(held(r_tidal), 1e-3 * r_core)
    y, end = jnp.log1p((m / r_core) ** 2), jnp.log1p((r_tidal / r_core) ** 2)
    nodes, weights = (jnp.asarray(part, y.dtype) for part in unit_interval())
    flux = math.pi * r_core**2 * end * jnp.dot(weights, _truncation(nodes * end, end, alpha), precision="highest")
    inside = m < r_tidal
    rest = jnp.where(inside, end - y, 1.0)
    return jnp.where(inside, jnp.exp(-y) * _truncation(rest, end, alpha) / flux, 0.0)


def _truncation(rest: Float[Array, "*s"], end: Any, alpha: Any) -> Float[Array, "*s"]:
    """Return `(1 - exp(-rest/alpha))^alpha` for rest >= 0, over its value at `end`. Either could underflow."""

    def log(rest: Any) -> Any:
        return jnp.log(-jnp.expm1(-jnp.maximum(rest, 1e-12) / alpha))

    return jnp.exp(alpha * (log(rest) - log(end)))


class King(AbstractElliptical):
    """King profile, I = I' [(1 + m²/r_core²)^(-1/alpha) - (1 + r_tidal²/r_core²)^(-1/alpha)]^alpha, 0 beyond r_tidal.

    King's profile (1962) has alpha = 2; this is GALFIT's "modified King" (Peng et al. 2010; arXiv:0912.0731).
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_core: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.7, doc="core radius")
    r_tidal: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=5.0, doc="truncation radius")
    alpha: Parameter = parameter(low=0.5, high=10.0, start=2.0, doc="sharpness of the truncation")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return king(m, self.r_core, self.r_tidal, self.alpha)
