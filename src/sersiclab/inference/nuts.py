"""The No-U-Turn Sampler (Hoffman & Gelman 2014, arXiv:1111.4246), warm-started from the mode."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.inference import chains
from sersiclab.inference.base import AbstractMethod, Outcome, Problem, check_count
from sersiclab.inference.chains import Chain, Settings, Trace
from sersiclab.inference.flow import identity
from sersiclab.inference.frame import REFERENCE, Frame, frame
from sersiclab.inference.laplace import instead
from sersiclab.inference.least_squares import Minimum, minimise
from sersiclab.inference.monitor import Cancelled, Monitor, Pace
from sersiclab.inference.program import constrain, is_double, precision, unconstrain
from sersiclab.inference.ridge import ridge, straight_ridge
from sersiclab.inference.svi import SVI, fit_guide
from sersiclab.inference.threads import threads
from sersiclab.results import circular
from sersiclab.seeds import key_of


TRIES = 8


class NUTS(AbstractMethod):
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
            raise ValueError(f"NUTS.max_tree_depth must be at most {chains.DEEPEST}, got {self.max_tree_depth}")
        if not 0 < self.target_accept < 1:
            raise ValueError(f"NUTS.target_accept must lie between 0 and 1, got {self.target_accept!r}")
        if not isinstance(self.transport, SVI | None):
            raise TypeError(f'NUTS.transport must be SVI(guide="flow") or None, got {self.transport!r}')

    @property
    def number_of_draws(self) -> int:
        return self.chains * self.draws

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        with threads("chain", most=self.chains) as pool:
            # The sampler compiles in one thread while the minimiser compiles and runs in this one.
            pool.submit(_compile, problem, self, is_double())
            minimum = minimise(problem, monitor, jacobian=True)
            if minimum.cancelled:
                return instead("NUTS", problem, monitor, minimum)
            here = _coordinates(self, problem, monitor, minimum)
            if here is None:
                return instead("NUTS", problem, monitor, minimum)
            sampler = _Sampler(self, problem, monitor, here, pool)
            try:
                sampler.begin()
                sampler.warm_up()
                sampler.sample()
            except Cancelled:
                if not sampler.traces:
                    return instead("NUTS", problem, monitor, minimum)
            return sampler.outcome()


def _compile(problem: Problem, method: NUTS, x64: bool) -> None:  # noqa: FBT001 (a thread's argument)
    """Compile the sampler, whatever its arguments' values. Errors come again, and are seen, when it is used."""
    silent, density = Monitor("NUTS"), problem.density
    with precision(x64):
        start = Frame(
            centre=jnp.asarray(problem.start, dtype=float),
            factor=jnp.eye(len(problem.start)),
            reference=jnp.zeros_like(density.data),
            angles=jnp.asarray(problem.angles, dtype=float),
            flow=identity(len(problem.start), jax.random.key(0)) if _is_bent(method) else None,
            ridge=straight_ridge(len(problem.start)) if method.transport is None else None,
        )
        group = _groups(method, np.zeros((method.chains, len(problem.start))), problem.seed)[0]
        chains.SAMPLE.prepare(silent, density, start, _settings(method, 0, adapting=False), group)
        REFERENCE.prepare(silent, density, start.centre)


def _is_bent(method: NUTS) -> bool:
    return method.transport is not None and method.transport.guide == "flow"


def _coordinates(method: NUTS, problem: Problem, monitor: Monitor, minimum: Minimum) -> Frame | None:
    """The coordinates to begin in; None if the user cancels before they are found."""
    if method.transport is None:
        try:
            found = ridge(problem, monitor, minimum)
        except Cancelled:
            return None
        covariance = np.eye(len(minimum.u))
        if problem.draws is not None:
            u = np.stack([unconstrain(monitor, problem.density, draw) for draw in problem.draws])
            turns = found.coordinates(minimum.u + _fold(u - minimum.u, problem.angles))
            covariance = _leaning(turns, covariance)
        return frame(problem, monitor, minimum.u, covariance)._replace(ridge=found)
    guide = fit_guide(method.transport, problem, monitor, minimum)
    return None if guide.cancelled else guide.frame


def _settings(method: NUTS, steps: int, *, adapting: bool) -> Settings:
    return Settings(
        adapting=jnp.asarray(adapting),
        target_accept=jnp.asarray(method.target_accept, dtype=float),
        max_tree_depth=jnp.asarray(method.max_tree_depth),
        steps=jnp.asarray(steps),
    )


