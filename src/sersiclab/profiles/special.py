"""Special functions that JAX lacks, and their derivatives."""

import math
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import gammaln
from jaxtyping import Array, Float
from numpy.polynomial.chebyshev import cheb2poly, chebfit, chebpts1
from scipy.special import i1, k1, k1e


# The step of the trapezoidal rule. Errors are |Gamma(nu + 2 pi i / step) / Gamma(nu)| for small x, 1e-8 at nu = 9, and
# exp(-2 pi² / (step² x)) for large x, where the function itself is exp(-x).
_STEP = 0.25
_SMALLEST, _SMALLEST_CUSP = 1e-6, 1e-14
_NODES = _STEP * np.arange(math.ceil(np.arccosh(40.0 / _SMALLEST) / _STEP))


def log_beta(a: Any, b: Any) -> Any:
    """Return ln of the beta function, accurate to rounding errors, unlike JAX's, and quicker to compile."""
    first, second, both = gammaln(jnp.stack(jnp.broadcast_arrays(a, b, a + b)))
    return first + second - both


def scaled_bessel_k(x: Float[Array, "*s"], nu: Any) -> Float[Array, "*s"]:
    """Return `(x/2)^nu K_nu(x)` for x >= 0 and -1 < nu < 10.

    `K_nu(x)` is the integral of `exp(-x cosh t) cosh(nu t)` over t > 0, which the trapezoidal rule gives with
    exponential convergence. Below x = 1e-6 the function is nearly constant, or, where nu < 0, a power-law cusp that is
    cut off at x = 1e-14.
    """
    below = jnp.clip(x / _SMALLEST, _SMALLEST_CUSP / _SMALLEST, 1.0)
    cusp = jnp.exp(2.0 * jnp.minimum(nu, 0.0) * jnp.log(below))
    x = jnp.maximum(x, _SMALLEST)
    nodes = _NODES.astype(x.dtype)
    weights = np.where(nodes == 0, 0.5 * _STEP, _STEP).astype(x.dtype)
    log_cosh = jnp.logaddexp(nu * nodes, -nu * nodes) - math.log(2.0)
    log_power = nu * jnp.log(0.5 * x)

    def add_node(total: Float[Array, "*s"], node: tuple[Any, Any, Any]) -> tuple[Float[Array, "*s"], None]:
        weight, cosh, log_cosh = node
        return total + weight * jnp.exp(log_cosh + (log_power - cosh * x)), None

    # The backward pass computes the plane of each node again instead of keeping all of them in memory.
    step = jax.checkpoint(add_node, prevent_cse=False)
    return cusp * lax.scan(step, jnp.zeros_like(x), (weights, np.cosh(nodes), log_cosh))[0]


@cache
def _k1_polynomials() -> tuple[list[float], list[float], list[float]]:
    """Return coefficients of polynomials, highest power first, for three smooth functions, accurate to 1e-10.

    Below x = 2 the functions are I_1(x) / x and x K_1(x) - x ln(x/2) I_1(x), in powers of x²/2 - 1. Above x = 2 the
    function is sqrt(x) exp(x) K_1(x), in powers of 4/x - 1.
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
    """Return `x K_1(x)` for x >= 0; it is 1 at x = 0."""
    ratio, rest, tail = _k1_polynomials()
    near, far = jnp.clip(x, 1e-12, 2.0), jnp.maximum(x, 2.0)
    square = 0.5 * near**2 - 1.0
    small = near**2 * jnp.log(0.5 * near) * _polynomial(ratio, square) + _polynomial(rest, square)
    large = jnp.sqrt(far) * jnp.exp(-far) * _polynomial(tail, 4.0 / far - 1.0)
    return jnp.where(x < 2.0, small, large)


def _polynomial(coefficients: list[float], x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Evaluate a polynomial by Horner's rule, highest power first."""
    total = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total
