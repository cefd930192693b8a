"""The fits of an editor: its runs, the last fit, and the fits that are kept."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sersiclab.inference import AbstractMethod
from sersiclab.model import Model
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.widget import messages
from sersiclab.widget.checks import AnyFit, checked_fit
from sersiclab.widget.current import Current
from sersiclab.widget.desk import Desk
from sersiclab.widget.gauges import Gauges
from sersiclab.widget.kept import Kept
from sersiclab.widget.recoveries import Recoveries
from sersiclab.widget.runs import DrawsCallback, Runs


class Fitting:
    """Runs methods on the current model, and publishes progress, summary and kept fits to the page."""

    def __init__(self, desk: Desk, current: Current, failed: Callable[[str, Exception], None]) -> None:
        self._desk, self._current = desk, current
        self.fit: Any = None
        self.watchers: list[DrawsCallback] = []
        self.gauges = Gauges(lambda content: desk.transmit((content, [])), failed)
        self.kept = Kept(desk.publish_kept, self.gauges.later)
        self.runs = Runs(desk.publish_progress, self._drawn, self.show, failed)
        self.recoveries = Recoveries(desk, failed, self.runs.check_free)

    def show(self, fit: AnyFit) -> None:
        """Publish a fit as the last one. Raises `TypeError` if it is not a fit."""
        state = "done" if checked_fit(fit).status == "complete" else "cancelled"
        method, own = messages.method_name(fit.method), self._desk.subject.on_screen(fit)
        with self._desk.turn:
            self.fit = fit
        summary = messages.summary_document(fit, own)  # which takes a while, the first time
        # Until the summary arrives, the page attributes the posterior to the previous run.
        self._desk.transmit(messages.posterior_message(fit, own))
        with self._desk.turn:
            self._desk.publish_summary(summary)
            self.recoveries.fitted(fit)
            if not self._desk.problems:  # the pictures show the fit, as a step that the user can undo
                shown = self._current.shown
                self._desk.session = self._desk.subject.with_best(self._desk.session, shown, fit.best)
            # Last, because it permits the next run.
            self._desk.publish_progress({"state": state, "method": method, "eta": None, "message": fit.message})

    def run(self, method: AbstractMethod, *, wait: bool, seed: int) -> Any:
        """Start a run of the current model; see `Editor.run`."""
        if not isinstance(method, AbstractMethod):
            raise InputTypeError(f"method must be a method such as NUTS(), got {method!r}")
        with self._desk.turn:
            problems = self._desk.problems
            if problems:
                raise InputError(f"the model has problems: {'; '.join(p['message'] for p in problems)}")
            self.recoveries.check_free()
            image = self._current.image
            data = self._desk.subject.data(self._desk.session, image)
            task = self.runs.begin(self._current.shown.fitted, data, method, seed)
        return task.wait() if wait else None

    def restore(self, fit: AnyFit) -> None:
        """Show a fit again, whose model is shown already, with its masks."""
        desk, subject = self._desk, self._desk.subject
        mask = subject.own_fit(fit).image.mask
        if not np.array_equal(mask, self._current.image.mask):
            desk.set_mask(mask)
        with desk.turn:
            desk.session = subject.with_masks(desk.session, fit)
        self.show(fit)

    def turned(self) -> None:
        """Publish what the last fit says of another image on the screen."""
        if self.fit is not None:
            own = self._desk.subject.on_screen(self.fit)
            self._desk.transmit(messages.posterior_message(self.fit, own))
            self._desk.publish_summary(messages.summary_document(self.fit, own))

    def cancel(self) -> None:
        """Cancel what is in progress: a run, or a recovery."""
        self.runs.cancel()
        self.recoveries.cancel()

    def close(self) -> None:
        """Cancel what is in progress and end the threads."""
        self.cancel()
        self.watchers.clear()
        self.gauges.close()

    def _drawn(self, model: Model, draws: Any) -> None:
        self.gauges.look(draws)
        for callback in list(self.watchers):
            callback(model, draws)
