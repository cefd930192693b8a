"""Parse GALFIT's menu files line by line, without interpreting or losing anything.

Format: Peng et al. 2002, AJ 124, 266, and the GALFIT user's manual. The multi-band dialect of GALFITM
(Häußler et al. 2013, MNRAS 430, 330) has comma-separated lists, and x and y on separate lines.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path

from sersiclab.data.sections import split_names, split_words
from sersiclab.io.text import Lines, numbers_of, refuse_others, unfilled
from sersiclab.runtime.errors import InputError


# The required parameters of a component, by GALFIT's name for it ("sersic2", "sersic3" and the like are
# normalised at another radius). Positions are keys "x" and "y".
_PLACE = ("x", "y")
_SHAPE = ("9", "10")
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "sersic": (*_PLACE, "3", "4", "5", *_SHAPE),
    "expdisk": (*_PLACE, "3", "4", *_SHAPE),
    "devauc": (*_PLACE, "3", "4", *_SHAPE),
    "edgedisk": (*_PLACE, "3", "4", "5", "10"),
    "gaussian": (*_PLACE, "3", "4", *_SHAPE),
    "moffat": (*_PLACE, "3", "4", "5", *_SHAPE),
    "king": (*_PLACE, "3", "4", "5", "6", *_SHAPE),
    "nuker": (*_PLACE, "3", "4", "5", "6", "7", *_SHAPE),
    "ferrer": (*_PLACE, "3", "4", "5", "6", *_SHAPE),
    "corser": (*_PLACE, "3", "4", "5", "6", "7", "8", *_SHAPE),
    "psf": (*_PLACE, "3"),
    "sky": ("1",),
    "truncation": (),
}
MISSING: Mapping[str, str] = {"H": "the image region", "J": "the magnitude zero-point"}
FIELDS = tuple("ABCDEFGHIJKOP")


@dataclasses.dataclass(frozen=True)
class Value:
    """A parameter's value, or one for each band, and its toggles: 0 is fixed, 1 free, and more is possible in GALFITM.

    `basis` is GALFITM's word for the meaning of the values of several bands ("band" or "cheb"), if any.
    """

    line: int
    values: tuple[float, ...]
    toggles: tuple[int, ...]
    basis: str | None = None

    @property
    def free(self) -> bool:
        """Whether the value may change in any band."""
        return any(self.toggles)


@dataclasses.dataclass(frozen=True)
class Component:
    """A component: GALFIT's name for it, its parameters, and options that are words (`R0`, `T0`, `Ti`, `To`).

    Parameters have GALFIT's numbers as keys, except "x" and "y". The keys of a Fourier mode are "F1a" (amplitude)
    and "F1p" (phase). `skipped` is GALFIT's Z: the component is left out of the model that is subtracted.
    """

    line: int
    name: str
    parameters: Mapping[str, Value]
    options: Mapping[str, str]
    skipped: bool = False


@dataclasses.dataclass(frozen=True)
class Menu:
    """A menu file: the fields A to P as text, by letter, and the components in order, which GALFIT counts from 1.

    `notes` lists, by line, the irregularities that were accepted.
    """

    source: str
    fields: Mapping[str, tuple[int, str]]
    components: tuple[Component, ...]
    notes: tuple[str, ...] = ()

    def text(self, letter: str) -> str | None:
        """Return a field; None if it is missing, empty or "none"."""
        text = self.fields.get(letter, (0, ""))[1]
        return None if text.lower() in ("", "none") else text

    def names(self, letter: str) -> tuple[str, ...]:
        """Return the files of a field, one for each band."""
        words = split_words(self.text(letter) or "")
        return split_names(words[0]) if words else ()

    def numbers(self, letter: str, count: int | None = None) -> tuple[float, ...]:
        """Return the numbers of a field. Raises `ValueError` with the line if there are not `count` of them."""
        line, text = self.fields[letter]
        found = numbers_of(text.replace(",", " "))
        if (count is None and not found) or (count is not None and len(found) != count):
            many = "at least one number" if count is None else f"{count} numbers"
            raise InputError(f"{self.source}, line {line}: {letter}) must hold {many}, got {text!r}{unfilled(text)}")
        return found

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The limits xmin, xmax, ymin, ymax of the fit, in pixels counted from 1, both ends included."""
        xmin, xmax, ymin, ymax = (int(number) for number in self.numbers("H", 4))
        if xmin > xmax or ymin > ymax:
            line, text = self.fields["H"]
            raise InputError(f"{self.source}, line {line}: H) must be xmin xmax ymin ymax, got {text!r}")
        return xmin, xmax, ymin, ymax


def read_menu(path: str | Path) -> Menu:
    """Read a `.feedme` file, or a `galfit.NN` that GALFIT wrote. Raises `ValueError` with the line of a mistake."""
    return parse_menu(Lines.read(path))


