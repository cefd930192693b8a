"""Text files of other programs, whose mistakes are told with their line."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sersiclab.documents import storage
from sersiclab.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class Lines:
    """The lines of a file, counted from 1, whatever ends them; `source` names the file in messages."""

    source: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Lines":
        """A file in UTF-8, or else in Latin-1, in which every byte is a letter."""
        path = storage.user_path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
        raw = path.read_bytes()
        if b"\0" in raw:
            raise InputError(f"{path} is no text file")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        return cls.of(text, str(path))

    @classmethod
    def of(cls, text: str, source: str = "text") -> "Lines":
        """The lines of a text. Only line feeds and carriage returns end a line."""
        return cls(source, tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))

    def without_comments(self) -> Iterator[tuple[int, str]]:
        """Number and text of every line that holds more than a comment, from # on."""
        for number, line in enumerate(self.lines, start=1):
            text = line.partition("#")[0].rstrip()
            if text.strip():
                yield number, text

    def error(self, number: int, message: str) -> InputError:
        """An error of a line, to be raised."""
        return InputError(f"{self.source}, line {number}: {message}")


LARGEST = 2**20  # bytes of a menu or a configuration

# Marks of files of other programs, and what these files are.
_OTHERS: Mapping[str, tuple[str, str]] = {
    "imfit": (r"\s*FUNCTION(_LABEL)?\s+\S", "a configuration of imfit; read_imfit reads it"),
    "galfit": (r"\s*0\)\s*[a-z]\w*", "a menu of GALFIT; read_galfit reads it"),
    "multimfit": (
        r"\s*IMAGE_START\b",
        "multimfit's description of several images, which is not supported; read the configuration of the model "
        "with read_imfit and give one image",
    ),
    "galfits": (
        r"\s*[ISAPGNF][a-z]\d+\)",
        "a configuration of GalfitS, which models images and spectra of several bands at once; it is not supported",
    ),
}


def program_of(path: str | Path) -> str | None:
    """The program whose file this is, such as "galfit", by its text; None for anything else, and for no file."""
    path = storage.user_path(path)
    if not path.is_file() or path.stat().st_size > LARGEST:
        return None
    try:
        lines = Lines.read(path)
    except ValueError:
        return None
    return next(iter(_programs(lines)), None)


def _programs(lines: Lines) -> list[str]:
    texts = [text for _, text in lines.without_comments()]
    return [name for name, (mark, _) in _OTHERS.items() if any(re.match(mark, text) for text in texts)]


def refuse_others(lines: Lines, own: str) -> None:
    """Raise `ValueError` saying what a file is if it has no mark of the program `own` but that of another."""
    found = _programs(lines)
    if found and (own not in found or "multimfit" in found):
        raise InputError(f"{lines.source} is {_OTHERS[found[-1]][1]}")


def unfilled(text: str) -> str:
    """A remark for messages on a text with a placeholder of a template, such as "{xmax}"; else nothing."""
    match = re.search(r"\{\s*[A-Za-z_][^{}]*\}|<[A-Za-z_][^<>]*>|\$\{?[A-Za-z_]\w*", text)
    return f" ({match[0]} is a placeholder of a template that was not filled in)" if match else ""


def numbers_of(text: str) -> tuple[float, ...]:
    """The finite numbers that a text begins with."""
    found = []
    for word in text.split():
        try:
            value = float(word)
        except ValueError:
            break
        if not math.isfinite(value):
            break
        found.append(value)
    return tuple(found)
