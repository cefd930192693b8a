"""The tables of shared rules, which the page's tests read, agree with Python."""

import json
import runpy
from typing import Any

import pytest

from .rules import FOLDER, TABLES


def compare(found: Any, expected: Any, place: str) -> None:
    """Assert equality, except for the last digits of numbers, which differ between machines."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), place
        for key, value in expected.items():
            compare(found[key], value, f"{place}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for k, value in enumerate(expected):
            compare(found[k], value, f"{place}[{k}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9), place
    else:
        assert found == expected, place


@pytest.mark.parametrize("name", TABLES)
def test_the_table_agrees_with_python(name):
    known = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    compare(known, json.loads(json.dumps(TABLES[name]())), f"{name}.json is outdated (run tests/widget/rules.py): ")


def test_the_table_of_priors_agrees_with_scipy():
    rows = runpy.run_path(str(FOLDER / "priors.py"))["rows"]()
    known = json.loads((FOLDER / "priors.json").read_text(encoding="utf-8"))
    compare(known, json.loads(json.dumps(rows)), "priors.json is outdated (run js/tests/tables/priors.py): ")