def parse_menu(lines: Lines) -> Menu:
    """Return the menu in these lines."""
    refuse_others(lines, "galfit")
    fields: dict[str, tuple[int, str]] = {}
    drafts: list[_Draft] = []
    notes: list[str] = []
    for number, text in lines.without_comments():
        match = re.match(r"\s*([A-Za-z]{0,2}\d*)\)\s*(.*)$", text)
        if match is None or not match[1]:
            if re.fullmatch(r"\s*=*\s*", text) is None:
                notes.append(f"line {number}: {text.strip()!r} is not a line such as '3) 20.0 1' and is left out")
            continue
        key, rest = match[1], match[2].strip()
        if key in ("0", "T0"):
            name = "truncation" if key == "T0" else _known(lines, number, rest)
            drafts.append(_Draft(number, name, options={"T0": rest} if key == "T0" else {}))
        elif key[0].upper() in FIELDS and key[0].isupper() and not re.fullmatch(r"[BCF]\d+", key):
            if key in fields:
                notes.append(f"line {number}: {key}) is given again and replaces line {fields[key][0]}")
            fields[key] = number, rest
        elif not drafts and re.fullmatch(r"[A-Z]", key):
            notes.append(f"line {number}: {key}) is unknown and is left out")
        elif not drafts:
            raise lines.error(number, f"{key}) comes before any component, such as '0) sersic'")
        else:
            drafts[-1].add(lines, number, key, rest, notes)
    if not fields and any(line.startswith("Restart file") for line in lines.lines):
        raise InputError(f"{lines.source} is GALFIT's log; read a restart file that it names, such as galfit.01")
    for letter, meaning in MISSING.items():
        if letter not in fields:
            raise InputError(f"{lines.source}: {letter}), {meaning}, is missing")
    return Menu(lines.source, fields, tuple(draft.component(lines) for draft in drafts), tuple(notes))


@dataclasses.dataclass
class _Draft:
    """A component while its lines are being read."""

    line: int
    name: str
    parameters: dict[str, Value] = dataclasses.field(default_factory=dict)
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    skipped: bool = False

    def add(self, lines: Lines, number: int, key: str, text: str, notes: list[str]) -> None:
        if key == "Z":
            self.skipped = _integer(lines, number, key, text) == 1
        elif key in ("R0", "Ti", "To"):
            self.options[key] = text
        elif re.fullmatch(r"\d+|[BCFRT]\d+", key):
            for name, value in self._values(lines, number, key, text, notes).items():
                earlier = self.parameters.get(name)
                if earlier is not None:
                    notes.append(f"line {number}: {key}) is given again and replaces line {earlier.line}")
                self.parameters[name] = value
        else:
            raise lines.error(number, f"{key}) is not a parameter of a component")

    def _values(self, lines: Lines, number: int, key: str, text: str, notes: list[str]) -> dict[str, Value]:
        """Return one parameter, or two from a line that holds a position or a Fourier mode."""
        groups, basis = _groups(text)
        names = self._names(key, len(groups))
        if len(groups) < len(names) or not groups:
            expected = "two values and their toggles" if len(names) == 2 else "a value and its toggle"
            raise lines.error(number, f"{key}) must hold {expected}, got {text!r}{unfilled(text)}")
        values, toggles = groups[: len(names)], groups[len(names) : 2 * len(names)]
        if len(toggles) < len(names):
            notes.append(
                f"line {number}: {key}) has {len(toggles)} toggles for {len(names)} values; the rest are fixed"
            )
            toggles = [*toggles, *[(0.0,)] * (len(names) - len(toggles))]
        if any(toggle != round(toggle) or toggle < 0 for group in toggles for toggle in group):
            raise lines.error(
                number,
                f"the toggle of {key}) must be a whole number, 0 (fixed) or 1 (free), got {text!r}{unfilled(text)}",
            )
        return {
            name: Value(number, value, tuple(int(toggle) for toggle in group), basis)
            for name, value, group in zip(names, values, toggles, strict=True)
        }

    def _names(self, key: str, groups: int) -> tuple[str, ...]:
        if (self.name != "sky" and key == "1") or key == "T1":
            pair = ("x", "y") if key == "1" else ("T1x", "T1y")
            return pair if groups > 2 else pair[:1]  # GALFITM has y on a separate line
        if self.name != "sky" and key == "2":
            return ("y",)
        if key.startswith("F"):
            return f"{key}a", f"{key}p"
        return (key,)

    def component(self, lines: Lines) -> Component:
        lacking = [key for key in REQUIRED[_family(self.name)] if key not in self.parameters]
        if lacking:
            raise lines.error(self.line, f"the component {self.name!r} lacks {', '.join(f'{key})' for key in lacking)}")
        return Component(self.line, self.name, self.parameters, self.options, self.skipped)


def _family(name: str) -> str:
    return re.sub(r"s?\d?$", "", name) if name.startswith("ferrer") else re.sub(r"\d$", "", name)


def _known(lines: Lines, number: int, text: str) -> str:
    words = text.lower().split()
    if not words or _family(words[0]) not in REQUIRED:
        known = ", ".join(name for name in REQUIRED if name != "truncation")
        raise lines.error(number, f"a component must be one of {known}, got {text!r}")
    return words[0]


def _groups(text: str) -> tuple[list[tuple[float, ...]], str | None]:
    """Return the leading numbers, each with one value or one per band, and GALFITM's word after them."""
    groups: list[tuple[float, ...]] = []
    for word in text.split():
        parts = [_number(part) for part in word.split(",") if part]
        if not parts or None in parts:
            lowered = word.lower()
            return groups, "band" if lowered in ("band", "bands") else "cheb" if lowered == "cheb" else None
        groups.append(tuple(part for part in parts if part is not None))
    return groups, None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _integer(lines: Lines, number: int, key: str, text: str) -> int:
    found = numbers_of(text)
    if not found or found[0] != round(found[0]):
        raise lines.error(number, f"{key}) must be a whole number, got {text!r}")
    return int(found[0])
