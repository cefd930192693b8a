"""The control channel: a second, invisible widget for cancel, pause and resume.

ipykernel sends the messages of a comm to the shell from which Python last published on that comm. While a cell runs,
a comm on which worker threads publish progress is therefore dead until the cell ends. So Python publishes on this
one only inside its own message handler: the answer to `ping` routes it to the subshell, where it stays.
"""

from collections.abc import Callable
from typing import Any

import anywidget

from sersiclab.widget.closing import close_parts


class Control(anywidget.AnyWidget):
    """Carries {"t": "ping" | "cancel" | "pause" | "resume"} to Python; `actions` says what each does."""

    _esm = "export default {}"

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        super().__init__()
        self._actions = actions
        self.on_msg(self._received)

    def _received(self, _widget: Any, content: dict[str, Any], _buffers: list[Any]) -> None:
        kind = content.get("t")
        if kind == "ping":
            self.send({"t": "pong"})
        elif kind in self._actions:
            self._actions[kind]()

    def close(self) -> None:
        """Free the comm and whoever takes the actions."""
        self.on_msg(self._received, remove=True)
        self._actions = {}
        close_parts(self)
        super().close()
