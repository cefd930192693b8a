"""The parts of the documentation that are made from the package; `.ci/run` builds the pages themselves."""

import json
import re
import sys
from pathlib import Path

import pytest


FOLDER = str(Path(__file__).parents[1] / ".docs")


@pytest.fixture
def docs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(FOLDER)
    import docstrings
    import groups

    yield docstrings, groups
    for name in ("docstrings", "groups"):
        del sys.modules[name]


def documented(size: int = 1) -> int:
    """Return the size of `thing`.

    It is positive.

    Arguments:
        size: in pixels,
            along y
        other: a name

    Returns:
        An array (y, x).

    Raises:
        ValueError: if it is negative

    Example:
        >>> documented()
        1
    """
    return size


def test_sections_of_a_docstring_become_fields_and_code(docs):
    text = docs[0].markdown(documented)
    assert text.startswith("Return the size of `thing`.\n\nIt is positive.")
    assert ":param size: in pixels,\n    along y\n:param other: a name" in text
    assert ":returns: An array (y, x)." in text
    assert ":raises ValueError: if it is negative" in text
    assert "```pycon\n>>> documented()\n1\n```" in text
    assert docs[0].signature(documented) == "(size: int = 1) -> int"


def test_public_names_are_linked_outside_of_code(docs):
    text = "Use `sl.fit`, or `Fit`.\n\n```python\nx = `sl.fit`\n```\nA `sl.nothing` and ``sl.fit``.\n"
    linked = docs[0].linked(text, {"fit", "Fit"}, bare=True)
    assert linked.startswith("Use {py:obj}`sl.fit <sl.fit>`, or {py:obj}`Fit <sl.Fit>`.")
    assert linked.endswith("\nx = `sl.fit`\n```\nA `sl.nothing` and ``sl.fit``.\n")
    assert "`Fit`." in docs[0].linked(text, {"fit", "Fit"}, bare=False)


def test_every_public_name_has_an_entry(docs):
    docstrings, groups = docs
    entries = {
        name: docstrings.entry(name, value) for part in groups.public_groups().values() for name, value in part.items()
    }
    modules = {"datasets", "io"}
    assert set(groups.public_names()) - modules <= set(entries)
    assert {"io.read_galfit", "datasets.example", "Workbench", "Editor"} <= set(entries)
    empty = [
        name for name, entry in entries.items() if len(entry.splitlines()) < 3 or not entry.splitlines()[1].strip()
    ]
    assert not empty
    methods = ("summary(", "derive(", "property} posterior", "verdict", "plot(", "save(")
    assert all(method in entries["Fit"] for method in methods)
    assert "brightness(" not in entries["Sersic"]


def test_no_formula_is_in_tex_which_a_page_would_load_from_the_network() -> None:
    root = Path(FOLDER).parent
    texts = {path.name: path.read_text("utf-8") for path in root.glob(".docs/*.md")}
    for path in root.glob("notebooks/*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        texts[path.name] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert len(texts) > 15
    prose = {name: re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL) for name, text in texts.items()}
    assert not [name for name, text in prose.items() if re.search(r"\$\S[^$]*\$|\\[(\[]", text)]
