"""Text files of other programs. Errors give the line of a mistake."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sersiclab.documents import storage
from sersiclab.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class Lines:
    """The lines of a file, counted from 1, with any line endings; `source` names the file in messages."""

    source: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Lines":
        """Read a file in UTF-8, or else in Latin-1, in which every byte is a character."""
        path = storage.user_path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
        raw = path.read_bytes()
        if b"\0" in raw:
            raise InputError(f"{path} is not a text file")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        return cls.of(text, str(path))

    @classmethod
    def of(cls, text: str, source: str = "text") -> "Lines":
        """Return the lines of a text. Only line feeds and carriage returns end a line."""
        return cls(source, tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))

    def without_comments(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of every line that is not empty after its comment, which starts with #, is removed."""
        for number, line in enumerate(self.lines, start=1):
            text = line.partition("#")[0].rstrip()
            if text.strip():
                yield number, text

    def error(self, number: int, message: str) -> InputError:
        """Return an error about a line, to be raised."""
        return InputError(f"{self.source}, line {number}: {message}")


LARGEST = 2**20  # bytes of a menu or a configuration

# Patterns that identify files of other programs, and descriptions of these files.
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
    """Return the program whose file this is, such as "galfit", judged by its text; None if unknown or missing."""
    path = storage.user_path(path)
    if not path.is_file() or path.stat().st_size > LARGEST:
        return None
    try:
        lines = Lines.read(path)
    except InputError:
        return None
    return next(iter(_programs(lines)), None)


def _programs(lines: Lines) -> list[str]:
    texts = [text for _, text in lines.without_comments()]
    return [name for name, (mark, _) in _OTHERS.items() if any(re.match(mark, text) for text in texts)]


def refuse_others(lines: Lines, own: str) -> None:
    """Raise `ValueError` with a description of a file that belongs to another program than `own`."""
    found = _programs(lines)
    if found and (own not in found or "multimfit" in found):
        raise InputError(f"{lines.source} is {_OTHERS[found[-1]][1]}")


def unfilled(text: str) -> str:
    """Return a remark about a template's placeholder in a text, such as "{xmax}"; "" if there is none."""
    match = re.search(r"\{\s*[A-Za-z_][^{}]*\}|<[A-Za-z_][^<>]*>|\$\{?[A-Za-z_]\w*", text)
    return f" ({match[0]} is a placeholder of a template that was not filled in)" if match else ""


def numbers_of(text: str) -> tuple[float, ...]:
    """Return the finite numbers at the beginning of a text."""
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
