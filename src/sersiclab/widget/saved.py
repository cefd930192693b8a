"""Saved sessions: a JSON document of everything that a user sets in the editor.

`{"sersiclab": "session", "version": 1, "made_by", "shape": [ny, nx], "session", "mask", "display"}`: the session as in
`session`, without the name of its mask; the edited mask as base64 of its bits, eight pixels per byte as in `masks`, or
null for the image's own; the display settings. The page writes the same document (`js/src/saved.ts`). It does not
include draws: `Fit.save` saves a fit.
"""

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sersiclab._version import __version__
from sersiclab.runtime.errors import InputError
from sersiclab.widget.masks import Masks
from sersiclab.widget.session import Reading, Session, read, with_values


VERSION = 1
MARK = b'"sersiclab":'  # every document has it near its beginning
LARGEST = 64 * 2**20  # bytes: the mask of an image of 16 384 pixels squared needs two thirds
KEYS = ("version", "model", "off", "order")
LISTED = 3  # problems of a model that a message lists


@dataclasses.dataclass(frozen=True)
class Saved:
    """The contents of a document: a session without a mask, the bits of the mask if it was edited, the display."""

    session: Session
    mask: bytes | None
    display: dict[str, Any]


def to_document(saved: Saved, shape: Sequence[int]) -> dict[str, Any]:
    """Return the document of a session for an image of this shape."""
    return {
        "sersiclab": "session",
        "version": VERSION,
        "made_by": f"sersiclab {__version__}",
        "shape": list(shape),
        "session": {key: saved.session[key] for key in KEYS if key in saved.session},
        "mask": None if saved.mask is None else base64.b64encode(saved.mask).decode(),
        "display": saved.display,
    }


def from_text(text: bytes, masks: Masks, types: Sequence[type] = ()) -> Saved:
    """Read a document for the image of `masks`; `types` holds the user's own profiles.

    Raises `ValueError`, saying what is wrong, unless the whole document is valid.
    """
    document = document_of(text, VERSION)
    shape, display = document.get("shape"), document.get("display", {})
    if shape != list(masks.given.shape):
        ny, nx = masks.given.shape
        other = f"{shape[0]} x {shape[1]}" if isinstance(shape, list) and len(shape) == 2 else repr(shape)
        raise InputError(f"it belongs to an image of {other} pixels (rows x columns); this image has {ny} x {nx}")
    if not isinstance(display, Mapping):
        raise InputError(f"its display must be a mapping, got {display!r}")
    return Saved(_session(document.get("session"), types), bits_of(document.get("mask"), masks), dict(display))


def document_of(text: bytes, newest: int) -> Mapping[str, Any]:
    """Return the document of a session. Raises `ValueError` for anything else, or a version that is too new."""
    document = _parsed(text)
    if not isinstance(document, Mapping) or document.get("sersiclab") != "session":
        raise InputError('it is not a session: a session begins {"sersiclab": "session", "version": 1, ...}')
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise InputError(f"its version must be a number such as {newest}, got {version!r}")
    if "images" in document and newest == VERSION:
        raise InputError("it belongs to several images; here is one")
    if version > newest:
        raise InputError(f"it has version {version}, made by a newer sersiclab; this one reads {newest}")
    return document


def _parsed(text: bytes) -> Any:
    if len(text) > LARGEST:
        raise InputError(f"it has {len(text) / 2**20:.0f} MB; a session has {LARGEST / 2**20:.0f} MB at most")
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise InputError("it is not text in UTF-8") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"it is not JSON, or was truncated: {error.msg} at {place}") from error
    except RecursionError as error:
        raise InputError("it is nested too deeply") from error
    except InputError:
        raise
    except ValueError as error:  # the only one left: Python limits the digits of whole numbers
        raise InputError(f"it holds a number that can't be read: {error}") from error


def _refuse(name: str) -> Any:
    raise InputError(f"it holds {name}, which is not a number in JSON")


def _session(session: Any, types: Sequence[type]) -> Session:
    if not isinstance(session, Mapping):
        raise InputError(f"its session must be a mapping, got {session!r}")
    known: Session = {"off": [], **{key: session[key] for key in KEYS if key in session}}
    try:
        reading = read(known, types)
    except RecursionError as error:
        raise InputError("its model is nested too deeply") from error
    if reading.everything is None or reading.problems:
        raise InputError(session_problems(reading))
    # Every prior gets an `init`, even if the document was written by hand.
    return with_values(known, reading.everything.initial)


def session_problems(reading: Reading) -> str:
    """Return the first problems of a session, in words."""
    messages = [problem["message"] for problem in reading.problems]
    more = len(messages) - LISTED
    return "; ".join([*messages[:LISTED], *([f"and {more} more"] if more > 0 else [])])


def bits_of(text: Any, masks: Masks) -> bytes | None:
    """Return the bits of a mask of the image of `masks`; None for the image's own. Raises `ValueError` if it is bad."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise InputError(f"its mask must be base64 or null, got {text!r}")
    try:
        bits = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InputError(f"its mask is not base64: {error}") from error
    masks.check(bits)
    return bits
