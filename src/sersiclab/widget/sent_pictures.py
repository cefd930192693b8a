"""The pictures of the session, as messages: everything for a new view, and changes for the others."""

from collections.abc import Callable
from functools import partial

from sersiclab.results import Fit
from sersiclab.widget import messages
from sersiclab.widget.current import Current
from sersiclab.widget.desk import Desk
from sersiclab.widget.frame_messages import AnyFrames, pushed


class Pictures:
    """Sends the pictures of the session. `post(kind, job)` gives a job to the thread that draws."""

    def __init__(
        self, desk: Desk, current: Current, frames: AnyFrames, post: Callable[[str, Callable[[], None]], None]
    ) -> None:
        self._desk, self._current, self._frames, self._post = desk, current, frames, post

    def greeting(self, fit: Fit | None) -> list[messages.Message]:
        """Return the messages for a new view: the image as it was given, the session's mask, the last posterior."""
        return messages.greeting(self._desk.masks, self._desk.session.get("mask"), fit)

    def greet(self, fit: Fit | None) -> None:
        """Send a new view everything that it needs; the pictures of the model follow when they are drawn."""
        for message in self.greeting(fit):
            self._desk.transmit(message)
        self._post("hello", self._push_all)

    def update(self) -> None:
        """Read the session, in the calling thread, and send the changes."""
        self._current.read_aside()
        self.push()

    def push(self) -> None:
        """Send the parts of the current session that the page lacks."""
        for message in pushed(self._frames, self._current.shown):
            self._desk.transmit(message)

    def share_mask(self, name: str) -> None:
        """Send a mask to the views that did not draw it."""
        self._post("mask", partial(self._desk.transmit, self._desk.masks.message(name)))

    def _push_all(self) -> None:
        self._frames.forget()
        self.push()
