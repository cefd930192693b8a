"""The Sérsic family: Sérsic, exponential and de Vaucouleurs profiles."""

from typing import Any

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import (
    AbstractMixture,
    centre_parameter,
    ellip_parameter,
    flux_parameter,
    r_eff_parameter,
    theta_parameter,
)
from sersiclab.profiles.decomposition import sersic_weights


class Sersic(AbstractMixture):
    """Sérsic profile, I(m) = I_e exp(-b_n [(m / r_eff)^(1/n) - 1]) (Sérsic 1963; arXiv:astro-ph/0503176)."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    n: Parameter = parameter(low=0.5, high=8.0, doc="Sérsic index")
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def shape(self) -> tuple[Any, Any]:
        return self.ellip, self.theta

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, self.n

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]


class Exponential(AbstractMixture):
    """Exponential disk: the Sérsic profile of n = 1."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def shape(self) -> tuple[Any, Any]:
        return self.ellip, self.theta

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, 1.0

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]


class DeVaucouleurs(AbstractMixture):
    """De Vaucouleurs profile: the Sérsic profile of n = 4 (de Vaucouleurs 1948)."""

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()
    r_eff: Parameter = r_eff_parameter()
    ellip: Parameter = ellip_parameter()
    theta: Parameter = theta_parameter()

    def shape(self) -> tuple[Any, Any]:
        return self.ellip, self.theta

    def scales(self) -> tuple[Any, ...]:
        return self.r_eff, 4.0

    weights = staticmethod(sersic_weights)  # pyright: ignore[reportAssignmentType]
