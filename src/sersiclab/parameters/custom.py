"""Numpyro distributions as priors."""

import math
import operator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import transforms

from sersiclab.parameters.base import AbstractPrior
from sersiclab.parameters.prior_fields import init_field
from sersiclab.parameters.quantiles import least_number
from sersiclab.parameters.scalars import Scalar
from sersiclab.runtime.errors import InputError, InputTypeError


class Custom(AbstractPrior):
    """Any continuous univariate numpyro distribution as a prior.

    Arguments:
        base: the distribution.
        init: the value to start from; by default the median.

    Raises:
        TypeError: if `base` is not a numpyro distribution.
        ValueError: if it is discrete, multivariate or improper, or its parameters are invalid.

    Example:
        >>> import numpyro.distributions as dist
        >>> import sersiclab as sl
        >>> sl.Custom(dist.Gamma(2.0, 1.0)).support()
        (0.0, inf)
    """

    base: dist.Distribution = eqx.field()
    init: Scalar | None = init_field()

    def __check_init__(self) -> None:
        value = self.base
        if not isinstance(value, dist.Distribution):
            raise InputTypeError(f"Custom needs a numpyro distribution, got {value!r}")
        if value.batch_shape or value.event_shape or any(_is_discrete(part) for part in _parts(value)):
            raise InputError(f"Custom needs a continuous univariate distribution, got {value!r}")
        if any(_is_improper(part) for part in _parts(value)):
            raise InputError(f"Custom needs a distribution whose density integrates to one, got {value!r}")
        low, high = self.support()
        if not low < high:
            raise InputError(f"Custom needs a distribution with low < high, got low={low:g}, high={high:g}")
        for part in _parts(value):
            try:
                part.validate_args(strict=False)
            except ValueError as error:
                raise InputError(f"Custom needs a distribution: {error}") from error

    def distribution(self) -> dist.Distribution:
        return self.base

    def transform(self) -> transforms.Transform:
        return dist.biject_to(self.base.support)

    def support(self) -> tuple[float, float]:
        constraint = self.base.support
        return (
            float(getattr(constraint, "lower_bound", -math.inf)),
            float(getattr(constraint, "upper_bound", math.inf)),
        )

    def median(self) -> float:
        """Return the median; raise `ValueError` if the distribution has neither quantiles nor a mean."""
        transform = self.transform()

        def share(u: np.floating) -> float:
            return float(jnp.asarray(self.base.cdf(transform(u))))

        def below(u: np.floating) -> float:
            # A CDF may be NaN where numbers overflow.
            found = share(u)
            return found if math.isfinite(found) else float(u > 0)

        try:
            # numpyro lacks many quantile functions: invert the CDF on the real line. Rounding makes it a staircase.
            with np.errstate(all="ignore"):
                first, last = (
                    least_number(lambda u, over=over: over(below(u), 0.5)) for over in (operator.ge, operator.gt)
                )
            middle = 0.5 * transform(first) + 0.5 * transform(last) if math.isfinite(share(first)) else math.nan
        except NotImplementedError:
            middle = self.base.mean
        found = float(jnp.asarray(middle))
        low, high = self.support()
        if not (math.isfinite(found) and low <= found <= high):
            raise InputError(f"the median of its prior {self} can't be computed; give the prior an init=")
        return found


def _parts(distribution: dist.Distribution) -> list[dist.Distribution]:
    """Return a distribution and all its parts."""
    inner = [getattr(distribution, "base_dist", None), *getattr(distribution, "component_distributions", ())]
    parts = [_parts(part) for part in inner if isinstance(part, dist.Distribution)]
    return [distribution, *(part for parts_of_one in parts for part in parts_of_one)]


def _is_discrete(distribution: dist.Distribution) -> bool:
    return isinstance(distribution, dist.Delta) or getattr(distribution.support, "is_discrete", False)


def _is_improper(distribution: dist.Distribution) -> bool:
    return isinstance(distribution, dist.ImproperUniform | dist.Unit | dist.MaskedDistribution)
