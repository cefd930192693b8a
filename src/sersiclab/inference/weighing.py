"""The posterior density at many points, in batches between which a run can be cancelled."""

import time

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab.inference.coordinates.potential import Coordinates, potential
from sersiclab.inference.running.monitor import Cancelled, Monitor, Pace
from sersiclab.inference.running.program import Program
from sersiclab.inference.running.threads import processors, threads
from sersiclab.model.unconstrained import AbstractDensity


# Points of a thread at most between two looks at the monitor.
CHUNK = 256
# Pixels that a thread renders at once.
BATCH_PIXELS = 2**16


def batch_size(density: AbstractDensity) -> int:
    """Return the number of points that are rendered at once, a power of two."""
    return 2 ** int(np.log2(np.clip(BATCH_PIXELS // density.size, 1, CHUNK)))


def _weigh(
    density: AbstractDensity, here: Coordinates, z: Float[Array, "rows d"], count: Int[Array, ""]
) -> Float[Array, " rows"]:
    """Return the potentials of the first `count` batches."""
    blocks = jnp.reshape(z, (-1, batch_size(density), z.shape[1]))

    def batch(i: Array, found: Float[Array, "block row"]) -> Float[Array, "block row"]:
        return found.at[i].set(jax.vmap(lambda row: potential(density, here, row))(blocks[i]))

    return jnp.ravel(jax.lax.fori_loop(0, count, batch, jnp.zeros(blocks.shape[:2])))


_WEIGH = Program(_weigh)


def potentials(
    density: AbstractDensity,
    monitor: Monitor,
    here: Coordinates,
    z: Float[np.ndarray, "point d"],
    *,
    before: int = 0,
    after: int = 0,
) -> Float[np.ndarray, " finished"]:
    """Return the potentials of all points, or of those that were finished when the run was cancelled.

    Progress counts these points together with the numbers `before` and `after` them.
    """
    size = batch_size(density)
    pace, found, done = Pace(first=1, most=CHUNK // size), np.empty(0), 0
    padded = np.concatenate([z, np.zeros((CHUNK, z.shape[1]))]).astype(jnp.result_type(float))
    weigh = _WEIGH.prepare(monitor, density, here, jnp.asarray(padded[:CHUNK]), jnp.asarray(0))
    monitor.phase("weighing", total=before + len(z) + after, step=before)
    most = processors() if jax.default_backend() == "cpu" else 1

    def part(first: int, steps: int) -> Float[np.ndarray, " row"]:
        rows = jnp.asarray(padded[first : first + CHUNK])
        return np.asarray(weigh(density, here, rows, jnp.asarray(steps)), dtype=float)[: steps * size]

    with threads("weigh", most=most) as pool:
        try:
            while done < len(z):
                began = time.perf_counter()
                steps = min(pace.steps, -(-(len(z) - done) // (most * size)))
                parts = [pool.submit(part, first, steps) for first in range(done, len(z), steps * size)[:most]]
                found = np.concatenate([found, *(each.result() for each in parts)])[: len(z)]
                pace.took(steps, time.perf_counter() - began)
                done = len(found)
                monitor.advance(before + done)
        except Cancelled:
            pass
    # Where the posterior is not finite, it counts as zero.
    return np.where(np.isfinite(found), found, np.inf)
