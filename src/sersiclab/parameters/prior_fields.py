"""Fields of priors, checks of their values, and maps from the real line to their supports."""

from typing import Any

import equinox as eqx
from numpyro.distributions import transforms

from sersiclab.parameters.base import AbstractPrior
from sersiclab.parameters.quantities import DIMENSIONLESS, check_number
from sersiclab.parameters.scalars import Scalar, is_number, to_float
from sersiclab.runtime.errors import InputError


def number_field(*, positive: bool = False, default: float = 0.0, logarithm: bool = False) -> Any:
    """Declare a number. `default` is the value from which an editor may start; the constructor has no default."""
    metadata: dict[str, Any] = {"low": 0.0 if positive else None, "default": default}
    return eqx.field(converter=to_float, metadata=metadata | ({DIMENSIONLESS: True} if logarithm else {}))


def bound_field(open_end: float) -> Any:
    """Declare a bound. The infinity of its side means no bound, which is structure: it can't be a traced number."""

    def convert(value: Any) -> Any:
        return None if is_number(value) and value == open_end else to_float(value)

    return eqx.field(default=None, kw_only=True, converter=convert)


def init_field() -> Any:
    """Declare the value to start from, which is optional."""
    return eqx.field(default=None, kw_only=True, converter=to_float)


def check_positive(prior: AbstractPrior, *names: str) -> None:
    """Raise unless these fields of a prior are positive, finite numbers, if they are known."""
    check_numbers(prior, *names)
    for name in names:
        value = getattr(prior, name)
        if is_number(value) and not value > 0:
            raise InputError(f"{type(prior).__name__}.{name} must be positive and finite, got {value:g}")


def check_numbers(prior: AbstractPrior, *names: str) -> None:
    """Raise unless these fields of a prior are finite numbers, if they are known."""
    for name in names:
        check_number(f"{type(prior).__name__}.{name}", getattr(prior, name))


def check_ordered(prior: Any) -> None:
    """Raise unless the bounds of a prior are in order, if they are known."""
    if is_number(prior.low) and is_number(prior.high) and not prior.low < prior.high:
        raise InputError(f"{type(prior).__name__} needs low < high, got low={prior.low:g}, high={prior.high:g}")


def between(low: Scalar, high: Scalar) -> list[transforms.Transform]:
    """Return transforms whose composition maps the real line to the interval between two bounds."""
    return [transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)]


def beyond(end: Scalar, scale: Scalar) -> transforms.Transform:
    """Return the map from the real line to the half line above `end` if `scale` is positive, else below it."""
    return transforms.ComposeTransform([transforms.SoftplusTransform(), transforms.AffineTransform(end, scale)])
