"""Jobs that take no time, in a module that other processes can import too."""

import sys
from pathlib import Path

import pytest

from sersiclab.catalogue import run_many


sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def a_part_for_each_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written at once, as they are where fits take longer."""
    monkeypatch.setattr(run_many, "PART_SECONDS", 0.0)
