"""Importance sampling: candidates from an approximation, weighted by the posterior itself."""

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.frame import Frame, frame
from sersiclab.inference.laplace import Laplace, instead, start_covariance
from sersiclab.inference.least_squares import minimise
from sersiclab.inference.monitor import Monitor
from sersiclab.inference.program import constrain
from sersiclab.inference.svi import SVI, fit_guide
from sersiclab.inference.weighing import potentials
from sersiclab.results.diagnostics import pareto_smoothed


CANDIDATES = 1.5  # for each draw; the largest weight where all is well, in units of the mean weight
DEGREES = 16  # of freedom, at least
WIDE, WIDE_SHARE, WIDE_DEGREES = 3.0, 0.1, 4  # of the candidates that guard against a posterior with long tails


class Importance(AbstractMethod):
    """Draws from the posterior itself, for a rendering or two each and no gradient.

    Candidates, three for every two of `draws`, are drawn from Student-t distributions with the centre and
    the covariance of `proposal` (a flow bends them), a tenth of them three times as wide. They are weighted by
    the ratio of the densities; the weights are Pareto-smoothed (Vehtari et al. 2024, JMLR 25, 72), and
    systematic resampling picks draws that all weigh the same. A candidate that weighs much is drawn
    several times in a row, so that the effective sample sizes of `Fit.summary` are honest.

    `Fit.stats` has `lp` and, the same for all draws, `pareto_k` and `efficiency` (the effective share of
    the candidates). From a `pareto_k` of 0.7 on the proposal misses part of the posterior: use `NUTS`.
    """

    proposal: Laplace | SVI = eqx.field(default_factory=Laplace)
    draws: int = 1000

    def __check_init__(self) -> None:
        check_count("Importance.draws", self.draws, least=1)
        if not isinstance(self.proposal, Laplace | SVI):
            raise TypeError(f"Importance.proposal must be Laplace() or SVI(), got {self.proposal!r}")

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        minimum = minimise(problem, monitor, jacobian=True)
        if minimum.cancelled:
            return instead("Importance", problem, monitor, minimum)
        if isinstance(self.proposal, SVI):
            guide = fit_guide(self.proposal, problem, monitor, minimum)
            if guide.cancelled:
                return instead("Importance", problem, monitor, minimum)
            here = guide.frame
        else:
            here = frame(problem, monitor, minimum.u, start_covariance(problem, minimum))
        rng = np.random.default_rng(problem.seed)
        z, log_proposal = propose(rng, int(np.ceil(CANDIDATES * self.draws)), minimum.u.size)
        found = potentials(problem.density, monitor, here, z)
        count = min(self.draws, int(len(found) / CANDIDATES))
        if count == 0:
            return instead("Importance", problem, monitor, minimum)
        if not np.isfinite(found).any():
            raise ValueError("the posterior is not finite about its mode")
        z, ratios = z[: len(found)], -found - log_proposal[: len(found)]
        log_weights, pareto_k = pareto_smoothed(ratios)
        weights = np.exp(log_weights)
        chosen = resample(rng, weights, count)
        draws = constrain(monitor, problem.density, here.points(z[chosen])[None])
        monitor.keep(draws)
        best = here.points(z[np.argmin(found)]) if found.min() < 0 else minimum.u
        efficiency = 1 / (len(weights) * np.sum(weights**2))
        return Outcome(
            self,
            constrain(monitor, problem.density, best),
            draws=draws,
            stats={
                "lp": here.offset() - found[chosen][None],
                "pareto_k": np.full((1, count), pareto_k),
                "efficiency": np.full((1, count), efficiency),
            },
            covariance=_covariance(here, z, weights),
            cancelled="" if count == self.draws else f"cancelled after {count} of {self.draws} draws",
        )


def propose(
    rng: np.random.Generator, number: int, size: int
) -> tuple[Float[np.ndarray, "candidate d"], Float[np.ndarray, " candidate"]]:
    """Candidates in the coordinates of a frame, and their log density there.

    Nine of ten are of a Student-t distribution that is nearly normal, the tenth of one that is `WIDE` times
    as wide. The more parameters, the lighter the tails: their surplus weight grows with the dimension.
    """
    from scipy.stats import multivariate_t

    laws = [
        multivariate_t(shape=scale**2 * np.eye(size), df=max(degrees, 2 * size), seed=rng)  # pyright: ignore[reportArgumentType]
        for scale, degrees in ((1.0, DEGREES), (WIDE, WIDE_DEGREES))
    ]
    rows = [np.reshape(law.rvs(number), (number, size)) for law in laws]
    z = np.where(rng.random((number, 1)) < WIDE_SHARE, rows[1], rows[0])
    parts = [np.reshape(law.logpdf(z), number) for law in laws]
    return z, np.logaddexp(np.log1p(-WIDE_SHARE) + parts[0], np.log(WIDE_SHARE) + parts[1])


def resample(
    rng: np.random.Generator, weights: Float[np.ndarray, " candidate"], count: int
) -> Int[np.ndarray, " draw"]:
    """Systematic resampling: each candidate count * weight times, rounded up or down at random."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends / ends[-1], (np.arange(count) + rng.uniform()) / count, side="right")


def _covariance(
    here: Frame, z: Float[np.ndarray, "candidate d"], weights: Float[np.ndarray, " candidate"]
) -> Float[np.ndarray, "d d"]:
    """The posterior's covariance in the unconstrained space, leaning towards the proposal's if weights are few."""
    size, factor = z.shape[1], np.asarray(here.factor, dtype=float)
    effective = np.sum(weights) ** 2 / np.sum(weights**2)
    straight = np.linalg.solve(factor, (here.points(z) - here.points(np.zeros(size))).T)
    found = np.atleast_2d(np.cov(straight, aweights=weights, bias=True))
    return factor @ ((effective * found + size * np.eye(size)) / (effective + size)) @ factor.T
