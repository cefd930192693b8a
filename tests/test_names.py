"""One word for one thing: no two modules have one name, and no two classes, in the whole package."""

import ast
from collections import defaultdict
from pathlib import Path


PACKAGE = Path(__file__).resolve().parents[1] / "src" / "sersiclab"
# The abstract classes of a room are in its `base`.
COMMON = {"__init__", "base"}


def test_module_names_are_unique() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        if path.stem not in COMMON:
            places[path.stem].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 200
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_class_names_are_unique() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 200
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
