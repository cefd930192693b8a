"""What the page may send: every message with its fields, and every synced trait with its owner.

A page can be modified, outdated, or written by others. A message that violates these rules has no effect, and is
answered with an error that names the field.
"""

import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sersiclab.runtime.errors import InputError


LARGEST_NUMBER = 2**53  # the largest consecutive whole number of JavaScript
MOST_DRAWS = 500  # galaxies drawn from the priors in answer to one message
MOST_VALUES = 100_000  # parameters of a gesture
LONGEST_NAME = 300  # characters
LONGEST_FILE = 64 * 2**20  # bytes
LONGEST_REGIONS = 16 * 2**20

# The owner of each trait. The page may write its own and the shared ones; updates of others are undone.
BOTH = ("session",)
FRONT_END = ("display",)
KERNEL = ("code", "schema", "progress", "summary", "recovery", "kept", "problems", "control")

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class FieldRule(NamedTuple):
    """The rule of a field, in words and as a test; a field that is not `needed` may be omitted."""

    expected: str
    holds: Callable[[Any], bool]
    needed: bool = True


def _is_whole(value: Any, low: int, high: int) -> bool:
    """JSON has only one type of number, so 3.0 is whole."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high and (isinstance(value, int) or value.is_integer())


def whole(low: int, high: int = LARGEST_NUMBER) -> FieldRule:
    """Return the rule of a whole number within a range."""
    return FieldRule(f"a whole number from {low} to {high}", lambda value: _is_whole(value, low, high))


def text(longest: int = LONGEST_NAME, *, least: int = 0, needed: bool = True) -> FieldRule:
    """Return the rule of a text of limited length."""
    expected = f"a text of {least} to {longest} characters" if least else f"a text of up to {longest} characters"
    return FieldRule(expected, lambda value: isinstance(value, str) and least <= len(value) <= longest, needed)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_NUMBER if isinstance(value, int) else math.isfinite(value)


def _are_values(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) <= MOST_VALUES and all(map(_is_number, value.values()))


VALUES = FieldRule("finite numbers by parameter", _are_values)


def _is_raster(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 5 and all(_is_whole(each, 0, 2**31) for each in value)


RASTER = FieldRule("five whole numbers, x, y, step, nx and ny", _is_raster)
OPTIONS = FieldRule("settings by name", lambda value: isinstance(value, Mapping) and len(value) <= 100, needed=False)
NAME = text(least=1)

# The fields of each message, and the number of bytes of its one buffer, if it has one.
MESSAGES: Mapping[str, tuple[Mapping[str, FieldRule], int]] = {
    "hello": ({}, 0),
    "render": ({"seq": whole(0), "values": VALUES, "sight": RASTER._replace(needed=False)}, 0),
    "sight": ({"raster": RASTER}, 0),
    "pixel": ({"x": whole(0), "y": whole(0)}, 0),
    "mask": ({"name": NAME}, LONGEST_FILE),
    "predict": ({"request": whole(0), "number": whole(1, MOST_DRAWS), "seed": whole(0)}, 0),
    "preset": ({"name": NAME}, 0),
    "show": ({"name": NAME}, 0),
    "neighbours": ({}, 0),
    "noise": ({}, 0),
    "keep": ({"name": NAME}, 0),
    "restore": ({"name": NAME}, 0),
    "forget": ({"name": NAME}, 0),
    "load": ({"name": text()}, LONGEST_FILE),
    "regions": ({"name": text(), "selected": text(needed=False)}, LONGEST_REGIONS),
    "export": ({"request": text(), "kind": text()}, 0),
    "run": ({"method": text(), "options": OPTIONS}, 0),
    "recover": ({}, 0),
    "cancel": ({}, 0),
    "pause": ({}, 0),
    "resume": ({}, 0),
}


def short(value: Any) -> str:
    """Return a value for an error message, shortened if necessary."""
    return _SHORT.repr(value)


def checked(content: Any, buffers: Sequence[Any]) -> dict[str, Any]:
    """Return the message. Raises `ValueError`, naming what is wrong: its type, a field, or its bytes."""
    if not isinstance(content, Mapping):
        raise InputError(f"a message must be a mapping with a type 't', got {short(content)}")
    kind = content.get("t")
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise InputError(f"a message's type 't' must be one of {', '.join(MESSAGES)}; got {short(kind)}")
    fields, largest = MESSAGES[kind]
    for name, field in fields.items():
        if name not in content:
            if field.needed:
                raise InputError(f"the message {kind!r} lacks {name!r}, {field.expected}")
        elif not field.holds(content[name]):
            raise InputError(f"{name} of the message {kind!r} must be {field.expected}, got {short(content[name])}")
    _check_bytes(kind, largest, buffers)
    return dict(content)


def _check_bytes(kind: str, largest: int, buffers: Sequence[Any]) -> None:
    if not largest:
        return
    if len(buffers) != 1:
        raise InputError(f"the message {kind!r} must come with its bytes as one buffer, got {len(buffers)} buffers")
    size = memoryview(buffers[0]).nbytes
    if size > largest:
        raise InputError(
            f"the bytes of the message {kind!r} must be at most {largest / 2**20:.0f} MB, got {size / 2**20:.0f} MB"
        )


def own_updates(update: Mapping[str, Any], traits: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the part of an update that the page may write, and the names of traits that it must not change.

    `traits` holds the present values: a host that sends its whole state back changes nothing.
    """
    own = {name: value for name, value in update.items() if name in BOTH or name in FRONT_END}
    return own, [name for name in update if name in traits and name not in own and update[name] != traits[name]]
