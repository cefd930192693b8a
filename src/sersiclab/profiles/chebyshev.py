"""Smooth functions of one number that JAX lacks: Chebyshev interpolation of SciPy's functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial.chebyshev import chebfit, chebpts1


class Interpolant(NamedTuple):
    """Polynomials, one per column, that interpolate functions of x between `low` and `high`."""

    low: float
    high: float
    coefficients: Float[np.ndarray, "d f"]


def interpolant(
    functions: Callable[[Float[np.ndarray, " d"]], Float[np.ndarray, "d f"]], low: float, high: float, degree: int
) -> Interpolant:
    """Return the polynomials that equal `functions` at the Chebyshev points."""
    t = chebpts1(degree + 1)
    values = functions(0.5 * (low + high + (high - low) * t))
    return Interpolant(low, high, chebfit(t, values, degree))


def evaluate(interpolant: Interpolant, x: Any) -> Float[Array, " f"]:
    """Return the values of the interpolants at the number `x`, which must lie within their range."""
    low, high, coefficients = interpolant
    t = (2.0 * x - (low + high)) / (high - low)
    polynomials = jnp.cos(np.arange(len(coefficients)) * jnp.arccos(t))
    return jnp.dot(polynomials, coefficients.astype(polynomials.dtype), precision="highest")
