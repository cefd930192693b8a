"""Jitted functions that say when they compile."""

import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import Program


def test_what_is_traced_is_said_to_compile() -> None:
    traces = []

    def double(x: jax.Array) -> jax.Array:
        traces.append(x)
        return 2 * x

    program, monitor, said = Program(double), Monitor("test"), 0
    strict = jnp.ones((), jnp.float32)
    for x in (strict, 2.0, jnp.asarray(2.0), np.float32(3.0), 4.0, jnp.ones(2), jnp.zeros(())):
        before, known = monitor.compile_seconds, len(traces)
        program(monitor, x)
        assert (monitor.compile_seconds > before) == (len(traces) > known)
        said += monitor.compile_seconds > before
    assert said == len(traces) == 3  # a strict number, a weak one, a vector
