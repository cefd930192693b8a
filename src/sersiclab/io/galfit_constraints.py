"""GALFIT's constraint files: ties and ranges of parameters, line by line."""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from sersiclab.io.text import Lines, numbers_of


Kind = Literal["offset", "ratio", "range", "shift", "difference", "quotient"]
NAMES = re.compile(r"x|y|mag|re|rs|n|alpha|beta|gamma|pa|q|c|c0|sky|\d+|f\d+[ap]|[brt]\d+")
SHAPES: dict[str, re.Pattern[str]] = {
    "one": re.compile(r"\d+"),
    "several": re.compile(r"\d+(_\d+)+"),
    "difference": re.compile(r"\d+-\d+"),
    "quotient": re.compile(r"\d+/\d+"),
}


@dataclasses.dataclass(frozen=True)
class Constraint:
    """What a line demands of a parameter ("x", "mag", "re", "3", "f1a", ...) of components, counted from 1.

    "offset" and "ratio" tie the components' values, which keep their initial differences or ratios.
    The others bound something by `low` and `high`: "range" the value, "shift" the value less its initial
    one, "difference" the first component's less the second's, "quotient" the first's over the second's.
    """

    line: int
    components: tuple[int, ...]
    parameter: str
    kind: Kind
    low: float | None = None
    high: float | None = None


def read_constraints(path: str | Path) -> tuple[Constraint, ...]:
    """Read a constraint file; raises `ValueError` with the line of a mistake."""
    return parse_constraints(Lines.read(path))


def parse_constraints(lines: Lines) -> tuple[Constraint, ...]:
    """The constraints in these lines."""
    return tuple(_constraint(lines, number, text.split()) for number, text in lines.without_comments())


def _constraint(lines: Lines, number: int, words: list[str]) -> Constraint:
    if len(words) < 3:
        raise lines.error(number, f"expected component, parameter and constraint, got {' '.join(words)!r}")
    shape = next((name for name, pattern in SHAPES.items() if pattern.fullmatch(words[0])), None)
    if shape is None:
        raise lines.error(number, f"components must be such as 3, 3_2_1, 3-7 or 3/5, got {words[0]!r}")
    components = tuple(int(part) for part in re.findall(r"\d+", words[0]))
    if 0 in components:
        raise lines.error(number, f"components count from 1, got {words[0]!r}")
    parameter = words[1].lower()
    if NAMES.fullmatch(parameter) is None:
        raise lines.error(number, f"unknown parameter {words[1]!r}")
    if shape == "several":
        return _tie(lines, number, components, parameter, words[2])
    kind, low, high = _bounds(lines, number, shape, words[2:])
    return Constraint(number, components, parameter, kind, low, high)


def _tie(lines: Lines, number: int, components: tuple[int, ...], parameter: str, word: str) -> Constraint:
    if word.lower() == "offset":
        return Constraint(number, components, parameter, "offset")
    if word.lower() == "ratio":
        return Constraint(number, components, parameter, "ratio")
    raise lines.error(number, f"several components are tied by 'offset' or 'ratio', got {word!r}")


def _bounds(lines: Lines, number: int, shape: str, words: list[str]) -> tuple[Kind, float, float]:
    absolute = len(words) > 1 and words[1].lower() == "to"
    found = numbers_of(" ".join([words[0], *words[2:]] if absolute else words))
    if len(found) < 2:
        raise lines.error(number, f"expected two numbers, or 'low to high', got {' '.join(words)!r}")
    low, high = found[:2]
    if low > high:
        raise lines.error(number, f"the lower bound {low:g} is above the upper one, {high:g}")
    kinds: dict[str, Kind] = {
        "one": "range" if absolute else "shift",
        "difference": "difference",
        "quotient": "quotient",
    }
    return kinds[shape], low, high
