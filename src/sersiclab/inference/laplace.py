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


UNIFORM_SD = 2.0  # radians
FEW_IN_A_ROW = 24.0  # of a matrix, in units of the largest, which count in full


class Laplace(AbstractMethod):
    """A normal approximation of the posterior about its mode, and draws of it.

    It lies in the unconstrained space, and `draws` draws are made of it. Its mean is the mode of the posterior
    density of `u`, its inverse covariance the Gauss-Newton matrix of the residuals plus the prior's curvature
    there. Exact for linear parameters under normal priors; a good guess where the data say much. `best` is the
    mode. Where the posterior is not curved, there are no draws, and `message` names the parameters.
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
    """The approximation about a mode; without draws if the posterior is not curved there."""
    monitor.phase("drawing", total=1)
    best = constrain(monitor, problem.density, minimum.u)
    try:
        covariance = inverse(_free_angles(problem, minimum.curvature), problem.density.paths)
    except ValueError as error:
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
    """The curvature with angles that are known to no better than a radian set apart.

    A normal distribution that is wide against the half circle, wrapped around it, is uniform.
    """
    unknown = problem.angles & (np.diag(curvature) < 1.0)
    apart = np.where(unknown[:, None] | unknown[None, :], 0.0, curvature)
    return apart + np.diag(UNIFORM_SD**-2 * unknown)


def instead(method: str, problem: Problem, monitor: Monitor, minimum: Minimum) -> Outcome:
    """What there is when the user cancels `method` before its first draw: this approximation or a point."""
    said, status = f"cancelled before the first draw of {method}: this is ", "cancelled before the first draw"
    outcome = None if minimum.cancelled else approximate(Laplace(), problem, monitor, minimum)
    if outcome is None or outcome.draws is None:
        best = constrain(monitor, problem.density, minimum.u) if outcome is None else outcome.best
        message = f"{said}the best point found, not a posterior; {minimum.message}".removesuffix("; ")
        return Outcome(MAP(), best, message=message, cancelled=status)
    return dataclasses.replace(outcome, message=f"{said}the Laplace approximation", cancelled=status)


def start_covariance(problem: Problem, minimum: Minimum) -> Float[np.ndarray, "d d"]:
    """An earlier fit's covariance or the Laplace approximation's; made definite where the data say nothing."""
    if problem.covariance is not None:
        return problem.covariance
    # An angle has no curvature from its prior, and no posterior is wider than the half circle.
    return definite_inverse(minimum.curvature + np.diag(problem.angles.astype(float)), problem.density.paths)


def definite_inverse(curvature: Float[np.ndarray, "d d"], paths: tuple[str, ...]) -> Float[np.ndarray, "d d"]:
    """The inverse, with the curvature of a prior added where there is none."""
    try:
        return inverse(curvature, paths)
    except ValueError:
        # Priors have widths of order one in the unconstrained space.
        return np.linalg.inv(curvature + 0.1 * np.eye(len(curvature)))


def inverse(curvature: Float[np.ndarray, "d d"], paths: tuple[str, ...]) -> Float[np.ndarray, "d d"]:
    """The inverse of a positive definite matrix. Raises `ValueError` naming what is undetermined."""
    diagonal = np.diag(curvature)
    flat = [path for path, value in zip(paths, diagonal, strict=True) if not value > 0]
    if flat:
        raise InputError(f"no normal approximation: the posterior does not depend on {', '.join(flat)} at its mode")
    scale = np.sqrt(diagonal)
    scaled = curvature / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    # The curvature comes from a sum in the user's precision. No error of its elements moves an eigenvalue by more than
    # a row of them; where there are many parameters, most in a row are zero.
    row = min(float(len(paths)), max(FEW_IN_A_ROW, float(np.abs(scaled).sum(axis=1).max())))
    if values[0] < 10 * row * float(jnp.finfo(jnp.result_type(float)).eps):
        order = np.argsort(-np.abs(vectors[:, 0]))
        worst = [paths[i] for i in order if abs(vectors[i, 0]) > 0.3]
        raise InputError(f"no normal approximation: the data and priors do not tell apart {', '.join(worst)}")
    return (vectors / values) @ vectors.T / np.outer(scale, scale)
