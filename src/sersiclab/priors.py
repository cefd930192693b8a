"""Prior distributions of free parameters."""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints, transforms
from scipy.special import ndtr, ndtri

from sersiclab.parameters import AbstractPrior, Scalar, is_number


def _number(value: Any) -> Any:
    return float(value) if is_number(value) and not isinstance(value, jax.Array) else value


def _field(*, positive: bool = False, default: float = 0.0) -> Any:
    """A number. `default` is what an editor may start from; the constructor has no default."""
    return eqx.field(converter=_number, metadata={"low": 0.0 if positive else None, "default": default})


def _bound(value: Any) -> Any:
    """A bound given as an infinity is no bound; that is structure, so it must not be a traced number."""
    return None if is_number(value) and math.isinf(value) else _number(value)


def _init() -> Any:
    return eqx.field(default=None, kw_only=True, converter=_number)


def _concrete(prior: AbstractPrior, name: str) -> float | None:
    """A field's number, or None where it is traced and was checked before. Raises if it is neither."""
    value = getattr(prior, name)
    if is_number(value):
        return float(value)
    if isinstance(value, jax.Array | np.ndarray):
        return None
    raise TypeError(f"{type(prior).__name__}.{name} must be a number, got {value!r}")


def _check_positive(prior: AbstractPrior, *names: str) -> None:
    for name in names:
        value = _concrete(prior, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{type(prior).__name__}.{name} must be positive and finite, got {value:g}")


def _check_finite(prior: AbstractPrior, *names: str) -> None:
    for name in names:
        value = _concrete(prior, name)
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{type(prior).__name__}.{name} must be finite, got {value:g}")


def _check_ordered(prior: Any) -> None:
    if is_number(prior.low) and is_number(prior.high) and not prior.low < prior.high:
        raise ValueError(f"{type(prior).__name__} needs low < high, got low={prior.low:g}, high={prior.high:g}")


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
    low: Scalar | None = eqx.field(default=None, kw_only=True, converter=_bound)
    high: Scalar | None = eqx.field(default=None, kw_only=True, converter=_bound)
    init: Scalar | None = _init()

    def __check_init__(self) -> None:
        _check_finite(self, "loc")
        _check_positive(self, "scale")
        _check_ordered(self)

    def distribution(self) -> dist.Distribution:
        return dist.TruncatedNormal(self.loc, self.scale, low=self.low, high=self.high)

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
        # Work in the tail where the normal CDF keeps its digits.
        sign = -1.0 if low > 0 else 1.0
        low, high = (low, high) if sign > 0 else (-high, -low)
        middle = sign * ndtri(0.5 * (ndtr(low) + ndtr(high)))
        return float(np.clip(loc + scale * middle, *self.support()))


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
        return math.exp(float(self.loc))


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


class Angle(AbstractPrior):
    """Uniform prior on the half circle, for position angles (theta and theta + pi are the same)."""

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
            raise TypeError(f"Custom needs a numpyro distribution, got {value!r}")
        if value.batch_shape or value.event_shape or getattr(value.support, "is_discrete", False):
            raise ValueError(f"Custom needs a continuous univariate distribution, got {value!r}")

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
        from scipy.optimize import brentq

        # numpyro lacks many quantile functions, so solve the CDF on the real line.
        transform = self.transform()
        try:
            middle = brentq(lambda u: float(jnp.asarray(self.base.cdf(transform(u)))) - 0.5, -30.0, 30.0)
        except NotImplementedError:
            return float(jnp.asarray(self.base.mean))
        return float(jnp.asarray(transform(middle)))


PRIORS: tuple[type[AbstractPrior], ...] = (
    Normal,
    TruncatedNormal,
    LogNormal,
    Uniform,
    LogUniform,
    Angle,
    Custom,
)
