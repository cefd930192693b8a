"""Disks seen edge-on."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractExtended,
    centre_parameter,
    flux_parameter,
    held,
    principal_axes,
    theta_parameter,
)
from sersiclab.profiles.special import log_beta, x_bessel_k1


def edge_on_disk(
    along: Float[Array, "*s"], across: Float[Array, "*s"], h_r: Any, h_z: Any, n: Any
) -> Float[Array, "*s"]:
    """Return the surface brightness of an edge-on disk of flux 1, at offsets along the disk and across it (pixels).

    Its flux is `pi h_r 2 h_z B(1/2, 1/n) / n` times the central brightness.
    """
    h_r, h_z, n = held(h_r), held(h_z), jnp.clip(n, 0.45, 1100.0)
    u = 0.5 * n * across / h_z
    log_vertical = 2.0 / n * (math.log(2.0) - jnp.logaddexp(u, -u))
    log_flux = jnp.log(2.0 * math.pi * h_r * h_z / n) + log_beta(0.5, 1.0 / n)
    return x_bessel_k1(jnp.abs(along) / h_r) * jnp.exp(log_vertical - log_flux)


class EdgeOnDisk(AbstractExtended):
    """Edge-on disk, I = I_0 (R/h_r) K_1(R/h_r) sech^(2/n)(n z / (2 h_z)): an exponential disk seen from the side.

    R lies along the major axis and z across it. n = 1 is the isothermal sheet, and n = infinity is exponential in z
    (van der Kruit & Searle 1981; van der Kruit 1988; arXiv:1408.1097).
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    h_r: Parameter = parameter(low=0.0, open_low=True, unit="pixel", start=0.7, doc="scale length of the disk")
    h_z: Parameter = parameter(
        low=0.0, open_low=True, unit="pixel", start=0.1, doc="scale height of the disk", across=True
    )
    n: Parameter = parameter(low=0.5, high=1000.0, usual=(0.5, 10.0), start=1.0, doc="vertical shape: 1 is sech²")
    theta: Parameter = theta_parameter()

    def shape(self) -> tuple[Any, Any]:
        return jnp.clip(1.0 - self.h_z / held(self.h_r), 0.0, 0.95), self.theta

    def brightness(self, x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        along, across = principal_axes(x, y, 0.0, self.theta)
        return self.flux * edge_on_disk(along, across, self.h_r, self.h_z, self.n)
