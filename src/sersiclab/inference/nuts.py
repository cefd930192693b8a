"""The No-U-Turn Sampler (Hoffman & Gelman 2014, arXiv:1111.4246), started from the mode."""

import numpy as np

from sersiclab.data.planes import true_or_false
from sersiclab.inference import chains
from sersiclab.inference.base import Outcome, Problem, check_count
from sersiclab.inference.coordinates.bend import check_bend
from sersiclab.inference.coordinates.potential import REFERENCE, Coordinates, coordinates_about
from sersiclab.inference.coordinates.ridge import ridge
from sersiclab.inference.laplace import instead
from sersiclab.inference.running.monitor import Cancelled, Monitor
from sersiclab.inference.running.program import is_double, precision, unconstrain
from sersiclab.inference.running.threads import threads
from sersiclab.inference.sampler import (
    AbstractChainMethod,
    Sampler,
    any_coordinates,
    folded,
    grouped,
    leaning,
    new_chains,
    resumed,
    settings,
)
from sersiclab.inference.search.minimiser import minimise
from sersiclab.inference.search.minimum import Minimum
from sersiclab.inference.svi import SVI, fit_guide
from sersiclab.parameters.scalars import check_finite
from sersiclab.runtime.errors import InputError, InputTypeError


class NUTS(AbstractChainMethod):
    """Draws from the exact posterior by Markov chains.

    Chains start at draws of the Laplace approximation, and in its coordinates, bent as the ridge of the posterior is;
    so a short warm-up is enough. It adapts the step size and the coordinates.

    `Fit.stats` has, for each draw, `lp`, `energy`, `diverging`, `acceptance_rate`, `tree_depth`, `n_steps` and
    `step_size`.

    Arguments:
        warmup: steps of each chain before its first draw.
        draws: draws of each chain.
        chains: number of chains.
        target_accept: acceptance rate to which the step size is adapted, between 0 and 1.
        max_tree_depth: a trajectory has at most `2**max_tree_depth - 1` steps.
        adapt_mass: whether to adapt the coordinates to the covariance of the posterior.
        transport: `SVI(guide="flow")` to sample where a flow has made a bent posterior about round (NeuTra: Hoffman et
            al. 2019, arXiv:1903.03704). The draws are those of the posterior regardless of the quality of the flow.

    Raises:
        ValueError: an option has an impossible value.
        TypeError: an option is of the wrong type.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.full((4, 5), 2.0), sigma=1.0)
        >>> fit = sl.fit(model, image, sl.NUTS(warmup=30, draws=50), progress=False)
        >>> fit.draws["sky.level"].shape
        (2, 50)
    """

    warmup: int = 200
    draws: int = 1000
    chains: int = 2
    target_accept: float = 0.9
    max_tree_depth: int = 8
    adapt_mass: bool = True
    transport: SVI | None = None

    def __check_init__(self) -> None:
        check_count("NUTS.warmup", self.warmup, least=0)
        check_count("NUTS.draws", self.draws, least=1)
        check_count("NUTS.chains", self.chains, least=1)
        check_count("NUTS.max_tree_depth", self.max_tree_depth, least=1)
        if self.max_tree_depth > chains.DEEPEST:
            raise InputError(f"NUTS.max_tree_depth must be at most {chains.DEEPEST}, got {self.max_tree_depth}")
        check_finite("NUTS.target_accept", self.target_accept)
        if not 0 < self.target_accept < 1:
            raise InputError(f"NUTS.target_accept must lie between 0 and 1, got {self.target_accept!r}")
        true_or_false("NUTS.adapt_mass", self.adapt_mass)
        if not isinstance(self.transport, SVI | None):
            raise InputTypeError(f'NUTS.transport must be SVI(guide="flow") or None, got {self.transport!r}')

    @property
    def number_of_draws(self) -> int:
        return self.chains * self.draws

    @property
    def writes_checkpoints(self) -> bool:
        return True

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        if self.transport is None:
            check_bend(problem)
        with threads("chain", most=self.chains) as pool:
            # The sampler compiles in one thread while the minimiser compiles and runs in this one.
            pool.submit(_compile, problem, self, is_double())
            state = problem.checkpoint and problem.checkpoint.state
            if state:
                return resumed(self, problem, monitor, state).run(pool)
            minimum = minimise(problem, monitor, jacobian=True)
            if minimum.cancelled:
                return instead("NUTS", problem, monitor, minimum)
            here = _coordinates(self, problem, monitor, minimum)
            if here is None:
                return instead("NUTS", problem, monitor, minimum)
            return Sampler(self, problem, monitor, minimum, here).run(pool)


def _compile(problem: Problem, method: NUTS, x64: bool) -> None:  # noqa: FBT001 (a thread's argument)
    """Compile the sampler, whose program does not depend on values. Errors are raised again when it is used."""
    silent, density = Monitor("NUTS"), problem.density
    with precision(x64):
        start = any_coordinates(method, problem)
        group = grouped(new_chains(np.zeros((method.chains, len(problem.start))), problem.seed))[0]
        chains.SAMPLE.prepare(silent, density, start, settings(method, 0, adapting=False), group)
        REFERENCE.prepare(silent, density, start.centre)


def _coordinates(method: NUTS, problem: Problem, monitor: Monitor, minimum: Minimum) -> Coordinates | None:
    """Return the coordinates to begin with; None if the run is cancelled before they are found."""
    if method.transport is None:
        try:
            found = ridge(problem, monitor, minimum)
        except Cancelled:
            return None
        covariance = np.eye(len(minimum.u))
        if problem.draws is not None:
            u = np.stack([unconstrain(monitor, problem.density, draw) for draw in problem.draws])
            turns = found.inverse(minimum.u + folded(u - minimum.u, problem.angles))
            covariance = leaning(turns, covariance)
        return coordinates_about(problem, monitor, minimum.u, covariance)._replace(ridge=found)
    guide = fit_guide(method.transport, problem, monitor, minimum)
    return None if guide.cancelled else guide.coordinates
