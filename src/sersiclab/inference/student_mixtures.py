"""Mixtures of Student-t distributions: proposals that follow a posterior with several modes or bent ridges."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from sersiclab.inference.candidates import effective, log_student


# A component begins with this share of the width of all points, and is shrunk towards it if few points belong to it.
BEGINNING = 0.55
# The least share of a component.
LEAST_SHARE = 1e-4
# Points for each parameter that a component needs.
POINTS = 5


class StudentMixture(NamedTuple):
    """A mixture of Student-t distributions with `degrees` of freedom and scale matrices factor factor^T."""

    shares: Float[np.ndarray, " component"]
    centres: Float[np.ndarray, "component d"]
    factors: Float[np.ndarray, "component d d"]
    degrees: int

    def sample(self, rng: np.random.Generator, number: int) -> Float[np.ndarray, "point d"]:
        """Draw this many points."""
        which = rng.choice(len(self.shares), p=self.shares / self.shares.sum(), size=number)
        z = rng.normal(size=(number, self.centres.shape[1]))
        z /= np.sqrt(rng.chisquare(self.degrees, size=number) / self.degrees)[:, None]
        return self.centres[which] + np.einsum("nij,nj->ni", self.factors[which], z)

    def log_density(self, z: Float[np.ndarray, "point d"]) -> Float[np.ndarray, " point"]:
        """Return the log density at points."""
        return np.asarray(logsumexp(self._log_parts(z)[0], axis=0))

    def responsibilities(self, z: Float[np.ndarray, "point d"]) -> Float[np.ndarray, "component point"]:
        """Return the probabilities that points come from each component."""
        logs, _ = self._log_parts(z)
        return np.exp(logs - logsumexp(logs, axis=0))

    def with_parts_of(self, other: "StudentMixture", share: float) -> "StudentMixture":
        """Return a mixture of this one and, with a share, another with the same degrees of freedom."""
        shares = np.concatenate([(1 - share) * self.shares, share * other.shares])
        centres, factors = np.concatenate([self.centres, other.centres]), np.concatenate([self.factors, other.factors])
        return StudentMixture(shares, centres, factors, self.degrees)

    def widened(self, factor: float) -> "StudentMixture":
        """Return the mixture with components that are wider by a factor."""
        return self._replace(factors=factor * self.factors)

    def refitted(self, z: Float[np.ndarray, "point d"], rounds: int) -> "StudentMixture":
        """Return the mixture after some rounds of expectation and maximisation.

        For Student-t distributions, points far from a centre count less (Peel & McLachlan 2000, Stat. Comput. 10, 339).
        """
        mixture, size = self, z.shape[1]
        for _ in range(rounds):
            logs, squares = mixture._log_parts(z)
            member = np.exp(logs - logsumexp(logs, axis=0))
            counted = member * (self.degrees + size) / (self.degrees + squares)
            shares = member.mean(axis=1) + LEAST_SHARE
            centres = counted @ z / counted.sum(axis=1)[:, None]
            factors = np.stack([_factor(z - c, m, w) for c, m, w in zip(centres, member, counted, strict=True)])
            mixture = StudentMixture(shares / shares.sum(), centres, factors, self.degrees)
        return mixture

    def _log_parts(
        self, z: Float[np.ndarray, "point d"]
    ) -> tuple[Float[np.ndarray, "component point"], Float[np.ndarray, "component point"]]:
        """Return the log densities of the components, with their shares, and the squared distances from them."""
        size = z.shape[1]
        away = z[None] - self.centres[:, None]
        squares = np.sum(np.linalg.solve(self.factors, np.swapaxes(away, 1, 2)) ** 2, axis=1)
        logs = log_student(squares, size, self.degrees) - np.linalg.slogdet(self.factors)[1][:, None]
        return np.log(self.shares)[:, None] + logs, squares


def mixture_of(
    rng: np.random.Generator, z: Float[np.ndarray, "point d"], *, most: int, degrees: int, rounds: int
) -> StudentMixture:
    """Return a mixture that is fitted to points, with as many components as they allow, `most` at most.

    Centres begin at points that are far from one another (k-means++, Arthur & Vassilvitskii 2007).
    """
    number, size = z.shape
    scale = np.linalg.cholesky(np.atleast_2d(np.cov(z.T)) + 1e-12 * np.eye(size))
    y = np.linalg.solve(scale, z.T).T
    centres = [y[rng.integers(number)]]
    for _ in range(max(1, min(most, number // (POINTS * size))) - 1):
        nearest = np.min([np.sum((y - centre) ** 2, axis=1) for centre in centres], axis=0)
        centres.append(y[rng.choice(number, p=nearest / nearest.sum())])
    count = len(centres)
    factors = np.broadcast_to(BEGINNING * np.eye(size), (count, size, size))
    fitted = StudentMixture(np.full(count, 1 / count), np.array(centres), factors, degrees).refitted(y, rounds)
    return fitted._replace(centres=fitted.centres @ scale.T, factors=scale @ fitted.factors)


def _factor(
    away: Float[np.ndarray, "point d"], member: Float[np.ndarray, " point"], counted: Float[np.ndarray, " point"]
) -> Float[np.ndarray, "d d"]:
    size, count = away.shape[1], effective(member)
    covariance = (away * counted[:, None]).T @ away / member.sum()
    return np.linalg.cholesky((count * covariance + size * BEGINNING**2 * np.eye(size)) / (count + size))
