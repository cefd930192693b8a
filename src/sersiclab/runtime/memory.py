"""What the memory of this machine holds, asked before anything large is made."""

import os

from sersiclab.runtime.errors import InputError


def check_memory(what: str, size: float, remedy: str) -> None:
    """Raise `ValueError` if `what` needs more bytes than the machine has; `remedy` says what to do instead."""
    has = _installed()
    if has is not None and size > has:
        need, there = f"{size / 1e9:.3g} GB", f"{has / 1e9:.3g} GB"
        raise InputError(f"{what} needs about {need} of memory, and this machine has {there}: {remedy}")


def _installed() -> int | None:
    """The bytes of memory, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
