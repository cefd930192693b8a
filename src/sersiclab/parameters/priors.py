"""Prior distributions of free parameters."""

import math
import operator
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints, transforms

from sersiclab.parameters import truncated
from sersiclab.parameters.quantiles import least_number
from sersiclab.parameters.scalars import Scalar, check_finite, is_number, to_float
from sersiclab.parameters.tree import AbstractPrior
from sersiclab.runtime.errors import InputError, InputTypeError


def _field(*, positive: bool = False, default: float = 0.0) -> Any:
    """A number. `default` is what an editor may start from; the constructor has no default."""
    return eqx.field(converter=to_float, metadata={"low": 0.0 if positive else None, "default": default})


def _bound(open_end: float) -> Any:
    """A bound. The infinity of its side is no bound; that is structure, so it must not be a traced number."""

    def convert(value: Any) -> Any:
        return None if is_number(value) and value == open_end else to_float(value)

    return eqx.field(default=None, kw_only=True, converter=convert)


def _init() -> Any:
    return eqx.field(default=None, kw_only=True, converter=to_float)


def _check_positive(prior: AbstractPrior, *names: str) -> None:
    _check_finite(prior, *names)
    for name in names:
        value = getattr(prior, name)
        if is_number(value) and not value > 0:
            raise InputError(f"{type(prior).__name__}.{name} must be positive and finite, got {value:g}")


def _check_finite(prior: AbstractPrior, *names: str) -> None:
    for name in names:
        check_finite(f"{type(prior).__name__}.{name}", getattr(prior, name))


def _check_ordered(prior: Any) -> None:
    if is_number(prior.low) and is_number(prior.high) and not prior.low < prior.high:
        raise InputError(f"{type(prior).__name__} needs low < high, got low={prior.low:g}, high={prior.high:g}")


def _between(low: Scalar, high: Scalar) -> list[transforms.Transform]:
    return [transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)]


def _beyond(end: Scalar, scale: Scalar) -> transforms.Transform:
    return transforms.ComposeTransform([transforms.SoftplusTransform(), transforms.AffineTransform(end, scale)])


class Normal(AbstractPrior):
    """Normal prior with mean `loc` and standard deviation `scale`."""

    loc: Scalar = _field()
    scale: Scalar = _field(positive=True, default=1.0)
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        _check_finite(self, "loc")
        _check_positive(self, "scale")

    def distribution(self) -> dist.Distribution:
        return dist.Normal(self.loc, self.scale)

    def transform(self) -> transforms.Transform:
        return transforms.AffineTransform(self.loc, self.scale)

    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def median(self) -> float:
        return float(self.loc)


class TruncatedNormal(AbstractPrior):
    """Normal prior cut off below `low` and above `high`; `None` leaves that side open."""

    loc: Scalar = _field()
    scale: Scalar = _field(positive=True, default=1.0)
    low: Scalar | None = _bound(-math.inf)
    high: Scalar | None = _bound(math.inf)
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        _check_finite(self, "loc")
        _check_positive(self, "scale")
        _check_finite(self, *(name for name in ("low", "high") if getattr(self, name) is not None))
        _check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return truncated.TruncatedNormal(self.loc, self.scale, self.low, self.high)

    def transform(self) -> transforms.Transform:
        if self.low is not None and self.high is not None:
            return transforms.ComposeTransform(_between(self.low, self.high))
        if self.low is not None:
            return _beyond(self.low, self.scale)
        if self.high is not None:
            return _beyond(self.high, -1.0 * self.scale)
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
    """Log-normal prior: ln x is normal with mean `loc` and standard deviation `scale`."""

    loc: Scalar = _field()
    scale: Scalar = _field(positive=True, default=1.0)
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        _check_finite(self, "loc")
        _check_positive(self, "scale")

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
            raise InputError(f"the median of its prior {self} is beyond all numbers; give the prior an init=") from None


