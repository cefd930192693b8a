"""Importance sampling: candidates from an approximation, weighted by the posterior."""

from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.candidates import WideTails, about_heaviest, effective, mixture, refit, tail_effective
from sersiclab.inference.coordinates.bend import Bend, bend, check_bend
from sersiclab.inference.coordinates.potential import Coordinates, coordinates_about
from sersiclab.inference.laplace import Laplace, instead, start_covariance
from sersiclab.inference.running.monitor import Cancelled, Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.search.minimiser import minimise
from sersiclab.inference.search.minimum import Minimum
from sersiclab.inference.svi import SVI, fit_guide
from sersiclab.inference.weighing import potentials
from sersiclab.results.diagnostics import pareto_smoothed
from sersiclab.runtime.errors import InputError, InputTypeError


# Candidates for each draw in the first round: about the largest weight of a good proposal, in units of the mean.
CANDIDATES = 1.5
# Largest number of candidates in all rounds, in units of the first.
MOST_CANDIDATES = 12.0
# Largest number of candidates of a round, in units of all before it.
GROWTH = 2.0
# Largest number of rounds while Pareto k is too large.
ROUNDS = 6
# Pareto k below which no further round is needed, and below which weights may be used.
SETTLED_K, USABLE_K = 0.5, 0.7
# Effective candidates for each draw in the tails of the posterior; draws then have about half as many.
SETTLED_SHARE = 1.25
# If a smaller share of candidates lies within the bounds of the priors, unconstrained coordinates are better.
LEAST_INSIDE = 0.05
# Points from which that share is estimated.
PROBES = 400
# Candidates that are drawn at once; a run can be cancelled between blocks.
BLOCK = 2**14
# The log weight of a candidate where the posterior vanishes.
NO_WEIGHT = -1e30


class Importance(AbstractMethod):
    """Draws from the exact posterior by importance sampling, for a few renderings each and no gradient.

    Candidates are drawn from Student-t distributions in coordinates in which the posterior is about normal. With
    `Laplace` as the proposal these are bent as the ridge of the posterior is, cut off at the bounds of the priors, and
    measure angles in units of their errors at each ellipticity; with `SVI` they are those of its guide. Candidates are
    weighted by the ratio of the densities, and the weights are Pareto-smoothed (Vehtari et al. 2024, JMLR 25, 72).

    The first round has three candidates for every two draws. If the effective sample is too small for the tails of the
    posterior, more rounds follow, with as many candidates as the efficiency so far requires. They are drawn in turn
    from the mean and covariance of the earlier rounds, and from the surroundings of the largest weight. So a draw takes
    the time of 1.5 to 18 renderings. Systematic resampling chooses draws of equal weight. A candidate with a large
    weight is drawn several times in a row, so that the effective sample sizes of `Fit.summary` are honest.

    `Fit.stats` has `lp` and, the same for all draws, `pareto_k` and `efficiency`, the effective share of the
    candidates. From a `pareto_k` of 0.7 on, the proposal misses part of the posterior: use `NUTS`. It also misses
    another maximum, of which the weights can't know; `Fit.message` names one if the search has met it.

    Arguments:
        proposal: the approximation from which candidates are drawn, `Laplace()` or `SVI()`.
        draws: number of draws.

    Raises:
        ValueError: `draws` is less than 1.
        TypeError: `proposal` is neither of the two.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.full((4, 5), 2.0), sigma=1.0)
        >>> fit = sl.fit(model, image, sl.Importance(draws=200), progress=False)
        >>> bool(fit.stats["efficiency"].min() > 0.8)
        True
    """

    proposal: Laplace | SVI = eqx.field(default_factory=Laplace)
    draws: int = 1000

    def __check_init__(self) -> None:
        check_count("Importance.draws", self.draws, least=1)
        if not isinstance(self.proposal, Laplace | SVI):
            raise InputTypeError(f"Importance.proposal must be Laplace() or SVI(), got {self.proposal!r}")

    @property
    def number_of_draws(self) -> int:
        return max(self.draws, self.proposal.draws)

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        if isinstance(self.proposal, Laplace):
            check_bend(problem)
        minimum = minimise(problem, monitor, jacobian=True)
        space = None if minimum.cancelled else self._coordinates(problem, monitor, minimum)
        if space is None:
            return instead("Importance", problem, monitor, minimum)
        rng = np.random.default_rng(problem.seed)
        found = _search(problem, monitor, space, rng, draws=self.draws)
        count = min(self.draws, int(len(found.z) / CANDIDATES))
        if count == 0:
            return instead("Importance", problem, monitor, minimum)
        here, weights = space.coordinates, found.weights
        # Candidates of several rounds differ, and effective sample sizes must not depend on their order.
        order = rng.permutation(len(weights))
        chosen = order[resample(rng, weights[order], count)]
        draws = constrain(monitor, problem.density, here.points(found.z[chosen])[None])
        monitor.keep(draws)
        best = int(np.argmin(found.potential))
        best = here.points(found.z[best]) if found.potential[best] < 0 else minimum.u
        return Outcome(
            self,
            constrain(monitor, problem.density, best),
            draws=draws,
            stats={
                "lp": here.offset() + problem.density.log_unit - found.potential[chosen][None],
                "pareto_k": np.full((1, count), found.pareto_k),
                "efficiency": np.full((1, count), effective(weights) / len(weights)),
            },
            covariance=_covariance(here, found.z, weights),
            message=minimum.rival,
            cancelled=self._cancelled(count) if found.cancelled else "",
        )

    def _cancelled(self, count: int) -> str:
        if count < self.draws:
            return f"cancelled after {count} of {self.draws} draws"
        return "cancelled before the weights had settled"

    def _coordinates(self, problem: Problem, monitor: Monitor, minimum: Minimum) -> "CandidateSpace | None":
        """Return where candidates are drawn; None if the run is cancelled before that is known."""
        if isinstance(self.proposal, SVI):
            guide = fit_guide(self.proposal, problem, monitor, minimum)
            return None if guide.cancelled else CandidateSpace(guide.coordinates, None)
        here = coordinates_about(problem, monitor, minimum.u, start_covariance(problem, minimum))
        try:
            bent = bend(problem, monitor, minimum)
        except Cancelled:
            return None
        _, log_volume = bent.forward(
            WideTails.standard(here.centre.size).sample(np.random.default_rng(problem.seed), PROBES)
        )
        return CandidateSpace(here, bent if np.mean(np.isfinite(log_volume)) > LEAST_INSIDE else None)


