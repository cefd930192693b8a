"""The likelihood about a point, as the minimiser sees it: its slope, and a curvature that is never negative.

Gaussian noise is least squares. For any other noise the curvature is that of iteratively reweighted least
squares: a pixel with the residual r = data - model weighs -(d ln p / dr) / r. The quadratic function that it
makes touches the likelihood from below for scale mixtures of normals (Student-t, mixtures, pseudo-Huber), so
that steps don't go too far (Lange, Little & Taylor 1989, JASA 84, 881); for Poisson noise it is the Fisher
information.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.density import Density, Vector
from sersiclab.noise import AbstractNormalNoise
from sersiclab.parameters import own_parameters, parameter_info, with_parameters


COLUMN_PIXELS = 2**14  # pixels in the Jacobian's columns that are computed at once


class Likelihood(NamedTuple):
    """The likelihood about a point.

    `pixels` are whitened residuals for Gaussian noise, else log likelihoods. `slope` is the gradient of
    minus the log likelihood, `curvature` its Hessian or a bound to it.
    """

    pixels: Float[Array, " p"]
    slope: Vector
    curvature: Float[Array, "d d"]


def is_least_squares(density: Density) -> bool:
    """Whether minus the log likelihood is half a sum of squares."""
    return isinstance(density.noise, AbstractNormalNoise)


def about(density: Density, u: Vector, observed: Float[Array, ""]) -> Likelihood:
    """The likelihood about `u`.

    If `observed` is 1, the curvature is the likelihood's own but for the model's second derivative; if it
    is 0, that of reweighted least squares. For Gaussian noise they are the same.
    """
    if is_least_squares(density):
        return _least_squares(density, u)
    return _reweighted(density, u, observed)


def gain(density: Density, old: Float[Array, " p"], new: Float[Array, " p"]) -> Float[Array, ""]:
    """By how much the log likelihood grows from pixels to pixels.

    Differences pixel by pixel: the difference of two sums would drown in single precision.
    """
    if is_least_squares(density):
        return 0.5 * jnp.sum((old - new) * (old + new))
    return jnp.sum(new - old)


def _least_squares(density: Density, u: Vector) -> Likelihood:
    residual, push = jax.linearize(lambda v: density.residuals(density.constrain(v)).ravel(), u)
    columns = jax.lax.map(push, jnp.eye(u.size, dtype=u.dtype), batch_size=_batch(u.size, residual.size))
    product = _matmul(columns, jnp.column_stack([columns.T, residual]))
    return Likelihood(residual, product[:, -1], product[:, :-1])


def _reweighted(density: Density, u: Vector, observed: Float[Array, ""]) -> Likelihood:
    (mean, values), push = jax.linearize(lambda v: _outputs(density, v), u)
    basis = jnp.eye(u.size, dtype=u.dtype)
    columns, inner = jax.lax.map(push, basis, batch_size=_batch(u.size, mean.size))

    def log_likelihood(mean: Float[Array, " p"], values: Float[Array, " k"]) -> Float[Array, " p"]:
        return _log_likelihood(density, mean, values)

    def score(mean: Float[Array, " p"], values: Float[Array, " k"]) -> tuple[Any, Any]:
        return jax.grad(lambda m, v: jnp.sum(log_likelihood(m, v)), argnums=(0, 1))(mean, values)

    pixel_score, value_score = score(mean, values)
    # The log likelihood of a pixel depends on its own mean alone, so the Hessian's product with ones is its diagonal.
    own = -jax.jvp(lambda m: score(m, values)[0], (mean,), (jnp.ones_like(mean),))[1]
    residual = density.data.ravel() - mean
    reweighted = jnp.where(residual == 0, own, pixel_score / jnp.where(residual == 0, 1.0, residual))
    weight = jnp.where(observed > 0, own, jnp.maximum(reweighted, 0.0))
    slope = -_matmul(columns, pixel_score) - _matmul(inner, value_score)
    curvature = _matmul(columns, (columns * weight[None, :]).T)
    if values.size:
        by_value = jax.jacfwd(log_likelihood, argnums=1)(mean, values)
        cross = -jax.jacfwd(lambda v: score(mean, v)[0])(values)
        hessian = -jax.jacfwd(lambda v: score(mean, v)[1])(values)
        # Of the noise's own parameters, the scores' squares: their mean is the Fisher information.
        among = jnp.where(observed > 0, hessian, _matmul(by_value.T, by_value))
        mixed = observed * _matmul(_matmul(columns, cross), inner.T)
        curvature = curvature + mixed + mixed.T + _matmul(_matmul(inner, among), inner.T)
    return Likelihood(log_likelihood(mean, values), slope, curvature)


def _outputs(density: Density, u: Vector) -> tuple[Float[Array, " p"], Float[Array, " k"]]:
    """The model image and the noise's parameters, which are all that the likelihood depends on."""
    at = density.constrain(u)
    values = [jnp.asarray(value, dtype=u.dtype) for value in own_parameters(density.noise_at(at)).values()]
    return density.mean(at).ravel(), jnp.stack(values) if values else jnp.zeros(0, u.dtype)


def _log_likelihood(density: Density, mean: Float[Array, " p"], values: Float[Array, " k"]) -> Float[Array, " p"]:
    names = parameter_info(density.noise)
    noise = with_parameters(density.noise, dict(zip(names, values, strict=True)))
    law = noise.distribution(jnp.reshape(mean, density.data.shape), density.sigma)
    return jnp.where(density.valid, law.log_prob(density.data), 0.0).ravel()


def _batch(columns: int, pixels: int) -> int:
    return max(1, min(columns, COLUMN_PIXELS // pixels))


def _matmul(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
