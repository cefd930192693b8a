"""The arguments of an image while they are collected from files and headers."""

import dataclasses
import warnings
from typing import Any

import numpy as np


NOISE = {"sigma": 1, "weight": -2, "invvar": -2}  # the power of the image's unit that each has


@dataclasses.dataclass
class Gathered:
    """The arguments of `Image` so far, the file of each array, and notes on values from headers.

    Nothing is warned of if it is `quiet`, as for each of the stamps of a mosaic: the notes still say it.
    """

    arguments: dict[str, Any]
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    quiet: bool = False

    def take(self, name: str, value: Any, origin: str) -> None:
        """Use a value that the user did not give, and note its origin."""
        if self.arguments.get(name) is None and value is not None:
            self.arguments[name] = value
            shown = f" {value:.6g}" if isinstance(value, float) else f" {value}" if np.ndim(value) == 0 else ""
            self.notes.append(f"{name}{shown} ({origin})")

    def warn(self, text: str, *, stacklevel: int) -> None:
        """Warn the user, unless it is one of many."""
        if not self.quiet:
            warnings.warn(text, stacklevel=stacklevel + 1)
