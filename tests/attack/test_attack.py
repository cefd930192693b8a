"""Bad and odd inputs to every public entry: each gives an answer, or a message that says what to change.

A row for each entry, with its counts by outcome, is printed at the end of a run; `-s` shows every message.
"""

import importlib
import inspect
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import sersiclab as sl
from sersiclab.widget import Editor, Workbench

from .case import OUTCOMES, Found, run


DOORS = (
    "images",
    "reading",
    "models",
    "documents",
    "runs",
    "fits",
    "programs",
    "catalogues",
    "command_line",
    "workbench",
)
LEAST = 600  # cases in all

# Cases that do not end as they should, by label, and why that is right. None may stay here that ends as it should.
EXCEPTIONS: dict[str, str] = {}

# What needs no case: it takes nothing from users, or is what another entry is made of.
PLAIN = {
    "Parameter": "an annotation",
    "Detection": "made by detect alone",
    "Run": "made by start alone",
    "Editor.read": "called by the page",
    "Editor.greet": "called by the page",
    "Editor.greeting": "called by the page",
    "Editor.set_state": "called by the page",
}


def door(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)


@pytest.mark.parametrize("name", DOORS)
def test_nothing_is_silent_unclear_hung_or_crashed(
    name: str, tmp_path: Path, record_property: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = [run(case) for case in door(name).cases(tmp_path)]
    counts = Counter(each.outcome for each in found)
    record_property("attack", [name, len(found), *(counts[outcome] for outcome in OUTCOMES)])
    for each in found:
        sys.stdout.write(f"{each.outcome:8}{each.case.label} | {each.words}\n")
    assert_as_expected(found)


def assert_as_expected(found: list[Found]) -> None:
    labels = [each.case.label for each in found]
    assert len(labels) == len(set(labels)), sorted(label for label in labels if labels.count(label) > 1)
    wrong = {each.case.label: f"{each.outcome}: {each.words[:300]}" for each in found if not each.as_expected}
    unlisted = [f"{label} | {words}" for label, words in wrong.items() if label not in EXCEPTIONS]
    assert not unlisted, "\n".join([f"{len(unlisted)} cases:", *unlisted])
    settled = [label for label in EXCEPTIONS if label in labels and label not in wrong]
    assert not settled, f"no exceptions any more: {settled}"


def members(cls: type, name: str) -> list[str]:
    fields = getattr(cls, "__dataclass_fields__", {})
    return [f"{name}.{key}" for key in vars(cls) if not key.startswith("_") and key not in fields]


def public() -> set[str]:
    """Every public callable, and every property of what users hold."""
    exported = {name for name, value in vars(sl).items() if getattr(value, "__module__", "").startswith("sersiclab.")}
    exported -= {name for name in exported if name.endswith("Error") and issubclass(getattr(sl, name), Exception)}
    found = {name for name in exported if not name.startswith("_") and callable(getattr(sl, name))}
    for name in ("Image", "Images", "Model", "Fit", "Run"):
        found |= set(members(getattr(sl, name), name))
    found |= set(members(sl.Detection, "Detection")) | set(members(Workbench, "Workbench")) | {"Workbench", "Editor"}
    found |= {name for name in members(Editor, "Editor") if inspect.isfunction(getattr(Editor, name.split(".")[1]))}
    found |= {f"io.{name}" for name in vars(sl.io) if name.startswith(("read_", "write_"))}
    return (found | {"datasets.example", "datasets.names", "cli.main"}) - set(PLAIN)


def test_every_public_entry_has_a_case_and_there_are_many(tmp_path: Path) -> None:
    cases = []
    for name in DOORS:
        (tmp_path / name).mkdir()
        cases += door(name).cases(tmp_path / name)
    assert sorted(public() - {case.of for case in cases}) == []
    assert len(cases) >= LEAST
