"""The front end's messages: each is checked, and given to whoever does what it asks for."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sersiclab.inference import METHODS
from sersiclab.runtime.errors import InputError
from sersiclab.widget.frame_messages import AnyFrames, answer, pixel, sight
from sersiclab.widget.incoming import checked
from sersiclab.widget.masks import Masks
from sersiclab.widget.messages import Message
from sersiclab.widget.options import method_of
from sersiclab.widget.predictive import Predictions
from sersiclab.widget.rasters import Raster


if TYPE_CHECKING:
    from sersiclab.widget.editor import Editor

Content = dict[str, Any]


class Requests:
    """What an editor does for its page. What takes long goes to a mailbox, by `post(kind, job)`.

    Of the jobs of one kind that wait, the last is done: what the user would miss has a kind of its own.
    """

    def __init__(
        self,
        editor: "Editor",
        frames: AnyFrames,
        masks: Masks,
        post: Callable[[str, Callable[[], None]], None],
        transmit: Callable[[Message], None],
    ) -> None:
        self._editor, self._frames, self._masks = editor, frames, masks
        self._post, self._transmit = post, transmit
        self._predictions = Predictions(post, transmit)
        self.handlers: Mapping[str, Callable[[Content, bytes], None]] = {
            "hello": lambda content, data: editor.greet(),
            "render": self._render,
            "sight": self._sight,
            "pixel": self._pixel,
            "mask": lambda content, data: masks.put(content["name"], data),
            "predict": self._predict,
            "preset": lambda content, data: post("preset", partial(editor.start_from, content["name"])),
            "neighbours": lambda content, data: post("neighbours", editor.mask_neighbours),
            "noise": lambda content, data: post("noise", editor.measure_noise),
            "keep": self._of_a_fit,
            "restore": self._of_a_fit,
            "forget": self._of_a_fit,
            "load": self._of_a_file,
            "regions": self._of_a_file,
            "export": self._of_a_file,
            "run": self._run,
            # From hosts without the control channel.
            "cancel": lambda content, data: editor.cancel(),
            "pause": lambda content, data: editor.pause(),
            "resume": lambda content, data: editor.resume(),
        }

    def receive(self, content: Any, buffers: list[Any]) -> None:
        """Do what a message asks for. Raises `ValueError` for one of a wrong shape."""
        message = checked(content, buffers)
        self.handlers[message["t"]](message, bytes(buffers[0]) if buffers else b"")

    def _render(self, content: Content, _data: bytes) -> None:
        raster = _raster(content["sight"]) if content.get("sight") else None
        self._post("render", partial(self._draw, int(content["seq"]), content["values"], raster))

    def _draw(self, seq: int, values: Mapping[str, float], raster: Raster | None) -> None:
        answer(self._frames, self._editor.shown, seq, values, self._transmit, raster)

    def _sight(self, content: Content, _data: bytes) -> None:
        raster = _raster(content["raster"])
        self._post("sight", lambda: sight(self._frames, self._editor.shown, raster, self._transmit))

    def _pixel(self, content: Content, _data: bytes) -> None:
        x, y = int(content["x"]), int(content["y"])
        self._post("pixel", lambda: pixel(self._frames, self._editor.shown, x, y, self._transmit))

    def _predict(self, content: Content, _data: bytes) -> None:
        numbers = (int(content[name]) for name in ("request", "number", "seed"))
        self._predictions.ask(self._editor.image, self._editor.model, *numbers)

    def _of_a_fit(self, content: Content, _data: bytes) -> None:
        action, name = content["t"], content["name"]
        self._post(f"{action} {name}", partial(self._do_with_fit, action, name))

    def _do_with_fit(self, action: str, name: str) -> None:
        kept = self._editor.fits
        if action == "restore" and name not in kept:
            raise InputError(f"there is no kept fit {name!r}; there are {list(kept)}")
        getattr(self._editor, action)(name)

    def _of_a_file(self, content: Content, data: bytes) -> None:
        own = {"load": "", "regions": content.get("name"), "export": content.get("request")}[content["t"]]
        self._post(f"{content['t']} {own}", partial(self._editor.files.answer, content, data))

    def _run(self, content: Content, _data: bytes) -> None:
        self._editor.run(method_of(content["method"], content.get("options", {}), METHODS))


def _raster(numbers: list[float]) -> Raster:
    return Raster(*(int(number) for number in numbers))
