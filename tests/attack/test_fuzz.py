"""The fuzz run: ten seconds of it every day, ten minutes by `-m slow`, and the seeds that once broke a rule."""

import os
import sys

import pytest

from .fuzz import QUICK, SHARES, fuzz, round_of


# Seeds of rounds that broke a rule, with what it was.
KEPT: dict[int, str] = {}


@pytest.mark.parametrize("seed", KEPT)
def test_what_once_broke_a_rule_breaks_none(seed: int) -> None:
    round_of(seed)


def report(first: int, seconds: float, shares: dict[str, float] = SHARES) -> None:
    counts, broken = fuzz(first, seconds, shares)
    for kind, count in sorted(counts.items()):
        sys.stdout.write(f"{count:6} {kind}\n")
    assert not broken, "\n".join(broken)
    assert sum(counts.values()) > 0


def test_ten_seconds() -> None:
    report(0, 10.0, QUICK)


@pytest.mark.slow
def test_ten_minutes() -> None:
    report(
        int(os.environ.get("SERSICLAB_FUZZ_SEED", "1000000")), float(os.environ.get("SERSICLAB_FUZZ_SECONDS", "600"))
    )
