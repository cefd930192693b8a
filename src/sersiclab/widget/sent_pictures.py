"""The pictures of the session, as messages: everything for a new view, and changes for the others."""

from collections.abc import Callable
from functools import partial

from sersiclab.widget import messages
from sersiclab.widget.checks import AnyFit
from sersiclab.widget.current import Current
from sersiclab.widget.desk import Desk
from sersiclab.widget.frame_messages import pushed


class Pictures:
    """Sends the pictures of the session.

    `post(kind, job)` gives a job to the thread that draws; `turned()` is called after another image was sent.
    """

    def __init__(
        self,
        desk: Desk,
        current: Current,
        post: Callable[[str, Callable[[], None]], None],
        turned: Callable[[], None],
    ) -> None:
        self._desk, self._current, self._post, self._turned = desk, current, post, turned
        self._sent = desk.subject.name  # the image on the screen of the page

    def greeting(self, fit: AnyFit | None) -> list[messages.Message]:
        """Return the messages for a new view: the image as it was given, the session's mask, the last posterior."""
        subject, mask = self._desk.subject, self._desk.session.get("mask")
        content, buffers = messages.image_message(subject.masks.given)
        several = {"name": subject.name, "names": list(subject.names)} if subject.names else {}
        known = [] if mask is None else [subject.masks.message(mask)]
        posterior = [] if fit is None else [messages.posterior_message(fit, subject.on_screen(fit))]
        return [({**content, **several}, buffers), *known, *posterior]

    def greet(self, fit: AnyFit | None) -> None:
        """Send a new view everything that it needs; the pictures of the model follow when they are drawn."""
        for message in self.greeting(fit):
            self._desk.transmit(message)
        self._post("hello", self._push_all)

    def update(self) -> None:
        """Read the session, in the calling thread, and send the changes."""
        self._current.read_aside()
        self.push()

    def push(self) -> None:
        """Send the parts of the current session that the page lacks, with the image if it is another one."""
        shown, subject = self._current.shown, self._desk.subject
        if subject.name != self._sent:
            self._sent = subject.name
            subject.frames.forget()
            for message in self.greeting(None):
                self._desk.transmit(message)
            self._turned()
        for message in pushed(subject.frames, shown):
            self._desk.transmit(message)

    def share_mask(self, name: str) -> None:
        """Send a mask to the views that did not draw it."""
        self._post("mask", partial(self._desk.transmit, self._desk.masks.message(name)))

    def _push_all(self) -> None:
        self._desk.subject.frames.forget()
        self.push()
