"""What an inference method is, what it is given and what it gives back."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.data.image import Image
from sersiclab.inference.running.checkpoints import Checkpoint
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model.density import Density
from sersiclab.parameters.scalars import check_count as check_count


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a method works on: a posterior density and where to begin.

    `start` is a point of the unconstrained space; `settled` says that it is a user's or an earlier
    fit's, so that other starts need not be tried. `covariance` is that of the posterior in the
    unconstrained space, if an earlier fit of the same data knows it, and `draws` are some of its draws, as
    parameter values.
    `angles` marks the parameters that live on the half circle. `checkpoint`, if the user wants one, is where a long
    run writes its state, and finds that of an earlier run. `image` is the user's, if components may be drawn one
    by one.
    """

    density: Density
    start: Float[np.ndarray, " d"]
    angles: Bool[np.ndarray, " d"]
    seed: int
    settled: bool = False
    covariance: Float[np.ndarray, "d d"] | None = None
    draws: Float[np.ndarray, "draw d"] | None = None
    checkpoint: Checkpoint | None = None
    image: Image | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a method found. `best` and `draws` are parameter values, in the order of `Density.paths`.

    `method` is what the result is, which after `cancelled` may be less than what was asked for; `go_on` then takes
    the run up where it ended, if it can be.
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
    """A method of inference: its options, and nothing else."""

    @property
    def number_of_draws(self) -> int:
        """How many draws it keeps, of all chains together."""
        return 0

    @property
    def writes_checkpoints(self) -> bool:
        """Whether a run can go on from the file `Problem.checkpoint`."""
        return False

    @abstractmethod
    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        """Run to the end, telling `monitor`. Raises `Cancelled` if cancelled before any result."""
