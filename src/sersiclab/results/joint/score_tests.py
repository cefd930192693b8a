"""What a joint fit would gain if a number were free in one image alone, or a curve less smooth, without another fit.

The log posterior is expanded to second order about the best values, with one more number d. Its score s_d and the
curvature H of all numbers give, with the joint parameters p re-optimised,

    chi2 gain = s² / (H_dd - H_dp H_pp⁻¹ H_pd),    s = s_d - H_dp H_pp⁻¹ s_p.

This is Rao's score test (1948, Proc. Camb. Phil. Soc. 44, 50). It is exact for linear parameters and Gaussian noise.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.model.joint_density import JointDensity
from sersiclab.parameters.joint import ImageLinks
from sersiclab.parameters.varying import next_power
from sersiclab.results.joint.expansions import JointExpansion


MOST = 2**27  # numbers in the Jacobian of one image, beyond which a fit is not tested
DETERMINED = 1e-3  # share of the curvature that must remain when the joint parameters follow, or there is no test


class Freed(NamedTuple):
    """The result of one test.

    Arguments:
        image: the number of the image; of a curve that is less smooth, the one where it would change most.
        path: the parameter in the image; empty for the shift of the image.
        gain: by how much chi2 would fall.
        step: the change of the parameter there, in the density's unit; of a shift (dx, dy) in pixels.
    """

    image: int
    path: str
    gain: float
    step: tuple[float, ...]


class Tests(NamedTuple):
    """The tests of numbers in one image alone, and of curves: of one degree, or knot, more."""

    alone: tuple[Freed, ...]
    curves: tuple[Freed, ...]


def score_tests(density: JointDensity, links: ImageLinks, wavelengths: Sequence[float | None], best: Any) -> Tests:
    """Return the tests of all parameters that images share or that are curves, and of the shifts of images.

    Arguments:
        density: of the joint fit.
        links: how the parameters of each image follow from the joint ones.
        wavelengths: of the images, in micrometres, where they are known.
        best: the best values, by path, in the user's unit.

    Returns:
        The tests, without those of numbers that the data can't determine. None if the Jacobian would be too large.
    """
    if any(group.density.data[0].size * (group.places.shape[1] + 2) > MOST for group in density.groups):
        return Tests((), ())
    expansion = JointExpansion.of(density, best)
    if expansion is None:
        return Tests((), ())
    return Tests(tuple(_alone(expansion, links)), tuple(_of_curves(expansion, links, wavelengths)))


def _alone(expansion: JointExpansion, links: ImageLinks) -> Iterator[Freed]:
    held = np.concatenate([each.places for each in expansion.images])
    shared = set(held[np.bincount(held)[held] > 1].tolist())
    for number, each in enumerate(expansion.images):
        count = len(each.paths)
        free = [
            (path, [k])
            for k, path in enumerate(each.paths)
            if path in links.curve_paths or int(each.places[k]) in shared
        ]
        for path, extra in [*free, ("", [count, count + 1])]:
            columns = np.eye(len(each.slope))[extra]
            if (found := _gain(expansion, {number: columns})) is not None:
                yield Freed(number, path, *found)


def _of_curves(expansion: JointExpansion, links: ImageLinks, wavelengths: Sequence[float | None]) -> Iterator[Freed]:
    for path, curve, bends in zip(links.curve_paths, links.curves, expansion.bends, strict=True):
        more = next_power(np.asarray(curve.weights), [known for known in wavelengths if known is not None])
        if more is None:
            continue
        columns, weight = {}, {}
        for number, each in enumerate(expansion.images):
            if path in each.paths:
                k = each.paths.index(path)
                columns[number] = bends[number] * more[number] * np.eye(len(each.slope))[[k]]
                weight[number] = float(columns[number][0, k] ** 2 * each.curvature[k, k])
        if columns and (found := _gain(expansion, columns)) is not None:
            yield Freed(max(weight, key=weight.__getitem__), path, *found)


def _gain(
    expansion: JointExpansion, columns: Mapping[int, Float[np.ndarray, "extra p"]]
) -> tuple[float, tuple[float, ...]] | None:
    """Return by how much chi2 would fall, and the step, with more numbers; None if the data do not determine them.

    Arguments:
        expansion: of the fit.
        columns: for each image that they concern, what they add to its parameters and its shift.
    """
    images = [(expansion.images[number], added) for number, added in columns.items()]
    own = np.sum([added @ image.curvature @ added.T for image, added in images], axis=0)
    score = np.sum([added @ image.slope for image, added in images], axis=0)
    mixed = np.sum([added @ image.curvature[:, : len(image.paths)] @ image.by_u for image, added in images], axis=0)
    left = own - mixed @ expansion.inverse @ mixed.T
    score = score - mixed @ expansion.inverse @ expansion.slope
    scale = np.sqrt(np.diag(own))
    if not (np.isfinite(score).all() and np.all(scale > 0.0)):
        return None
    if not np.linalg.eigvalsh(left / np.outer(scale, scale))[0] > DETERMINED:
        return None
    step = -np.linalg.solve(left, score)
    return float(-score @ step), tuple(step.tolist())
