"""Fits that the user keeps under names, and a table that compares them."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sersiclab.results.comparison import compare
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError, InputKeyError
from sersiclab.widget.checks import AnyFit


LEAST_DRAWS = 50  # a fit that was cancelled early has fewer

KeptRow = dict[str, Any]


class Kept(Mapping[str, Any]):
    """Fits by name, in the order in which they were kept.

    `changed(rows)` is called after each change, and again after the fits have been compared, which takes a while and
    is left to `later(job)`.
    """

    def __init__(self, changed: Callable[[list[KeptRow]], None], later: Callable[[Callable[[], None]], None]) -> None:
        self._fits: dict[str, Any] = {}
        self._criteria: dict[str, KeptRow] = {}
        self._changed, self._later = changed, later

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str) or name not in self._fits:
            raise InputKeyError(f"there is no kept fit {name!r}; kept are {list(self._fits)}")
        return self._fits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fits)

    def __len__(self) -> int:
        return len(self._fits)

    def keep(self, fit: Any, name: str) -> None:
        """Keep a fit, replacing one of the same name. Raises `ValueError` without a fit, or for an empty name."""
        if fit is None:
            raise InputError("there is no fit to keep yet: run a method first")
        if not name.strip():
            raise InputError("a kept fit needs a name, got an empty one")
        self._fits[name.strip()] = fit
        self._tell()

    def forget(self, name: str) -> None:
        """Remove a fit, if there is one of this name."""
        if isinstance(name, str):
            self._fits.pop(name, None)
        self._tell()

    def rows(self) -> list[KeptRow]:
        """Return rows {"name", "method", "components", "free", "chi2", "dof", "bic", "level", "comparable"}.

        `comparable` is whether a fit used the same pixels as the first. Until the fits have been compared, `bic` is
        χ² + k ln N; afterwards it is that of `compare`, with its `loo`, `loo_says`, `note` and `log_evidence`. A
        number that is not finite is None.
        """
        criteria = self._criteria
        return [{**self._row(name, fit), **criteria.get(name, {})} for name, fit in self._fits.items()]

    def _tell(self) -> None:
        self._criteria = {}
        self._changed(self.rows())
        self._later(self._compare)

    def _compare(self) -> None:
        fits = {name: fit for name, fit in self._fits.items() if self._is_comparable(fit) and _has_enough(fit)}
        if any(isinstance(fit, JointFit) for fit in fits.values()):  # which have the BIC alone
            return
        if len(fits) > 1:
            table = compare(fits)
            self._criteria = {str(name): _criteria(row) for name, row in table.iterrows()}
            self._changed(self.rows())

    def _is_comparable(self, fit: AnyFit) -> bool:
        first = next(iter(self._fits.values()))
        return _same_pixels(fit, first)

    def _row(self, name: str, fit: AnyFit) -> KeptRow:
        free, number = len(fit.model.free), sum(int(valid.sum()) for valid in _valid(fit).values())
        return {
            "name": name,
            "method": type(fit.method).__name__,
            "components": list(fit.model.components),
            "free": free,
            "chi2": _finite(fit.chi2),
            "dof": fit.dof,
            "bic": _finite(fit.chi2 + free * math.log(number)),
            "level": fit.verdict.level,
            "comparable": self._is_comparable(fit),
        }


def _valid(fit: AnyFit) -> dict[str, Any]:
    """Return the pixels that were fitted, by image."""
    fits = fit.each() if isinstance(fit, JointFit) else {"": fit}
    return {name: each.image.valid for name, each in fits.items()}


def _same_pixels(one: AnyFit, other: AnyFit) -> bool:
    first, second = _valid(one), _valid(other)
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def _criteria(row: Any) -> KeptRow:
    numbers = {key: _finite(row[key]) for key in ("bic", "loo", "log_evidence")}
    return numbers | {key: str(row[key]) for key in ("loo_says", "note")}


def _has_enough(fit: AnyFit) -> bool:
    """Whether there are enough draws for importance sampling, or none, so that it is not used."""
    return not fit.draws or next(iter(fit.draws.values())).size >= LEAST_DRAWS


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
