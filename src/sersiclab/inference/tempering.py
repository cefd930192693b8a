"""Populations of points that follow a sequence of distributions from a mixture to the posterior.

The distributions are q^(1-b) p^b, with the mixture q, the posterior p and powers b from 0 to 1. At each, points are
weighted, resampled, and moved by Markov chains: the product of the mean weights estimates the evidence (sequential
Monte Carlo: Del Moral, Doucet & Jasra 2006, J. R. Stat. Soc. B 68, 411). Powers are chosen so that half of the points
remain effective (Jasra et al. 2011, Scand. J. Stat. 38, 1).
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp

from sersiclab.inference.candidates import effective
from sersiclab.inference.student_mixtures import StudentMixture, mixture_of


Potentials = Callable[[Float[np.ndarray, "point d"]], Float[np.ndarray, " point"]]

# Share of the points that remain effective at the next power.
EFFECTIVE = 0.5
BISECTIONS = 40
# Components of the mixture that proposes points; its degrees of freedom, widening, and the share of the first mixture.
COMPONENTS, DEGREES, WIDER, FIRST = 8, 6, 1.1, 0.15
# Rounds of its fit when a power is new, and later.
ROUNDS, FEW_ROUNDS = 12, 6
# Of this many sweeps one moves points along differences of others, the rest propose points of the mixture.
PERIOD = 3
# Accepted proposals for each point at a power, share of the points that must have moved, and the most sweeps.
MOVES, MOVED, SWEEPS = 3.0, 0.9, 12
# The same at the posterior itself, and the fewest sweeps there.
LAST_MOVES, LAST_MOVED, LAST_SWEEPS, FEWEST = 10.0, 0.95, 60, 18
# Differences: accepted share to which their length is adapted, the gain of the adaptation, share of whole differences
# and the scatter of ln length.
ACCEPTED, GAIN, WHOLE, SCATTER = 0.25, 0.5, 0.1, 0.3
JITTER = 1e-4  # of the coordinates, by which points are moved besides
NOWHERE = 1e30  # the potential where the posterior vanishes


@dataclasses.dataclass
class Population:
    """Points, and what is known of them. `families` are equal where points descend from one, by moves that are near.

    `power` is that of the distribution, and `log_evidence` that of the posterior in the coordinates z, so far.
    """

    z: Float[np.ndarray, "point d"]
    potential: Float[np.ndarray, " point"]
    log_first: Float[np.ndarray, " point"]
    families: Int[np.ndarray, " point"]
    rng: np.random.Generator
    stretch: float
    power: float = 0.0
    log_evidence: float = 0.0
    sweeps: int = 0
    settled: bool = True
    finished: bool = False

    @staticmethod
    def of(first: StudentMixture, number: int, rng: np.random.Generator, potentials: Potentials) -> "Population":
        """Return points of the first mixture."""
        z = first.sample(rng, number)
        found, size = np.minimum(potentials(z), NOWHERE), z.shape[1]
        return Population(z, found, first.log_density(z), np.arange(number), rng, 2.38 / np.sqrt(2 * size))

    @property
    def log_target(self) -> Float[np.ndarray, " point"]:
        """The log density of the points in the distribution of this power."""
        return (1 - self.power) * self.log_first - self.power * self.potential

    def advance(self) -> None:
        """Go to the next power, and resample the points by their weights."""
        gains = -self.potential - self.log_first
        power = _next_power(gains, self.power)
        logs = (power - self.power) * gains
        total = np.asarray(logsumexp(logs))
        self.log_evidence += float(total - np.log(len(logs)))
        self.power, self.sweeps, self.settled = power, 0, False
        ends = np.cumsum(np.exp(logs - total))
        places = (np.arange(len(logs)) + self.rng.uniform()) / len(logs)
        chosen = np.minimum(np.searchsorted(ends / ends[-1], places, side="right"), len(logs) - 1)
        self.z, self.potential, self.log_first = self.z[chosen], self.potential[chosen], self.log_first[chosen]
        self.families = self.families[chosen]

    def take(
        self,
        some: Int[np.ndarray, " proposal"],
        proposal: "Proposal",
        log_ratio: Float[np.ndarray, " proposal"],
    ) -> Bool[np.ndarray, " proposal"]:
        """Accept or reject proposals for some of the points, by Metropolis and Hastings, and return which.

        `log_ratio` is that of the densities with which each point and its proposal would be proposed.
        """
        target = (1 - self.power) * proposal.log_first - self.power * proposal.potential
        gain = target - self.log_target[some] + log_ratio
        accepted = np.log(self.rng.random(len(some))) < gain
        places = some[accepted]
        self.z[places] = proposal.z[accepted]
        self.potential[places], self.log_first[places] = proposal.potential[accepted], proposal.log_first[accepted]
        return accepted


class Proposal(NamedTuple):
    """Points that are proposed."""

    z: Float[np.ndarray, "proposal d"]
    potential: Float[np.ndarray, " proposal"]
    log_first: Float[np.ndarray, " proposal"]


def temper(population: Population, first: StudentMixture, potentials: Potentials) -> None:
    """Take a population to the posterior. If `potentials` raises, it may be continued from where it was."""
    while not population.finished:
        if population.settled:
            population.advance()
        _mix(population, first, potentials)
        population.settled, population.finished = True, population.power >= 1.0


def _mix(population: Population, first: StudentMixture, potentials: Potentials) -> None:
    """Move the points until they have forgotten where they were, or long enough."""
    last = population.power >= 1.0
    wanted, share, most = (LAST_MOVES, LAST_MOVED, LAST_SWEEPS) if last else (MOVES, MOVED, SWEEPS)
    moves, fitted = np.zeros(len(population.z)), None
    while population.sweeps < most:
        if population.sweeps % PERIOD == PERIOD - 1 and fitted is not None:
            moves += 0.1 * _move_along_differences(population, first, fitted, potentials)
        else:
            if fitted is None or population.sweeps % PERIOD == 0:
                fitted = _fitted(population, ROUNDS if fitted is None else FEW_ROUNDS)
            moves += _move_by(fitted.widened(WIDER).with_parts_of(first, FIRST), population, first, potentials)
        population.sweeps += 1
        settled = moves.mean() >= wanted and np.mean(moves >= 1) >= share
        if settled and population.sweeps >= (FEWEST if last else 1):
            return


def _fitted(population: Population, rounds: int) -> StudentMixture:
    return mixture_of(population.rng, population.z, most=COMPONENTS, degrees=DEGREES, rounds=rounds)


def _move_by(
    law: StudentMixture, population: Population, first: StudentMixture, potentials: Potentials
) -> Bool[np.ndarray, " point"]:
    """Propose a new point of a law for each point, wherever that is, and return which have moved."""
    z = law.sample(population.rng, len(population.z))
    proposal = Proposal(z, np.minimum(potentials(z), NOWHERE), first.log_density(z))
    accepted = population.take(np.arange(len(z)), proposal, law.log_density(population.z) - law.log_density(z))
    fresh = np.max(population.families) + 1 + np.arange(np.count_nonzero(accepted))
    population.families[accepted] = fresh
    return accepted


def _move_along_differences(
    population: Population, first: StudentMixture, fitted: StudentMixture, potentials: Potentials
) -> Bool[np.ndarray, " point"]:
    """Move the points of each half by differences of points of the other, which belong to one component of the mixture.

    Differential evolution: ter Braak 2006, Stat. Comput. 16, 239. A whole difference may lead from mode to mode.
    """
    number, size = population.z.shape
    rng, order = population.rng, population.rng.permutation(number)
    moved = np.zeros(number, bool)
    for some, others in ((order[: number // 2], order[number // 2 :]), (order[number // 2 :], order[: number // 2])):
        length = population.stretch * np.exp(SCATTER * rng.normal(size=len(some)))
        length = np.where(rng.random(len(some)) < WHOLE, 1.0, length)
        steps = length[:, None] * _differences(rng, population.z[others], fitted, len(some))
        z = population.z[some] + steps + JITTER * rng.normal(size=(len(some), size))
        proposal = Proposal(z, np.minimum(potentials(z), NOWHERE), first.log_density(z))
        moved[some] = population.take(some, proposal, np.zeros(len(some)))
    population.stretch *= float(np.exp(GAIN * (moved.mean() - ACCEPTED)))
    return moved


def _differences(
    rng: np.random.Generator, points: Float[np.ndarray, "point d"], fitted: StudentMixture, number: int
) -> Float[np.ndarray, "number d"]:
    """Return differences of pairs of points that belong to one component."""
    component = np.argmax(fitted.responsibilities(points), axis=0)
    order = np.argsort(component, kind="stable")
    counts = np.bincount(component, minlength=len(fitted.shares))
    begins = np.cumsum(counts) - counts
    one = rng.integers(len(points), size=number)
    mine = component[one]
    other = order[begins[mine] + rng.integers(counts[mine])]
    return points[one] - points[other]


def _next_power(gains: Float[np.ndarray, " point"], power: float) -> float:
    """Return the next power, at which the share `EFFECTIVE` of the points is effective, or one."""

    def share(next_power: float) -> float:
        logs = (next_power - power) * gains
        return effective(np.exp(logs - np.max(logs))) / len(gains)

    low, high = power, 1.0
    if share(high) > EFFECTIVE:
        return 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share(middle) > EFFECTIVE else (low, middle)
    return low
