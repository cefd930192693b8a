"""Forms that a native reader would stumble over appear nowhere in what users and maintainers read."""

import json
import re
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
FORMS = [
    r"comes? in (?:again )?at the other side",
    r"\bin the dark\b",
    r"\blets? go\b",
    r"nothing speaks against",
    r"\bone's place\b",
    r"\bstands? still\b",
    r"\bgo(?:es)? on where",
    r"to keep it by",
    r"presses on",
    r"takes? from each other",
    r"all that is small",
    r"not to be trusted",
    r"without asking",
    r"of chi square",
    r"says by line",
    r"could not take\b",
    r"whatever there is",
    r"\bwhat a \w+ is\.",
]


def texts() -> dict[str, str]:
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("js/src/**/*.ts"), *ROOT.glob(".docs/*.md"), ROOT / "README.md"]
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files if path.is_file()}
    for path in ROOT.glob("notebooks/*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path.name] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return found


TEXTS = texts()


@pytest.mark.parametrize("form", FORMS)
def test_a_banned_form_is_absent(form: str) -> None:
    assert len(TEXTS) > 100
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, text in TEXTS.items()
        for match in re.finditer(form, text, re.IGNORECASE)
    ]
    assert not found
