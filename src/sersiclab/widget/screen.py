"""The image on the screen of an editor, one of several."""

from typing import Any

from sersiclab.data.image_set import Images
from sersiclab.results import Fit
from sersiclab.runtime.errors import InputError
from sersiclab.widget.current import Current
from sersiclab.widget.desk import Desk


class Screen:
    """Chooses the image on the screen, and has everything that belongs to it."""

    def __init__(self, desk: Desk, current: Current) -> None:
        self._desk, self._current = desk, current

    @property
    def name(self) -> str:
        """The name of the image; "" if there is one."""
        self._current.read()
        return self._desk.subject.name

    @property
    def images(self) -> Images | None:
        """All images with their current masks; None if there is one."""
        with self._desk.turn:
            data = self._desk.subject.data(self._desk.session, self._current.image)
        return data if isinstance(data, Images) else None

    def show(self, name: str) -> None:
        """Show another image: its pictures, and the model in its own pixels.

        Raises:
            ValueError: if there is no such image, or the session has problems.
        """
        with self._desk.turn:
            shown, subject = self._current.shown, self._desk.subject
            if self._desk.problems:
                raise InputError("the model has problems: solve them before you show another image")
            if not subject.names or name != subject.name:
                self._desk.session = subject.at(name, self._desk.session, shown.whole)

    def fit_of(self, fit: Any) -> Fit:
        """Return the fit of the image."""
        return self._desk.subject.own_fit(fit)
