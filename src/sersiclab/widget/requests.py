"""The page's messages: each is checked and handled."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from sersiclab.inference import METHODS, AbstractMethod
from sersiclab.runtime.errors import InputError
from sersiclab.widget.current import Current
from sersiclab.widget.desk import Desk
from sersiclab.widget.frame_messages import answer, pixel, sight
from sersiclab.widget.incoming import checked
from sersiclab.widget.method_options import method_of
from sersiclab.widget.predictive import Predictions
from sersiclab.widget.rasters import Raster
from sersiclab.widget.recoveries import Recoveries
from sersiclab.widget.screen import Screen
from sersiclab.widget.transfers import Files


Content = dict[str, Any]
Post = Callable[[str, Callable[[], None]], None]


class Actions(Protocol):
    """The methods of an editor that its page can call."""

    def greet(self) -> None: ...
    def start_from(self, preset: str) -> None: ...
    @property
    def screen(self) -> Screen: ...
    def mask_neighbours(self) -> None: ...
    def measure_noise(self) -> None: ...
    @property
    def fits(self) -> Mapping[str, Any]: ...
    @property
    def recoveries(self) -> Recoveries: ...
    def keep(self, name: str) -> None: ...
    def restore(self, name: str) -> None: ...
    def forget(self, name: str) -> None: ...
    def run(self, method: AbstractMethod) -> Any: ...
    def cancel(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Requests:
    """Handles the messages of the page. Slow jobs go to a mailbox, by `post(kind, job)`.

    Of the waiting jobs of a kind, only the last is run. Jobs that must not be lost have their own kinds.
    """

    def __init__(self, actions: Actions, desk: Desk, current: Current, files: Files, post: Post) -> None:
        self._actions, self._current, self._files, self._subject = actions, current, files, desk.subject
        self._post, self._transmit = post, desk.transmit
        self._predictions = Predictions(post, desk.transmit)
        self._for_fits: Mapping[str, Callable[[str], None]] = {
            "keep": actions.keep,
            "restore": self._restore,
            "forget": actions.forget,
        }
        self.handlers: Mapping[str, Callable[[Content, bytes], None]] = {
            "hello": lambda content, data: actions.greet(),
            "render": self._render,
            "sight": self._sight,
            "pixel": self._pixel,
            "mask": lambda content, data: desk.masks.put(content["name"], data),
            "predict": self._predict,
            "preset": lambda content, data: post("preset", partial(actions.start_from, content["name"])),
            "show": lambda content, data: post("show", partial(actions.screen.show, content["name"])),
            "neighbours": lambda content, data: post("neighbours", actions.mask_neighbours),
            "noise": lambda content, data: post("noise", actions.measure_noise),
            "keep": self._of_a_fit,
            "restore": self._of_a_fit,
            "forget": self._of_a_fit,
            "load": self._of_a_file,
            "regions": self._of_a_file,
            "export": self._of_a_file,
            "run": self._run,
            "recover": lambda content, data: actions.recoveries.begin(),
            # Sent here by hosts without the control channel.
            "cancel": lambda content, data: actions.cancel(),
            "pause": lambda content, data: actions.pause(),
            "resume": lambda content, data: actions.resume(),
        }

    def receive(self, content: Any, buffers: list[Any]) -> None:
        """Handle a message. Raises `ValueError` if it is malformed."""
        message = checked(content, buffers)
        self.handlers[message["t"]](message, bytes(buffers[0]) if buffers else b"")

    def _render(self, content: Content, _data: bytes) -> None:
        raster = _raster(content["sight"]) if content.get("sight") else None
        self._post("render", partial(self._draw, int(content["seq"]), content["values"], raster))

    def _draw(self, seq: int, values: Mapping[str, float], raster: Raster | None) -> None:
        answer(self._subject.frames, self._current.shown, seq, values, self._transmit, raster)

    def _sight(self, content: Content, _data: bytes) -> None:
        raster = _raster(content["raster"])
        self._post("sight", lambda: sight(self._subject.frames, self._current.shown, raster, self._transmit))

    def _pixel(self, content: Content, _data: bytes) -> None:
        x, y = int(content["x"]), int(content["y"])
        self._post("pixel", lambda: pixel(self._subject.frames, self._current.shown, x, y, self._transmit))

    def _predict(self, content: Content, _data: bytes) -> None:
        numbers = (int(content[name]) for name in ("request", "number", "seed"))
        self._predictions.ask(self._current.image, self._current.shown.model, *numbers)

    def _of_a_fit(self, content: Content, _data: bytes) -> None:
        action, name = content["t"], content["name"]
        self._post(f"{action} {name}", partial(self._for_fits[action], name))

    def _restore(self, name: str) -> None:
        kept = self._actions.fits
        if name not in kept:
            raise InputError(f"there is no kept fit {name!r}; there are {list(kept)}")
        self._actions.restore(name)

    def _of_a_file(self, content: Content, data: bytes) -> None:
        own = {"load": "", "regions": content.get("name"), "export": content.get("request")}[content["t"]]
        self._post(f"{content['t']} {own}", partial(self._files.answer, content, data))

    def _run(self, content: Content, _data: bytes) -> None:
        self._actions.run(method_of(content["method"], content.get("options", {}), METHODS))


def _raster(numbers: list[float]) -> Raster:
    return Raster(*(int(number) for number in numbers))
