"""How far an approximation of the posterior is from it, as the importance weights of its draws show."""

from typing import NamedTuple

import numpy as np

from sersiclab.results.draws import Draws


# The deviation of a mean in sigma, and the factor of a sigma, that matter: together a tenth of the whole error.
SHIFT, STRETCH = 0.35, 1.3
NO_MEAN = 1.0  # Pareto k from which weights have no mean: Vehtari et al. 2024, JMLR 25, 72
LEAST_EFFECTIVE = 25.0  # draws: with a smaller effective sample, resampled draws show nothing


class Deviation(NamedTuple):
    """By how many sigma the mean of a parameter is too high, and by what factor its sigma is too large."""

    path: str
    shift: float
    stretch: float

    @property
    def size(self) -> float:
        """The larger of both, in units of the smallest deviation that matters."""
        return max(abs(self.shift) / SHIFT, abs(np.log(self.stretch)) / np.log(STRETCH))


class ApproximationCheck(NamedTuple):
    """The importance weights of an approximation's draws: Pareto k, effective sample size and resampled draws.

    `deviations` holds the parameters whose mean or standard deviation is wrong by more than chance, the worst first.
    """

    pareto_k: float
    effective: float
    draws: dict[str, Draws]
    deviations: tuple[Deviation, ...]

    @property
    def blind(self) -> bool:
        """Whether the approximation misses so much of the posterior that the resampled draws are no better."""
        return not (self.pareto_k < NO_MEAN and self.effective >= LEAST_EFFECTIVE)
