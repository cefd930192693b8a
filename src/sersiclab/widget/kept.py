"""Fits that the user keeps, by name: a table of them, and the way back to each."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sersiclab.results import Fit


Row = dict[str, Any]


class Kept(Mapping[str, Fit]):
    """Fits by name, in the order in which they were kept; `changed` is told the table after each change."""

    def __init__(self, changed: Callable[[list[Row]], None]) -> None:
        self._fits: dict[str, Fit] = {}
        self._changed = changed

    def __getitem__(self, name: str) -> Fit:
        return self._fits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fits)

    def __len__(self) -> int:
        return len(self._fits)

    def keep(self, fit: Fit | None, name: str) -> None:
        """Keep a fit; one of the same name goes. Raises `ValueError` for no fit, or an empty name."""
        if fit is None:
            raise ValueError("there is no fit to keep yet: press a button first")
        if not name.strip():
            raise ValueError("a kept fit needs a name, got an empty one")
        self._fits[name.strip()] = fit
        self._changed(self.rows())

    def forget(self, name: str) -> None:
        """Let a fit go, if it is there."""
        self._fits.pop(name, None)
        self._changed(self.rows())

    def rows(self) -> list[Row]:
        """The table: {"name", "method", "components", "free", "chi2", "dof", "bic", "level", "comparable"}.

        `bic` is χ² + k ln N (Schwarz 1978), up to a constant that fits of the same pixels share; `comparable` says
        whether a fit's pixels are those of the first. A number that is not finite is None.
        """
        return [self._row(name, fit) for name, fit in self._fits.items()]

    def _row(self, name: str, fit: Fit) -> Row:
        first = next(iter(self._fits.values()))
        free, number = len(fit.model.free), int(fit.image.valid.sum())
        return {
            "name": name,
            "method": type(fit.method).__name__,
            "components": list(fit.model.components),
            "free": free,
            "chi2": _finite(fit.chi2),
            "dof": fit.dof,
            "bic": _finite(fit.chi2 + free * math.log(number)),
            "level": fit.verdict.level,
            "comparable": bool(np.array_equal(fit.image.valid, first.image.valid)),
        }


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
