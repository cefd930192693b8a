"""The desk of an editor: its synced documents, the lock for writing them, and the way to the page."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sersiclab.widget.masks import Masks
from sersiclab.widget.messages import Message
from sersiclab.widget.page_schema import editor_schema
from sersiclab.widget.session import Session, SessionProblem
from sersiclab.widget.subject import AbstractSubject


class Documents(Protocol):
    """The synced traits of an editor that others write."""

    schema: Any
    session: Any
    display: Any
    problems: Any
    progress: Any
    summary: Any
    recovery: Any
    kept: Any


class Desk:
    """Session, display, subject and published results of an editor, and the lock `turn`.

    Traitlets are not thread-safe: hold `turn` while writing a synced trait, or while reading several that belong
    together. `types` holds the user's own classes, and `transmit` sends a message to the page.
    """

    def __init__(
        self, documents: Documents, subject: AbstractSubject, types: Sequence[type], transmit: Callable[[Message], None]
    ) -> None:
        self._documents = documents
        self.subject = subject
        self.types = tuple(types)
        self.transmit = transmit
        self.turn = threading.RLock()

    @property
    def masks(self) -> Masks:
        """The masks of the image on the screen."""
        return self.subject.masks

    @property
    def session(self) -> Session:
        """The session, which the page edits too."""
        return self._documents.session

    @session.setter
    def session(self, session: Session) -> None:
        with self.turn:
            self._documents.session = session

    @property
    def display(self) -> dict[str, Any]:
        """How the page shows the pictures, as it wrote it last."""
        return self._documents.display

    @property
    def problems(self) -> list[SessionProblem]:
        """The problems of the session."""
        return self._documents.problems

    def publish_problems(self, problems: list[SessionProblem]) -> None:
        """Publish the problems of the session."""
        with self.turn:
            self._documents.problems = problems

    def publish_progress(self, change: dict[str, Any]) -> None:
        """Publish a change of the progress of the run."""
        with self.turn:
            self._documents.progress = {**self._documents.progress, **change}

    def publish_summary(self, summary: dict[str, Any]) -> None:
        """Publish the table and the verdict of the last fit."""
        with self.turn:
            self._documents.summary = summary

    def publish_recovery(self, change: dict[str, Any]) -> None:
        """Publish a change of the recovery of mocks."""
        with self.turn:
            self._documents.recovery = {**self._documents.recovery, **change}

    def publish_kept(self, rows: list[dict[str, Any]]) -> None:
        """Publish the table of the fits that are kept."""
        with self.turn:
            self._documents.kept = rows

    def add_types(self, types: Sequence[type]) -> None:
        """Publish the user's own classes that are new."""
        known = tuple(dict.fromkeys((*self.types, *types)))
        with self.turn:
            if known != self.types:
                self.types = known
                self._documents.schema = editor_schema(known)

    def set_mask(self, mask: Any) -> None:
        """Change the mask alone, True where a pixel is excluded. Raises the errors of `Image` for a mask."""
        with self.turn:
            name = self.masks.add(mask)
            self.transmit(self.masks.message(name))
            self.session = {**self.session, "mask": name}

    def take(self, session: Session, mask: bytes | None, display: dict[str, Any] | None = None) -> None:
        """Replace the session, its mask and, if given, the display, as one step that the user can undo.

        Arguments:
            session: the new session; the name of its mask is ignored.
            mask: the bits of the new mask, or None for the mask of the image as it was given.
            display: the new display, or None to keep the present one.
        """
        with self.turn:
            new = {key: session[key] for key in session if key != "mask"}
            names = list(new["model"]["components"])
            if names != list(self.session["model"]["components"]):
                new["order"] = names  # a comparison of dictionaries ignores their order
            if mask is not None:
                new["mask"] = self.masks.add_bits(mask)
                self.transmit(self.masks.message(new["mask"]))
            if display is not None:  # first, because the two traits arrive one after the other
                self.transmit(({"t": "taken", "session": new, "display": display}, []))
            self.session = new
            if display is not None:
                self._documents.display = display
