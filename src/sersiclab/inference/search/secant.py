"""What the Gauss-Newton matrix leaves out of a Hessian, learned from how the gradient changes along the steps.

The Gauss-Newton matrix H has no second derivatives of the model. They matter where the residuals are not small against
what the parameters change: for faint galaxies a descent by H alone takes twice as many steps. The missing part S is
changed after each step p, over which the gradient changes by y, so that (H + S) p = y: by the sized update of Davidon,
Fletcher and Powell as in NL2SOL (Dennis, Gay & Welsch 1981, ACM Trans. Math. Softw. 7, 348).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


# H + S lies between these multiples of H in every direction: a Hessian that is learned from few steps may be far off.
LEAST, MOST = 0.2, 5.0


def learned(
    missing: Float[Array, "d d"], step: Float[Array, " d"], change: Float[Array, " d"], curvature: Float[Array, "d d"]
) -> Float[Array, "d d"]:
    """Return S after a `step` that changed the gradient by `change` and led to the Gauss-Newton matrix `curvature`.

    It is NaN if the gradient does not grow along the step, which teaches nothing about a minimum.
    """
    wanted = change - curvature @ step
    had, grown = missing @ step, jnp.dot(step, change)
    sizing = jnp.minimum(1.0, jnp.abs(jnp.dot(step, wanted)) / jnp.abs(jnp.dot(step, had)))
    sizing = jnp.where(jnp.dot(step, had) == 0, 1.0, sizing)
    rest = wanted - sizing * had
    outer = jnp.outer(rest, change)
    update = (outer + outer.T) / grown - jnp.dot(rest, step) * jnp.outer(change, change) / grown**2
    return jnp.where(grown > 0, sizing * missing + update, jnp.nan)


def completed(curvature: Float[Array, "d d"], missing: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """Return H + S, brought between the multiples of H; both are in units of the parameters' own scales.

    It is H if there is none, as where rounding has left H no longer positive definite.
    """
    identity = jnp.eye(len(curvature), dtype=curvature.dtype)
    factor = jnp.linalg.cholesky(curvature + 100 * jnp.finfo(curvature.dtype).eps * identity)
    half = jax.scipy.linalg.solve_triangular(factor, missing, lower=True)
    relative = jax.scipy.linalg.solve_triangular(factor, half.T, lower=True)
    sizes, axes = jnp.linalg.eigh(0.5 * (relative + relative.T))
    axes = factor @ axes
    whole = curvature + (axes * jnp.clip(sizes, LEAST - 1, MOST - 1)[None, :]) @ axes.T
    return jnp.where(jnp.all(jnp.isfinite(whole)), whole, curvature)
