"""Rows of a catalogue, and the same rows as columns of plain arrays."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sersiclab.results import Fit
from sersiclab.results.joint import JointFit


# Of joint fits: the names of the images that were fitted, and the beginning of the columns with the chi2 of each.
BANDS, CHI2 = "bands", "chi2_"
# Columns of texts and of whole numbers; all others hold numbers, except those of draws, which hold arrays.
TEXTS = (
    "id",
    "status",
    "message",
    "verdict",
    "reasons",
    "notes",
    "method",
    "recipe",
    "image",
    "model",
    "sersiclab",
    BANDS,
)
WHOLE = ("version", "seed", "units")
# Whole numbers that rows may lack, where they are NaN.
COUNTS = ("dof", "x0", "y0")
DRAWS = "_draws"
# The columns of every row, in their order; those of quantities follow.
COMMON = (
    "id",
    "version",
    "status",
    "message",
    "verdict",
    "reasons",
    "notes",
    "seconds",
    "seed",
    "method",
    "x0",
    "y0",
    "chi2",
    "dof",
    "reduced_chi2",
    "recipe",
    "image",
    "model",
    "sersiclab",
    "units",
)

DONE, FAILED, TIMEOUT = "done", "failed", "timeout"


@dataclasses.dataclass(frozen=True, eq=False)
class JobRow:
    """The result of one job: values by column, units by quantity, and the fit if it can't be computed again."""

    values: dict[str, Any]
    units: dict[str, str] = dataclasses.field(default_factory=dict)
    fit: Fit | JointFit | None = None

    @property
    def id(self) -> str:
        """The name of the job."""
        return self.values["id"]

    @property
    def status(self) -> str:
        """Whether it is "done", "failed", or a "timeout"."""
        return self.values["status"]


@dataclasses.dataclass(frozen=True, eq=False)
class Columns:
    """Arrays by column, all of one length. The column `units` holds an index of `units`, which are by quantity."""

    arrays: dict[str, np.ndarray]
    units: tuple[dict[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.arrays["id"]) if self.arrays else 0

    def at(self, places: Any) -> "Columns":
        """Return some of the rows, by index."""
        return Columns({name: array[places] for name, array in self.arrays.items()}, self.units)

    @classmethod
    def of(cls, rows: Sequence[JobRow]) -> "Columns":
        """Return these rows as columns. Numbers that a row lacks are NaN, texts are empty."""
        units: dict[tuple[tuple[str, str], ...], int] = {}
        index = [units.setdefault(tuple(row.units.items()), len(units)) for row in rows]
        found = [{**row.values, "units": place} for row, place in zip(rows, index, strict=True)]
        names = dict.fromkeys((*COMMON, *(name for row in found for name in row)))
        arrays = {name: column_of(name, [row.get(name) for row in found]) for name in names}
        return cls(arrays, tuple(dict(each) for each in units))


def column_of(name: str, values: Sequence[Any]) -> np.ndarray:
    """Return an array of the type of this column."""
    if name in TEXTS:
        return np.array(["" if value is None else value for value in values], dtype=object)
    if name in WHOLE:
        return np.array([0 if value is None else value for value in values], dtype=np.int64)
    if name.endswith(DRAWS):
        held = np.empty(len(values), dtype=object)
        held[:] = [None if value is None else np.asarray(value) for value in values]
        return held
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def joined(parts: Iterable[Columns]) -> Columns:
    """Return the rows of all parts, with the columns of any."""
    parts = list(parts)
    units: dict[tuple[tuple[str, str], ...], int] = {}
    places = [
        np.array([units.setdefault(tuple(each.items()), len(units)) for each in part.units], dtype=np.int64)
        for part in parts
    ]
    names = dict.fromkeys((*COMMON, *(name for part in parts for name in part.arrays)))
    arrays = {name: _stacked(name, parts, places) for name in names}
    return Columns(arrays, tuple(dict(each) for each in units))


def _stacked(name: str, parts: Sequence[Columns], places: Sequence[np.ndarray]) -> np.ndarray:
    found = [column_of(name, [None] * len(part)) if name not in part.arrays else part.arrays[name] for part in parts]
    if name == "units":
        found = [place[array] for place, array in zip(places, found, strict=True)]
    return np.concatenate([column_of(name, []), *found])


def latest(columns: Columns) -> Columns:
    """Return the last version of each row, in natural order of the ids: "a2" before "a10"."""
    last: dict[str, tuple[int, int]] = {}
    for place, (name, version) in enumerate(
        zip(columns.arrays["id"].tolist(), columns.arrays["version"].tolist(), strict=True)
    ):
        last[name] = max(last.get(name, (0, 0)), (version, place))
    order = [last[name][1] for name in sorted(last, key=natural)]
    return columns.at(np.array(order, dtype=np.int64))


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which names are sorted as a reader expects, numbers in them by their value."""

    parts = re.split(r"(\d+)", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]


def units_of(columns: Columns) -> Mapping[str, list[str]]:
    """Return the different units of each quantity, the most frequent first."""
    counts = np.bincount(columns.arrays["units"], minlength=len(columns.units))
    found: dict[str, dict[str, int]] = {}
    for number, units in zip(counts.tolist(), columns.units, strict=True):
        for name, unit in units.items():
            tally = found.setdefault(name, {})
            tally[unit] = tally.get(unit, 0) + number
    return {name: sorted((u for u in tally if tally[u]), key=lambda u: -tally[u]) for name, tally in found.items()}
