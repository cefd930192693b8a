"""The Sérsic family: Sérsic, exponential and de Vaucouleurs profiles."""

import math
from functools import cache
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import gammaincinv, gammaln

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractElliptical,
    AbstractMixture,
    AbstractTransformed,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    held,
    r_eff_parameter,
    theta_parameter,
)
from sersiclab.profiles.chebyshev import Interpolant, evaluate, interpolant
from sersiclab.profiles.decomposition import sersic_weights


# n is clipped to just beyond its declared range, well within that of the polynomials.
_LOWEST_N, _HIGHEST_N = 0.098, 10.2


@cache
def _constants() -> Interpolant:
    """Return ln b_n and ln I_e as functions of ln n, accurate to 1e-11."""

    def constants(log_n: Float[np.ndarray, " d"]) -> Float[np.ndarray, "d 2"]:
        n = np.exp(log_n)
        b = gammaincinv(2 * n, 0.5)
        return np.stack([np.log(b), 2 * n * np.log(b) - b - np.log(2 * np.pi * n) - gammaln(2 * n)], -1)

    return interpolant(constants, math.log(0.09), math.log(11.0), 24)


def held_index(n: Any) -> Any:
    """Return a Sérsic index, clipped to just beyond its declared range."""
    return jnp.clip(n, _LOWEST_N, _HIGHEST_N)


def sersic_constants(n: Any) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return b_n, for which half the light lies within r_eff, and the brightness at r_eff for flux = r_eff = 1.

    `I_e = b^(2n) exp(-b) / (2 pi n Gamma(2n))`, for n between 0.1 and 10.
    """
    b, brightness = jnp.exp(evaluate(_constants(), jnp.log(held_index(n))))
    return b, brightness


def sersic(m: Float[Array, "*s"], r_eff: Any, n: Any) -> Float[Array, "*s"]:
    """Return the surface brightness of a round Sérsic profile of flux 1 at the radius `m` > 0 (pixels)."""
    r_eff, n = held(r_eff), held_index(jnp.asarray(n, m.dtype))
    b, brightness = sersic_constants(n)
    # At large radii, x^(1/n) overflows where n is small.
    power = jnp.exp(jnp.minimum(jnp.log(m / r_eff) / n, 50.0))
    return brightness / r_eff**2 * jnp.exp(-b * (power - 1.0))


def index_parameter(**declared: Any) -> Any:
    """Return the declaration of a Sérsic index, whose default prior is uniform in its logarithm.

    Between 0.5 and 8 that prior has ln n = 0.69 ± 0.80, much like real galaxies: 0.50 ± 0.78 in COSMOS to I = 23.5
    (Mandelbaum et al. 2014, arXiv:1308.4982). A prior that is uniform in n has 1.26 ± 0.67, and would bias faint
    galaxies towards high indices.
    """
    return parameter(**{"low": 0.1, "high": 10.0, "doc": "Sérsic index", "logarithmic": True, **declared})


class Sersic(AbstractElliptical, AbstractMixture):
    """Sérsic profile, I(m) = I_e exp(-b_n [(m / r_eff)^(1/n) - 1]) (Sérsic 1963; arXiv:astro-ph/0503176).

    Example:
        >>> galaxy = sl.Sersic(
        ...     xc=50.0, yc=41.0, flux=sl.LogUniform(10.0, 1e3), r_eff=7.0, n=sl.Uniform(0.5, 8.0), ellip=0.4, theta=0.8
        ... )
        >>> list(sl.Model({"galaxy": galaxy}).free)
        ['galaxy.flux', 'galaxy.n']
    """

    limits: ClassVar = {"n": (0.5, 8.0)}

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    n: Parameter = index_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return sersic(m, self.r_eff, self.n)

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, self.n

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]


class Exponential(AbstractElliptical, AbstractMixture, AbstractTransformed):
    """Exponential disk: the Sérsic profile of n = 1.

    Example:
        >>> disk = sl.Exponential(xc=50.0, yc=41.0, flux=80.0, r_eff=9.0, ellip=0.4, theta=0.8)
        >>> disk.r_eff
        9.0
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return sersic(m, self.r_eff, 1.0)

    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        scale_length = held(self.r_eff) / sersic_constants(jnp.ones((), k.dtype))[0]
        return (1.0 + (k * scale_length) ** 2) ** -1.5

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, 1.0

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]


class DeVaucouleurs(AbstractElliptical, AbstractMixture):
    """De Vaucouleurs profile: the Sérsic profile of n = 4 (de Vaucouleurs 1948)."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return sersic(m, self.r_eff, 4.0)

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, 4.0

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]
