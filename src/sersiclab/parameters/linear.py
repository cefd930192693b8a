"""Priors and ties of parameters that are multiplied by a number and shifted by another."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpyro.distributions as dist
from numpyro.distributions import transforms

from sersiclab.parameters.base import AbstractPrior, Tied
from sersiclab.parameters.priors import Angle, Custom, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform


class LinearMap(NamedTuple):
    """The map of a parameter: `factor * value + offset`."""

    factor: float
    offset: float = 0.0

    def at(self, value: Any) -> Any:
        """Return the mapped value."""
        return self.factor * value + self.offset


SAME = LinearMap(1.0)


def linear_prior(prior: AbstractPrior, law: LinearMap) -> AbstractPrior | None:
    """Return the prior of a mapped parameter, of the same kind, without `init`; None if there is none of that kind.

    A prior on the logarithm can't be shifted, nor can its parameter change sign; the same holds for `Custom`. `Angle`
    is the same for every angle.
    """
    if law == SAME or isinstance(prior, Angle):
        return dataclasses.replace(prior, init=None)
    if isinstance(prior, Normal):
        return Normal(loc=float(law.at(prior.loc)), scale=float(abs(law.factor) * prior.scale))
    if isinstance(prior, TruncatedNormal):
        low, high = (None if end is None else float(law.at(end)) for end in (prior.low, prior.high))
        low, high = (low, high) if law.factor > 0 else (high, low)
        loc, scale = float(law.at(prior.loc)), float(abs(law.factor) * prior.scale)
        return TruncatedNormal(loc=loc, scale=scale, low=low, high=high)
    if isinstance(prior, Uniform):
        low, high = sorted((float(law.at(prior.low)), float(law.at(prior.high))))
        return Uniform(low=low, high=high)
    if law.offset != 0.0 or not law.factor > 0.0:
        return None
    if isinstance(prior, LogUniform):
        return LogUniform(low=float(law.at(prior.low)), high=float(law.at(prior.high)))
    if isinstance(prior, LogNormal):
        return LogNormal(loc=float(prior.loc + math.log(law.factor)), scale=float(prior.scale))
    return Custom(base=_scaled(prior.base, law.factor)) if isinstance(prior, Custom) else None


def linear_tie(tie: Tied, own: LinearMap, other: LinearMap, by: LinearMap = SAME) -> Tied | None:
    """Return the tie between mapped parameters; None if it is not a tie any more.

    Arguments:
        tie: between the original parameters.
        own: the map of the parameter that is tied.
        other: the map of the parameter that it follows.
        by: the map of the parameter that `tie.by` follows.

    Returns:
        The tie.
    """
    scale = own.factor * tie.scale / other.factor
    offset = own.factor * tie.offset - scale * other.offset
    if tie.by is None:
        return Tied(tie.to, scale=scale, offset=offset + own.offset)
    if own.offset != 0.0:
        return None
    return Tied(tie.to, scale=scale, offset=offset, by=linear_tie(tie.by, SAME, by))


def _scaled(law: dist.Distribution, factor: float) -> dist.Distribution:
    domain: Any = law.support
    return dist.TransformedDistribution(law, transforms.AffineTransform(0.0, factor, domain=domain))
