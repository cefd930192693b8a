"""Quantities shared by components, such as a total flux or the ratio of two sizes, to which components are tied."""

import equinox as eqx

from sersiclab.parameters.base import Parameter
from sersiclab.parameters.declarations import check_parameters, parameter
from sersiclab.parameters.documenting import document_parameters


class AbstractLink(eqx.Module):
    """Base class of owners of parameters that draw nothing. The paths of the parameters begin with the link's name."""

    def __init_subclass__(cls) -> None:
        document_parameters(cls)

    def __check_init__(self) -> None:
        check_parameters(self)


class TotalFlux(AbstractLink):
    """The total flux of two components and the share of the first: see `Model.with_total_flux`."""

    flux: Parameter = parameter(unit="image", doc="total flux of both components")
    fraction: Parameter = parameter(low=0.0, high=1.0, doc="share of the first component")


class Ratio(AbstractLink):
    """The ratio of two parameters, which keeps them in order: see `Model.with_order`."""

    ratio: Parameter = parameter(low=0.0, high=1.0, doc="the smaller over the larger")


class RatioAbove(AbstractLink):
    """The ratio of two parameters' distances from a lower bound, which keeps them in order: see `Model.with_order`."""

    ratio: Parameter = parameter(low=0.0, high=1.0, doc="the smaller over the larger, both above the lower bound")
    excess: Parameter = parameter(low=0.0, doc="the smaller above the lower bound")


LINKS: tuple[type[AbstractLink], ...] = (TotalFlux, Ratio, RatioAbove)
