"""A lock on the folder of a run, so that two processes, or threads, never write to it at the same time."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sersiclab.runtime.errors import StateError


try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = ".lock"
# A process that forks does not pass on the lock of a file, which ends with the process that took it. Within a process
# it has no effect.
_HELD: set[Path] = set()
_HELD_LOCK = threading.Lock()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raises `StateError` if another process or thread has it."""
    folder = folder.resolve()
    with _HELD_LOCK:
        if folder in _HELD:
            raise _taken(folder)
        _HELD.add(folder)
    try:
        with (folder / NAME).open("a") as file:
            _lock(file, folder)
            yield
    finally:
        with _HELD_LOCK:
            _HELD.discard(folder)


def _lock(file: IO[str], folder: Path) -> None:
    """Lock a file until it is closed, or the process ends, however it ends."""
    if fcntl is not None:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError | PermissionError):
                raise _taken(folder) from error
            # A file system without locks.
        return
    import msvcrt

    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
    except OSError as error:
        raise _taken(folder) from error


def _taken(folder: Path) -> StateError:
    return StateError(f"another run is writing to {folder}: wait until it ends, stop it, or choose another folder")
