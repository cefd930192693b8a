"""Jitted functions that report when they compile."""

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.running.monitor import Monitor
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.parameters.stacks import Values
from sersiclab.runtime.process import releases


try:
    from jax import enable_x64 as precision  # pyright: ignore[reportAttributeAccessIssue]
except ImportError:  # JAX before 0.8
    from jax.experimental import enable_x64 as precision  # pyright: ignore[reportAttributeAccessIssue]

ROWS = 128


def is_double() -> bool:
    """Return whether this thread computes in double precision, which a user may have set for it alone."""
    return jnp.result_type(float) == jnp.float64


class Program:
    """A jitted function. It compiles once for each structure, shapes and precision of its arguments.

    `jax.jit` does the same but does not report it, and the user would take the seconds of compilation for a hang.
    (Compiling ahead of time would do too, but then JAX 0.10 fails to pass the constants of some functions.)
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._jitted = jax.jit(function)
        self._known: set[Any] = set()
        self._lock = threading.Lock()

    def prepare(self, monitor: Monitor, *arguments: Any) -> Callable[..., Any]:
        """Return the function, compiled for arguments like these, if need be by calling it with them."""
        leaves, structure = jax.tree.flatten(arguments)
        key = (structure, tuple(_kind(leaf) for leaf in leaves))
        # Precision may be set for a thread alone, and the function may be called in another.
        x64 = is_double()
        key = (releases(), *key)
        if key not in self._known:
            with monitor.compiling(), self._lock:
                jax.block_until_ready(self._jitted(*arguments))
                self._known.add(key)

        def call(*arguments: Any) -> Any:
            with precision(x64):
                return jax.block_until_ready(self._jitted(*arguments))

        return call

    def __call__(self, monitor: Monitor, *arguments: Any) -> Any:
        """Return the value of the function, when it has been computed."""
        return self.prepare(monitor, *arguments)(*arguments)


def _kind(leaf: Any) -> tuple[Any, ...]:
    """Return the properties for which JAX compiles. A Python number, or an array from one, is weakly typed."""
    return np.shape(leaf), jnp.result_type(leaf), getattr(leaf, "weak_type", type(leaf) in (int, float, complex))


def _constrain(density: AbstractDensity, rows: Float[Array, "rows d"]) -> Float[Array, "rows d"]:
    return jax.vmap(lambda u: density.constrain(u).vector)(rows)


def _unconstrain(density: AbstractDensity, values: Float[Array, " d"]) -> Float[Array, " d"]:
    return density.unconstrain(Values(density.paths, values))


_CONSTRAIN = Program(_constrain)
_UNCONSTRAIN = Program(_unconstrain)


def constrain(monitor: Monitor, density: AbstractDensity, u: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
    """Return the parameter values at points `u`, a fixed number of rows at a time so that it compiles once."""
    rows = np.reshape(u, (-1, u.shape[-1]))
    padded = np.resize(rows, (-(-len(rows) // ROWS) * ROWS, rows.shape[1])).astype(jnp.result_type(float))
    blocks = [jnp.asarray(block) for block in np.split(padded, len(padded) // ROWS)]
    call = _CONSTRAIN.prepare(monitor, density, blocks[0])
    blocks = [call(density, block) for block in blocks]
    return density.outward(np.concatenate(blocks)[: len(rows)].reshape(u.shape).astype(float))


def unconstrain(monitor: Monitor, density: AbstractDensity, values: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    """Return the point at which the parameters have these values; for a value on a bound, a point near it."""
    u = _UNCONSTRAIN(monitor, density, jnp.asarray(density.inward(values), dtype=float))
    return np.nan_to_num(np.asarray(u, dtype=float), posinf=4.0, neginf=-4.0)
