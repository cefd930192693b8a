"""Threads that compute at the same time: JAX runs the work of one thread mostly on one processor."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


def processors() -> int:
    """Return the number of processors that this process may use, which a cluster may restrict."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def threads(name: str, *, most: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool with a thread for each processor, `most` at most.

    At the end running jobs are not waited for, and others are cancelled.
    """
    count = processors() if most is None else max(1, min(most, processors()))
    pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=f"sersiclab-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
