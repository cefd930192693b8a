"""Texts that users read keep clear of phrases that a native reader stumbles over."""

import re
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
PATTERNS = ("README.md", "notebooks/*.ipynb", ".docs/*.md", ".github/**/*.*", "src/sersiclab/*.md")
FILES = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file())
INSTEAD = {
    r"in the dark\b": "in the dark theme",
    r"are alike": "are correlated",
    r"takes? (light )?from each other": "are degenerate",
    r"presses on": "lies at",
    r"speaks against": "no problems found",
    r"to be trusted": "is reliable",
    r"at the other side": "wrap around",
    r"tells? of|(is|are|was|were) told": "reports, is reported",
    r"without asking": "by default",
    r"of chi square": "for its χ² loss",
    r"lets go": "cancels",
    r"[Tt]he same of": "the same for, or the thing's own name",
    r"[Tt]hose that": "the ones that, or the thing's own name",
    r"\bso many\b": "this number of",
    r"as far as": "where, if",
    r"\bgoes on\b": "continues",
    r"stands? still": "stays, stops",
    r"[Aa]ll that is": "everything about",
    r"what came": "the value that was given",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_says_it_in_ordinary_words(path: Path):
    text = path.read_text("utf-8")
    found = {match[0]: plain for form, plain in INSTEAD.items() for match in re.finditer(form, text)}
    assert not found
