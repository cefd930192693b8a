"""What a joint fit would gain if a number were free in one image alone, without another fit.

The log posterior is expanded to second order about the best values, with one more number d in one image. Its score s_d
and the curvature H of all numbers give, with the joint parameters p re-optimised,

    chi2 gain = s² / (H_dd - H_dp H_pp⁻¹ H_pd),    s = s_d - H_dp H_pp⁻¹ s_p.

This is Rao's score test (1948, Proc. Camb. Phil. Soc. 44, 50). It is exact for linear parameters and Gaussian noise.
For other noise the curvature is the sum over pixels of the products of their scores.
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
from sersiclab.parameters.joint import ImageLinks
from sersiclab.parameters.stacks import Values


COLUMN_PIXELS = 2**14  # pixels in all columns of the Jacobian that are computed at once
MOST = 2**27  # numbers in the Jacobian of one image, beyond which a fit is not tested
DETERMINED = 1e-3  # share of the curvature that must remain when the joint parameters follow, or there is no test
SINGULAR = 1e-5  # scaled eigenvalues of the joint curvature below this are rounding errors


class Freed(NamedTuple):
    """The result of one test.

    Arguments:
        image: the number of the image.
        path: the parameter in the image; empty for the shift of the image.
        gain: by how much chi2 would fall.
        step: the change of the parameter there, in the density's unit; of a shift (dx, dy) in pixels.
    """

    image: int
    path: str
    gain: float
    step: tuple[float, ...]


class _Expansion(NamedTuple):
    """Minus the log likelihood of an image to second order in its parameters and its shift, (dx, dy), the last two."""

    slope: Float[np.ndarray, " p"]
    curvature: Float[np.ndarray, "p p"]
    by_u: Float[np.ndarray, "q d"]
    paths: tuple[str, ...]
    places: np.ndarray


def score_tests(density: JointDensity, links: ImageLinks, best: Any) -> list[Freed]:
    """Return the tests of all parameters that images share or that are curves, and of the shifts of images.

    Arguments:
        density: of the joint fit.
        links: how the parameters of each image follow from the joint ones.
        best: the best values, by path, in the user's unit.

    Returns:
        The tests, without those of numbers that the data can't determine. None if the Jacobian would be too large.
    """
    if any(group.density.data[0].size * (group.places.shape[1] + 2) > MOST for group in density.groups):
        return []
    u = density.unconstrain(density.values(best))
    found, prior_slope, prior_curvature = jax.tree.map(lambda x: np.asarray(x, dtype=float), _expanded(density, u))
    images: dict[int, _Expansion] = {}
    for group, (slopes, curvatures, by_u) in zip(density.groups, found, strict=True):
        for place, number in enumerate(np.asarray(group.order).tolist()):
            images[number] = _Expansion(
                slopes[place], curvatures[place], by_u[place], group.density.paths, np.asarray(group.places[place])
            )
    slope, curvature = prior_slope, np.diag(prior_curvature)
    for each in images.values():
        count = len(each.paths)
        slope = slope + each.by_u.T @ each.slope[:count]
        curvature = curvature + each.by_u.T @ each.curvature[:count, :count] @ each.by_u
    if not (np.isfinite(slope).all() and np.isfinite(curvature).all()):
        return []
    inverse = _inverse(curvature)
    held = np.concatenate([each.places for each in images.values()])
    shared = set(held[np.bincount(held)[held] > 1].tolist())
    tests = []
    for number, each in sorted(images.items()):
        count = len(each.paths)
        for k, path in enumerate(each.paths):
            if path in links.curve_paths or int(each.places[k]) in shared:
                tests.append(_freed(number, path, each, [k], slope, inverse))
        tests.append(_freed(number, "", each, [count, count + 1], slope, inverse))
    return [test for test in tests if test is not None]


def _freed(
    number: int,
    path: str,
    image: _Expansion,
    extra: list[int],
    slope: Float[np.ndarray, " d"],
    inverse: Float[np.ndarray, "d d"],
) -> Freed | None:
    """Return the test of some numbers of an image together; None if the data do not determine them."""
    mixed = image.curvature[extra, : len(image.paths)] @ image.by_u
    own = image.curvature[np.ix_(extra, extra)]
    left = own - mixed @ inverse @ mixed.T
    score = image.slope[extra] - mixed @ inverse @ slope
    scale = np.sqrt(np.diag(own))
    if not (np.isfinite(score).all() and np.all(scale > 0.0)):
        return None
    if not np.linalg.eigvalsh(left / np.outer(scale, scale))[0] > DETERMINED:
        return None
    step = -np.linalg.solve(left, score)
    return Freed(number, path, float(-score @ step), tuple(step.tolist()))


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
    # Priors are independent, so that their Hessian times a vector of ones is its diagonal.
    slope, bend = jax.jvp(jax.grad(lambda u: -density.log_prior(u)), (u,), (jnp.ones_like(u),))
    return images, slope, jnp.maximum(bend, 0.0)


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
