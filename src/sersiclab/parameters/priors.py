"""Prior distributions of free parameters."""

import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import transforms

from sersiclab.parameters import truncated
from sersiclab.parameters.base import AbstractPrior
from sersiclab.parameters.custom import Custom
from sersiclab.parameters.half_circle import HalfCircle
from sersiclab.parameters.prior_fields import (
    between,
    beyond,
    bound_field,
    check_numbers,
    check_ordered,
    check_positive,
    init_field,
    number_field,
)
from sersiclab.parameters.scalars import Scalar
from sersiclab.runtime.errors import InputError


__all__ = ["PRIORS", "Angle", "Custom", "LogNormal", "LogUniform", "Normal", "TruncatedNormal", "Uniform"]


class Normal(AbstractPrior):
    """Normal prior with mean `loc` and standard deviation `scale`.

    Arguments:
        loc: the mean, in the unit of the parameter.
        scale: the standard deviation.
        init: the value to start from; by default the median.

    Raises:
        TypeError: if an argument is not a number.
        ValueError: if an argument is not finite, or `scale` is not positive.

    Example:
        >>> import sersiclab as sl
        >>> sl.Normal(60, 1).median()
        60.0
    """

    loc: Scalar = number_field()
    scale: Scalar = number_field(positive=True, default=1.0)
    init: Scalar | None = init_field()

    def __check_init__(self) -> None:
        check_numbers(self, "loc")
        check_positive(self, "scale")

    def distribution(self) -> dist.Distribution:
        return dist.Normal(self.loc, self.scale)

    def transform(self) -> transforms.Transform:
        return transforms.AffineTransform(self.loc, self.scale)

    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def median(self) -> float:
        return float(self.loc)


class TruncatedNormal(AbstractPrior):
    """Normal prior truncated at `low` and `high`; `None` leaves that side open.

    Arguments:
        loc: the mean before truncation, in the unit of the parameter.
        scale: the standard deviation before truncation.
        low: the lower bound.
        high: the upper bound.
        init: the value to start from; by default the median.

    Raises:
        TypeError: if an argument is not a number.
        ValueError: if `loc` or `scale` is not finite, `scale` is not positive, or `low` is not less than `high`.

    Example:
        >>> import sersiclab as sl
        >>> sl.TruncatedNormal(4, 1, low=0.5, high=8).support()
        (0.5, 8.0)
    """

    loc: Scalar = number_field()
    scale: Scalar = number_field(positive=True, default=1.0)
    low: Scalar | None = bound_field(-math.inf)
    high: Scalar | None = bound_field(math.inf)
    init: Scalar | None = init_field()

    def __check_init__(self) -> None:
        check_numbers(self, "loc")
        check_positive(self, "scale")
        check_numbers(self, *(name for name in ("low", "high") if getattr(self, name) is not None))
        check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return truncated.TruncatedNormalDistribution(self.loc, self.scale, self.low, self.high)

    def transform(self) -> transforms.Transform:
        if self.low is not None and self.high is not None:
            return transforms.ComposeTransform(between(self.low, self.high))
        if self.low is not None:
            return beyond(self.low, self.scale)
        if self.high is not None:
            return beyond(self.high, -1.0 * self.scale)
        return transforms.AffineTransform(self.loc, self.scale)

    def support(self) -> tuple[float, float]:
        return (
            -math.inf if self.low is None else float(self.low),
            math.inf if self.high is None else float(self.high),
        )

    def median(self) -> float:
        loc, scale = float(self.loc), float(self.scale)
        low, high = ((end - loc) / scale for end in self.support())
        return float(np.clip(loc + scale * truncated.median(low, high), *self.support()))


