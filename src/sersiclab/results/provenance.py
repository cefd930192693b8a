"""How a fit came about: the versions it was computed with, and its origin as attributes of ArviZ's objects."""

import functools
from importlib import metadata
from typing import Any

import numpy as np

from sersiclab._version import __version__
from sersiclab.results.drawn import AbstractDrawn


def versions() -> dict[str, str]:
    """Return the versions of the packages that compute a fit."""
    return {"sersiclab": __version__} | {name: _installed(name) for name in ("jax", "numpyro")}


@functools.cache
def _installed(name: str) -> str:
    return metadata.version(name)  # reads and parses a file, for a millisecond


def attributes(fit: AbstractDrawn) -> dict[str, Any]:
    """Return the method, seed, status, time and versions of a fit, under ArviZ's names."""
    return {
        "method": repr(fit.method),
        "seed": fit.seed,
        "status": fit.status,
        "message": fit.message,
        "sampling_time": float(fit.timing.get("run", np.nan)),
        "inference_library": "sersiclab",
        "inference_library_version": fit.versions["sersiclab"],
        **{f"{name}_version": version for name, version in fit.versions.items()},
    }
