"""Base class of inference methods, the problem that a method solves, and its outcome."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.data.image import Image
from sersiclab.inference.running.checkpoints import Checkpoint
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.parameters.scalars import check_count as check_count


@dataclasses.dataclass(frozen=True)
class Problem:
    """The problem that a method solves: a posterior density, and where to begin.

    `start` is a point of the unconstrained space. It is `settled` if the user or an earlier fit has chosen it, so that
    other starts need not be tried. `angles` marks the parameters that live on the half circle. `covariance` is that of
    the posterior in the unconstrained space, from an earlier fit of the same data, and `draws` are some of its draws,
    as parameter values. `overlapping` says whether sources of the model lie on top of each other. `checkpoint` is where
    a long run writes its state, and finds that of an earlier run. `image` is the user's image, if components may be
    drawn one by one.
    """

    density: AbstractDensity
    start: Float[np.ndarray, " d"]
    angles: Bool[np.ndarray, " d"]
    seed: int
    settled: bool = False
    overlapping: bool = False
    covariance: Float[np.ndarray, "d d"] | None = None
    draws: Float[np.ndarray, "draw d"] | None = None
    checkpoint: Checkpoint | None = None
    image: Image | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a method. `best` and `draws` are parameter values, in the order of `Density.paths`.

    `method` is the one that gave the result; after a cancellation it may be simpler than the requested one.
    `cancelled` then describes it, and `go_on` continues the run, if that is possible.
    """

    method: "AbstractMethod"
    best: Float[np.ndarray, " d"]
    draws: Float[np.ndarray, "chain draw d"] | None = None
    stats: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    covariance: Float[np.ndarray, "d d"] | None = None
    message: str = ""
    cancelled: str = ""
    go_on: "Callable[[Monitor], Outcome] | None" = None


class AbstractMethod(eqx.Module):
    """Base class of inference methods, which hold their options and nothing else."""

    @property
    def number_of_draws(self) -> int:
        """Number of draws that are kept, from all chains together."""
        return 0

    @property
    def writes_checkpoints(self) -> bool:
        """Whether a run can be continued from the file `Problem.checkpoint`."""
        return False

    @abstractmethod
    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        """Run to the end.

        Arguments:
            problem: the posterior density, and where to begin.
            monitor: receives the progress, and is asked whether the run is cancelled.

        Returns:
            The outcome.

        Raises:
            Cancelled: if the run is cancelled before there is any result.
        """
