"""Variational inference: a distribution that is fitted to the posterior, and draws from it."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.coordinates.potential import Coordinates, coordinates_about
from sersiclab.inference.guides import Guide, fit_flow, fit_normal
from sersiclab.inference.laplace import instead, start_covariance
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.search.minimiser import minimise
from sersiclab.inference.search.minimum import Minimum
from sersiclab.inference.weighing import potentials
from sersiclab.results.diagnostics import pareto_smoothed
from sersiclab.runtime.errors import InputError


GuideName = Literal["normal", "flow"]


class SVI(AbstractMethod):
    """A guide that is fitted to the posterior by stochastic variational inference, and draws from it.

    The fit of the guide starts from the Laplace approximation. The normal guide is fitted by natural gradients and
    usually needs a few steps.

    `Fit.stats` has `lp`; `log_weight`, the log of the importance weight of each draw (the weights sum to one); and, the
    same for all draws, `elbo`, the lower bound of the log evidence, and `pareto_k`, which measures how well the guide
    agrees with the posterior (Yao et al. 2018, arXiv:1802.02538): below 0.5 it is good, from 0.7 on the guide may miss
    part of the posterior. `Importance(proposal=SVI())` corrects the remaining difference.

    Arguments:
        guide: "normal", a normal distribution in the unconstrained space, or "flow", one that is bent by a flow.
        draws: number of draws.
        steps: largest number of steps of each fit of a guide.

    Raises:
        ValueError: an option has an impossible value.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> fit = sl.fit(model, sl.Image(np.full((4, 5), 2.0), sigma=1.0), sl.SVI(draws=100), progress=False)
        >>> bool(fit.stats["pareto_k"].max() < 0.5)
        True
    """

    guide: GuideName = "normal"
    draws: int = 1000
    steps: int = 300

    def __check_init__(self) -> None:
        if not isinstance(self.guide, str) or self.guide not in get_args(GuideName):
            raise InputError(f"SVI.guide must be one of {list(get_args(GuideName))}, got {self.guide!r}")
        check_count("SVI.draws", self.draws, least=1)
        check_count("SVI.steps", self.steps, least=1)

    @property
    def number_of_draws(self) -> int:
        return self.draws

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        minimum = minimise(problem, monitor, jacobian=True)
        if minimum.cancelled:
            return instead("SVI", problem, monitor, minimum)
        guide = fit_guide(self, problem, monitor, minimum)
        here = guide.coordinates
        z = np.random.default_rng(problem.seed).normal(size=(self.draws, len(problem.start)))
        if guide.cancelled:
            found, cancelled = np.empty(0), f"cancelled after {guide.steps} steps: the guide may not have settled"
        else:
            found = potentials(problem.density, monitor, here, z)
            cancelled = "" if len(found) == self.draws else f"cancelled after {len(found)} of {self.draws} draws"
        z = z[: len(found)] if len(found) else z
        u = here.points(z)
        draws = constrain(monitor, problem.density, u[None])
        monitor.keep(draws)
        best = u[np.argmin(found)] if len(found) and found.min() < 0 else minimum.u
        return Outcome(
            self,
            constrain(monitor, problem.density, best),
            draws=draws,
            stats=_stats(here, here.offset() + problem.density.log_unit, z, found),
            covariance=_covariance(here, u),
            message=minimum.message,
            cancelled=cancelled,
        )


def fit_guide(method: SVI, problem: Problem, monitor: Monitor, minimum: Minimum) -> Guide:
    """Return a guide that is fitted from the Laplace approximation on."""
    constrain(monitor, problem.density, minimum.u)  # compiled now: a run that is cancelled later needs it at once
    here = coordinates_about(problem, monitor, minimum.u, start_covariance(problem, minimum))
    guide = fit_normal(problem, monitor, here, most=method.steps)
    if guide.cancelled or method.guide == "normal":
        return guide
    return fit_flow(problem, monitor, guide.coordinates, steps=method.steps)


def _stats(
    here: Coordinates, offset: float, z: Float[np.ndarray, "draw d"], found: Float[np.ndarray, " draw"]
) -> dict[str, Float[np.ndarray, "1 draw"]]:
    """Return the statistics of draws, given their potentials, which are relative to `offset`."""
    if not len(found):
        return {}
    log_guide = -0.5 * np.sum(z**2, axis=1) - 0.5 * z.shape[1] * np.log(2 * np.pi)
    volume = np.linalg.slogdet(np.asarray(here.factor, dtype=float))[1]
    ratios = -found - log_guide
    log_weights, pareto_k = pareto_smoothed(ratios)
    same = np.ones((1, len(found)))
    return {
        "lp": offset - found[None],
        "log_weight": log_weights[None],
        "elbo": (offset + float(volume) + float(np.mean(ratios))) * same,
        "pareto_k": pareto_k * same,
    }


def _covariance(here: Coordinates, u: Float[np.ndarray, "draw d"]) -> Float[np.ndarray, "d d"]:
    """Return the covariance of the guide; for a flow that of its draws, shrunk towards that of the normal guide."""
    factor, size = np.asarray(here.factor, dtype=float), u.shape[1]
    normal = factor @ factor.T
    if here.flow is None:
        return normal
    deviations = u - u.mean(axis=0)
    return (deviations.T @ deviations + size * normal) / (len(u) + size)