def _groups(method: NUTS, z: Float[np.ndarray, "chain d"], seed: int) -> list[Chain]:
    """Chains at `z`, in groups that advance together.

    One group a chain for the threads of a CPU; all chains in one group, a batch, elsewhere.
    """
    count, size = z.shape
    zero = jnp.zeros(count)
    log_step = jnp.full(count, -0.25 * np.log(size), dtype=float)
    state = Chain(
        z=jnp.asarray(z, dtype=float),
        potential=zero + chains.UNKNOWN,
        gradient=jnp.zeros((count, size)),
        key=jax.random.split(key_of(seed), count),
        averaging=(log_step, log_step, zero, jnp.zeros(count, int), log_step),
    )
    if jax.default_backend() != "cpu":
        return [state]
    lanes = [np.array([i]) for i in range(count)]
    return [jax.tree.map(lambda leaf, lane=lane: leaf[lane], state) for lane in lanes]


class _Sampler:
    """The state of one run: the chains, in groups that advance together, and their coordinates."""

    def __init__(self, method: NUTS, problem: Problem, monitor: Monitor, here: Frame, pool: ThreadPoolExecutor) -> None:
        self.method, self.problem, self.monitor, self.frame, self.pool = method, problem, monitor, here, pool
        self.pace = Pace(first=2, most=chains.CHUNK)
        self.traces: list[Trace] = []
        self.done = 0
        self.divergences = 0
        self.rng = np.random.default_rng(problem.seed)

    def begin(self) -> None:
        """Put each chain at a draw of the approximation; nearer to the mode if the density vanishes there."""
        self.monitor.phase("warm-up", total=self.method.warmup + self.method.draws)
        z = self.rng.normal(size=(self.method.chains, len(self.problem.start)))
        for attempt in range(TRIES):
            self.groups = _groups(self.method, z, self.problem.seed)
            self._chunk(1, adapting=False)
            lost = np.concatenate([group.potential for group in self.groups]) >= chains.UNKNOWN
            if not lost.any():
                return
            z[lost] *= 0.5 if attempt < TRIES - 2 else 0.0
        raise ValueError("the posterior is not finite at its mode")

    def _chunk(self, steps: int, *, adapting: bool) -> Trace:
        """Advance all chains; the trace has leading axes (chain, draw)."""
        settings, none = (_settings(self.method, count, adapting=adapting) for count in (steps, 0))
        density, here = self.problem.density, self.frame
        program = chains.SAMPLE.prepare(self.monitor, density, here, none, self.groups[0])
        began = time.perf_counter()
        advanced = list(self.pool.map(lambda group: program(density, here, settings, group), self.groups))
        self.pace.took(steps, time.perf_counter() - began)
        self.groups = [group for group, _ in advanced]
        return Trace(*(np.concatenate(leaves)[:, :steps] for leaves in zip(*(t for _, t in advanced), strict=True)))

    def _advance(self, count: int, *, adapting: bool) -> Trace:
        """So many steps in chunks; what the chains recorded."""
        parts: list[Trace] = []
        left = count
        while left:
            part = self._chunk(min(self.pace.steps, left), adapting=adapting)
            steps = part.potential.shape[1]
            left -= steps
            self.done += steps
            parts.append(part)
            if not adapting:
                self._keep(part)
            self.monitor.advance(self.done, divergences=self.divergences)
        return Trace(*(np.concatenate(leaves, axis=1) for leaves in zip(*parts, strict=True)))

    def warm_up(self) -> None:
        """Adapt the step size, and the coordinates after each window of draws; a flow's are adapted already."""
        adapt_mass = self.method.adapt_mass and self.frame.flow is None
        for count, reshape in _windows(self.method.warmup, adapt_mass=adapt_mass):
            trace = self._advance(count, adapting=True)
            if reshape:
                self._reshape(np.asarray(trace.z, dtype=float))

    def _reshape(self, z: Float[np.ndarray, "chain draw d"]) -> None:
        """New coordinates from the draws of all chains, leaning towards the old where draws are few."""
        factor = np.asarray(self.frame.factor, dtype=float)
        new = np.linalg.cholesky(_leaning(self._turns(z.reshape(-1, z.shape[-1])), factor @ factor.T))
        into_new = np.linalg.solve(new, factor)
        self.frame = self.frame._replace(factor=jnp.asarray(new, dtype=float))
        self.groups = [_restart(group, into_new) for group in self.groups]

    def _turns(self, z: Float[np.ndarray, "draw d"]) -> Float[np.ndarray, "draw d"]:
        """The points factor z, all in the same copy of the half circle."""
        here, centre = self.frame, np.asarray(self.frame.centre, dtype=float)
        if here.ridge is None:
            return _fold(here.points(z) - centre, self.problem.angles)
        return here.ridge.coordinates(centre + _fold(here.points(z) - centre, self.problem.angles))

    def sample(self) -> None:
        """The draws to keep, or those that are left of them."""
        self.monitor.phase("sampling", total=self.method.warmup + self.method.draws, step=self.done)
        left = self.method.draws - sum(trace.potential.shape[1] for trace in self.traces)
        if left:
            self._advance(left, adapting=False)

    def go_on(self, monitor: Monitor) -> Outcome:
        """What a cancelled run has left to draw, from the same chains."""
        draws = self.monitor.draws
        assert draws is not None
        monitor.keep(draws)
        self.monitor = monitor
        with threads("chain", most=self.method.chains) as self.pool, contextlib.suppress(Cancelled):
            self.sample()
        return self.outcome()

    def _keep(self, trace: Trace) -> None:
        self.traces.append(trace)
        self.divergences += int(trace.diverging.sum())
        self.monitor.keep(constrain(self.monitor, self.problem.density, self.frame.points(trace.z)))

    def outcome(self) -> Outcome:
        """The draws so far as a result."""
        trace = Trace(*(np.concatenate(leaves, axis=1) for leaves in zip(*self.traces, strict=True)))
        draws = self.monitor.draws
        assert draws is not None
        offset = self.frame.offset() + self.problem.density.log_unit
        potential = np.asarray(trace.potential, dtype=float)
        best = np.unravel_index(np.argmin(potential), potential.shape)
        kept = potential.shape[1]
        u = self.frame.points(trace.z)
        for i in np.flatnonzero(self.problem.angles):
            u[..., i] = circular.unwrap(u[..., i])
        return Outcome(
            self.method,
            draws[best],
            draws=draws,
            stats={
                "lp": offset - potential,
                "energy": np.asarray(trace.energy, dtype=float) - offset,
                "diverging": np.asarray(trace.diverging),
                "acceptance_rate": np.asarray(trace.acceptance_rate, dtype=float),
                "tree_depth": np.asarray(trace.tree_depth),
                "n_steps": np.asarray(trace.n_steps),
                "step_size": np.asarray(trace.step_size, dtype=float),
            },
            covariance=np.atleast_2d(np.cov(u.reshape(-1, u.shape[-1]), rowvar=False)),
            cancelled="" if kept == self.method.draws else f"cancelled after {kept} of {self.method.draws} draws",
            go_on=None if kept == self.method.draws else self.go_on,
        )


