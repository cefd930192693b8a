"""Profiles from other installed packages, which declare them as entry points of the group `sersiclab.profiles`.

In such a package's `pyproject.toml`:

    [project.entry-points."sersiclab.profiles"]
    spiral = "mypackage:Spiral"
"""

import warnings
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from sersiclab.profiles.base import AbstractProfile


GROUP = "sersiclab.profiles"


@cache
def installed_profiles() -> tuple[type[AbstractProfile], ...]:
    """Return the profiles of other packages. Those that can't be loaded are left out with a warning."""
    found = [_loaded(point) for point in entry_points(group=GROUP)]
    return tuple(cls for cls in found if cls is not None)


def _loaded(point: EntryPoint) -> type[AbstractProfile] | None:
    try:
        cls = point.load()
    except Exception as error:  # another package can raise any class of error
        warnings.warn(f"the profile {point.value} can't be loaded: {type(error).__name__}: {error}", stacklevel=4)
        return None
    if isinstance(cls, type) and issubclass(cls, AbstractProfile):
        return cls
    warnings.warn(f"the profile {point.value} must be a class under AbstractProfile, got {cls!r}", stacklevel=4)
    return None