class CandidateSpace(NamedTuple):
    """Where candidates are drawn: in the coordinates of a proposal or, if there is a bend, in bent ones."""

    coordinates: Coordinates
    bend: Bend | None

    def place(
        self, s: Float[np.ndarray, "point d"]
    ) -> tuple[Float[np.ndarray, "point d"], Float[np.ndarray, " point"]]:
        """Return the z of points s, and ln |det dz/ds| up to a constant; it is minus infinity beyond a bound."""
        if self.bend is None:
            return s, np.zeros(len(s))
        u, log_volume = self.bend.forward(s)
        factor, centre = (np.asarray(part, dtype=float) for part in (self.coordinates.factor, self.coordinates.centre))
        return np.linalg.solve(factor, (u - centre).T).T, log_volume


class Round(NamedTuple):
    """Candidates of one law: as drawn, in the coordinates z, with their volume and potential.

    `drawn` counts those beyond the bounds of priors too.
    """

    s: Float[np.ndarray, "candidate d"]
    z: Float[np.ndarray, "candidate d"]
    log_volume: Float[np.ndarray, " candidate"]
    potential: Float[np.ndarray, " candidate"]
    drawn: int
    cancelled: bool


class WeightedCandidates(NamedTuple):
    """Candidates in the coordinates z, their potentials, and their weights, which sum to one."""

    z: Float[np.ndarray, "candidate d"]
    potential: Float[np.ndarray, " candidate"]
    weights: Float[np.ndarray, " candidate"]
    pareto_k: float
    cancelled: bool


def _search(
    problem: Problem, monitor: Monitor, space: CandidateSpace, rng: np.random.Generator, *, draws: int
) -> WeightedCandidates:
    """Draw rounds of candidates until their weights are good, there are too many, or the run is cancelled."""
    first = int(np.ceil(CANDIDATES * draws))
    laws, numbers, rounds, number = [WideTails.standard(len(problem.start))], [], [], first
    while True:
        new = _round(problem, monitor, space, rng, laws[-1], number)
        rounds.append(new)
        numbers.append(max(1, new.drawn))
        s, z, log_volume, potential = (np.concatenate(parts) for parts in zip(*(r[:4] for r in rounds), strict=True))
        if not len(s):
            return WeightedCandidates(z, potential, np.empty(0), np.inf, cancelled=new.cancelled)
        if not np.isfinite(potential).any():
            raise InputError("the posterior is not finite about its mode")
        ratios = log_volume - potential - mixture(laws, numbers, s)
        log_weights, pareto_k = pareto_smoothed(np.maximum(ratios, NO_WEIGHT))
        found = WeightedCandidates(z, potential, np.exp(log_weights), pareto_k, new.cancelled)
        share = tail_effective(space.coordinates.points(z), found.weights) / (SETTLED_SHARE * draws)
        number = _next(len(s), share, pareto_k, first=first, rounds=len(laws))
        if new.cancelled or number == 0:
            return found
        laws.append(_law(laws, s, log_weights))


