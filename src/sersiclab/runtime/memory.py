"""The memory of this machine, checked before anything large is created."""

import os

from sersiclab.runtime.errors import InputError


def check_memory(what: str, size: float, remedy: str) -> None:
    """Raise `ValueError` if `what` needs more bytes than the machine has; `remedy` says what to do instead."""
    has = _installed()
    if has is not None and size > has:
        need, there = f"{size / 1e9:.3g} GB", f"{has / 1e9:.3g} GB"
        raise InputError(f"{what} needs about {need} of memory, and this machine has {there}: {remedy}")


def _installed() -> int | None:
    """Return the bytes of memory; None if the system does not report them."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
