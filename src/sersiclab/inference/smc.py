"""Sequential Monte Carlo: populations of points that go from the peaks of a posterior to all of it."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Int

from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.coordinates.potential import Coordinates, coordinates_about
from sersiclab.inference.laplace import instead
from sersiclab.inference.peaks import Peak, away, peaks
from sersiclab.inference.running.monitor import Cancelled, Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.search.minimiser import minimise
from sersiclab.inference.search.minimum import Minimum
from sersiclab.inference.student_mixtures import StudentMixture
from sersiclab.inference.tempering import DEGREES, Population, temper
from sersiclab.inference.weighing import potentials


POPULATIONS = 2
# The fewest points of a population, and for each parameter, of which fewer draws are kept if fewer are wanted.
FEWEST_POINTS, POINTS = 64, 10
# Width of the first mixture's components, in units of the peaks'.
FIRST_WIDTH = 1.3
# Sweeps that a population usually needs, for the progress.
USUAL_SWEEPS = 70
# Two peaks are one mode if draws belong to both with this probability, in units of the smaller one.
CONNECTED = 0.1
# A smaller share of the draws is no mode of its own.
LEAST_MODE = 0.01
SETTLING = 8  # rounds in which peaks settle on the draws


class SMC(AbstractMethod):
    """Draws from posteriors with several modes, long ridges, or components that the data hardly need; and the evidence.

    Two populations of points start from a mixture about all maxima that a search from many starts finds, and about the
    models in which one of several sources has no light. They are taken to the posterior in steps, at each of which they
    are weighted, resampled and moved: sequential Monte Carlo (Del Moral, Doucet & Jasra 2006, J. R. Stat. Soc. B 68,
    411). Points move by proposals of a mixture that is fitted to them, which lead from mode to mode with the right
    probability, and by differences of other points. No derivatives are needed: a draw takes the time of 40 to 100
    renderings.

    The populations are independent, and are the two chains of `Fit.draws`: where they disagree, as `r_hat` and the
    verdict tell, more draws are needed. Draws that descend from one point follow one another, so that effective sample
    sizes are honest.

    `Fit.stats` has, for each draw, `lp` and the number of its `mode`, from 0 for the one with most draws; see
    `Fit.modes`. `log_evidence` is the same for all draws of a population.

    Arguments:
        draws: number of draws, half of them from each population.

    Raises:
        ValueError: `draws` is less than 2.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.full((4, 5), 2.0), sigma=1.0)
        >>> fit = sl.fit(model, image, sl.SMC(draws=200), progress=False)
        >>> fit.draws["sky.level"].shape
        (2, 100)
    """

    draws: int = 1000

    def __check_init__(self) -> None:
        check_count("SMC.draws", self.draws, least=POPULATIONS)

    @property
    def number_of_draws(self) -> int:
        return self.draws

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        minimum = minimise(problem, monitor, jacobian=True)
        if minimum.cancelled:
            return instead("SMC", problem, monitor, minimum)
        try:
            found = peaks(problem, monitor, minimum)
        except Cancelled:
            return instead("SMC", problem, monitor, minimum)
        here = coordinates_about(problem, monitor, found[0].u, found[0].covariance)
        return _Tempering(self, problem, minimum, here, _mixture(problem, here, found)).run(monitor)


class _Tempering:
    """The populations of a run, which continue where they were stopped."""

    def __init__(
        self, method: SMC, problem: Problem, minimum: Minimum, here: Coordinates, first: StudentMixture
    ) -> None:
        self._method, self._problem, self._minimum, self._here, self._first = method, problem, minimum, here, first
        self._seeds = np.random.SeedSequence(problem.seed).spawn(POPULATIONS)
        self._populations: list[Population] = []
        self._number = max(method.draws // POPULATIONS, FEWEST_POINTS, POINTS * len(problem.start))
        self._done = 0

    def run(self, monitor: Monitor) -> Outcome:
        try:
            for place, seed in enumerate(self._seeds):
                if place == len(self._populations):
                    rng = np.random.default_rng(seed)
                    made = Population.of(self._first, self._number, rng, lambda z: self._potentials(monitor, z))
                    self._populations.append(made)
                temper(self._populations[place], self._first, lambda z: self._potentials(monitor, z))
        except Cancelled:
            return self._stopped(monitor)
        return self._outcome(monitor, self._populations)

    def _potentials(self, monitor: Monitor, z: Float[np.ndarray, "point d"]) -> Float[np.ndarray, " point"]:
        """Return the potentials of points. Raises `Cancelled`."""
        monitor.check()
        usual = USUAL_SWEEPS * self._number * POPULATIONS
        left = max(usual - self._done - len(z), len(z))
        found = potentials(self._problem.density, monitor, self._here, z, before=self._done, after=left)
        if len(found) < len(z):
            raise Cancelled("the run was cancelled before it had any result")
        self._done += len(z)
        return found

    def _stopped(self, monitor: Monitor) -> Outcome:
        """Return the result of a cancelled run, which can go on: the populations that are at the posterior."""
        ready = [each for each in self._populations if each.power >= 1.0]
        if not ready:
            outcome = instead("SMC", self._problem, monitor, self._minimum)
        else:
            said = f"cancelled with {len(ready)} of {POPULATIONS} populations at the posterior"
            outcome = dataclasses.replace(self._outcome(monitor, ready), cancelled=said)
        return dataclasses.replace(outcome, go_on=self.run)

    def _outcome(self, monitor: Monitor, populations: Sequence[Population]) -> Outcome:
        problem, here = self._problem, self._here
        orders = [_by_family(each)[: self._method.draws // POPULATIONS] for each in populations]
        z = np.stack([each.z[order] for each, order in zip(populations, orders, strict=True)])
        potential = np.stack([each.potential[order] for each, order in zip(populations, orders, strict=True)])
        draws = constrain(monitor, problem.density, here.points(z))
        monitor.keep(draws)
        flat = z.reshape(-1, z.shape[-1])
        lowest = int(np.argmin(potential))
        # Potentials are relative to the highest peak, the origin.
        best = here.points(flat[lowest] if potential.ravel()[lowest] < 0 else np.zeros_like(flat[lowest]))
        offset = here.offset() + problem.density.log_unit
        volume = float(np.linalg.slogdet(np.asarray(here.factor, dtype=float))[1])
        evidence = np.array([each.log_evidence for each in populations]) + offset + volume
        return Outcome(
            self._method,
            constrain(monitor, problem.density, best),
            draws=draws,
            stats={
                "lp": offset - potential,
                "mode": _modes(self._first, flat).reshape(potential.shape).astype(float),
                "log_evidence": np.broadcast_to(evidence[:, None], potential.shape).copy(),
            },
            covariance=_covariance(here.points(flat)),
        )


def _by_family(population: Population) -> Int[np.ndarray, " point"]:
    """Return an order in which points of one family follow one another, and families have no order."""
    known, family = np.unique(population.families, return_inverse=True)
    return np.argsort(population.rng.permutation(len(known))[family.ravel()], kind="stable")


def _mixture(problem: Problem, here: Coordinates, found: Sequence[Peak]) -> StudentMixture:
    """Return the mixture about peaks, in the coordinates."""
    factor = np.asarray(here.factor, dtype=float)
    steps = np.stack([away(problem, peak.u, found[0].u) for peak in found])
    factors = [np.linalg.solve(factor, np.linalg.cholesky(peak.covariance)) for peak in found]
    shares = np.full(len(found), 1 / len(found))
    return StudentMixture(shares, np.linalg.solve(factor, steps.T).T, FIRST_WIDTH * np.stack(factors), DEGREES)


def _modes(first: StudentMixture, z: Float[np.ndarray, "draw d"]) -> Int[np.ndarray, " draw"]:
    """Return the number of the mode of each draw: peaks that share draws are one mode."""
    member = first.refitted(z, SETTLING).responsibilities(z)
    label = np.arange(len(member))
    for i, j in _pairs(len(member)):
        if member[i] @ member[j] > CONNECTED * min(member[i].sum(), member[j].sum()):
            label[label == label[j]] = label[i]
    shares = {mode: member[label == mode].sum() for mode in np.unique(label)}
    kept = [mode for mode in sorted(shares, key=lambda mode: -shares[mode]) if shares[mode] >= LEAST_MODE * len(z)]
    return np.argmax(np.stack([member[label == mode].sum(axis=0) for mode in kept]), axis=0)


def _pairs(number: int) -> Iterable[tuple[int, int]]:
    return ((i, j) for i in range(number) for j in range(i + 1, number))


def _covariance(u: Float[np.ndarray, "draw d"]) -> Float[np.ndarray, "d d"] | None:
    """Return the covariance of draws; None if they are too few."""
    covariance = np.atleast_2d(np.cov(u.T))
    return covariance if np.linalg.eigvalsh(covariance)[0] > 0 else None
