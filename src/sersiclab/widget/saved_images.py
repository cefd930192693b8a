"""Saved sessions of several images: version 2 of the document of `saved`.

`{"sersiclab": "session", "version": 2, "made_by", "images": {name: [ny, nx]}, "session", "masks", "display"}`: the
session as in `joint_session`, and the edited masks by image, as base64 of their bits.
"""

import base64
from collections.abc import Mapping
from typing import Any

from sersiclab._version import __version__
from sersiclab.runtime.errors import InputError
from sersiclab.widget.masks import Masks
from sersiclab.widget.saved import bits_of, document_of, session_problems
from sersiclab.widget.session import Reading, Session


VERSION = 2
KEYS = ("version", "model", "off", "order", "image", "joint", "varying")


def mask_names(session: Session) -> dict[str, str]:
    """Return the names of the edited masks, by image."""
    own = {session["image"]: session["mask"]} if "mask" in session else {}
    return {**session.get("masks", {}), **own}


def to_document(session: Session, masks: Mapping[str, Masks], display: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a session."""
    edited = {name: masks[name].bits(mask) for name, mask in mask_names(session).items()}
    return {
        "sersiclab": "session",
        "version": VERSION,
        "made_by": f"sersiclab {__version__}",
        "images": {name: list(each.given.shape) for name, each in masks.items()},
        "session": {key: session[key] for key in KEYS if key in session},
        "masks": {name: base64.b64encode(bits).decode() for name, bits in edited.items()},
        "display": dict(display),
    }


def from_text(text: bytes, masks: Mapping[str, Masks]) -> tuple[Session, dict[str, bytes], dict[str, Any]]:
    """Read the session, the bits of the edited masks by image, and the display. Raises `ValueError` for a bad file."""
    document = document_of(text, VERSION)
    shapes = {name: list(each.given.shape) for name, each in masks.items()}
    if "images" not in document:
        raise InputError(f"it belongs to one image; here are several, {', '.join(shapes)}")
    if document["images"] != shapes:
        raise InputError(f"it belongs to other images, {document['images']}; here are {shapes}")
    session, edited, display = (document.get(key, {}) for key in ("session", "masks", "display"))
    for name, value in (("session", session), ("masks", edited), ("display", display)):
        if not isinstance(value, Mapping):
            raise InputError(f"its {name} must be a mapping, got {value!r}")
    unknown = [name for name in edited if name not in masks]
    if unknown:
        raise InputError(f"its masks name {unknown[0]!r}, which is not an image")
    found = {name: bits_of(value, masks[name]) for name, value in edited.items()}
    known: Session = {"off": [], **{key: session[key] for key in KEYS if key in session}}
    return known, {name: bits for name, bits in found.items() if bits is not None}, dict(display)


def check_reading(reading: Reading) -> None:
    """Raise `ValueError` if a session has problems."""
    problems = session_problems(reading)
    if reading.everything is None or reading.model is None or problems:
        raise InputError(problems or "its model can't be read")
