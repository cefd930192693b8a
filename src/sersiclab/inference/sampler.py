"""A run of the No-U-Turn Sampler: its chains, its warm-up, and its state in a checkpoint."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.inference import chains
from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.chains import Chain, Settings, Trace
from sersiclab.inference.coordinates.flow import identity
from sersiclab.inference.coordinates.potential import Coordinates
from sersiclab.inference.coordinates.ridge import straight_ridge
from sersiclab.inference.laplace import instead
from sersiclab.inference.running.monitor import Cancelled, Monitor, Pace
from sersiclab.inference.running.program import constrain
from sersiclab.inference.running.threads import threads
from sersiclab.inference.search.minimum import Minimum
from sersiclab.inference.svi import SVI
from sersiclab.results import circular
from sersiclab.runtime.errors import InputError
from sersiclab.runtime.seeds import key_of


# Starting points that are tried for each chain.
TRIES = 8


class AbstractChainMethod(AbstractMethod):
    """Base class of `NUTS`: the options that a `Sampler` needs."""

    warmup: eqx.AbstractVar[int]
    draws: eqx.AbstractVar[int]
    chains: eqx.AbstractVar[int]
    target_accept: eqx.AbstractVar[float]
    max_tree_depth: eqx.AbstractVar[int]
    adapt_mass: eqx.AbstractVar[bool]
    transport: eqx.AbstractVar[SVI | None]


def any_coordinates(method: AbstractChainMethod, problem: Problem) -> Coordinates:
    """Return coordinates with the structure, shapes and precision of those in a run of this method."""
    size = len(problem.start)
    bent = method.transport is not None and method.transport.guide == "flow"
    return Coordinates(
        centre=jnp.asarray(problem.start, dtype=float),
        factor=jnp.eye(size),
        reference=jnp.zeros(problem.density.shape),
        angles=jnp.asarray(problem.angles, dtype=float),
        flow=identity(size, jax.random.key(0)) if bent else None,
        ridge=straight_ridge(size) if method.transport is None else None,
    )


def settings(method: AbstractChainMethod, steps: int, *, adapting: bool) -> Settings:
    """Return the settings of a chunk of this many steps."""
    return Settings(
        adapting=jnp.asarray(adapting),
        target_accept=jnp.asarray(method.target_accept, dtype=float),
        max_tree_depth=jnp.asarray(method.max_tree_depth),
        steps=jnp.asarray(steps),
    )


def new_chains(z: Float[np.ndarray, "chain d"], seed: int) -> Chain:
    """Return chains at `z`, all in one batch."""
    count, size = z.shape
    zero = jnp.zeros(count)
    log_step = jnp.full(count, -0.25 * np.log(size), dtype=float)
    return Chain(
        z=jnp.asarray(z, dtype=float),
        potential=zero + chains.UNKNOWN,
        gradient=jnp.zeros((count, size)),
        key=jax.random.split(key_of(seed), count),
        averaging=(log_step, log_step, zero, jnp.zeros(count, int), log_step),
    )


def grouped(batch: Chain) -> list[Chain]:
    """Return the chains in groups that advance together.

    On a CPU each chain is a group, for a thread of its own; elsewhere all chains are one group, a batch.
    """
    if jax.default_backend() != "cpu":
        return [batch]
    lanes = [np.array([i]) for i in range(len(batch.potential))]
    return [jax.tree.map(lambda leaf, lane=lane: leaf[lane], batch) for lane in lanes]


class Sampler:
    """The state of a run: the chains, their coordinates, and the record of the current window."""

    def __init__(
        self,
        method: AbstractChainMethod,
        problem: Problem,
        monitor: Monitor,
        minimum: Minimum,
        here: Coordinates,
    ) -> None:
        self.method, self.problem, self.monitor, self.minimum, self.coordinates = (
            method,
            problem,
            monitor,
            minimum,
            here,
        )
        self.pace = Pace(first=2, most=chains.CHUNK)
        self.windows = _windows(method.warmup, adapt_mass=method.adapt_mass and here.flow is None)
        self.window = 0  # from which on, if there is none of this number, the draws are kept
        self.parts: list[Trace] = []
        self.taken = 0  # steps in this window
        self.divergences = 0  # among the draws that are kept
        self.groups: list[Chain] = []

    @property
    def _sampling(self) -> bool:
        return self.window == len(self.windows)

    @property
    def _done(self) -> int:
        """The steps of each chain so far."""
        return sum(count for count, _ in self.windows[: self.window]) + self.taken

    def run(self, pool: ThreadPoolExecutor) -> Outcome:
        """Begin or continue, to the end or until the run is cancelled."""
        self.pool = pool
        try:
            self._phase()
            if not self.groups:
                self._begin()
            self._warm_up()
            self._phase()
            self._advance(self.method.draws, adapting=False)
        except Cancelled:
            self._checkpoint(late=True)
            if not (self._sampling and self.parts):
                return instead("NUTS", self.problem, self.monitor, self.minimum)
        else:
            self._checkpoint(late=True)
        return self._outcome()

    def _go_on(self, monitor: Monitor) -> Outcome:
        """Take the remaining draws of a cancelled run, from the same chains."""
        draws = self.monitor.draws
        assert draws is not None
        monitor.keep(draws)
        self.monitor = monitor
        with threads("chain", most=self.method.chains) as pool:
            return self.run(pool)

    def _phase(self) -> None:
        name = "sampling" if self._sampling else "warm-up"
        self.monitor.phase(name, total=self.method.warmup + self.method.draws, step=self._done)

    def _begin(self) -> None:
        """Put each chain at a draw of the approximation, or nearer to the mode if the density vanishes there."""
        rng = np.random.default_rng(self.problem.seed)
        z = rng.normal(size=(self.method.chains, len(self.problem.start)))
        for attempt in range(TRIES):
            self.groups = grouped(new_chains(z, self.problem.seed))
            self._chunk(1, adapting=False)
            lost = np.concatenate([group.potential for group in self.groups]) >= chains.UNKNOWN
            if not lost.any():
                return
            z[lost] *= 0.5 if attempt < TRIES - 2 else 0.0
        raise InputError("the posterior is not finite at its mode")

    def _chunk(self, steps: int, *, adapting: bool) -> Trace:
        """Advance all chains. The trace has leading axes (chain, draw)."""
        used, none = (settings(self.method, count, adapting=adapting) for count in (steps, 0))
        density, here = self.problem.density, self.coordinates
        program = chains.SAMPLE.prepare(self.monitor, density, here, none, self.groups[0])
        began = time.perf_counter()
        advanced = list(self.pool.map(lambda group: program(density, here, used, group), self.groups))
        self.pace.took(steps, time.perf_counter() - began)
        self.groups = [group for group, _ in advanced]
        return Trace(*(np.concatenate(leaves)[:, :steps] for leaves in zip(*(t for _, t in advanced), strict=True)))

    def _advance(self, count: int, *, adapting: bool) -> None:
        """Take the steps of the window that remain of `count`, in chunks."""
        while left := count - self.taken:
            self._keep(self._chunk(min(self.pace.steps, left), adapting=adapting))
            self._checkpoint()
            self.monitor.advance(self._done, divergences=self.divergences)

    def _keep(self, trace: Trace) -> None:
        self.parts.append(trace)
        self.taken += trace.potential.shape[1]
        if self._sampling:
            self.divergences += int(trace.diverging.sum())
            self.monitor.keep(constrain(self.monitor, self.problem.density, self.coordinates.points(trace.z)))

    def _warm_up(self) -> None:
        """Adapt the step size, and after each window the coordinates; those of a flow are adapted already."""
        while not self._sampling:
            count, reshape = self.windows[self.window]
            self._advance(count, adapting=True)
            if reshape:
                self._reshape(np.asarray(joined(self.parts).z, dtype=float))
            self.window, self.parts, self.taken = self.window + 1, [], 0

    def _reshape(self, z: Float[np.ndarray, "chain draw d"]) -> None:
        """Adapt the coordinates to the draws of all chains, shrunk towards the old ones if draws are few."""
        factor = np.asarray(self.coordinates.factor, dtype=float)
        new = np.linalg.cholesky(leaning(self._turns(z.reshape(-1, z.shape[-1])), factor @ factor.T))
        into_new = np.linalg.solve(new, factor)
        self.coordinates = self.coordinates._replace(factor=jnp.asarray(new, dtype=float))
        self.groups = [_restart(group, into_new) for group in self.groups]

    def _turns(self, z: Float[np.ndarray, "draw d"]) -> Float[np.ndarray, "draw d"]:
        """Return the points factor z, all in the same copy of the half circle."""
        here, centre = self.coordinates, np.asarray(self.coordinates.centre, dtype=float)
        if here.ridge is None:
            return folded(here.points(z) - centre, self.problem.angles)
        return here.ridge.inverse(centre + folded(here.points(z) - centre, self.problem.angles))

    def _outcome(self) -> Outcome:
        """Return the draws so far as an outcome."""
        trace, draws = joined(self.parts), self.monitor.draws
        assert draws is not None
        offset = self.coordinates.offset() + self.problem.density.log_unit
        potential = np.asarray(trace.potential, dtype=float)
        best = np.unravel_index(np.argmin(potential), potential.shape)
        kept = potential.shape[1]
        u = self.coordinates.points(trace.z)
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
            go_on=None if kept == self.method.draws else self._go_on,
        )

    def _checkpoint(self, *, late: bool = False) -> None:
        """Write the state if it is due, or if it is the last one."""
        checkpoint = self.problem.checkpoint
        if checkpoint is not None and self.groups and (late or checkpoint.due):
            checkpoint.write(self.monitor, self._state())

    def _state(self) -> dict[str, Any]:
        """Return the state that `resumed` needs, as plain values and arrays."""
        batch = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *self.groups)
        return {
            "minimum": self.minimum._asdict(),
            "coordinates": [np.atleast_1d(leaf) for leaf in jax.tree.leaves(self.coordinates)],
            "window": self.window,
            "chains": [np.asarray(leaf) for leaf in jax.tree.leaves(_open(batch))],
            "trace": joined(self.parts)._asdict() if self.parts else {},
        }


def resumed(method: AbstractChainMethod, problem: Problem, monitor: Monitor, state: Mapping[str, Any]) -> Sampler:
    """Return the sampler with a state that it wrote to a checkpoint."""
    here = _like(any_coordinates(method, problem), state["coordinates"])
    sampler = Sampler(method, problem, monitor, Minimum(**state["minimum"]), here)
    start = new_chains(np.zeros((method.chains, len(problem.start))), problem.seed)
    batch = _like(_open(start), state["chains"])
    keys = jax.random.wrap_key_data(batch.key, impl=jax.random.key_impl(start.key))
    sampler.groups = grouped(batch._replace(key=keys))
    sampler.window = state["window"]
    if state["trace"]:
        sampler._keep(Trace(**state["trace"]))
    return sampler


def _open(batch: Chain) -> Chain:
    """Return chains with their keys as plain numbers."""
    return batch._replace(key=jax.random.key_data(batch.key))


def _like(template: Any, leaves: list[np.ndarray]) -> Any:
    """Return the tree of these leaves, with the structure, shapes and types of a template."""
    own, structure = jax.tree.flatten(template)
    pairs = zip(own, leaves, strict=True)
    return jax.tree.unflatten(structure, [jnp.asarray(new.reshape(old.shape), old.dtype) for old, new in pairs])


def joined(parts: list[Trace]) -> Trace:
    """Return the records of chunks as one."""
    return Trace(*(np.concatenate(leaves, axis=1) for leaves in zip(*parts, strict=True)))


def _windows(warmup: int, *, adapt_mass: bool) -> list[tuple[int, bool]]:
    """Return the windows of the warm-up: their lengths, and whether the coordinates are adapted after them."""
    if not adapt_mass or warmup < 20:
        return [(warmup, False)] if warmup else []
    shares = np.array([0.15, 0.25, 0.4])
    lengths = [int(length) for length in np.rint(shares * warmup)]
    return [(lengths[0], False), (lengths[1], True), (lengths[2], True), (warmup - sum(lengths), False)]


def leaning(turns: Float[np.ndarray, "draw d"], old: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """Return the covariance of draws, shrunk towards an old one if they are few."""
    count, weight = len(turns), 5.0 * len(old)
    return np.atleast_2d((count * np.cov(turns, rowvar=False) + weight * old) / (count + weight))


def folded(turns: Float[np.ndarray, "draw d"], angles: Bool[np.ndarray, " d"]) -> Float[np.ndarray, "draw d"]:
    """Return points with angles wrapped to the copy of the half circle about the centre."""
    return np.where(angles, (turns + 0.5 * np.pi) % np.pi - 0.5 * np.pi, turns)


def _restart(group: Chain, into_new: Float[np.ndarray, "d d"]) -> Chain:
    """Return a group at the same point in new coordinates, with its step size to be adapted again from its average."""
    average = group.averaging[1]
    zero = jnp.zeros_like(average)
    gradient = np.linalg.solve(into_new.T, np.asarray(group.gradient, dtype=float).T).T
    return group._replace(
        z=jnp.asarray(np.asarray(group.z, dtype=float) @ into_new.T, dtype=float),
        gradient=jnp.asarray(gradient, dtype=float),
        averaging=(average, average, zero, jnp.zeros_like(group.averaging[3]), average),
    )