def _law(
    laws: list[WideTails], s: Float[np.ndarray, "candidate d"], log_weights: Float[np.ndarray, " candidate"]
) -> WideTails:
    """Return the law of the next round: in turn about all candidates, and about a part that the laws so far miss."""
    if len(laws) % 2:
        return refit(laws[max(0, len(laws) - 2)], s, log_weights)
    return about_heaviest(laws[-1], s, log_weights)


def _next(total: int, share: float, pareto_k: float, *, first: int, rounds: int) -> int:
    """Return the number of candidates of the next round, after `total`: 0 if the weights have settled or never will.

    `share` is the number of effective candidates in units of the wanted one, and `first` the size of the first round.
    """
    left = int(MOST_CANDIDATES * first) - total
    usable = pareto_k < USABLE_K
    settled = share >= 1.0 and (pareto_k < SETTLED_K or (usable and rounds >= ROUNDS))
    if settled or left <= 0 or (rounds >= ROUNDS and not usable):
        return 0
    wanted = total * (1.0 / share - 1.0) if usable and share > 0.0 else 0.5 * total
    return int(np.clip(wanted, min(first, left), min(GROWTH * total, left)))


def _round(
    problem: Problem, monitor: Monitor, space: CandidateSpace, rng: np.random.Generator, law: WideTails, number: int
) -> Round:
    """Draw this many candidates, or those that were finished when the run was cancelled."""
    blocks, drawn, done, cancelled = [], 0, 0, False
    while done < number and not cancelled:
        s, z, log_volume, tried = _propose(rng, law, space, min(BLOCK, number - done))
        left = number - done - len(z)
        potential = potentials(problem.density, monitor, space.coordinates, z, before=done, after=left)
        finished = len(potential)
        blocks.append((s[:finished], z[:finished], log_volume[:finished], potential))
        drawn += round(tried * finished / max(1, len(z)))
        done += min(BLOCK, number - done)
        cancelled = finished < len(z)
    s, z, log_volume, potential = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return Round(s, z, log_volume, potential, drawn, cancelled)


def _propose(
    rng: np.random.Generator, law: WideTails, space: CandidateSpace, number: int
) -> tuple[Float[np.ndarray, "point d"], Float[np.ndarray, "point d"], Float[np.ndarray, " point"], int]:
    """Draw this many candidates within the bounds of the priors.

    Returns them as drawn, in the coordinates z, and their volume; and how many were drawn in all, with those beyond the
    bounds, because the density of the law includes these.
    """
    parts, drawn, kept = [], 0, 0
    while kept < number and drawn < 2 * number / LEAST_INSIDE:
        s = law.sample(rng, number)
        z, log_volume = space.place(s)
        inside = np.flatnonzero(np.isfinite(log_volume))
        parts.append((s[inside], z[inside], log_volume[inside]))
        drawn, kept = drawn + number, kept + len(inside)
    s, z, log_volume = (np.concatenate(arrays)[:number] for arrays in zip(*parts, strict=True))
    return s, z, log_volume, max(1, round(drawn * len(s) / max(1, kept)))


def resample(
    rng: np.random.Generator, weights: Float[np.ndarray, " candidate"], count: int
) -> Int[np.ndarray, " draw"]:
    """Resample systematically: each candidate count * weight times, rounded up or down at random."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends / ends[-1], (np.arange(count) + rng.uniform()) / count, side="right")


def _covariance(
    here: Coordinates, z: Float[np.ndarray, "candidate d"], weights: Float[np.ndarray, " candidate"]
) -> Float[np.ndarray, "d d"]:
    """Return the covariance of the posterior, shrunk towards that of the proposal if few candidates count."""
    size, factor = z.shape[1], np.asarray(here.factor, dtype=float)
    count = effective(weights)
    straight = np.linalg.solve(factor, (here.points(z) - here.points(np.zeros(size))).T)
    found = np.atleast_2d(np.cov(straight, aweights=weights, bias=True))
    return factor @ ((count * found + size * np.eye(size)) / (count + size)) @ factor.T
