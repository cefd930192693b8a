"""The model and the image that an editor's session describes, read on demand."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.runtime.errors import InputError
from sersiclab.widget.desk import Desk
from sersiclab.widget.session import Reading, Session, SessionProblem, Shown
from sersiclab.widget.subject import AbstractSubject


def read(subject: AbstractSubject, session: Session, types: Sequence[type]) -> Reading:
    """Read the models that a session describes; `types` holds the user's own profiles."""
    return subject.read(session, types)


class Current:
    """The last valid reading of an editor's session.

    The page may change the session faster than it can be read; then only the last change is read. The properties
    always describe the present session. `mask_taken(name)` is called when the session names another mask.
    """

    def __init__(self, desk: Desk, shown: Shown, mask_taken: Callable[[str], None]) -> None:
        self._desk, self._mask_taken = desk, mask_taken
        self._image, self._name = desk.masks.given, desk.subject.name
        self._shown = shown
        self._unread = False
        self._watchers: list[Callable[[], None]] = []

    @property
    def image(self) -> Image:
        """The image with the mask that the session names."""
        self.read()
        return self._image

    @property
    def shown(self) -> Shown:
        """The models that the pictures show."""
        self.read()
        return self._shown

    def watch(self, callback: Callable[[], None]) -> None:
        """Call `callback()` after each reading."""
        self._watchers.append(callback)

    def close(self) -> None:
        """Remove the callbacks."""
        self._watchers.clear()

    def outdated(self) -> None:
        """Mark the session as changed."""
        self._unread = True

    def read(self) -> None:
        """Read the session, unless that has been done."""
        with self._desk.turn:
            if self._unread:
                self._take(self._desk.session, read(self._desk.subject, self._desk.session, self._desk.types))

    def read_aside(self) -> None:
        """Read the session without holding the lock, so that the page can write meanwhile."""
        if not self._unread:
            return
        session = self._desk.session
        reading = read(self._desk.subject, session, self._desk.types)
        with self._desk.turn:
            if self._unread:
                self._take(session, reading)

    def _take(self, session: Session, reading: Reading) -> None:
        """Accept a reading of a session, which may have changed again meanwhile."""
        self._unread = self._desk.session is not session
        self._desk.subject.turn_to(session)
        problem = self._take_mask(session.get("mask"))
        self.accept(dataclasses.replace(reading, problems=[*reading.problems, *problem]))

    def _take_mask(self, name: Any) -> list[SessionProblem]:
        """Use the mask of this name; if that is impossible, keep the image and return the problem."""
        try:
            image = self._desk.masks.image(name)
        except InputError as error:
            return [{"path": "", "message": str(error)}]
        is_other, self._name = self._desk.subject.name != self._name, self._desk.subject.name
        if is_other or not np.array_equal(image.mask, self._image.mask):
            self._image = self._desk.subject.frames.image = image
            if name is not None and not is_other:  # another image is sent with its mask
                self._mask_taken(name)
        return []

    def accept(self, reading: Reading) -> None:
        """Accept the valid parts of a reading; the rest stays unchanged."""
        if reading.everything is not None:
            before = self._shown
            model = before.model if reading.model is None else reading.model
            fitted = (reading.fitted or model) if reading.whole is None else (reading.fitted or before.fitted)
            self._shown = Shown(reading.everything, model, reading.on, reading.whole or reading.everything, fitted)
        self._desk.publish_problems(reading.problems)
        for callback in list(self._watchers):
            callback()
