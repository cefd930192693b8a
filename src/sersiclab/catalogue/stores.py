"""Where the rows of a run are kept."""

import abc
from collections.abc import Collection, Sequence
from typing import ClassVar

from sersiclab.catalogue.columns import Columns, JobRow, joined
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit


class AbstractStore(abc.ABC):
    """Base class of the places that keep the rows of a run; a `lasting` one outlives the process."""

    lasting: ClassVar[bool]

    @abc.abstractmethod
    def add(self, rows: Sequence[JobRow]) -> None:
        """Add rows, with the fits that they hold."""

    @abc.abstractmethod
    def read(self, *, only: Collection[str] | None = None, leave: Collection[str] = ()) -> Columns:
        """Return columns of all rows: `only` those named, or all but those to `leave`."""

    @abc.abstractmethod
    def fit(self, job: str, version: int) -> Fit | JointFit | None:
        """Return the fit that was kept with a row; None if there is none."""


class MemoryStore(AbstractStore):
    """Rows in memory."""

    lasting: ClassVar[bool] = False

    def __init__(self) -> None:
        self._parts: list[Columns] = []
        self._fits: dict[tuple[str, int], Fit | JointFit] = {}

    def copy(self) -> "MemoryStore":
        """Return another store with the same rows."""
        other = MemoryStore()
        other._parts, other._fits = list(self._parts), dict(self._fits)
        return other

    def add(self, rows: Sequence[JobRow]) -> None:
        self._parts.append(Columns.of(rows))
        self._fits |= {(row.id, row.values["version"]): row.fit for row in rows if row.fit is not None}

    def read(self, *, only: Collection[str] | None = None, leave: Collection[str] = ()) -> Columns:
        whole = joined(self._parts)
        self._parts = [whole]
        names = [name for name in whole.arrays if (only is None or name in only) and name not in leave]
        return Columns({name: whole.arrays[name] for name in names}, whole.units)

    def fit(self, job: str, version: int) -> Fit | JointFit | None:
        return self._fits.get((job, version))
