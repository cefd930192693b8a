"""Text files of other programs, whose mistakes are told with their line."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Lines:
    """The lines of a file, counted from 1, whatever ends them; `source` names the file in messages."""

    source: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Lines":
        """A file in UTF-8, or else in Latin-1, in which every byte is a letter."""
        path = Path(path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
        raw = path.read_bytes()
        if b"\0" in raw:
            raise ValueError(f"{path} is no text file")
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

    def error(self, number: int, message: str) -> ValueError:
        """An error of a line, to be raised."""
        return ValueError(f"{self.source}, line {number}: {message}")


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
