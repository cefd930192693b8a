"""The No-U-Turn Sampler (Hoffman & Gelman 2014, arXiv:1111.4246), warm-started from the mode."""

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
    """Draws from the posterior itself, by chains that warm up first.

    Each of `chains` chains takes `warmup` steps, then `draws` draws. They start at draws of the Laplace
    approximation and in its coordinates, bent as the ridge of the posterior is, so that a short warm-up is
    enough: it adapts the step size to `target_accept` and, with `adapt_mass`, the coordinates to the
    posterior's covariance. A trajectory has at most `2**max_tree_depth - 1` steps.

    With `transport=SVI(guide="flow")` the chains run where the flow has made a bent posterior about round
    (NeuTra: Hoffman et al. 2019, arXiv:1903.03704). The draws are the posterior's however good the flow is.
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
    """Compile the sampler, whatever its arguments' values. Errors come again, and are seen, when it is used."""
    silent, density = Monitor("NUTS"), problem.density
    with precision(x64):
        start = any_coordinates(method, problem)
        group = grouped(new_chains(np.zeros((method.chains, len(problem.start))), problem.seed))[0]
        chains.SAMPLE.prepare(silent, density, start, settings(method, 0, adapting=False), group)
        REFERENCE.prepare(silent, density, start.centre)


def _coordinates(method: NUTS, problem: Problem, monitor: Monitor, minimum: Minimum) -> Coordinates | None:
    """The coordinates to begin in; None if the user cancels before they are found."""
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
