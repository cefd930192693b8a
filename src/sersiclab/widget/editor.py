"""The editor of a model on an image: one anywidget, which works in every notebook that has anywidgets."""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anywidget
import numpy as np
import traitlets
from jaxtyping import Bool

from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.documents.spec import own_types
from sersiclab.inference import AbstractMethod
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.widget import bundle, messages
from sersiclab.widget.arguments import checked_callback, checked_fit, checked_model, model_for
from sersiclab.widget.closing import announce, close_parts
from sersiclab.widget.control import Control
from sersiclab.widget.current import Current
from sersiclab.widget.files import Files
from sersiclab.widget.frame_messages import frames_of, pushed
from sersiclab.widget.gauges import Gauges
from sersiclab.widget.incoming import BOTH, FRONT_END, own_updates
from sersiclab.widget.kept import Kept
from sersiclab.widget.mailbox import Mailbox
from sersiclab.widget.masks import Masks
from sersiclab.widget.presets import mask_of_neighbours, measured_noise, start_from
from sersiclab.widget.requests import Requests
from sersiclab.widget.runs import DrawsCallback, Runs
from sersiclab.widget.schema import editor_schema
from sersiclab.widget.session import Problems, Reading, Shown, allowed, from_model, with_noise, with_values
from sersiclab.widget.still import Still


