"""Ending a worker process whose parent was killed: it would otherwise wait for work for ever."""

import functools
import multiprocessing
import os
import threading
from multiprocessing.connection import wait


@functools.cache
def leave_with_parent() -> None:
    """End this process as soon as the one that started it by `multiprocessing` has ended. Does nothing in any other."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_after, args=(parent.sentinel,), name="sersiclab-orphan", daemon=True).start()


def _leave_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)  # nobody is left to take its results
