"""The control channel: a second, invisible widget for cancel, pause and resume.

ipykernel sends the messages of a comm to the shell from which Python last published on that comm. While a cell runs,
a comm on which worker threads publish progress is therefore dead until the cell ends. So Python publishes on this
one only inside its own message handler: the answer to `ping` routes it to the subshell, where it stays.
"""

from collections.abc import Callable
from typing import Any

import anywidget

from sersiclab.widget.closing import close_parts
from sersiclab.widget.incoming import short


class Control(anywidget.AnyWidget):
    """Receives {"t": "ping" | "cancel" | "pause" | "resume"} from the page; `actions` maps types to functions."""

    _esm = "export default {}"

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        super().__init__()
        self._actions = actions
        self.on_msg(self._received)

    def _received(self, _widget: Any, content: dict[str, Any], _buffers: list[Any]) -> None:
        kind = content.get("t") if isinstance(content, dict) else content
        if kind == "ping":
            self.send({"t": "pong"})
        elif isinstance(kind, str) and kind in self._actions:
            self._actions[kind]()
        elif self._actions:  # otherwise it is closed
            known = ", ".join(("ping", *self._actions))
            self.send({"t": "refused", "detail": f"a message's type 't' must be one of {known}; got {short(kind)}"})

    def close(self) -> None:
        """Close the comm and release the actions."""
        self.on_msg(self._received, remove=True)
        self._actions = {}
        close_parts(self)
        super().close()
