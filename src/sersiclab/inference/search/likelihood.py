"""The expansion of the likelihood that the minimiser uses: its slope, and a curvature that is never negative.

With Gaussian noise the problem is one of least squares. For any other noise the curvature is that of iteratively
reweighted least squares: a pixel with the residual r = data - model has the weight -(d ln p / dr) / r. For scale
mixtures of normals (Student-t, mixtures, pseudo-Huber) the resulting quadratic function touches the likelihood from
below, so that steps are never too long (Lange, Little & Taylor 1989, JASA 84, 881). For Poisson noise it is the Fisher
information.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.model.density import Density
from sersiclab.model.joint_density import JointDensity
from sersiclab.model.unconstrained import AbstractDensity, Vector
from sersiclab.parameters import own_parameters, parameter_info, with_parameters
from sersiclab.parameters.stacks import Values


Constrain = Callable[[Vector], Values]
COLUMN_PIXELS = 2**14  # pixels, in all columns of the Jacobian that are computed at once


class Likelihood(NamedTuple):
    """The likelihood about a point, to second order.

    `pixels` holds whitened residuals for Gaussian noise, else log likelihoods. `slope` is the gradient of minus the log
    likelihood, and `curvature` its Hessian or a bound on it.
    """

    pixels: Float[Array, " p"]
    slope: Vector
    curvature: Float[Array, "d d"]


def is_least_squares(density: AbstractDensity) -> bool:
    """Whether minus the log likelihood is half a sum of squares."""
    return density.is_least_squares


def about(density: AbstractDensity, u: Vector, observed: Float[Array, ""]) -> Likelihood:
    """Expand the likelihood about `u`.

    If `observed` is 1, the curvature is that of the likelihood, without the second derivative of the model; if it is 0,
    that of reweighted least squares. For Gaussian noise the two are equal.
    """
    if isinstance(density, JointDensity):
        return _joint(density, u, observed)
    assert isinstance(density, Density)
    return _of_image(density, density.constrain, u, observed)


def gain(density: AbstractDensity, old: Float[Array, " p"], new: Float[Array, " p"]) -> Float[Array, ""]:
    """Return the increase of the log likelihood from the `old` pixels to the `new` ones.

    Differences are taken pixel by pixel: the difference of two sums would be lost in single precision.
    """
    if is_least_squares(density):
        return 0.5 * jnp.sum((old - new) * (old + new))
    return jnp.sum(new - old)


def _joint(density: JointDensity, u: Vector, observed: Float[Array, ""]) -> Likelihood:
    """Expand the likelihood of several images: each by its own parameters, of which there are fewer."""

    def own(u: Vector) -> list[Float[Array, "image p"]]:
        return density.image_values(density.constrain(u).vector)

    pixels, slope, curvature = [], jnp.zeros_like(u), jnp.zeros((u.size, u.size), u.dtype)
    for group, values, by_u in zip(density.groups, own(u), jax.jacfwd(own)(u), strict=True):

        def one(image: Density, v: Vector) -> Likelihood:
            return _of_image(image, lambda v: Values(image.paths, jnp.asarray(v)), v, observed)

        each = group.map(one, values)
        pixels.append(each.pixels.ravel())
        slope = slope + jnp.einsum("ip,ipd->d", each.slope, by_u, precision="highest")
        turned = jnp.einsum("ipq,iqe->ipe", each.curvature, by_u, precision="highest")
        curvature = curvature + jnp.einsum("ipd,ipe->de", by_u, turned, precision="highest")
    return Likelihood(jnp.concatenate(pixels), slope, curvature)


def _of_image(density: Density, constrain: Constrain, u: Vector, observed: Float[Array, ""]) -> Likelihood:
    """Expand the likelihood of one image about `u`, from which `constrain` makes the values of its parameters."""
    if is_least_squares(density):
        return _least_squares(density, constrain, u)
    return _reweighted(density, constrain, u, observed)


def _least_squares(density: Density, constrain: Constrain, u: Vector) -> Likelihood:
    residual, push = jax.linearize(lambda v: density.residuals(constrain(v)).ravel(), u)
    columns = jax.lax.map(push, jnp.eye(u.size, dtype=u.dtype), batch_size=batch_size(u.size, residual.size))
    product = _matmul(columns, jnp.column_stack([columns.T, residual]))
    return Likelihood(residual, product[:, -1], product[:, :-1])


def _reweighted(density: Density, constrain: Constrain, u: Vector, observed: Float[Array, ""]) -> Likelihood:
    (mean, values), push = jax.linearize(lambda v: _outputs(density, constrain(v)), u)
    basis = jnp.eye(u.size, dtype=u.dtype)
    columns, inner = jax.lax.map(push, basis, batch_size=batch_size(u.size, mean.size))
    each = pixelwise(density, mean, values, observed)
    slope = -_matmul(columns, each.score)
    curvature = _matmul(columns, (columns * each.weight[None, :]).T)
    return with_noise(Likelihood(each.pixels, slope, curvature), each, _matmul(columns, each.cross), inner, observed)


class Pixelwise(NamedTuple):
    """The likelihood of independent pixels about a model image and the noise's parameters, `values`.

    `score` is the derivative of each pixel's log likelihood by its mean, and `weight` minus the second derivative or
    a bound on it; `cross` is minus the derivative of `score` by the values. `value_score` and `among` belong to the sum
    over all pixels: its derivative by the values, and minus its second derivative or the Fisher information.
    """

    pixels: Float[Array, " p"]
    score: Float[Array, " p"]
    weight: Float[Array, " p"]
    cross: Float[Array, "p k"]
    value_score: Float[Array, " k"]
    among: Float[Array, "k k"]


def pixelwise(
    density: Density, mean: Float[Array, " p"], values: Float[Array, " k"], observed: Float[Array, ""]
) -> Pixelwise:
    """Expand the likelihood about a model image, for noise that is independent between pixels."""
    if is_least_squares(density):
        weight = jnp.where(density.valid, density.sigma**-2, 0.0).ravel()
        white = jnp.where(density.valid, (density.data - mean.reshape(density.data.shape)) / density.sigma, 0.0)
        none = jnp.zeros((mean.size, 0), mean.dtype)
        return Pixelwise(white.ravel(), (white / density.sigma).ravel(), weight, none, none[0], none[:0])

    def log_likelihood(mean: Float[Array, " p"], values: Float[Array, " k"]) -> Float[Array, " p"]:
        return _log_likelihood(density, mean, values)

    def score(mean: Float[Array, " p"], values: Float[Array, " k"]) -> tuple[Any, Any]:
        return jax.grad(lambda m, v: jnp.sum(log_likelihood(m, v)), argnums=(0, 1))(mean, values)

    pixel_score, value_score = score(mean, values)
    # The log likelihood of a pixel depends only on its own mean, so the Hessian times a vector of ones is its diagonal.
    own = -jax.jvp(lambda m: score(m, values)[0], (mean,), (jnp.ones_like(mean),))[1]
    residual = density.data.ravel() - mean
    reweighted = jnp.where(residual == 0, own, pixel_score / jnp.where(residual == 0, 1.0, residual))
    weight = jnp.where(observed > 0, own, jnp.maximum(reweighted, 0.0))
    cross, among = jnp.zeros((mean.size, 0), mean.dtype), jnp.zeros((0, 0), mean.dtype)
    if values.size:
        by_value = jax.jacfwd(log_likelihood, argnums=1)(mean, values)
        cross = -jax.jacfwd(lambda v: score(mean, v)[0])(values)
        hessian = -jax.jacfwd(lambda v: score(mean, v)[1])(values)
        # For the noise's parameters, the products of the scores: their mean is the Fisher information.
        among = jnp.where(observed > 0, hessian, _matmul(by_value.T, by_value))
    return Pixelwise(log_likelihood(mean, values), pixel_score, weight, cross, value_score, among)


def with_noise(
    image: Likelihood,
    each: Pixelwise,
    cross: Float[Array, "d k"],
    inner: Float[Array, "d k"],
    observed: Float[Array, ""],
) -> Likelihood:
    """Return the likelihood of the model image with the terms of the noise's parameters added.

    `cross` holds the products of the image's derivatives with `each.cross`, and `inner` the derivatives of the values.
    """
    if not each.value_score.size:
        return image
    slope = image.slope - _matmul(inner, each.value_score)
    mixed = observed * _matmul(cross, inner.T)
    curvature = image.curvature + mixed + mixed.T + _matmul(_matmul(inner, each.among), inner.T)
    return Likelihood(image.pixels, slope, curvature)


def noise_values(density: Density, u: Vector) -> Float[Array, " k"]:
    """Return the noise's parameters at `u`."""
    return _noise_numbers(density, density.constrain(u))


def _noise_numbers(density: Density, values: Values) -> Float[Array, " k"]:
    dtype = values.vector.dtype
    numbers = [jnp.asarray(value, dtype=dtype) for value in own_parameters(density.noise_at(values)).values()]
    return jnp.stack(numbers) if numbers else jnp.zeros(0, dtype)


def _outputs(density: Density, values: Values) -> tuple[Float[Array, " p"], Float[Array, " k"]]:
    """Return the model image and the noise's parameters, on which alone the likelihood depends."""
    return density.mean(values).ravel(), _noise_numbers(density, values)


def _log_likelihood(density: Density, mean: Float[Array, " p"], values: Float[Array, " k"]) -> Float[Array, " p"]:
    names = parameter_info(density.noise)
    noise = with_parameters(density.noise, dict(zip(names, values, strict=True)))
    law = noise.distribution(jnp.reshape(mean, density.data.shape), jnp.asarray(density.sigma))
    return jnp.where(density.valid, law.log_prob(density.data), 0.0).ravel()


def batch_size(columns: int, pixels: int) -> int:
    """Return the number of columns of a Jacobian to compute at once."""
    return max(1, min(columns, COLUMN_PIXELS // pixels))


def _matmul(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
