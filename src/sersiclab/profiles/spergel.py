"""Spergel profiles (Spergel 2010, arXiv:1007.3248)."""

import math
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Float
from scipy.special import gamma, kv

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractElliptical,
    AbstractMixture,
    AbstractTransformed,
    LogWidths,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    held,
    r_eff_parameter,
    theta_parameter,
)
from sersiclab.profiles.chebyshev import Interpolant, evaluate, interpolant
from sersiclab.profiles.decomposition import SPACING, extended, gamma_density, gather, held_radius
from sersiclab.profiles.special import scaled_bessel_k


# nu is clipped to just beyond its declared range, well within that of the polynomial.
_LOWEST_NU, _HIGHEST_NU = -0.86, 4.1


@cache
def _log_c() -> Interpolant:
    """Return ln c_nu as a function of ln(1 + nu), accurate to 1e-11."""

    def outside(log_c: float, nu: float) -> float:
        c = math.exp(log_c)
        return 2.0 * (c / 2.0) ** (nu + 1.0) * float(kv(nu + 1.0, c) / gamma(nu + 1.0)) - 0.5

    def log_c(log_shape: Float[np.ndarray, " d"]) -> Float[np.ndarray, "d 1"]:
        from scipy.optimize import brentq

        roots = [brentq(outside, -8.0, 2.0, args=(shape - 1.0,), xtol=1e-14) for shape in np.exp(log_shape)]
        return np.array(roots)[:, None]

    return interpolant(log_c, math.log(0.12), math.log(5.2), 22)


def _scale(r_eff: Any, nu: Any) -> tuple[Any, Any]:
    """Return the scale radius r_eff / c_nu, and nu clipped to just beyond its range."""
    nu = jnp.clip(nu, _LOWEST_NU, _HIGHEST_NU)
    return held(r_eff) * jnp.exp(-evaluate(_log_c(), jnp.log1p(nu))[0]), nu


def spergel(m: Float[Array, "*s"], r_eff: Any, nu: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round Spergel profile of flux 1 at the radius `m` (pixels)."""
    scale, nu = _scale(r_eff, nu)
    return jnp.exp(-gammaln(1.0 + nu)) / (2.0 * math.pi * scale**2) * scaled_bessel_k(m / scale, nu)


def spergel_transform(k: Float[Array, "*s"], r_eff: Any, nu: Any) -> Float[Array, "*s"]:
    """Return the Fourier transform of `spergel`, `(1 + k² r_eff² / c_nu²)^-(1 + nu)`."""
    scale, nu = _scale(r_eff, nu)
    return jnp.exp(-(1.0 + nu) * jnp.log1p((k * scale) ** 2))


def spergel_weights(log_width: LogWidths, r_eff: Any, nu: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
    """Return the fractions of the flux in Gaussians of the given ln sigma, and in a point.

    Weighted by flux, sigma² / (2 scale²) has a gamma distribution with the shape 1 + nu.
    """
    scale, nu = _scale(held_radius(log_width, r_eff), jnp.asarray(nu, log_width.dtype))
    amplitudes = gamma_density(2.0 * (jnp.asarray(extended(log_width)) - jnp.log(scale)), 1.0 + nu)
    # The narrowest Gaussian represents all narrower ones too, whose flux falls like sigma^(2 (1 + nu)).
    amplitudes = amplitudes.at[0].divide(-jnp.expm1(-2.0 * SPACING * (1.0 + nu)))
    return gather(amplitudes, log_width.size)


class Spergel(AbstractElliptical, AbstractMixture, AbstractTransformed):
    """Spergel profile, I(m) = I_0 (x/2)^nu K_nu(x) with x = c_nu m / r_eff (Spergel 2010; arXiv:1007.3248).

    It has the shape of an exponential disk at nu = 0.5, and resembles a de Vaucouleurs profile at nu = -0.6.
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    nu: Parameter = parameter(low=-0.85, high=4.0, start=0.0, doc="Spergel index: the lower, the more concentrated")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return spergel(m, self.r_eff, self.nu)

    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return spergel_transform(k, self.r_eff, self.nu)

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, self.nu

    weights = staticmethod(spergel_weights)  # pyright: ignore[reportAssignmentType]
