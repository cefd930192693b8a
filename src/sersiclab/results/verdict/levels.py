"""The levels of a verdict, and parts of its sentences."""

import dataclasses
from typing import Literal


Level = Literal["ok", "caution", "bad"]
LEVELS: tuple[Level, ...] = ("bad", "caution", "ok")  # the worst first
Reason = tuple[Level, str]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A level, and the reasons for it as sentences; `str` gives both in plain words.

    The reasons of the worst level come first. Among reasons of one level, a cause comes before what it explains.
    """

    level: Level
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        if not self.reasons:
            return "ok: no problems found."
        return f"{self.level}: " + " ".join(self.reasons)


def others(number: int) -> str:
    """Return how many more there are besides the one that is named, in parentheses."""
    return "" if number == 1 else f" ({number - 1} more)"


def sentence(text: str) -> str:
    """Return the text with a full stop, unless it ends with a punctuation mark."""
    return text if text.endswith((".", "!", "?")) else text + "."
