"""Modified Bessel functions of the second kind, which JAX lacks, and their derivatives."""

import math
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial.chebyshev import cheb2poly, chebfit, chebpts1
from scipy.special import i1, k1, k1e


# The trapezoid's step: errors are |Gamma(nu + 2 pi i / step) / Gamma(nu)| for small x, 1e-8 at nu = 9, and
# exp(-2 pi² / (step² x)) for large x, where the function itself is exp(-x).
_STEP = 0.25
_SMALLEST = 1e-6
_NODES = _STEP * np.arange(math.ceil(np.arccosh(40.0 / _SMALLEST) / _STEP))


@jax.checkpoint
def scaled_bessel_k(x: Float[Array, "*s"], nu: Any) -> Float[Array, "*s"]:
    """`(x/2)^nu K_nu(x)` for x >= 1e-6 (below, the value there) and -1 < nu < 10.

    `K_nu(x) = integral of exp(-x cosh t) cosh(nu t)` over t > 0, by the trapezoid, which converges
    exponentially.
    """
    # A plane for each node, which are summed as they come: none is kept, also not for the derivative.
    x = jnp.maximum(x, _SMALLEST)[None]
    t = _NODES.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
    weights = np.where(t == 0, 0.5 * _STEP, _STEP).astype(x.dtype)
    log_cosh = jnp.logaddexp(nu * t, -nu * t) - math.log(2.0)
    return jnp.sum(weights * jnp.exp(log_cosh + (nu * jnp.log(0.5 * x) - np.cosh(t) * x)), axis=0)


@cache
def _k1_polynomials() -> tuple[list[float], list[float], list[float]]:
    """Coefficients, highest power first, of three functions that are smooth: good to 1e-10.

    Below x = 2 they are I_1(x) / x and x K_1(x) - x ln(x/2) I_1(x), in powers of x²/2 - 1; above it,
    sqrt(x) exp(x) K_1(x), in powers of 4/x - 1.
    """
    few, many = chebpts1(7), chebpts1(13)
    x, far = np.sqrt(2.0 * (few + 1.0)), 4.0 / (many + 1.0)
    fits = (
        chebfit(few, i1(x) / x, 6),
        chebfit(few, x * k1(x) - x * np.log(0.5 * x) * i1(x), 6),
        chebfit(many, np.sqrt(far) * k1e(far), 12),
    )
    first, second, third = (cheb2poly(fit)[::-1].tolist() for fit in fits)
    return first, second, third


def x_bessel_k1(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """`x K_1(x)` for x >= 0; 1 at x = 0."""
    ratio, rest, tail = (jnp.asarray(row, x.dtype) for row in _k1_polynomials())
    near, far = jnp.clip(x, 1e-12, 2.0), jnp.maximum(x, 2.0)
    square = 0.5 * near**2 - 1.0
    small = near**2 * jnp.log(0.5 * near) * jnp.polyval(ratio, square) + jnp.polyval(rest, square)
    large = jnp.sqrt(far) * jnp.exp(-far) * jnp.polyval(tail, 4.0 / far - 1.0)
    return jnp.where(x < 2.0, small, large)