class Uniform(AbstractPrior):
    """Uniform prior between `low` and `high`."""

    low: Scalar = _field()
    high: Scalar = _field(default=1.0)
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        _check_finite(self, "low", "high")
        _check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return dist.Uniform(self.low, self.high)

    def transform(self) -> transforms.Transform:
        return transforms.ComposeTransform(_between(self.low, self.high))

    def support(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def median(self) -> float:
        return 0.5 * (float(self.low) + float(self.high))


class LogUniform(AbstractPrior):
    """Prior uniform in ln x between `low` and `high`, both positive."""

    low: Scalar = _field(positive=True, default=1.0)
    high: Scalar = _field(positive=True, default=10.0)
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        _check_positive(self, "low", "high")
        _check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return dist.LogUniform(self.low, self.high)

    def transform(self) -> transforms.Transform:
        ends = _between(jnp.log(self.low), jnp.log(self.high))
        return transforms.ComposeTransform([*ends, transforms.ExpTransform()])

    def support(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def median(self) -> float:
        return math.sqrt(float(self.low) * float(self.high))


class HalfCircle(dist.Distribution):
    """Uniform distribution on the half circle, on its covering space: theta and theta + pi are one.

    Sampling on the real line, where the posterior merely repeats itself, has no seam at 0 and pi; a
    chain's draws modulo pi are draws of the posterior.
    """

    support = constraints.real  # pyright: ignore[reportAssignmentType]
    reparametrized_params: ClassVar[list[str]] = []

    def __init__(self, *, validate_args: bool | None = None) -> None:
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return jax.random.uniform(key, sample_shape, maxval=math.pi)

    def log_prob(self, value: Any) -> jax.Array:
        return jnp.full(jnp.shape(value), -math.log(math.pi))

    def icdf(self, q: Any) -> jax.Array:
        return math.pi * jnp.asarray(q)


class Angle(AbstractPrior):
    """Uniform prior on the half circle, for position angles (theta and theta + pi are the same)."""

    unit: ClassVar[str | None] = "rad"

    init: Scalar | None = _init()

    def distribution(self) -> dist.Distribution:
        return HalfCircle()

    def transform(self) -> transforms.Transform:
        return transforms.IdentityTransform()

    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def median(self) -> float:
        return 0.5 * math.pi


class Custom(AbstractPrior):
    """Any continuous univariate numpyro distribution as a prior."""

    base: dist.Distribution = eqx.field()
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        value = self.base
        if not isinstance(value, dist.Distribution):
            raise InputTypeError(f"Custom needs a numpyro distribution, got {value!r}")
        if value.batch_shape or value.event_shape or any(_is_discrete(part) for part in _parts(value)):
            raise InputError(f"Custom needs a continuous univariate distribution, got {value!r}")
        if any(_is_improper(part) for part in _parts(value)):
            raise InputError(f"Custom needs a distribution whose density has the integral one, got {value!r}")
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
        """Raises `ValueError` if the distribution says nothing of its quantiles and its mean."""
        transform = self.transform()

        def share(u: np.floating) -> float:
            return float(jnp.asarray(self.base.cdf(transform(u))))

        def below(u: np.floating) -> float:
            # Where numbers overflow, a CDF may be no number.
            found = share(u)
            return found if math.isfinite(found) else float(u > 0)

        try:
            # numpyro lacks many quantile functions, so solve the CDF on the real line. Rounding makes it a staircase.
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
    """A distribution and all that it is made of."""
    inner = [getattr(distribution, "base_dist", None), *getattr(distribution, "component_distributions", ())]
    parts = [_parts(part) for part in inner if isinstance(part, dist.Distribution)]
    return [distribution, *(part for parts_of_one in parts for part in parts_of_one)]


def _is_discrete(distribution: dist.Distribution) -> bool:
    return isinstance(distribution, dist.Delta) or getattr(distribution.support, "is_discrete", False)


def _is_improper(distribution: dist.Distribution) -> bool:
    return isinstance(distribution, dist.ImproperUniform | dist.Unit | dist.MaskedDistribution)


PRIORS: tuple[type[AbstractPrior], ...] = (
    Normal,
    TruncatedNormal,
    LogNormal,
    Uniform,
    LogUniform,
    Angle,
    Custom,
)
