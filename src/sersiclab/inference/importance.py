"""Importance sampling: candidates from an approximation, weighted by the posterior itself."""

from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.candidates import Law, about_heaviest, effective, mixture, refit, tail_effective
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


CANDIDATES = 1.5  # for each draw in the first round; the largest weight where all is well, in units of the mean weight
MOST = 12.0  # times as many candidates in all
GROWTH = 2.0  # times as many as all before it that a round may have
ROUNDS = 6  # with a Pareto k that is too large: each from what the weights of those before it say
SETTLED_K, USABLE_K = 0.5, 0.7  # Pareto k of weights that need no further round, and of weights that may be used
SETTLED_SHARE = 1.25  # effective candidates a draw in the tails, for which draws have about half as many
FEW = 0.05  # of the points within the bounds of the priors: with fewer, unconstrained coordinates do better
PROBE = 400  # points to tell that by
BLOCK = 2**14  # candidates drawn at once, between which a run can be cancelled
NOWHERE = -1e30  # the log weight of a candidate at which the posterior vanishes


class Importance(AbstractMethod):
    """Draws from the posterior itself, for a few renderings each and no gradient.

    Candidates, at first three for every two of `draws`, are drawn from Student-t distributions in coordinates in
    which the posterior is about normal: about its mode, bent as the ridge of the posterior is and cut off at the
    bounds of the priors, with angles in units of what is known of them at each ellipticity, with `Laplace` for
    `proposal`; with `SVI`, those of its guide. They are weighted by the ratio of the densities, and the weights are
    Pareto-smoothed (Vehtari et al. 2024, JMLR 25, 72). Where the effective sample is too small for the tails of the
    posterior, more rounds follow, by turns from the mean and the covariance of those before and from the surroundings
    of the largest weight, with as many candidates as the efficiency so far requires. The time is that of 1.5 to 18
    renderings a draw. Systematic resampling picks draws of equal weight. A candidate with a large weight is drawn
    several times in a row, so that the effective sample sizes of `Fit.summary` are honest.

    `Fit.stats` has `lp` and, the same for all draws, `pareto_k` and `efficiency` (the effective share of
    the candidates). From a `pareto_k` of 0.7 on the proposal misses part of the posterior: use `NUTS`. So it does
    where there is another maximum, which the weights can't know of; `message` names one that the search has met.
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
        # Candidates of several rounds are not alike, and effective sample sizes are of draws in any order.
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
        """Where candidates are drawn; None if the user cancels before it is known."""
        if isinstance(self.proposal, SVI):
            guide = fit_guide(self.proposal, problem, monitor, minimum)
            return None if guide.cancelled else CandidateSpace(guide.coordinates, None)
        here = coordinates_about(problem, monitor, minimum.u, start_covariance(problem, minimum))
        try:
            bent = bend(problem, monitor, minimum)
        except Cancelled:
            return None
        _, log_volume = bent.forward(Law.standard(here.centre.size).sample(np.random.default_rng(problem.seed), PROBE))
        return CandidateSpace(here, bent if np.mean(np.isfinite(log_volume)) > FEW else None)


class CandidateSpace(NamedTuple):
    """Where candidates are drawn: in the coordinates of a frame or, if there is a bend, in bent ones."""

    coordinates: Coordinates
    bend: Bend | None

    def place(
        self, s: Float[np.ndarray, "point d"]
    ) -> tuple[Float[np.ndarray, "point d"], Float[np.ndarray, " point"]]:
        """Points in the frame, and the log of their volume dz/ds up to a constant; -infinite beyond a bound."""
        if self.bend is None:
            return s, np.zeros(len(s))
        u, log_volume = self.bend.forward(s)
        factor, centre = (np.asarray(part, dtype=float) for part in (self.coordinates.factor, self.coordinates.centre))
        return np.linalg.solve(factor, (u - centre).T).T, log_volume


class Round(NamedTuple):
    """Candidates of one law: as drawn, in the frame, their volume and potential; `drawn` counts those beyond bounds."""

    s: Float[np.ndarray, "candidate d"]
    z: Float[np.ndarray, "candidate d"]
    log_volume: Float[np.ndarray, " candidate"]
    potential: Float[np.ndarray, " candidate"]
    drawn: int
    cancelled: bool


class WeightedCandidates(NamedTuple):
    """Candidates in the coordinates of the frame, their potentials, and their weights, whose sum is one."""

    z: Float[np.ndarray, "candidate d"]
    potential: Float[np.ndarray, " candidate"]
    weights: Float[np.ndarray, " candidate"]
    pareto_k: float
    cancelled: bool


def _search(
    problem: Problem, monitor: Monitor, space: CandidateSpace, rng: np.random.Generator, *, draws: int
) -> WeightedCandidates:
    """Rounds of candidates until their weights are good, or there are too many, or the user cancels."""
    first = int(np.ceil(CANDIDATES * draws))
    laws, numbers, rounds, number = [Law.standard(len(problem.start))], [], [], first
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
        log_weights, pareto_k = pareto_smoothed(np.maximum(ratios, NOWHERE))
        found = WeightedCandidates(z, potential, np.exp(log_weights), pareto_k, new.cancelled)
        share = tail_effective(space.coordinates.points(z), found.weights) / (SETTLED_SHARE * draws)
        number = _next(len(s), share, pareto_k, first=first, rounds=len(laws))
        if new.cancelled or number == 0:
            return found
        laws.append(_law(laws, s, log_weights))


def _law(laws: list[Law], s: Float[np.ndarray, "candidate d"], log_weights: Float[np.ndarray, " candidate"]) -> Law:
    """What the next round draws from: by turns all that has been found, and what the laws so far have missed."""
    if len(laws) % 2:
        return refit(laws[max(0, len(laws) - 2)], s, log_weights)
    return about_heaviest(laws[-1], s, log_weights)


def _next(total: int, share: float, pareto_k: float, *, first: int, rounds: int) -> int:
    """How many candidates the next round needs after `total`; none if it is settled, or won't be.

    `share` is that of the effective candidates wanted which there are, and `first` the size of the first round.
    """
    left = int(MOST * first) - total
    usable = pareto_k < USABLE_K
    settled = share >= 1.0 and (pareto_k < SETTLED_K or (usable and rounds >= ROUNDS))
    if settled or left <= 0 or (rounds >= ROUNDS and not usable):
        return 0
    wanted = total * (1.0 / share - 1.0) if usable and share > 0.0 else 0.5 * total
    return int(np.clip(wanted, min(first, left), min(GROWTH * total, left)))


def _round(
    problem: Problem, monitor: Monitor, space: CandidateSpace, rng: np.random.Generator, law: Law, number: int
) -> Round:
    """So many candidates, or as many as were finished when the user cancelled."""
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
    rng: np.random.Generator, law: Law, space: CandidateSpace, number: int
) -> tuple[Float[np.ndarray, "point d"], Float[np.ndarray, "point d"], Float[np.ndarray, " point"], int]:
    """So many candidates within the bounds of the priors: as drawn, in the frame, their volume; and how many others.

    The last is how many were drawn in all, with those beyond the bounds, which the density of the law counts.
    """
    parts, drawn, kept = [], 0, 0
    while kept < number and drawn < 2 * number / FEW:
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
    """Systematic resampling: each candidate count * weight times, rounded up or down at random."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends / ends[-1], (np.arange(count) + rng.uniform()) / count, side="right")


def _covariance(
    here: Coordinates, z: Float[np.ndarray, "candidate d"], weights: Float[np.ndarray, " candidate"]
) -> Float[np.ndarray, "d d"]:
    """The posterior's covariance in the unconstrained space, leaning towards the proposal's if weights are few."""
    size, factor = z.shape[1], np.asarray(here.factor, dtype=float)
    count = effective(weights)
    straight = np.linalg.solve(factor, (here.points(z) - here.points(np.zeros(size))).T)
    found = np.atleast_2d(np.cov(straight, aweights=weights, bias=True))
    return factor @ ((count * found + size * np.eye(size)) / (count + size)) @ factor.T
