"""The editor of a model on an image: one anywidget, which works in every notebook that supports anywidgets."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anywidget
import traitlets

from sersiclab.data.arrays import Mask
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.documents.spec import own_types
from sersiclab.inference import AbstractMethod
from sersiclab.model import Model
from sersiclab.runtime.errors import InputError
from sersiclab.widget import bundle, failures, messages
from sersiclab.widget.checks import AnyFit, checked_callback, checked_data, checked_model, model_for
from sersiclab.widget.closing import announce, close_parts
from sersiclab.widget.control import Control
from sersiclab.widget.current import Current
from sersiclab.widget.current_fits import Fitting
from sersiclab.widget.desk import Desk
from sersiclab.widget.frame_messages import AnyFrames
from sersiclab.widget.incoming import BOTH, FRONT_END, own_updates
from sersiclab.widget.mailbox import Mailbox
from sersiclab.widget.page_schema import editor_schema
from sersiclab.widget.presets import mask_of_neighbours, measured_noise, start_from
from sersiclab.widget.requests import Requests
from sersiclab.widget.runs import DrawsCallback
from sersiclab.widget.screen import Screen
from sersiclab.widget.sent_pictures import Pictures
from sersiclab.widget.session import Problems, Reading, Shown, with_noise
from sersiclab.widget.still import Still
from sersiclab.widget.subject import subject_of
from sersiclab.widget.transfers import Files


class Editor(anywidget.AnyWidget):
    """Shows an image, a model and their residual, and edits the model: shapes, priors, ties, switches.

    `files` reads and writes files, `recoveries` tests the errors of the last fit with mock galaxies, and `screen`
    chooses among several images. Every change of the session, in the page or in Python, can be undone.

    Arguments:
        image: the image to fit, or `Images` to fit together, of which a menu shows one at a time.
        model: the model to start from; by default, one is guessed from the image.

    Raises:
        TypeError: if `image` is neither an `Image` nor `Images`, or `model` not a `Model`.
        FileNotFoundError: if the front end has not been built.

    Example:
        In a notebook, `editor` as the last line of a cell shows it.

        >>> editor = sl.Editor(image, model)
        >>> editor.model.components["galaxy"].n
        Uniform(low=0.5, high=4.0)
        >>> editor.close()
    """

    _esm = bundle.watched("loader.js", source="widget.js")
    _css = bundle.watched("widget.css", source="widget.css")

    code = traitlets.Unicode(bundle.read("widget.js")).tag(sync=True)
    schema = traitlets.Dict().tag(sync=True, echo_update=False)
    # Echoed, so that two writes that cross leave both sides with the same session.
    session = traitlets.Dict().tag(sync=True)
    display = traitlets.Dict().tag(sync=True, echo_update=False)
    progress = traitlets.Dict().tag(sync=True, echo_update=False)
    summary = traitlets.Dict().tag(sync=True, echo_update=False)
    recovery = traitlets.Dict().tag(sync=True, echo_update=False)
    kept = traitlets.List().tag(sync=True, echo_update=False)
    problems = Problems().tag(sync=True, echo_update=False)
    control = anywidget.WidgetTrait().tag(sync=True)

    _greeter: Mailbox | None = None
    _mailbox: Mailbox | None = None

    def __init__(self, image: Image | Images, model: Model | None = None) -> None:
        bundle.require()
        subject = subject_of(checked_data(image))
        model = model_for(image, model)
        self._desk = Desk(self, subject, own_types(model), self._transmit)
        self._current = Current(self._desk, subject.shown(model), lambda name: self._pictures.share_mask(name))
        self._pictures = Pictures(self._desk, self._current, self._post, lambda: self._fitting.turned())
        self._fitting = Fitting(self._desk, self._current, self.report_failure)
        self.recoveries = self._fitting.recoveries
        self.files = Files(self._desk, self._current)
        self.still = Still(self._current, subject, self.flush)
        self.screen = Screen(self._desk, self._current)
        self._requests = Requests(self, self._desk, self._current, self.files, self._post)
        self._page_writes = False  # whether the page writes traits now
        super().__init__(
            schema=editor_schema(self._desk.types),
            session=subject.open(model),
            progress=messages.IDLE,
            recovery=messages.NO_RECOVERY,
            control=Control({"cancel": self.cancel, "pause": self.pause, "resume": self.resume}),
        )
        # A separate thread, so that the image does not wait for the compilation of the model.
        self._greeter = Mailbox("sersiclab-greeter", self.report_failure)
        self._mailbox = Mailbox("sersiclab-editor", self.report_failure)
        self.observe(self._session_written, "session")
        self.on_msg(self._received)
        self._post("warm", partial(self._frames.draw, self.shown.everything, {}))  # compile while the page loads

    @property
    def _frames(self) -> AnyFrames:
        return self._desk.subject.frames

    # -- the image and the model ---------------------------------------------------------------------

    @property
    def image(self) -> Image:
        """The image that is fitted, with the current mask; of several, the one on the screen."""
        return self._current.image

    @property
    def mask(self) -> Mask:
        """The image's mask, True where a pixel is excluded. Assign a mask to update every view."""
        return self.image.mask

    @mask.setter
    def mask(self, mask: Any) -> None:
        self._desk.set_mask(mask)

    def mask_neighbours(self) -> None:
        """Mask all detected sources that are not in the model."""
        self.mask = mask_of_neighbours(self.image, self.shown.everything)

    @property
    def model(self) -> Model:
        """The last valid model, without the components that are switched off. Assign a model to update every view."""
        return self.shown.fitted

    @model.setter
    def model(self, model: Model) -> None:
        with self._desk.turn:
            session, shown = self._desk.subject.opened(checked_model(model), self.session)
            self._desk.add_types(own_types(model))
            if session == self.session:
                self._post("session", self._pictures.update)
            self.session = session
            # The session has an `init` for every prior; until the user edits it, the model is the one assigned.
            self._current.accept(Reading(shown.everything, shown.model, shown.on, [], shown.whole, shown.fitted))

    @property
    def shown(self) -> Shown:
        """The contents of the pictures: all components, the names of those that are on, and the model."""
        return self._current.shown

    def start_from(self, preset: str) -> None:
        """Replace the model by a preset's, guessed from the image; sky, noise model and renderer are kept.

        Arguments:
            preset: "single Sérsic", "bulge + disk", "bulge + bar + disk" or "AGN + host".

        Raises:
            ValueError: for any other name.
        """
        self.model = start_from(preset, self.screen.images or self.image, self.model)

    def measure_noise(self) -> None:
        """Replace the noise model by correlated noise, measured on the sky of the residual.

        Raises:
            ValueError: if too little sky is left.
        """
        self._desk.subject.need_one_image("measure_noise")
        noise = measured_noise(self.image, self.model)
        with self._desk.turn:
            self.session = with_noise(self.session, noise)

    # -- fits ----------------------------------------------------------------------------------------

    @property
    def fit(self) -> Any:
        """The last fit, or None before the first; a `JointFit` of several images."""
        return self._fitting.fit

    @property
    def fits(self) -> Mapping[str, Any]:
        """The fits that are kept, by name."""
        return self._fitting.kept

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._fitting.runs.running

    def run(self, method: AbstractMethod, *, wait: bool = False, seed: int = 0) -> Any:
        """Fit the current model, in a thread.

        Arguments:
            method: how to fit, for example `NUTS()`.
            wait: return only when the fit is complete. Ctrl-C then cancels the run and keeps its draws.
            seed: the seed of the random numbers.

        Returns:
            The fit with `wait`, else None; `fit` has it when the run has ended.

        Raises:
            TypeError: if `method` is not a method.
            ValueError: while the session has problems.
            RuntimeError: if a run is in progress.
        """
        return self._fitting.run(method, wait=wait, seed=seed)

    def cancel(self) -> None:
        """Cancel the run in progress, if any, and keep its draws; or the fits of mocks, and keep the finished ones."""
        self._fitting.cancel()

    def pause(self) -> None:
        """Pause the run in progress."""
        self._fitting.runs.pause()

    def resume(self) -> None:
        """Resume a run that was paused."""
        self._fitting.runs.resume()

    def show(self, fit: AnyFit) -> None:
        """Show a fit as the last one: its table, its verdict, and its best values in the model.

        Raises:
            TypeError: if `fit` is neither a `Fit` nor a `JointFit`.
        """
        self._fitting.show(fit)

    def keep(self, name: str) -> None:
        """Keep the last fit under a name, to compare it with others or to restore it.

        Arguments:
            name: the name; a fit that was kept under it is replaced.

        Raises:
            ValueError: before the first fit, or for an empty name.
        """
        self._fitting.kept.keep(self.fit, name)

    def forget(self, name: str) -> None:
        """Remove a kept fit, if there is one of this name."""
        self._fitting.kept.forget(name)

    def restore(self, name: str) -> None:
        """Show a kept fit again: its model, its mask and its table.

        Raises:
            KeyError: if no fit was kept under this name.
        """
        fit = self.fits[name]
        self.model = fit.model
        self._fitting.restore(fit)

    def on_draws(self, callback: DrawsCallback) -> None:
        """Call `callback(model, draws)` during a run, with the draws so far, `{path: array (chain, draw)}`."""
        self._fitting.watchers.append(checked_callback(callback))

    def on_model(self, callback: Callable[[], None]) -> None:
        """Call `callback()` whenever the model or the mask has changed."""
        self._current.watch(checked_callback(callback))

    # -- the page ------------------------------------------------------------------------------------

    def report(self, title: str, detail: str) -> None:
        """Show an error on the page: a `title`, and a `detail` below it."""
        self._transmit(messages.error_message(title, detail))

    def report_failure(self, label: str, error: Exception) -> None:
        """Show an `error` of a thread or a handler, which nobody else would see; `label` is that of `failures`."""
        failures.log_internal(error)
        self._transmit(failures.failure_message(label, error))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every request has been answered.

        Arguments:
            timeout: seconds that each of the two threads may take; by default, no limit.

        Returns:
            Whether both threads finished in time.
        """
        return all(box is None or box.flush(timeout) for box in (self._greeter, self._mailbox))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.still.beside(super()._repr_mimebundle_(**kwargs))

    def close(self) -> None:
        """Remove the widget from the page, cancel its run and free everything that it holds."""
        if self._mailbox is not None and self._greeter is not None:
            self._fitting.close()
            boxes, self._greeter, self._mailbox = (self._greeter, self._mailbox), None, None
            for box in boxes:
                box.close()
            self._current.close()
            self.unobserve_all()
            self.on_msg(self._received, remove=True)
            announce(self, self)
            close_parts(self)
        super().close()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Accept from `sync_data` the traits that the page may write, and refuse the others; ipywidgets calls this."""
        with self._desk.turn:
            others = set(sync_data).intersection(self.keys) - {*BOTH, *FRONT_END}
            taken, refused = own_updates(sync_data, self.get_state(others) if others else {})
            self._page_writes = True
            try:
                super().set_state(taken)
            except traitlets.TraitError as error:
                self.report_failure("state", InputError(str(error)))
            finally:
                self._page_writes = False
            for name in refused:  # the page gets the present value back
                self.send_state(name)
                self._transmit(messages.refusal(f"only Python may write {name}"))

    def read(self) -> None:
        """Read the page's last change, unless that has been done."""
        self._current.read()

    def greeting(self) -> list[messages.Message]:
        """Return the messages for a new view: the image as it was given, the session's mask, the last posterior."""
        return self._pictures.greeting(self.fit)

    def greet(self) -> None:
        """Send a new view everything that it needs."""
        if self._greeter is not None:
            self._greeter.post("hello", lambda: self._pictures.greet(self.fit))

    def _received(self, _widget: Any, content: Any, buffers: list[Any]) -> None:
        try:
            self._requests.receive(content, buffers)
        except Exception as error:
            self.report_failure(failures.label_of(content), error)

    def _session_written(self, _change: dict[str, Any]) -> None:
        """Read Python's own changes at once; of the page's, which can arrive by the thousand, only the last."""
        self._current.outdated()
        self._post("session", self._pictures.update)
        if not self._page_writes:
            self._current.read()

    def _post(self, kind: str, job: Any) -> None:
        if self._mailbox is not None:
            self._mailbox.post(kind, job)

    def _transmit(self, message: messages.Message) -> None:
        content, buffers = message
        self.send(content, buffers)
