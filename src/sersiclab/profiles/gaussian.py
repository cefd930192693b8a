"""Gaussian profiles."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter
from sersiclab.profiles.base import (
    AbstractElliptical,
    AbstractMixture,
    AbstractTransformed,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    fwhm_parameter,
    held,
    theta_parameter,
)
from sersiclab.profiles.decomposition import sersic_weights


_FWHM = math.sqrt(8.0 * math.log(2.0))


class Gaussian(AbstractElliptical, AbstractMixture, AbstractTransformed):
    """Gaussian profile, I(m) = I_0 exp(-m² / (2 sigma²)), sigma = fwhm / 2.3548: the Sérsic profile of n = 0.5."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    fwhm: Parameter = fwhm_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        sigma = held(self.fwhm) / _FWHM
        return jnp.exp(-0.5 * (m / sigma) ** 2) / (2.0 * math.pi * sigma**2)

    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return jnp.exp(-0.5 * (k * self.fwhm / _FWHM) ** 2)

    def scales(self) -> tuple[Any, ...]:
        return 0.5 * self.fwhm, 0.5

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]
