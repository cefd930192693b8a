"""Moffat profiles."""

import math
from typing import Any

import jax.numpy as jnp
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractElliptical,
    AbstractMixture,
    AbstractTransformed,
    LogWidths,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    fwhm_parameter,
    held,
    theta_parameter,
)
from sersiclab.profiles.decomposition import extended, gamma_density, gather, held_radius
from sersiclab.profiles.special import scaled_bessel_k


_LOWEST_BETA, _HIGHEST_BETA = 1.009, 10.2


def _scale(fwhm: Any, beta: Any) -> tuple[Any, Any]:
    """Return the radius alpha, and beta clipped to just beyond its declared range."""
    beta = jnp.clip(beta, _LOWEST_BETA, _HIGHEST_BETA)
    return 0.5 * held(fwhm) / jnp.sqrt(jnp.expm1(math.log(2.0) / beta)), beta


def moffat(m: Float[Array, "*s"], fwhm: Any, beta: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round Moffat profile of flux 1 at the radius `m` (pixels)."""
    alpha, beta = _scale(fwhm, beta)
    return (beta - 1.0) / (math.pi * alpha**2) * jnp.exp(-beta * jnp.log1p((m / alpha) ** 2))


def moffat_transform(k: Float[Array, "*s"], fwhm: Any, beta: Any) -> Float[Array, "*s"]:
    """Return the Fourier transform of `moffat`, `2 (x/2)^nu K_nu(x) / Gamma(nu)`, x = k alpha and nu = beta - 1."""
    alpha, beta = _scale(fwhm, beta)
    some = jnp.where(k == 0, 1.0, k)
    value = 2.0 * jnp.exp(-gammaln(beta - 1.0)) * scaled_bessel_k(some * alpha, beta - 1.0)
    return jnp.where(k == 0, 1.0, value)


def moffat_weights(log_width: LogWidths, fwhm: Any, beta: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Return the fractions of the flux in Gaussians of the given ln sigma, and in a point.

    Weighted by flux, alpha² / (2 sigma²) has a gamma distribution with the shape beta - 1.
    """
    alpha, beta = _scale(held_radius(log_width, fwhm), jnp.asarray(beta, log_width.dtype))
    amplitudes = gamma_density(2.0 * (jnp.log(alpha) - extended(log_width)), beta - 1.0)
    return gather(amplitudes, log_width.size)


class Moffat(AbstractElliptical, AbstractMixture, AbstractTransformed):
    """Moffat profile, I(m) = I_0 (1 + m² / alpha²)^-beta (Moffat 1969), fwhm = 2 alpha sqrt(2^(1/beta) - 1)."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    fwhm: Parameter = fwhm_parameter()
    beta: Parameter = parameter(
        low=1.01, high=10.0, usual=(1.5, 10.0), start=2.5, doc="slope of the wings, I ~ m^(-2 beta)"
    )
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return moffat(m, self.fwhm, self.beta)

    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return moffat_transform(k, self.fwhm, self.beta)

    def scales(self) -> tuple[Any, ...]:
        return self.fwhm, self.beta

    weights = staticmethod(moffat_weights)  # pyright: ignore[reportAssignmentType]
