"""A joint fit's log posterior to second order about its best values, image by image.

The curvature is that of Gauss and Newton: for noise that is not Gaussian, the sum over pixels of the products of their
scores.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.model.density import Density
from sersiclab.model.joint_density import JointDensity
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.stacks import Values


COLUMN_PIXELS = 2**14  # pixels in all columns of the Jacobian that are computed at once
SINGULAR = 1e-5  # scaled eigenvalues of the joint curvature below this are rounding errors


class ImageExpansion(NamedTuple):
    """Minus the log likelihood of an image to second order in its parameters and its shift, (dx, dy), the last two.

    `by_u` is the derivative of the image's parameters by the joint ones. `places` are those of its parameters among
    all numbers that are known; see `ImageLinks`.
    """

    slope: Float[np.ndarray, " p"]
    curvature: Float[np.ndarray, "p p"]
    by_u: Float[np.ndarray, "q d"]
    paths: tuple[str, ...]
    places: np.ndarray


class JointExpansion(NamedTuple):
    """All images, the slope and the inverse curvature of minus the joint log posterior, and the slopes of curves.

    `bends` holds, for each curve, the derivatives of its values in the images by what is interpolated.
    """

    images: tuple[ImageExpansion, ...]
    slope: Float[np.ndarray, " d"]
    inverse: Float[np.ndarray, "d d"]
    bends: tuple[Float[np.ndarray, " image"], ...]

    @staticmethod
    def of(density: JointDensity, best: Any) -> "JointExpansion | None":
        """Return the expansion about the best values, by path in the user's unit; None if it is not finite."""
        u = density.unconstrain(density.values(best))
        found, *others = jax.tree.map(lambda x: np.asarray(x, dtype=float), _expanded(density, u))
        prior_slope, prior_curvature, bends = others
        images: dict[int, ImageExpansion] = {}
        for group, (slopes, curvatures, by_u) in zip(density.groups, found, strict=True):
            for place, number in enumerate(np.asarray(group.order).tolist()):
                images[number] = ImageExpansion(
                    slopes[place], curvatures[place], by_u[place], group.density.paths, np.asarray(group.places[place])
                )
        slope, curvature = prior_slope, np.diag(prior_curvature)
        for each in images.values():
            count = len(each.paths)
            slope = slope + each.by_u.T @ each.slope[:count]
            curvature = curvature + each.by_u.T @ each.curvature[:count, :count] @ each.by_u
        if not (np.isfinite(slope).all() and np.isfinite(curvature).all()):
            return None
        return JointExpansion(tuple(each for _, each in sorted(images.items())), slope, _inverse(curvature), bends)


def _inverse(curvature: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """Return the inverse on the space of the directions that the posterior determines."""
    diagonal = np.diag(curvature)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    kept = values > SINGULAR
    return (vectors[:, kept] / values[kept]) @ vectors[:, kept].T / np.outer(scale, scale)


@jax.jit
def _expanded(density: JointDensity, u: Float[Array, " d"]) -> Any:
    def own(u: Float[Array, " d"]) -> list[Float[Array, "image p"]]:
        return density.image_values(density.constrain(u).vector)

    images = []
    for group, values, by_u in zip(density.groups, own(u), jax.jacfwd(own)(u), strict=True):
        images.append((*group.map(_of_image, values), by_u))
    values = density.constrain(u).vector
    numbers = density.numbers.at(jnp.append(values, 0.0))
    bends = tuple(curve.slopes(numbers) for curve in density.curves)
    # Priors are independent, so that their Hessian times a vector of ones is its diagonal.
    slope, bend = jax.jvp(jax.grad(lambda u: -density.log_prior(u)), (u,), (jnp.ones_like(u),))
    return images, slope, jnp.maximum(bend, 0.0), bends


def _of_image(image: Density, values: Float[Array, " p"]) -> tuple[Float[Array, " q"], Float[Array, "q q"]]:
    """Return the slope and the curvature of minus the log likelihood of one image."""
    count = values.size

    def pixels(numbers: Float[Array, " q"]) -> Float[Array, " pixel"]:
        there, own = _shifted(image, numbers[count:]), Values(image.paths, numbers[:count])
        return (there.residuals(own) if image.is_least_squares else there.pointwise_log_likelihood(own)).ravel()

    numbers = jnp.concatenate([values, jnp.zeros(2, values.dtype)])
    found, push = jax.linearize(pixels, numbers)
    batch = max(1, min(numbers.size, COLUMN_PIXELS // found.size))
    columns = jax.lax.map(push, jnp.eye(numbers.size, dtype=numbers.dtype), batch_size=batch)
    weights = found if image.is_least_squares else -jnp.ones_like(found)
    precise = jax.lax.Precision.HIGHEST
    return jnp.matmul(columns, weights, precision=precise), jnp.matmul(columns, columns.T, precision=precise)


def _shifted(image: Density, shift: Float[Array, " 2"]) -> Density:
    frame = image.frame
    if frame is None:
        frame = Frame(jnp.eye(2), jnp.zeros(2), jnp.zeros(2), jnp.ones(()))
    return eqx.tree_at(lambda d: d.frame, image, frame.moved(shift[0], shift[1]), is_leaf=lambda x: x is None)
