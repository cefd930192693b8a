"""Threads that compute at the same time, for JAX runs what one thread asks of it mostly on one processor."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


def processors() -> int:
    """How many this process may use, which in a job of a cluster are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def threads(name: str, *, most: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """One for each processor, `most` at most; at the end they are not waited for, and what has not begun never does."""
    count = processors() if most is None else max(1, min(most, processors()))
    pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=f"sersiclab-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