def _windows(warmup: int, *, adapt_mass: bool) -> list[tuple[int, bool]]:
    """The warm-up's windows: their lengths, and whether the coordinates are adapted after them."""
    if not adapt_mass or warmup < 20:
        return [(warmup, False)] if warmup else []
    shares = np.array([0.15, 0.25, 0.4])
    lengths = [int(length) for length in np.rint(shares * warmup)]
    return [(lengths[0], False), (lengths[1], True), (lengths[2], True), (warmup - sum(lengths), False)]


def _leaning(turns: Float[np.ndarray, "draw d"], old: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """The covariance of draws, leaning towards an old one where they are few."""
    count, weight = len(turns), 5.0 * len(old)
    return np.atleast_2d((count * np.cov(turns, rowvar=False) + weight * old) / (count + weight))


def _fold(turns: Float[np.ndarray, "draw d"], angles: Bool[np.ndarray, " d"]) -> Float[np.ndarray, "draw d"]:
    """Angles that went to another copy of the half circle brought back about the centre."""
    folded = (turns + 0.5 * np.pi) % np.pi - 0.5 * np.pi
    return np.where(angles, folded, turns)


def _restart(group: Chain, into_new: Float[np.ndarray, "d d"]) -> Chain:
    """A group at the same place in new coordinates, its step size to be learnt again from where it was."""
    average = group.averaging[1]
    zero = jnp.zeros_like(average)
    gradient = np.linalg.solve(into_new.T, np.asarray(group.gradient, dtype=float).T).T
    return group._replace(
        z=jnp.asarray(np.asarray(group.z, dtype=float) @ into_new.T, dtype=float),
        gradient=jnp.asarray(gradient, dtype=float),
        averaging=(average, average, zero, jnp.zeros_like(group.averaging[3]), average),
    )
