"""The parts of a saved fit, and the checks that parts must pass whether they come from a file or from a fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sersiclab.data.planes import finite_number
from sersiclab.parameters.scalars import described, is_number
from sersiclab.runtime.errors import InputError, InputTypeError


PARTS = (
    "model",
    "method",
    "seed",
    "draws",
    "best",
    "stats",
    "covariance",
    "status",
    "message",
    "timing",
    "derived",
    "versions",
)
DERIVED = ("draws", "best", "sd", "unit")


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping whose keys are texts; else raise `TypeError`."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InputTypeError(f"{name} must be a mapping from names, got {described(value)}")
    return value


def numbers(name: str, value: Any) -> np.ndarray:
    """Return an array of real numbers or bools; raise `TypeError` for anything else."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        raise InputTypeError(f"{name} must be an array of real numbers, got {described(value)}")
    return array


def check_timing(timing: Any) -> None:
    """Raise unless these are seconds by name."""
    for name, seconds in mapping("timing", timing).items():
        if finite_number(f"timing[{name!r}]", seconds) < 0:
            raise InputError(f"timing[{name!r}] must not be negative, got {seconds!r}")


def check_versions(versions: Any) -> None:
    """Raise unless these are versions by the name of a package, sersiclab among them."""
    for name, version in mapping("versions", versions).items():
        if not isinstance(version, str):
            raise InputTypeError(f"versions[{name!r}] must be a text, got {version!r}")
    if "sersiclab" not in versions:
        raise InputError(f"versions must hold that of sersiclab, got {dict(versions)}")


def check_derived(value: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return a derived quantity, whose draws must have the shape of the fit's; raise for a damaged one."""
    given = dict(mapping("it", value))
    if set(given) != set(DERIVED):
        raise InputError(f"expected {', '.join(DERIVED)}, got {list(given)}")
    array = numbers("draws", given["draws"])
    if array.shape != shape:
        raise InputError(f"its draws must have the shape of the fit's draws, {shape}, got {array.shape}")
    if not isinstance(given["unit"], str):
        raise InputTypeError(f"unit must be a text, got {given['unit']!r}")
    for name in ("best", "sd"):
        if not is_number(given[name]):
            raise InputTypeError(f"{name} must be a number, got {given[name]!r}")
    return {"draws": array, "best": float(given["best"]), "sd": float(given["sd"]), "unit": given["unit"]}
