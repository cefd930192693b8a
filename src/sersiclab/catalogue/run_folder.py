"""The folder of a run: `run.json`, and a Parquet file for each chunk of jobs that is finished."""

import dataclasses
import datetime
import json
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from sersiclab.catalogue.columns import Columns, JobRow, joined
from sersiclab.catalogue.method_texts import method_json, method_of
from sersiclab.catalogue.parquet import FORMAT, read_parquet, write_parquet
from sersiclab.catalogue.recipe_identity import digest
from sersiclab.catalogue.stores import AbstractStore
from sersiclab.documents import storage
from sersiclab.inference import AbstractMethod
from sersiclab.io import load
from sersiclab.results import Fit, provenance
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError


# Parts below this size are merged when there are more than this number: each takes some milliseconds to read.
SMALL_BYTES, MOST_SMALL = 2**20, 100
NAME, KIND = "run.json", "catalogue run"
_MARK = f'"kind": "{KIND}"'.encode()
_PART = re.compile(r"part-(\d+)\.parquet")
FITS = "fits"


@dataclasses.dataclass(frozen=True)
class RunConfiguration:
    """What all rows of a run have in common: a run with another configuration can't be added to its folder.

    `recipes` are the names of the functions that make the models, without their arguments, which each row records.
    """

    method: AbstractMethod
    seed: int
    double: bool
    draws: bool
    recipes: tuple[str, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """Return the configuration as plain values."""
        return {
            "method": json.loads(method_json(self.method)),
            "seed": self.seed,
            "precision": "double" if self.double else "single",
            "draws": self.draws,
            "recipes": None if self.recipes is None else list(self.recipes),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "RunConfiguration":
        """Return the configuration that `plain` describes."""
        recipes = plain["recipes"]
        return cls(
            method_of(json.dumps(plain["method"])),
            int(plain["seed"]),
            plain["precision"] == "double",
            bool(plain["draws"]),
            None if recipes is None else tuple(recipes),
        )

    def differences(self, new: "RunConfiguration") -> str:
        """Return the differences to another configuration in words; an empty text if there are none."""
        old_plain, new_plain = self.plain(), new.plain()
        words = []
        if old_plain["method"] != new_plain["method"]:
            words.append(f"the method was {self.method!r}, now it is {new.method!r}")
        for name in ("seed", "precision", "draws"):
            if old_plain[name] != new_plain[name]:
                words.append(f"{name} was {old_plain[name]}, now it is {new_plain[name]}")
        if self.recipes is not None and new.recipes is not None and not set(new.recipes) <= set(self.recipes):
            words.append(f"the model was made by {_listed(self.recipes)}, now it is by {_listed(new.recipes)}")
        return "; ".join(words)


def _listed(recipes: Sequence[str]) -> str:
    return " and ".join("models given as such" if name == "Model" else name for name in recipes)


class RunFolder(AbstractStore):
    """The folder of a run, to which the process that started it adds parts."""

    lasting: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: int | None = None  # the number of the last part, once it is known
        self._small: list[Path] = []  # parts that may be merged

    def check(self, configuration: RunConfiguration) -> dict[str, Any] | None:
        """Return the content of `run.json`, None if it does not exist.

        Raises `ValueError`, which names the differences, if it has another configuration.
        """
        if not (self.path / NAME).exists():
            if next(self.parts(), None) is not None:
                raise InputError(f"{self.path} holds parts of a catalogue, but no {NAME}: choose another folder")
            return None
        held = self._read()
        if differences := configuration_of(held, self.path).differences(configuration):
            raise InputError(
                f"{self.path} holds a run with another configuration: {differences}. Repeat the call as it was, or "
                "choose another folder"
            )
        return held

    def begin(self, configuration: RunConfiguration) -> None:
        """Write `run.json`, or check the one that is there."""
        held = self.check(configuration)
        if held is None:
            self._write(configuration, [])
        elif (versions := provenance.versions()) not in held["versions"]:
            earlier = held["versions"][-1].get("sersiclab")
            warnings.warn(
                f"{self.path} was begun with other versions of packages (sersiclab {earlier}, now "
                f"{versions['sersiclab']}); each row records that of sersiclab",
                stacklevel=4,
            )
            self._write(configuration_of(held, self.path), held["versions"], held["created"])

    def configuration(self) -> RunConfiguration:
        """Return the configuration in `run.json`."""
        return configuration_of(self._read(), self.path)

    def parts(self) -> Iterator[Path]:
        """Return the files of rows, in the order in which they were written."""
        yield from (path for _, path in sorted(self._numbered()))

    def read(self, *, only: Collection[str] | None = None, leave: Collection[str] = ()) -> Columns:
        while True:
            parts = list(self.parts())
            try:
                return joined(read_parquet(path, only=only, leave=leave) for path in parts)
            except FileNotFoundError:  # merged by the run that is at work
                if list(self.parts()) == parts:
                    raise

    def fit(self, job: str, version: int) -> Fit | JointFit | None:
        path = self.fit_path(job, version)
        return load(path) if path.exists() else None

    def add(self, rows: Sequence[JobRow]) -> None:
        # The fits first, so that a row in a part always has its fit.
        for row in rows:
            if row.fit is not None:
                (self.path / FITS).mkdir(exist_ok=True)
                row.fit.save(self.fit_path(row.id, row.values["version"]))
        if self._written is None:
            self._written = max((number for number, _ in self._numbered()), default=0)
            self._small = _smaller(self.parts())
        part = write_parquet(Columns.of(rows), self.path / f"part-{self._written + 1:06d}.parquet")
        self._written += 1
        self._small += _smaller([part])
        if len(self._small) > MOST_SMALL:
            self._small = _smaller(self._small)  # without those that an interrupted merge has deleted
        while len(self._small) > MOST_SMALL:
            self._merge(self._small[: MOST_SMALL + 1])

    def _merge(self, parts: Sequence[Path]) -> None:
        """Write the rows of some parts into the last of them, and delete the others.

        If that is interrupted, some rows are in two parts, of which readers use one.
        """
        rows = joined(map(read_parquet, parts))
        last = dict(zip(zip(rows.arrays["id"], rows.arrays["version"], strict=True), range(len(rows)), strict=True))
        write_parquet(rows.at(list(last.values())), parts[-1], overwrite=True)
        for path in parts[:-1]:
            path.unlink()
        self._small = _smaller([parts[-1]]) + self._small[len(parts) :]

    def fit_path(self, job: str, version: int) -> Path:
        """Return the file of a saved fit. The digest tells apart what a file name does not, such as capital letters."""
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", job)[:60]
        return self.path / FITS / f"{plain}-{digest(job)}-v{version}.asdf"

    def _numbered(self) -> Iterator[tuple[int, Path]]:
        for path in self.path.glob("part-*"):
            if match := _PART.fullmatch(path.name):
                yield int(match[1]), path

    def _read(self) -> dict[str, Any]:
        path = self.path / NAME
        try:
            held = json.loads(path.read_text("utf-8"))
            if held["kind"] != KIND:
                raise InputError(f"its kind must be {KIND!r}, got {held['kind']!r}")
            number = held["format"]
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.path} holds no catalogue: there is no file {NAME}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged: {error}") from error
        if number > FORMAT:
            raise InputError(f"{path} was written by a newer sersiclab, in format {number}: upgrade sersiclab")
        return held

    def _write(self, configuration: RunConfiguration, versions: Sequence[Any], created: str | None = None) -> None:
        plain = configuration.plain()
        held = {
            "kind": KIND,
            "format": FORMAT,
            "created": created or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "fingerprint": digest(json.dumps(plain)),
            "configuration": plain,
            "versions": [*versions, provenance.versions()],
        }
        storage.write_text(self.path / NAME, json.dumps(held, indent=1, ensure_ascii=False) + "\n", mark=_MARK)


def _smaller(parts: Iterable[Path]) -> list[Path]:
    """Return the parts that exist and are small enough to be merged."""
    return [path for path in parts if path.exists() and path.stat().st_size < SMALL_BYTES]


def configuration_of(held: Mapping[str, Any], path: Path) -> RunConfiguration:
    """Return the configuration of a `run.json`. Raises `ValueError` if it is damaged."""
    try:
        return RunConfiguration.of(held["configuration"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path / NAME} is damaged: {error}") from error
