"""What JAX asks of a process: that it was not forked after JAX began, and that it does not hold too many programs."""

import contextlib
import os
from pathlib import Path

import jax

from sersiclab.runtime.errors import StateError


try:
    from jax._src.xla_bridge import backends_are_initialized  # which has no public name
except ImportError:

    def backends_are_initialized() -> bool:
        """Unknown: no fork is taken for a harmful one."""
        return False


# A program takes about five mappings of memory, a fit of a new shape about a hundred programs, and a process is
# allowed 65,530 mappings on Linux: a catalogue whose stamps all have different shapes would crash after 125 of them.
# A program takes about 1 MB of memory, too. A notebook does not compile as many in a day, and keeps what it has.
PROGRAMS = 1000
SHARE = 3  # the part of the mappings allowed beyond which programs are released
LOOK = 25  # new programs after which the mappings are counted
COMPILED = "/jax/core/compile/backend_compile_duration"
MAPPINGS, MOST_MAPPINGS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")


class _State:
    """What happened in this process."""

    forked = False
    listening = False
    programs = 0  # since they were released
    looked = 0  # at how many of them the mappings were counted
    releases = 0


_STATE = _State()


def check_process() -> None:
    """Make sure that this process can compile and run a program.

    Raises `RuntimeError` in a child that was forked after its parent had used JAX: it would wait for ever for threads
    that it does not have. Releases all programs if there are too many of them; those that are used again are compiled
    again, or read from the cache on disk.
    """
    if _STATE.forked:
        raise StateError(
            "this process was forked after its parent had used JAX, and would never end: start processes by "
            'multiprocessing.get_context("spawn") (in concurrent.futures, mp_context=), or use threads'
        )
    if not _STATE.listening:
        _STATE.listening = True
        jax.monitoring.register_event_duration_secs_listener(_count)
    if _STATE.programs >= PROGRAMS or _crowded():
        release_programs()


def release_programs() -> None:
    """Drop all compiled programs from memory. Where another thread compiles, it may have to wait until next time."""
    try:
        jax.clear_caches()
    except RuntimeError:  # a dictionary of JAX's changed while it was gone through
        return
    _STATE.programs = _STATE.looked = 0
    _STATE.releases += 1


def releases() -> int:
    """How often programs were released: what was compiled before is not there any more."""
    return _STATE.releases


def _count(event: str, duration_secs: float, **kwargs: str | int) -> None:
    _STATE.programs += event == COMPILED


def _crowded() -> bool:
    """Whether the mappings, looked at now and then, are more than a share of those allowed."""
    if _STATE.programs < _STATE.looked + LOOK:
        return False
    _STATE.looked = _STATE.programs
    with contextlib.suppress(OSError, ValueError):  # another system than Linux
        return MAPPINGS.read_bytes().count(b"\n") > int(MOST_MAPPINGS.read_text()) / SHARE
    return False


def _after_fork() -> None:
    _STATE.forked = _STATE.forked or backends_are_initialized()


# Not before the first use: a parent may have used JAX, or a model that does, and not us.
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
