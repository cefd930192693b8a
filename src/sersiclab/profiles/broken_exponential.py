"""Broken exponential disks."""

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
from sersiclab.profiles.quadrature import log_flux


def broken_exponential(m: Float[Array, "*s"], h_in: Any, h_out: Any, r_break: Any, alpha: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round broken exponential of flux 1 at the radius `m` > 0 (pixels)."""
    h_in, h_out, r_break, alpha = held(h_in), held(h_out), held(r_break), jnp.clip(alpha, 1e-4, 1e4)

    def log_brightness(log_m: Float[Array, "*k"]) -> Float[Array, "*k"]:
        r = jnp.exp(jnp.minimum(log_m, 60.0))
        beyond = (jax.nn.softplus(alpha * (r - r_break)) - jax.nn.softplus(-alpha * r_break)) / alpha
        return -r / h_in + (1.0 / h_in - 1.0 / h_out) * beyond

    # A break well within the inner scale length bends a nearly flat profile: nodes need not be dense there.
    centre = jnp.hypot(r_break, 0.1 * h_in)
    return jnp.exp(log_brightness(jnp.log(m)) - log_flux(log_brightness, centre, alpha * centre))


class BrokenExponential(AbstractElliptical):
    """Broken exponential, I = S I_0 exp(-m/h_in) {1 + exp[alpha (m - r_break)]}^((1/h_in - 1/h_out)/alpha).

    This is an exponential disk with one scale length inside a break and another outside it (Erwin et al. 2008;
    arXiv:0709.3505).
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    h_in: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.7, doc="inner scale length")
    h_out: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.4, doc="outer scale length")
    r_break: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=2.0, doc="break radius")
    alpha: Parameter = parameter(
        low=0.0, high=1000.0, open_low=True, unit="1/pixel", start=5.0, doc="sharpness of the break"
    )
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return broken_exponential(m, self.h_in, self.h_out, self.r_break, self.alpha)