class LogNormal(AbstractPrior):
    """Log-normal prior: ln x is normal with mean `loc` and standard deviation `scale`.

    Arguments:
        loc: the mean of ln x; the median of x is exp(loc).
        scale: the standard deviation of ln x.
        init: the value to start from; by default the median.

    Raises:
        TypeError: if an argument is not a number.
        ValueError: if an argument is not finite, or `scale` is not positive.

    Example:
        >>> import sersiclab as sl
        >>> sl.LogNormal(0.0, 0.5).median()
        1.0
    """

    loc: Scalar = number_field(logarithm=True)
    scale: Scalar = number_field(positive=True, default=1.0, logarithm=True)
    init: Scalar | None = init_field()

    def __check_init__(self) -> None:
        check_numbers(self, "loc")
        check_positive(self, "scale")

    def distribution(self) -> dist.Distribution:
        return dist.LogNormal(self.loc, self.scale)

    def transform(self) -> transforms.Transform:
        return transforms.ComposeTransform(
            [transforms.AffineTransform(self.loc, self.scale), transforms.ExpTransform()]
        )

    def support(self) -> tuple[float, float]:
        return 0.0, math.inf

    def median(self) -> float:
        try:
            return math.exp(float(self.loc))
        except OverflowError:
            raise InputError(f"the median of its prior {self} overflows; give the prior an init=") from None


class Uniform(AbstractPrior):
    """Uniform prior between `low` and `high`.

    Arguments:
        low: the lower bound, in the unit of the parameter.
        high: the upper bound.
        init: the value to start from; by default the median.

    Raises:
        TypeError: if an argument is not a number.
        ValueError: if an argument is not finite, or `low` is not less than `high`.

    Example:
        >>> import sersiclab as sl
        >>> sl.Uniform(0, 0.9).median()
        0.45
    """

    low: Scalar = number_field()
    high: Scalar = number_field(default=1.0)
    init: Scalar | None = init_field()

    def __check_init__(self) -> None:
        check_numbers(self, "low", "high")
        check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return dist.Uniform(self.low, self.high)

    def transform(self) -> transforms.Transform:
        return transforms.ComposeTransform(between(self.low, self.high))

    def support(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def median(self) -> float:
        return 0.5 * (float(self.low) + float(self.high))


class LogUniform(AbstractPrior):
    """Prior uniform in ln x between `low` and `high`, both positive.

    Arguments:
        low: the lower bound, in the unit of the parameter.
        high: the upper bound.
        init: the value to start from; by default the median, sqrt(low * high).

    Raises:
        TypeError: if an argument is not a number.
        ValueError: if an argument is not positive and finite, or `low` is not less than `high`.

    Example:
        >>> import sersiclab as sl
        >>> sl.LogUniform(1, 100).median()
        10.0
    """

    low: Scalar = number_field(positive=True, default=1.0)
    high: Scalar = number_field(positive=True, default=10.0)
    init: Scalar | None = init_field()

    def __check_init__(self) -> None:
        check_positive(self, "low", "high")
        check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return dist.LogUniform(self.low, self.high)

    def transform(self) -> transforms.Transform:
        ends = between(jnp.log(self.low), jnp.log(self.high))
        return transforms.ComposeTransform([*ends, transforms.ExpTransform()])

    def support(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def median(self) -> float:
        return math.sqrt(float(self.low) * float(self.high))


class Angle(AbstractPrior):
    """Uniform prior on the half circle, for position angles (theta and theta + π are the same).

    Sampling works on the real line, where the posterior repeats itself, so that it has no seam at 0 and π.

    Arguments:
        init: the angle to start from in radians; by default π/2.

    Raises:
        TypeError: if `init` is not a number.
        ValueError: if `init` is not finite; by a profile, if the parameter is not an angle.

    Example:
        >>> import sersiclab as sl
        >>> sl.Angle(init=0.3)
        Angle(init=0.3)
    """

    unit: ClassVar[str | None] = "rad"

    init: Scalar | None = init_field()

    def distribution(self) -> dist.Distribution:
        return HalfCircle()

    def transform(self) -> transforms.Transform:
        return transforms.IdentityTransform()

    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def median(self) -> float:
        return 0.5 * math.pi


PRIORS: tuple[type[AbstractPrior], ...] = (
    Normal,
    TruncatedNormal,
    LogNormal,
    Uniform,
    LogUniform,
    Angle,
    Custom,
)
