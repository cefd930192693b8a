"""Jitted functions that say when they compile."""

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.density import Density
from sersiclab.inference.monitor import Monitor


KEPT = 64
ROWS = 128


class Program:
    """A jitted function. It compiles once for each structure, shapes and precision of its arguments.

    `jax.jit` alone does the same, but does not say that it is about to: the user would take the seconds
    of compilation for a hang.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._jitted = jax.jit(function)
        self._compiled: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def prepare(self, monitor: Monitor, *arguments: Any) -> Callable[..., Any]:
        """The function compiled for arguments like these, compiling it if need be."""
        leaves, structure = jax.tree.flatten(arguments)
        key = (structure, tuple((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves))
        if key not in self._compiled:
            with monitor.compiling(), self._lock:
                if key not in self._compiled:
                    if len(self._compiled) >= KEPT:
                        del self._compiled[next(iter(self._compiled))]
                    self._compiled[key] = self._jitted.lower(*arguments).compile()
        return self._compiled[key]

    def __call__(self, monitor: Monitor, *arguments: Any) -> Any:
        """The function's value, computed to the end."""
        return jax.block_until_ready(self.prepare(monitor, *arguments)(*arguments))


def _constrain(density: Density, rows: Float[Array, "rows d"]) -> Float[Array, "rows d"]:
    def one(u: Float[Array, " d"]) -> Float[Array, " d"]:
        values = density.constrain(u)
        return jnp.stack([values[path] for path in density.paths])

    return jax.vmap(one)(rows)


def _unconstrain(density: Density, values: Float[Array, " d"]) -> Float[Array, " d"]:
    return density.unconstrain(dict(zip(density.paths, values, strict=True)))


_CONSTRAIN = Program(_constrain)
_UNCONSTRAIN = Program(_unconstrain)


def constrain(monitor: Monitor, density: Density, u: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
    """The parameters' values at points `u`; always so many rows at a time, to compile once."""
    rows = np.reshape(u, (-1, u.shape[-1]))
    padded = np.resize(rows, (-(-len(rows) // ROWS) * ROWS, rows.shape[1])).astype(jnp.result_type(float))
    blocks = [_CONSTRAIN(monitor, density, jnp.asarray(block)) for block in np.split(padded, len(padded) // ROWS)]
    return np.concatenate(blocks)[: len(rows)].reshape(u.shape).astype(float)


def unconstrain(monitor: Monitor, density: Density, values: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    """The point at which the parameters have these values; a value on a bound gives a point near it."""
    u = _UNCONSTRAIN(monitor, density, jnp.asarray(values, dtype=float))
    return np.nan_to_num(np.asarray(u, dtype=float), posinf=4.0, neginf=-4.0)
