"""Conditions for using JAX: the process was not forked after JAX started, and does not hold too many programs."""

import contextlib
import os
from pathlib import Path

import jax

from sersiclab.runtime.errors import StateError


try:
    from jax._src.xla_bridge import backends_are_initialized  # which has no public name
except ImportError:

    def backends_are_initialized() -> bool:
        """Return False: without this function, forks are assumed to be harmless."""
        return False


# A program needs about five memory mappings, and a fit of a new shape about a hundred programs. Linux allows a process
# 65,530 mappings: a catalogue whose stamps all have different shapes would crash after 125 of them. A program also
# takes about 1 MB of memory. A notebook compiles fewer than this in a day, and keeps all its programs.
PROGRAMS = 1000
SHARE = 3  # programs are released when they use one in this many of the allowed mappings
LOOK = 25  # new programs after which the mappings are counted
COMPILED = "/jax/core/compile/backend_compile_duration"
MAPPINGS, MOST_MAPPINGS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")


class _State:
    """Counters of this process."""

    forked = False
    listening = False
    programs = 0  # compiled since the last release
    looked = 0  # the number of programs when the mappings were last counted
    releases = 0


_STATE = _State()


def check_process() -> None:
    """Check that this process can compile and run a program.

    Raises `StateError` in a child that was forked after its parent had used JAX: it would wait forever for threads that
    do not exist in the child. Releases all programs if there are too many; a program that is used again is then
    compiled again, or read from the cache on disk.
    """
    if _STATE.forked:
        raise StateError(
            "this process was forked after its parent had used JAX, and would hang: start processes by "
            'multiprocessing.get_context("spawn") (in concurrent.futures, mp_context=), or use threads'
        )
    if not _STATE.listening:
        _STATE.listening = True
        jax.monitoring.register_event_duration_secs_listener(_count)
    if _STATE.programs >= PROGRAMS or _crowded():
        release_programs()


def release_programs() -> None:
    """Drop all compiled programs from memory. If another thread is compiling, this may wait until the next call."""
    try:
        jax.clear_caches()
    except RuntimeError:  # another thread changed one of JAX's dictionaries during the iteration
        return
    _STATE.programs = _STATE.looked = 0
    _STATE.releases += 1


def releases() -> int:
    """Return how often programs were released; programs compiled before the last release are gone."""
    return _STATE.releases


def _count(event: str, duration_secs: float, **kwargs: str | int) -> None:
    _STATE.programs += event == COMPILED


def _crowded() -> bool:
    """Return whether the process uses too many of the allowed mappings; they are counted from time to time."""
    if _STATE.programs < _STATE.looked + LOOK:
        return False
    _STATE.looked = _STATE.programs
    with contextlib.suppress(OSError, ValueError):  # another system than Linux
        return MAPPINGS.read_bytes().count(b"\n") > int(MOST_MAPPINGS.read_text()) / SHARE
    return False


def _after_fork() -> None:
    _STATE.forked = _STATE.forked or backends_are_initialized()


# Registered at import: a parent may have used JAX without sersiclab.
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
