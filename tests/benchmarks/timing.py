"""How the benchmarks measure time."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np


class Timing(NamedTuple):
    """Seconds to trace and compile, and the median of the runs that followed."""

    compile: float
    run: float


def measure(function: Callable[..., Any], *args: Any, seconds: float = 0.5, at_least: int = 7) -> Timing:
    """Compile a function for its arguments, then run it for some seconds."""
    start = time.perf_counter()
    compiled = jax.jit(function).lower(*args).compile()
    compiling = time.perf_counter() - start
    jax.block_until_ready(compiled(*args))
    runs = []
    begin = time.perf_counter()
    while len(runs) < at_least or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        jax.block_until_ready(compiled(*args))
        runs.append(time.perf_counter() - start)
    return Timing(compiling, float(np.median(runs)))