class Editor(anywidget.AnyWidget):
    """Shows an image, a model and their residual, and edits the model: shapes, priors, ties, switches.

    `model` is the last valid model, without the components that are switched off; set it to change every
    view. `run` fits it, `fit` is the last result. `files` writes and reads sessions, FITS images, DS9 regions and code.
    Without a `model`, one is guessed from the image.

    Raises `TypeError` if `image` is not an Image or `model` not a Model.
    """

    _esm = bundle.watched("loader.js", source="widget.js")
    _css = bundle.watched("widget.css", source="widget.css")

    code = traitlets.Unicode(bundle.read("widget.js")).tag(sync=True)
    schema = traitlets.Dict().tag(sync=True, echo_update=False)
    # Echoed, so that two writes that cross end the same on both sides.
    session = traitlets.Dict().tag(sync=True)
    display = traitlets.Dict().tag(sync=True, echo_update=False)
    progress = traitlets.Dict().tag(sync=True, echo_update=False)
    summary = traitlets.Dict().tag(sync=True, echo_update=False)
    kept = traitlets.List().tag(sync=True, echo_update=False)
    problems = Problems().tag(sync=True, echo_update=False)
    control = anywidget.WidgetTrait().tag(sync=True)

    _greeter: Mailbox | None = None
    _mailbox: Mailbox | None = None

    def __init__(self, image: Image, model: Model | None = None) -> None:
        bundle.require()
        image = checked_image(image)
        model = model_for(image, model)
        self._masks = Masks(image)
        # Traitlets are not made for threads: whoever writes a synced trait, and the front end, takes turns.
        self._turn = threading.RLock()
        self.types = own_types(model)
        self._runs = Runs(self._tell_progress, self._drawn, self.show, self._failed)
        self._fit: Fit | None = None
        self._watchers: list[DrawsCallback] = []
        self._frames = frames_of(image)
        self._current = Current(self, model, self._frames, self._masks, self._turn, self._tell_mask)
        self._gauges = Gauges(lambda content: self._transmit((content, [])), self._failed)
        self._kept = Kept(self._tell_kept, self._gauges.later)
        self.files = Files(self, self._masks, self._turn, self._transmit)
        self.still = Still(self, self._frames)
        self._requests = Requests(self, self._frames, self._masks, self._post, self._transmit)
        self._is_told = False  # whether the front end is writing traits
        super().__init__(
            schema=editor_schema(self.types),
            session=from_model(model),
            progress=messages.IDLE,
            control=Control({"cancel": self.cancel, "pause": self.pause, "resume": self.resume}),
        )
        # The image does not wait for the compilation of its model.
        self._greeter = Mailbox("sersiclab-greeter", self._failed)
        self._mailbox = Mailbox("sersiclab-editor", self._failed)
        self.observe(self._session_came, "session")
        self.on_msg(self._received)
        self._post("warm", partial(self._frames.draw, model, {}))  # compile while the page loads

    @property
    def image(self) -> Image:
        """The image that is fitted, with the mask as it is now."""
        return self._current.image

    @property
    def mask(self) -> Bool[np.ndarray, "y x"]:
        """The image's mask, True where a pixel is excluded. Write it to change every view; a step to undo."""
        return self.image.mask

    @mask.setter
    def mask(self, mask: Any) -> None:
        with self._turn:
            name = self._masks.add(mask)
            self._transmit(self._masks.message(name))
            self.session = {**self.session, "mask": name}

    def mask_neighbours(self) -> None:
        """Mask every detected source that is no component of the model."""
        self.mask = mask_of_neighbours(self.image, self.shown.everything)

    @property
    def model(self) -> Model:
        """The last valid model, without the components that are switched off."""
        return self.shown.model

    @model.setter
    def model(self, model: Model) -> None:
        document = from_model(checked_model(model))
        with self._turn:
            types = tuple(dict.fromkeys((*self.types, *own_types(model))))
            if types != self.types:
                self.types = types
                self.schema = editor_schema(types)
            session = {**document, **{key: self.session[key] for key in ("mask",) if key in self.session}}
            if session == self.session:
                self._post("session", self._read_and_push)
            self.session = session
            # The session has an `init` for every prior; until somebody edits it, this is the user's own model.
            self._current.accept(Reading(model, model, tuple(model.components), []))

    @property
    def shown(self) -> Shown:
        """What the pictures show: all components, those that are on, and the model."""
        return self._current.shown

    @property
    def fit(self) -> Fit | None:
        """The last fit, or None."""
        return self._fit

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._runs.running

    def show(self, fit: Fit) -> None:
        """Show a fit as the last one: its table, its verdict, and its best values in the model."""
        state = "done" if checked_fit(fit).status == "complete" else "cancelled"
        name = messages.method_name(fit.method)
        with self._turn:
            self._fit = fit
        summary = messages.summary_document(fit)  # which takes a while, the first time
        self._transmit(messages.posterior_message(fit))  # until the summary comes, it passes for the last run's
        with self._turn:
            self.summary = summary
            if not self.problems:  # the pictures show the fit; a step that the user can undo
                self.session = with_values(self.session, allowed(self.model, fit.best))
            # Last: it says that another run may begin.
            self.progress = {**self.progress, "state": state, "method": name, "eta": None, "message": fit.message}

    @property
    def fits(self) -> Mapping[str, Fit]:
        """The fits that were kept, by name."""
        return self._kept

    def keep(self, name: str) -> None:
        """Keep the last fit, to compare it with others and to come back to it. Raises `ValueError` before the first."""
        self._kept.keep(self._fit, name)

    def forget(self, name: str) -> None:
        """Let a kept fit go."""
        self._kept.forget(name)

    def restore(self, name: str) -> None:
        """Go back to a kept fit: its model, its mask and its table. Raises `KeyError` for an unknown name."""
        fit = self._kept[name]
        self.model = fit.model
        if not np.array_equal(fit.image.mask, self.image.mask):
            self.mask = fit.image.mask
        self.show(fit)

    def run(self, method: AbstractMethod, *, wait: bool = False, seed: int = 0) -> Fit | None:
        """Fit the model as it is now, in a thread. With `wait`, return the fit; Ctrl-C then cancels and keeps draws.

        Raises `TypeError` if `method` is no method, `ValueError` while the editor shows problems, and
        `RuntimeError` if a run is under way.
        """
        if not isinstance(method, AbstractMethod):
            raise InputTypeError(f"method must be a method such as NUTS(), got {method!r}")
        with self._turn:
            if self.problems:
                raise InputError(f"the model has problems: {'; '.join(p['message'] for p in self.problems)}")
            task = self._runs.begin(self.model, self.image, method, seed)
        return task.wait() if wait else None

    def cancel(self) -> None:
        """End the run under way, if there is one, and keep its draws."""
        self._runs.cancel()

    def pause(self) -> None:
        """Hold the run under way."""
        self._runs.pause()

    def resume(self) -> None:
        """Go on with a run that was paused."""
        self._runs.resume()

    def on_draws(self, callback: DrawsCallback) -> None:
        """Call `callback(model, draws)`, while a run goes, with the draws so far, `{path: (chain, draw)}`."""
        self._watchers.append(checked_callback(callback))

    def on_model(self, callback: Callable[[], None]) -> None:
        """Call `callback()` when another model, or another mask, was taken."""
        self._current.watch(checked_callback(callback))

    def report(self, title: str, detail: str) -> None:
        """Show an error to the user."""
        self._transmit(messages.error_message(title, detail))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was asked for is sent; False if twice `timeout` seconds were not enough."""
        return all(box is None or box.flush(timeout) for box in (self._greeter, self._mailbox))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.still.beside(super()._repr_mimebundle_(**kwargs))

    def close(self) -> None:
        """Take the widget off the page, end its run and free all that it holds."""
        if self._mailbox is not None and self._greeter is not None:
            boxes, self._greeter, self._mailbox = (self._greeter, self._mailbox), None, None
            self.cancel()
            for box in boxes:
                box.close()
            self._watchers.clear()
            self._current.close()
            self.unobserve_all()
            self.on_msg(self._received, remove=True)
            self._gauges.close()
            announce(self, self)
            close_parts(self)
        super().close()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        with self._turn:
            others = set(sync_data).intersection(self.keys) - {*BOTH, *FRONT_END}
            taken, refused = own_updates(sync_data, self.get_state(others) if others else {})
            self._is_told = True
            try:
                super().set_state(taken)
            except traitlets.TraitError as error:
                self._failed("state", InputError(str(error)))
            finally:
                self._is_told = False
            for name in refused:  # the answer is what it is
                self.send_state(name)
                self._transmit(messages.refusal(f"{name} is Python's alone to write"))

    def _received(self, _widget: Any, content: Any, buffers: list[Any]) -> None:
        try:
            self._requests.receive(content, buffers)
        except Exception as error:
            self._failed(str(content.get("t")) if isinstance(content, dict) else "", error)

    def read(self) -> None:
        """Read what the page wrote last, unless that was done."""
        self._current.read()

    def _session_came(self, _change: dict[str, Any]) -> None:
        """Python's own change is read at once; of the front end's, which may come by the thousand, the last."""
        self._current.outdated()
        self._post("session", self._read_and_push)
        if not self._is_told:
            self._current.read()

    def _post(self, kind: str, job: Any) -> None:
        if self._mailbox is not None:
            self._mailbox.post(kind, job)

    def _transmit(self, message: messages.Message) -> None:
        content, buffers = message
        self.send(content, buffers)

    # -- jobs of the worker threads ------------------------------------------------------------------

    def greeting(self) -> list[messages.Message]:
        """What a new view is told: the image as it was given, the mask that the session names, the posterior."""
        return messages.greeting(self._masks, self.session.get("mask"), self._fit)

    def greet(self) -> None:
        """Tell a new view all that it needs."""
        if self._greeter is not None:
            self._greeter.post("hello", self._greet)

    def _greet(self) -> None:
        for message in self.greeting():
            self._transmit(message)
        self._post("hello", self._show_anew)

    def _show_anew(self) -> None:
        self._frames.forget()
        self._push()

    def _read_and_push(self) -> None:
        self._current.read_aside()
        self._push()

    def _push(self) -> None:
        for message in pushed(self._frames, self.shown):
            self._transmit(message)

    def start_from(self, preset: str) -> None:
        """Take the model that a preset guesses from the pixels."""
        self.model = start_from(preset, self.image, self.model)

    def measure_noise(self) -> None:
        """Take the noise as it is measured on the sky: correlated."""
        noise = measured_noise(self.image, self.model)
        with self._turn:
            self.session = with_noise(self.session, noise)

    def _tell_mask(self, name: str) -> None:
        """To other views than the one that drew it."""
        self._post("mask", partial(self._transmit, self._masks.message(name)))

    def _tell_kept(self, rows: list[dict[str, Any]]) -> None:
        with self._turn:
            self.kept = rows

    # -- the run's thread ----------------------------------------------------------------------------

    def _tell_progress(self, change: dict[str, Any]) -> None:
        with self._turn:
            self.progress = {**self.progress, **change}

    def _drawn(self, model: Model, draws: Any) -> None:
        self._gauges.look(draws)
        for callback in list(self._watchers):
            callback(model, draws)

    def _failed(self, kind: str, error: Exception) -> None:
        """Exceptions of threads and handlers go nowhere by themselves: show them."""
        self._transmit(messages.failure_message(kind, error))
