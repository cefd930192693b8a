"""The Laplace approximation: a normal distribution about the posterior's mode."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.map import MAP
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.search.minimiser import minimise
from sersiclab.inference.search.minimum import Minimum
from sersiclab.runtime.errors import InputError


# Standard deviation of an angle that is unconstrained, in radians: wrapped around the half circle it is uniform.
UNCONSTRAINED_SD = 2.0
# Rounding errors of a row of a scaled matrix are taken as those of this many of its largest elements at least.
FULL_ROW = 24.0


class Laplace(AbstractMethod):
    """A normal approximation of the posterior about its mode, and draws from it.

    It is normal in the unconstrained space. Its mean is the mode of the posterior density there, and its inverse
    covariance is the Gauss-Newton matrix of the residuals plus the curvature of the prior. It is exact for linear
    parameters with normal priors, and good where the data constrain all parameters well. `Fit.best` is the mode. Where
    the posterior has no curvature there are no draws, and `Fit.message` names the parameters.

    Arguments:
        draws: number of draws.

    Raises:
        ValueError: `draws` is less than 1.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> fit = sl.fit(model, sl.Image(np.full((4, 5), 2.0), sigma=1.0), sl.Laplace(draws=100), progress=False)
        >>> fit.draws["sky.level"].shape
        (1, 100)
    """

    draws: int = 1000

    def __check_init__(self) -> None:
        check_count("Laplace.draws", self.draws, least=1)

    @property
    def number_of_draws(self) -> int:
        return self.draws

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        minimum = minimise(problem, monitor, jacobian=True)
        if minimum.cancelled:
            return instead("Laplace", problem, monitor, minimum)
        return approximate(self, problem, monitor, minimum)


def approximate(method: Laplace, problem: Problem, monitor: Monitor, minimum: Minimum) -> Outcome:
    """Return the approximation about a mode, without draws if the posterior has no curvature there."""
    monitor.phase("drawing", total=1)
    best = constrain(monitor, problem.density, minimum.u)
    try:
        covariance = inverse(_free_angles(problem, minimum.curvature), problem.density.paths)
    except InputError as error:
        message = "; ".join(filter(None, [minimum.message, str(error)]))
        return Outcome(method, best, message=message)
    rng = np.random.default_rng(problem.seed)
    u = minimum.u + rng.normal(size=(1, method.draws, minimum.u.size)) @ np.linalg.cholesky(covariance).T
    return Outcome(
        method,
        best,
        draws=constrain(monitor, problem.density, u),
        covariance=covariance,
        message=minimum.message,
    )


def _free_angles(problem: Problem, curvature: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """Return the curvature with angles made independent whose error is larger than a radian.

    A normal distribution that is wide compared with the half circle becomes uniform when it is wrapped around it.
    """
    unknown = problem.angles & (np.diag(curvature) < 1.0)
    apart = np.where(unknown[:, None] | unknown[None, :], 0.0, curvature)
    return apart + np.diag(UNCONSTRAINED_SD**-2 * unknown)


def instead(method: str, problem: Problem, monitor: Monitor, minimum: Minimum) -> Outcome:
    """Return the result of `method` if it is cancelled before its first draw: this approximation, or a point."""
    said, status = f"cancelled before the first draw of {method}: this is ", "cancelled before the first draw"
    outcome = None if minimum.cancelled else approximate(Laplace(), problem, monitor, minimum)
    if outcome is None or outcome.draws is None:
        best = constrain(monitor, problem.density, minimum.u) if outcome is None else outcome.best
        message = f"{said}the best point found, not a posterior; {minimum.message}".removesuffix("; ")
        return Outcome(MAP(), best, message=message, cancelled=status)
    return dataclasses.replace(outcome, message=f"{said}the Laplace approximation", cancelled=status)


def start_covariance(problem: Problem, minimum: Minimum) -> Float[np.ndarray, "d d"]:
    """Return the covariance of an earlier fit, or of the Laplace approximation, made definite if need be."""
    if problem.covariance is not None:
        return problem.covariance
    # The prior of an angle has no curvature, and no posterior of an angle is wider than the half circle.
    return definite_inverse(minimum.curvature + np.diag(problem.angles.astype(float)), problem.density.paths)


def definite_inverse(curvature: Float[np.ndarray, "d d"], paths: tuple[str, ...]) -> Float[np.ndarray, "d d"]:
    """Return the inverse, with the curvature of a prior added if there is none."""
    try:
        return inverse(curvature, paths)
    except InputError:
        # Priors have widths of order one in the unconstrained space.
        return np.linalg.inv(curvature + 0.1 * np.eye(len(curvature)))


def inverse(curvature: Float[np.ndarray, "d d"], paths: tuple[str, ...]) -> Float[np.ndarray, "d d"]:
    """Return the inverse of a positive definite matrix.

    Raises `ValueError` naming the parameters that are undetermined.
    """
    diagonal = np.diag(curvature)
    flat = [path for path, value in zip(paths, diagonal, strict=True) if not value > 0]
    if flat:
        raise InputError(f"no normal approximation: the posterior does not depend on {', '.join(flat)} at its mode")
    scale = np.sqrt(diagonal)
    scaled = curvature / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    # The curvature is a sum in the user's precision. Rounding moves an eigenvalue by at most the sum over a row of the
    # errors of its elements; with many parameters, most elements of a row are zero.
    row = min(float(len(paths)), max(FULL_ROW, float(np.abs(scaled).sum(axis=1).max())))
    if values[0] < 10 * row * float(jnp.finfo(jnp.result_type(float)).eps):
        order = np.argsort(-np.abs(vectors[:, 0]))
        worst = [paths[i] for i in order if abs(vectors[i, 0]) > 0.3]
        raise InputError(f"no normal approximation: these parameters are degenerate: {', '.join(worst)}")
    return (vectors / values) @ vectors.T / np.outer(scale, scale)
