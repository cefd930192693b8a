"""GALFIT's and GALFITM's constraint files: ties and ranges of parameters, line by line."""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from sersiclab.io.text import Lines, numbers_of


Kind = Literal["offset", "ratio", "range", "shift", "factor", "reference", "difference", "quotient"]
NAMES = re.compile(r"(x|y|mag|re|rs|n|alpha|beta|gamma|pa|q|c|c0|sky|\d+|f\d+[ap]|[brt]\d+)(?:_(\S+))?")
SHAPES: dict[str, re.Pattern[str]] = {
    "one": re.compile(r"\d+"),
    "several": re.compile(r"\d+(_\d+)+"),
    "difference": re.compile(r"\d+-\d+"),
    "quotient": re.compile(r"\d+/\d+"),
}


@dataclasses.dataclass(frozen=True)
class Constraint:
    """The constraint of a line on a parameter ("x", "mag", "re", "3", "f1a", ...) of components, counted from 1.

    "offset" and "ratio" tie the components' values, which keep their initial differences or ratios.
    The others set the bounds `low` and `high`: "range" on the value, "shift" on the value minus the initial
    one, "difference" on the first component's value minus the second's, "quotient" on the first's over the second's. In
    GALFITM "factor" bounds the value's ratio to the initial one, from 1/`high` to `high`, and "reference" the
    value minus that in the reference band. `suffix` is GALFITM's suffix of the parameter, as in "n_1" or
    "re_B": the order of a coefficient of the change with wavelength, or a band.
    """

    line: int
    components: tuple[int, ...]
    parameter: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    suffix: str | None = None


def read_constraints(path: str | Path) -> tuple[Constraint, ...]:
    """Read a constraint file. Raises `ValueError` with the line of a mistake."""
    return parse_constraints(Lines.read(path))


def parse_constraints(lines: Lines) -> tuple[Constraint, ...]:
    """Return the constraints in these lines."""
    return tuple(_constraint(lines, number, text.split()) for number, text in lines.without_comments())


def _constraint(lines: Lines, number: int, words: list[str]) -> Constraint:
    if len(words) < 3:
        raise lines.error(number, f"expected component, parameter and constraint, got {' '.join(words)!r}")
    shape = next((name for name, pattern in SHAPES.items() if pattern.fullmatch(words[0])), None)
    if shape is None:
        raise lines.error(number, f"components must have a form such as 3, 3_2_1, 3-7 or 3/5, got {words[0]!r}")
    components = tuple(int(part) for part in re.findall(r"\d+", words[0]))
    if 0 in components:
        raise lines.error(number, f"components count from 1, got {words[0]!r}")
    name = NAMES.fullmatch(words[1].lower())
    if name is None:
        raise lines.error(number, f"unknown parameter {words[1]!r}")
    parameter, suffix = name.groups()
    if shape == "several":
        return _tie(lines, number, components, (parameter, suffix), words[2])
    kind, low, high = _bounds(lines, number, shape, words[2:])
    return Constraint(number, components, parameter, kind, low, high, suffix)


def _tie(lines: Lines, number: int, components: tuple[int, ...], name: tuple[str, str | None], word: str) -> Constraint:
    if word.lower() not in ("offset", "ratio"):
        raise lines.error(number, f"several components are tied by 'offset' or 'ratio', got {word!r}")
    kind: Kind = "offset" if word.lower() == "offset" else "ratio"
    return Constraint(number, components, name[0], kind, suffix=name[1])


def _bounds(lines: Lines, number: int, shape: str, words: list[str]) -> tuple[Kind, float, float]:
    word = words[1].lower() if len(words) > 1 and words[1].lower() in ("to", "in", "ref") else ""
    if words[0].lower() == "factor":
        factor = numbers_of(" ".join(words[1:]))[:1]
        if shape != "one" or not factor or factor[0] <= 0.0:
            raise lines.error(number, f"'factor' takes one component and a positive number, got {' '.join(words)!r}")
        return "factor", min(factor[0], 1.0 / factor[0]), max(factor[0], 1.0 / factor[0])
    found = numbers_of(" ".join([words[0], *words[2:]] if word else words))
    if len(found) < 2:
        raise lines.error(number, f"expected two numbers, or 'low to high', got {' '.join(words)!r}")
    low, high = found[:2]
    if low > high:
        raise lines.error(number, f"the lower bound {low:g} is above the upper one, {high:g}")
    if word == "ref":
        return "reference", low, high
    kinds: dict[str, Kind] = {
        "one": "range" if word == "to" else "shift",
        "difference": "difference",
        "quotient": "quotient",
    }
    return kinds[shape], low, high
