"""Phrases that a native reader would stumble over appear nowhere in what users and maintainers read."""

import json
import re
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
PATTERNS = (
    "README.md",
    ".docs/*.md",
    ".github/**/*.*",
    "src/**/*.md",
    "src/**/*.py",
    "tests/**/*.py",
    "js/[st]*/**/*.ts",
    ".ci/run",
)
INSTEAD = {
    r"at the other side": "wrap around",
    r"in the dark\b(?! theme)": "in the dark theme",
    r"\blets? go\b": "cancels, releases",
    r"speaks? against": "no problems found",
    r"\bone's place\b": "the last position",
    r"stands? still": "stays, stops",
    r"\bgo(?:es)? on (?:where|with)\b": "continues",
    r"to keep it by": "save as",
    r"presses on": "lies at its bound",
    r"takes? (?:light )?from each other": "are degenerate",
    r"are alike": "are correlated",
    r"all that is": "everything about",
    r"to be trusted": "is reliable",
    r"without asking": "by default",
    r"of chi square": "for its χ² loss",
    r"says by line": "lists, by line",
    r"could not take\b": "could not convert",
    r"whatever there is": "everything",
    r"tells? of|(?:is|are|was|were) told\b(?! apart)": "reports, is reported",
    r"the same of": "the same for, or the thing's own name",
    r"\bso many\b": "this number of",
    r"\bas far as\b": "where, if",
    r"\bwhat came\b": "the value that was given",
    r"\blest\b": "so that ... not",
    r"what an? \w+ is\.": "base class of, or the thing's own name",
}


def texts() -> dict[str, str]:
    """Everything that is read, by the path of its file."""
    files = [path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file()]
    files.remove(Path(__file__))
    found = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files}
    # Names of tests are sentences, too.
    found = {name: re.sub(r"(?<=def test_)\w+", _words, text) for name, text in found.items()}
    for path in ROOT.glob("notebooks/*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        found[path.name] = "\n".join("".join(cell["source"]) for cell in cells)
    return found


def _words(name: re.Match[str]) -> str:
    return name[0].replace("_", " ")


TEXTS = texts()


@pytest.mark.parametrize("form", INSTEAD)
def test_a_phrase_has_an_ordinary_form(form: str) -> None:
    assert len(TEXTS) > 300
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}, better: {INSTEAD[form]}"
        for name, text in TEXTS.items()
        for match in re.finditer(form, text, re.IGNORECASE)
    ]
    assert not found
