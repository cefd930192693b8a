"""Parse imfit's configuration files, and the best-fit files that it writes, line by line.

Format: Erwin 2015, ApJ 799, 226 (arXiv:1408.1097), and imfit's manual.
"""

import dataclasses
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from sersiclab.io.entries import Entry
from sersiclab.io.functions import Equivalent
from sersiclab.io.text import Lines, numbers_of, refuse_others, unfilled
from sersiclab.runtime.errors import InputError


KEYWORDS = ("GAIN", "READNOISE", "ORIGINAL_SKY", "EXPTIME", "NCOMBINED", "NCOLS", "NROWS")


@dataclasses.dataclass(frozen=True)
class FunctionText:
    """A FUNCTION: its name, its label if any, its parameters in order, and the lines of its options."""

    line: int
    name: str
    label: str | None
    parameters: dict[str, Entry]
    options: list[str]


@dataclasses.dataclass(frozen=True)
class Block:
    """Functions that share a centre."""

    line: int
    centre: dict[str, Entry]
    functions: list[FunctionText]


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A configuration file: the numbers before the first block, the blocks, and the command in a comment, if any."""

    source: str
    keywords: Mapping[str, tuple[int, float]]
    blocks: tuple[Block, ...]
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_configuration(path: str | Path) -> Configuration:
    """Read a file. Raises `ValueError` with the line of a mistake."""
    return parse_configuration(Lines.read(path))


def parse_configuration(lines: Lines) -> Configuration:
    """Return the configuration in these lines."""
    refuse_others(lines, "imfit")
    keywords: dict[str, tuple[int, float]] = {}
    blocks: list[Block] = []
    notes: list[str] = []
    optional = False
    for number, text in lines.without_comments():
        word, _, rest = text.strip().replace("\t", " ").partition(" ")
        functions = blocks[-1].functions if blocks else []
        if word in ("OPTIONAL_PARAMS_START", "OPTIONAL_PARAMS_END"):
            optional = word.endswith("START")
        elif optional and functions:
            functions[-1].options.append(f"line {number}: {text.strip()}")
        elif word == "X0":
            blocks.append(Block(number, {"X0": _entry(lines, number, word, rest)}, []))
        elif word == "Y0":
            if not blocks or functions or "Y0" in blocks[-1].centre:
                raise lines.error(number, "Y0 must come after X0")
            blocks[-1].centre["Y0"] = _entry(lines, number, word, rest)
        elif word in ("FUNCTION", "FUNCTION_LABEL"):
            functions.append(_function(lines, number, rest, blocks))
        elif functions:
            if word in functions[-1].parameters:
                raise lines.error(number, f"{word} is given twice")
            functions[-1].parameters[word] = _entry(lines, number, word, rest)
        elif blocks:
            raise lines.error(number, f"expected Y0 or FUNCTION, got {text.strip()!r}")
        elif word in KEYWORDS and numbers_of(rest):
            keywords[word] = number, numbers_of(rest)[0]
        elif word in KEYWORDS:
            raise lines.error(number, f"{word} must be a number, got {rest.strip()!r}{unfilled(rest)}")
        else:
            notes.append(f"line {number}: {text.strip()!r} is unknown and is left out")
    for block in blocks:
        if "Y0" not in block.centre:
            raise lines.error(block.line, "X0 has no Y0")
        if not block.functions:
            raise lines.error(block.line, "a block must hold a FUNCTION")
    if not blocks:
        raise InputError(f"{lines.source}: there is no FUNCTION")
    return Configuration(lines.source, keywords, tuple(blocks), _command(lines), tuple(notes))


def _function(lines: Lines, number: int, rest: str, blocks: list[Block]) -> FunctionText:
    if not blocks:
        raise lines.error(number, "FUNCTION comes before X0 and Y0")
    if "Y0" not in blocks[-1].centre:
        raise lines.error(number, f"X0 of line {blocks[-1].line} has no Y0")
    if not rest.split():
        raise lines.error(number, "FUNCTION must have a name")
    label = re.search(r"#\s*LABEL\s+(\S+)", lines.lines[number - 1])
    return FunctionText(number, rest.split()[0], label[1] if label else None, {}, [])


def _entry(lines: Lines, number: int, name: str, rest: str) -> Entry:
    """Return the entry of a value, which `fixed` or `low,high` may follow."""
    words = rest.split(maxsplit=1)
    value = numbers_of(words[0]) if words else ()
    if not value:
        raise lines.error(number, f"{name} must have a number, got {rest.strip()!r}{unfilled(rest)}")
    after = words[1].strip() if len(words) > 1 else ""
    if not after:
        return Entry(value[0], free=True, line=number)
    if after.lower() == "fixed":
        return Entry(value[0], free=False, line=number)
    ends = numbers_of(after.replace(",", " "))
    if after.count(",") != 1 or len(ends) != 2 or len(after.replace(",", " ").split()) != 2:
        raise lines.error(
            number, f"only 'fixed' or 'low,high' can follow the value of {name}, got {after!r}{unfilled(after)}"
        )
    if not ends[0] < ends[1]:
        raise lines.error(number, f"the lower limit of {name} must lie below the upper one, got {after!r}")
    if not ends[0] <= value[0] <= ends[1]:
        raise lines.error(number, f"{name} = {value[0]:g} lies outside its limits {after!r}")
    return Entry(value[0], free=True, limits=(ends[0], ends[1]), line=number)


def _command(lines: Lines) -> tuple[str, ...]:
    """Return the words of imfit's command, which is in a comment of its best-fit files and of ours."""
    for line in lines.lines:
        match = re.match(r"#\s*(?:\S*/)?imfit(?:-mcmc)?\s+(.*\S)\s*$", line)
        # Prose contains neither the name of a FITS file nor an option.
        if match and re.search(r"\.(?:fits?|fts|fz|gz)\b|(?:^|\s)--?[a-z]", match[1], re.IGNORECASE):
            try:
                return tuple(shlex.split(match[1]))
            except ValueError:  # an apostrophe in a name; imfit writes names without quotes
                return tuple(match[1].split())
    return ()


def keys_of(function: Equivalent) -> list[str]:
    """Return the names of a function's parameters without the centre, in their order in files."""
    keys = [link.key for link in function.links if link.key not in ("X0", "Y0")]
    return [*keys[:2], "c0", *keys[2:]] if function.modifiers else keys
