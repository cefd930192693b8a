"""The point at which a descent ended, with a message if it did not converge."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.inference.search import likelihood
from sersiclab.inference.search.descent import Descent, Expansion
from sersiclab.model.unconstrained import AbstractDensity


class Minimum(NamedTuple):
    """A minimum of minus the log posterior density, in double precision.

    `message` says what went wrong, if anything, and `rival` is the part of it about another maximum of the posterior.
    `again` is set if the descent ended near a minimum that was known before. `chi2` is the sum of the squared whitened
    residuals; NaN for noise that is not normal.
    """

    u: Float[np.ndarray, " d"]
    curvature: Float[np.ndarray, "d d"]
    cost: float
    message: str
    cancelled: bool
    rival: str = ""
    again: bool = False
    chi2: float = np.nan


def with_curvature(minimum: Minimum, curvature: Float[np.ndarray, "d d"]) -> Minimum:
    """Return the minimum with another curvature, unless according to that it is no minimum."""
    if np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[0] > 0:
        return minimum._replace(curvature=curvature)
    return minimum


def minimum_of(density: AbstractDensity, state: Descent) -> Minimum:
    """Return the point at which a descent has ended."""
    message, count = "", int(state.iterations)
    if state.failed:
        message = f"the minimiser stopped after {count} iterations: no step improves the posterior"
    elif not (state.converged or state.again):
        message = f"the minimiser did not converge in {count} iterations"
    cost, chi2 = cost_of(density, state.expansion)
    evaluated = not (state.failed and count == 1)
    return Minimum(
        u=state.u,
        curvature=np.asarray(state.expansion.curvature, dtype=float),
        cost=cost if evaluated else np.inf,
        message=message,
        cancelled=False,
        again=bool(state.again),
        chi2=chi2,
    )


def cost_of(density: AbstractDensity, expansion: Expansion) -> tuple[float, float]:
    """Return minus the log posterior density at the point of an expansion, and chi2; NaN for noise that has none."""
    pixels = np.asarray(expansion.pixels, dtype=float)
    chi2 = float(pixels @ pixels) if likelihood.is_least_squares(density) else np.nan
    cost = -float(pixels.sum()) if np.isnan(chi2) else 0.5 * chi2
    return cost - float(expansion.log_prior), chi2


def cancelled_minimum(density: AbstractDensity, state: Descent) -> Minimum:
    """Return the best point of a descent that was cancelled, or its start if not even that was evaluated."""
    if state.fresh and not state.iterations:
        message = "cancelled before the minimiser had evaluated its start"
        return minimum_of(density, state)._replace(cost=np.inf, cancelled=True, message=message)
    return minimum_of(density, state)._replace(cancelled=True, message="cancelled before the minimiser had converged")
