"""Checks of the fields of a fit, whether it is new or from a file.

Values that are not finite, or that a prior forbids, are valid contents: the verdict reports them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from sersiclab.documents.fit_parts import check_timing, check_versions, mapping, numbers
from sersiclab.model import checked_model
from sersiclab.parameters.scalars import described, is_number
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.runtime.seeds import checked_seed


FINISHED, STOPPED = "complete", "cancelled"


def check_contents(fit: AbstractDrawn) -> None:
    """Raise `TypeError` or `ValueError`, which names the field, unless every field has a valid value."""
    paths = list(checked_model(fit.model).free)
    checked_seed(fit.seed)
    if not isinstance(fit.method, eqx.Module | None):
        raise InputTypeError(f"method must be an object such as NUTS() or MAP(), or None, got {fit.method!r}")
    _check_best(fit.best, paths)
    _check_arrays(fit.draws, fit.stats, paths)
    if fit.covariance is not None:
        _check_covariance(fit.covariance, len(paths))
    for name in ("status", "message"):
        if not isinstance(getattr(fit, name), str):
            raise InputTypeError(f"{name} must be a string, got {getattr(fit, name)!r}")
    if not fit.status.startswith((FINISHED, STOPPED)):
        raise InputError(f"status must be {FINISHED!r} or begin with {STOPPED!r}, got {fit.status!r}")
    check_timing(fit.timing)
    check_versions(fit.versions)
    for name, quantity in mapping("derived", fit.derived).items():
        if not isinstance(quantity, Derived):
            raise InputTypeError(f"derived[{name!r}] must be a Derived, such as `derive` makes, got {quantity!r}")


def check_paths(name: str, given: Mapping[str, Any], paths: Sequence[str]) -> None:
    """Raise unless the paths are those of the model's free parameters."""
    if set(given) != set(paths):
        raise InputError(f"{name} must hold the model's free parameters {list(paths)}, got {list(given)}")


def _check_best(best: Any, paths: Sequence[str]) -> None:
    check_paths("best", mapping("best", best), paths)
    for path, value in best.items():
        if not is_number(value):
            raise InputTypeError(f"best[{path!r}] must be a number, got {described(value)}")


def _check_arrays(draws: Any, stats: Any, paths: Sequence[str]) -> None:
    if mapping("draws", draws):
        check_paths("draws", draws, paths)
    named = {f"draws[{name!r}]": array for name, array in draws.items()}
    named |= {f"stats[{name!r}]": array for name, array in mapping("stats", stats).items()}
    shapes = {numbers(name, array).shape for name, array in named.items()}
    if len(shapes) > 1 or any(len(shape) != 2 or 0 in shape for shape in shapes):
        raise InputError(f"draws and stats must all have one shape (chain, draw), got {sorted(shapes)}")


def _check_covariance(covariance: Any, size: int) -> None:
    array: Float[np.ndarray, "d d"] = numbers("covariance", covariance)
    if array.shape != (size, size):
        raise InputError(
            f"covariance must have the shape {(size, size)}, of the model's free parameters, got {array.shape}"
        )
