"""Nuker profiles: two power laws."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractElliptical,
    axis_ratio,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    held,
    theta_parameter,
)
from sersiclab.profiles.special import log_beta


_CENTRE = -1e4  # ln(m / r_b) used at m = 0, where -inf would give 0 * inf instead of a core's brightness


def nuker_shape(log_x: Float[Array, "*s"], alpha: Any, beta: Any, gamma: Any) -> Float[Array, "*s"]:
    """Return `x^-gamma (1 + x^alpha)^((gamma - beta)/alpha)` at ln x."""
    log_x = jnp.maximum(log_x, _CENTRE)
    return jnp.exp(-gamma * log_x - (beta - gamma) / alpha * jax.nn.softplus(alpha * log_x))


def nuker(m: Float[Array, "*s"], r_b: Any, alpha: Any, beta: Any, gamma: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round Nuker profile of flux 1 at the radius `m` > 0 (pixels).

    The flux of `nuker_shape` is `2 pi r_b² B((2 - gamma)/alpha, (beta - 2)/alpha) / alpha`.
    """
    r_b, alpha = held(r_b), jnp.clip(alpha, 0.19, 110.0)
    beta, gamma = jnp.clip(beta, 2.009, 22.0), jnp.clip(gamma, -0.1, 1.95)
    log_flux = jnp.log(2.0 * math.pi * r_b**2 / alpha) + log_beta((2.0 - gamma) / alpha, (beta - 2.0) / alpha)
    return nuker_shape(jnp.log(m / r_b), alpha, beta, gamma) * jnp.exp(-log_flux)


def nuker_in_breaks(m: Float[Array, "*s"], r_b: Any, alpha: Any, beta: Any, gamma: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a Nuker profile over that at `r_b`, at the radius `m` > 0 (pixels)."""
    alpha, beta, gamma = jnp.clip(alpha, 0.19, 110.0), jnp.clip(beta, -0.1, 22.0), jnp.clip(gamma, -0.1, 1.95)
    log_x = jnp.maximum(jnp.log(m / held(r_b)), _CENTRE)
    return jnp.exp(-gamma * log_x - (beta - gamma) / alpha * (jax.nn.softplus(alpha * log_x) - math.log(2.0)))


def nuker_total(r_b: Any, alpha: Any, beta: Any, gamma: Any) -> Any:
    """Return the total flux of a round Nuker profile over the brightness at `r_b`; infinite where beta <= 2."""
    finite = beta > 2.0
    steep = jnp.where(finite, beta, 3.0)
    log_shape = log_beta((2.0 - gamma) / alpha, (steep - 2.0) / alpha) + math.log(2.0) * (steep - gamma) / alpha
    return jnp.where(finite, 2.0 * math.pi * r_b**2 / alpha * jnp.exp(log_shape), jnp.inf)


def _alpha_parameter() -> Any:
    return parameter(low=0.2, high=100.0, usual=(0.5, 10.0), start=2.0, doc="sharpness of the break")


def _gamma_parameter() -> Any:
    return parameter(low=0.0, high=1.9, usual=(0.0, 1.5), start=0.3, doc="inner slope, I ~ m^-gamma")


class Nuker(AbstractElliptical):
    """Nuker profile, I = I_b 2^((beta - gamma)/alpha) (m/r_b)^-gamma [1 + (m/r_b)^alpha]^((gamma - beta)/alpha).

    Lauer et al. (1995, AJ 110, 2622). The total flux is finite only where beta > 2 and gamma < 2; `NukerBrightness`
    allows any outer slope.
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_b: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.7, doc="break radius")
    alpha: Parameter = _alpha_parameter()
    beta: Parameter = parameter(low=2.01, high=20.0, usual=(2.1, 8.0), start=3.5, doc="outer slope, I ~ m^-beta")
    gamma: Parameter = _gamma_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return nuker(m, self.r_b, self.alpha, self.beta, self.gamma)


class NukerBrightness(AbstractElliptical):
    """Nuker profile with a given brightness: I as in `Nuker` with I_b = i_b, for any outer slope.

    `i_b` is the surface brightness at the break radius (Lauer et al. 1995, AJ 110, 2622), as in GALFIT and imfit. The
    outer slopes of galactic nuclei are between 1 and 2, for which the total flux is not finite: with beta <= 2, `flux`
    is infinite. Light farther from the image than half the renderer's `padding` is not blurred into it.
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    i_b: Parameter = parameter(unit="image/pixel", doc="surface brightness at the break radius, before the PSF")
    r_b: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.7, doc="break radius")
    alpha: Parameter = _alpha_parameter()
    beta: Parameter = parameter(low=0.0, high=20.0, usual=(0.5, 8.0), start=1.5, doc="outer slope, I ~ m^-beta")
    gamma: Parameter = _gamma_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    @property
    def flux(self) -> Any:
        """The total flux, out to infinite radius."""
        return self.total(lambda: 1.0)

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return nuker_in_breaks(m, self.r_b, self.alpha, self.beta, self.gamma)

    def scale(self, area: Any) -> Any:
        return self.i_b

    def total(self, area: Callable[[], Any]) -> Any:
        light = self.i_b * axis_ratio(self.ellip) * area()
        return light * nuker_total(self.r_b, self.alpha, self.beta, self.gamma)
