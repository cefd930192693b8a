"""Descents of many densities at once: block by block in threads on processors, all together on an accelerator.

On a processor `lax.map` runs one descent after the other inside a compiled program, and each thread has its blocks:
`vmap` would compute the iterations of the slowest descent for all, and took four times as long. On an accelerator
`vmap` is the way to use its width. It runs in rounds of a few iterations, after which the finished descents are left
out.
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sersiclab.inference.base import Problem
from sersiclab.inference.batch.stacking import block_size, part, stacked
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import Program, is_double, precision
from sersiclab.inference.running.threads import threads
from sersiclab.inference.search.descent import Aim, Descent, Known
from sersiclab.inference.search.minimiser import descend
from sersiclab.inference.search.minimum import Minimum
from sersiclab.model.lowering import alike
from sersiclab.model.unconstrained import AbstractDensity, Vector


# Iterations between two looks at the monitor and the clock; most descents of single galaxies take fewer.
STEPS = 10
# Iterations of a round on an accelerator, and the numbers in all derivatives of the stamps of a round.
ROUND, ROUND_NUMBERS = 4, 2**28


class PlannedDescent(NamedTuple):
    """A descent from `u`, with `most` iterations and `seconds`, which ends early near the minimum `known`, if any."""

    problem: Problem
    u: Float[np.ndarray, " d"]
    most: int
    seconds: float
    known: Minimum | None = None


class DescentBlock(NamedTuple):
    """Descents of one kind that are computed together. Where there are fewer than its size, the last are copies."""

    indices: list[int]
    density: AbstractDensity
    u: Float[np.ndarray, "stamp d"]
    known: Known
    most: Int[np.ndarray, " stamp"]
    seconds: float


def descend_all(tasks: Sequence[PlannedDescent], aim: Aim, monitor: Monitor) -> Iterator[tuple[int, Descent]]:
    """Yield the index and the final state of each descent, in any order.

    Descents that are not finished when their block has used the seconds of all its tasks are left out.
    """
    x64 = is_double()  # which a user may have set for this thread alone
    kinds = alike([task.problem.density for task in tasks])
    if jax.default_backend() != "cpu":
        for members in kinds:
            yield from _in_rounds(tasks, members, aim, monitor)
        return
    blocks = [
        indices for members in kinds for indices in _batched(members, block_size(tasks[members[0]].problem.density))
    ]

    def work(indices: list[int]) -> list[tuple[int, Descent]]:
        with precision(x64):
            size = block_size(tasks[indices[0]].problem.density)
            return list(_in_steps(_block(tasks, indices, size), aim, monitor))

    with threads("batch") as pool:
        yield from itertools.chain.from_iterable(pool.map(work, blocks))


def _batched(members: Sequence[int], size: int) -> list[list[int]]:
    return [list(members[k : k + size]) for k in range(0, len(members), size)]


def _block(tasks: Sequence[PlannedDescent], indices: list[int], size: int) -> DescentBlock:
    chosen = [tasks[i] for i in indices]
    u = stacked([task.u for task in chosen], size).astype(jnp.result_type(float))
    most = np.zeros(size, int)
    most[: len(chosen)] = [task.most for task in chosen]
    return DescentBlock(
        indices=indices,
        density=stacked([task.problem.density for task in chosen], size),
        u=u,
        known=stacked([_known(task) for task in chosen], size),
        most=most,
        seconds=sum(task.seconds for task in chosen),
    )


def _known(task: PlannedDescent) -> Known:
    if task.known is None:
        return Known.none(np.asarray(task.u, dtype=float))
    return Known(*(np.asarray(each, dtype=float) for each in (task.known.u, task.known.curvature, task.problem.angles)))


def _in_steps(block: DescentBlock, aim: Aim, monitor: Monitor) -> Iterator[tuple[int, Descent]]:
    """Yield the index and final state of each descent of a block, by `lax.map`."""
    state, spent = _BEGIN(monitor, block.density, block.u, block.known), 0.0
    while spent < block.seconds:
        steps = np.where(np.asarray(state.ended), 0, np.minimum(STEPS, block.most - np.asarray(state.iterations)))
        if not steps.any():
            break
        move = _MAP.prepare(monitor, block.density, aim, state, np.zeros_like(steps))
        monitor.check()
        began = time.perf_counter()
        state = move(block.density, aim, state, steps)
        spent += time.perf_counter() - began
    yield from _ended(block, state)


def _in_rounds(
    tasks: Sequence[PlannedDescent], members: list[int], aim: Aim, monitor: Monitor
) -> Iterator[tuple[int, Descent]]:
    """Yield the index and final state of each descent of one kind, by `vmap`, in rounds."""
    one = tasks[members[0]]
    size = max(1, ROUND_NUMBERS // (one.problem.density.size * one.u.size))
    for indices in _batched(members, min(size, _rounded(len(members)))):
        block, spent = _block(tasks, indices, _rounded(len(indices))), 0.0
        state = _BEGIN(monitor, block.density, block.u, block.known)
        while block.indices and spent < block.seconds:
            monitor.check()
            steps = np.minimum(ROUND, block.most - np.asarray(state.iterations))
            move, began = _VMAP.prepare(monitor, block.density, aim, state, 0 * steps), time.perf_counter()
            state = move(block.density, aim, state, steps)
            spent += time.perf_counter() - began
            yield from _ended(block, state)
            unfinished = np.flatnonzero(~_finished(block, state))
            block, state = _compacted(block, unfinished), _rows(state, unfinished)


def _rounded(number: int) -> int:
    """Return the next power of two, so that few sizes are compiled."""
    return 1 << max(number - 1, 0).bit_length()


def _rows(tree: Any, rows: Int[np.ndarray, " row"]) -> Any:
    """Return these rows of a stacked tree, filled with copies of the last to a power of two."""
    if not rows.size:
        return tree
    index = np.resize(rows, _rounded(len(rows)))
    index[len(rows) :] = rows[-1]
    return jax.tree.map(lambda leaf: leaf[index], tree)


def _compacted(block: DescentBlock, rows: Int[np.ndarray, " row"]) -> DescentBlock:
    most = np.zeros(_rounded(len(rows)), int)
    most[: len(rows)] = block.most[rows]
    return DescentBlock(
        indices=[block.indices[i] for i in rows],
        density=_rows(block.density, rows),
        u=_rows(block.u, rows),
        known=_rows(block.known, rows),
        most=most,
        seconds=block.seconds,
    )


def _finished(block: DescentBlock, state: Descent) -> Bool[np.ndarray, " stamp"]:
    """Return which of a block's tasks have ended; copies never do."""
    ended = np.asarray(state.ended) | (np.asarray(state.iterations) >= block.most)
    return ended[: len(block.indices)]


def _ended(block: DescentBlock, state: Descent) -> Iterator[tuple[int, Descent]]:
    host = jax.tree.map(np.asarray, state)
    for i in np.flatnonzero(_finished(block, state)):
        yield block.indices[i], part(host, int(i))


def _begin(density: AbstractDensity, u: Float[Array, "stamp d"], known: Known) -> Descent:
    def one(density: AbstractDensity, u: Vector, known: Known) -> Descent:
        return Descent.at(density, u)._replace(known=known)

    return jax.vmap(one)(density, u, known)


def _by_map(density: AbstractDensity, aim: Aim, state: Descent, steps: Int[Array, " stamp"]) -> Descent:
    return jax.lax.map(lambda each: descend(each[0], aim, each[1], each[2]), (density, state, steps))


def _by_vmap(density: AbstractDensity, aim: Aim, state: Descent, steps: Int[Array, " stamp"]) -> Descent:
    return jax.vmap(lambda density, state, steps: descend(density, aim, state, steps))(density, state, steps)


_BEGIN, _MAP, _VMAP = Program(_begin), Program(_by_map), Program(_by_vmap)
