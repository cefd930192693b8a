"""Candidates of importance sampling: the distributions from which they are drawn, improved by their weights."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln, logsumexp


# Least number of degrees of freedom.
DEGREES = 16
# Some candidates guard against a posterior with long tails: their width, share and least degrees of freedom.
WIDE, WIDE_SHARE, WIDE_DEGREES = 3.0, 0.1, 4
# Probability of a tail.
TAIL = 0.05
# Share of the candidates that count as near the one with the largest weight.
NEAR_SHARE = 0.1
# Effective candidates for each parameter that are needed to estimate a covariance.
ENOUGH = 5


class WideTails(NamedTuple):
    """A mixture of Student-t distributions about `centre`, with the scale matrix factor factor^T.

    Nine of ten candidates come from one that is nearly normal, and each of the others from one that is `WIDE` times as
    wide along one of the axes. A distribution that is wide along all axes would have hardly any density anywhere if
    there are many. The more parameters, the lighter the tails, because their excess weight grows with the dimension.
    """

    centre: Float[np.ndarray, " d"]
    factor: Float[np.ndarray, "d d"]

    @staticmethod
    def standard(size: int) -> "WideTails":
        """Return the law about zero with axes of length one."""
        return WideTails(np.zeros(size), np.eye(size))

    def sample(self, rng: np.random.Generator, number: int) -> Float[np.ndarray, "candidate d"]:
        """Draw this many candidates."""
        size = len(self.centre)
        wide = rng.random(number) < WIDE_SHARE
        axis = rng.integers(size, size=number)
        degrees = np.where(wide, _degrees(size, WIDE_DEGREES), _degrees(size, DEGREES))
        z = rng.normal(size=(number, size)) / np.sqrt(rng.chisquare(degrees) / degrees)[:, None]
        z[wide, axis[wide]] *= WIDE
        return self.centre + z @ self.factor.T

    def log_density(self, s: Float[np.ndarray, "candidate d"]) -> Float[np.ndarray, " candidate"]:
        """Return the log density of the law at points."""
        size = len(self.centre)
        z = np.linalg.solve(self.factor, (s - self.centre).T).T
        square = np.sum(z**2, axis=1)
        near = log_student(square, size, _degrees(size, DEGREES))
        along = square[:, None] - (1 - WIDE**-2) * z**2
        wide = logsumexp(log_student(along, size, _degrees(size, WIDE_DEGREES)), axis=1) - np.log(size * WIDE)
        both = np.logaddexp(np.log1p(-WIDE_SHARE) + near, np.log(WIDE_SHARE) + wide)
        return both - np.linalg.slogdet(self.factor)[1]


def mixture(
    laws: list[WideTails], numbers: list[int], s: Float[np.ndarray, "candidate d"]
) -> Float[np.ndarray, " candidate"]:
    """Return the log density of candidates of which these numbers were drawn from the laws.

    It is the same for all, whichever law a candidate is from: the deterministic mixture of Owen & Zhou 2000, JASA 95,
    135, and Cornuet et al. 2012, Scand. J. Stat. 39, 798.
    """
    logs = [np.log(number) + law.log_density(s) for law, number in zip(laws, numbers, strict=True)]
    return np.logaddexp.reduce(logs, axis=0) - np.log(sum(numbers))


def refit(
    law: WideTails, s: Float[np.ndarray, "candidate d"], log_weights: Float[np.ndarray, " candidate"]
) -> WideTails:
    """Return a law with the mean and covariance of weighted candidates, shrunk towards `law` if these are few.

    If a few candidates have all the weight, weights are flattened until enough candidates count.
    """
    weights = _flattened(log_weights, least=ENOUGH * s.shape[1])
    centre = weights @ s
    return WideTails(centre, _factor(law, s - centre, weights))


def about_heaviest(
    law: WideTails, s: Float[np.ndarray, "candidate d"], log_weights: Float[np.ndarray, " candidate"]
) -> WideTails:
    """Return a law about the candidate with the largest weight, with the covariance of its neighbours.

    It is shrunk towards `law`, and covers a part of the posterior that the laws so far have missed: incremental mixture
    importance sampling (Raftery & Bao 2010, J. Comput. Graph. Stat. 19, 344), in which half the weight is uniform.
    """
    number, size = s.shape
    centre = s[np.argmax(log_weights)]
    away = s - centre
    square = np.sum(np.linalg.solve(law.factor, away.T) ** 2, axis=0)
    nearest = np.argsort(square)[: max(ENOUGH * size, int(NEAR_SHARE * number))]
    weights = np.exp(log_weights - logsumexp(log_weights))[nearest] + 1.0 / number
    return WideTails(centre, _factor(law, away[nearest], weights / np.sum(weights)))


def _factor(
    law: WideTails, away: Float[np.ndarray, "candidate d"], weights: Float[np.ndarray, " candidate"]
) -> Float[np.ndarray, "d d"]:
    """Return the factor of the covariance of candidates `away` from the centre, shrunk towards that of `law`."""
    size, count = away.shape[1], effective(weights)
    covariance = (away * weights[:, None]).T @ away
    covariance = (count * covariance + size * law.factor @ law.factor.T) / (count + size)
    return np.linalg.cholesky(covariance)


def effective(weights: Float[np.ndarray, " candidate"]) -> float:
    """Return the effective number of candidates (Kish)."""
    return float(np.sum(weights) ** 2 / np.sum(weights**2))


def tail_effective(values: Float[np.ndarray, "candidate d"], weights: Float[np.ndarray, " candidate"]) -> float:
    """Return the effective number of candidates for the least certain of all 5 % and 95 % quantiles.

    With this number of independent draws, the share below the quantile would be as uncertain as it is with the weights.
    It is smaller than Kish's number if the candidates with the largest weights lie in the tails.
    """
    if not len(values):
        return 0.0
    order = np.argsort(values, axis=0)
    ranked = (weights / np.sum(weights))[order]
    below = np.cumsum(ranked, axis=0)
    spreads = [np.sum((ranked * ((below <= tail) - tail)) ** 2, axis=0) for tail in (TAIL, 1 - TAIL)]
    return float(TAIL * (1 - TAIL) / np.max(spreads))


def _flattened(log_weights: Float[np.ndarray, " candidate"], *, least: float) -> Float[np.ndarray, " candidate"]:
    """Return the weights to a power of at most one, such that the effective number is at least `least`."""
    power = 1.0
    while True:
        weights = np.exp(power * (log_weights - np.max(log_weights)))
        if effective(weights) >= min(least, 0.5 * len(weights)):
            return weights / np.sum(weights)
        power *= 0.7


def _degrees(size: int, least: int) -> int:
    return max(least, 2 * size)


def log_student(square: Float[np.ndarray, "..."], size: int, degrees: int) -> Float[np.ndarray, "..."]:
    """Return the log density of a standard Student-t distribution at a squared distance."""
    constant = gammaln(0.5 * (degrees + size)) - gammaln(0.5 * degrees) - 0.5 * size * np.log(degrees * np.pi)
    return constant - 0.5 * (degrees + size) * np.log1p(square / degrees)
