"""Runs of the widget: one at a time, in a thread, from the press of the button to the fit."""

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

from sersiclab.data.image import Image
from sersiclab.inference import AbstractMethod, Cancelled, Progress, Run, start
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.runtime.errors import StateError
from sersiclab.widget import messages
from sersiclab.widget.failures import in_words


POLL_SECONDS = 0.05
JUDGING = "judging the result"  # which compiles too, the first time

DrawsCallback = Callable[[Model, Any], None]


@dataclasses.dataclass(frozen=True)
class Listener:
    """Who is told of a run, always from a worker thread: `finished` or `failed` come last."""

    progress: Callable[[Progress], None]
    draws: DrawsCallback
    finished: Callable[[Fit], None]
    failed: Callable[[Exception], None]


class Task:
    """A run from the press of the button to its fit. It may be cancelled before it has begun."""

    def __init__(self, model: Model, image: Image, method: AbstractMethod, seed: int, listener: Listener) -> None:
        self.method = method
        self.fit: Fit | None = None
        self.error: Exception | None = None
        self._lock = threading.Lock()
        self._cancelled = False
        self._run: Run | None = None
        self._done = threading.Event()
        arguments = (model, image, seed, listener)
        threading.Thread(target=self._work, args=arguments, name="sersiclab-run", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            run = self._run
        if run is not None:
            run.cancel()

    def pause(self) -> None:
        if self._run is not None:
            self._run.pause()

    def resume(self) -> None:
        if self._run is not None:
            self._run.resume()

    def wait(self) -> Fit:
        """The fit, when it is there. Ctrl-C cancels and gives the draws so far, if there are any.

        Raises the run's error if it has no fit.
        """
        try:
            self._poll()
        except KeyboardInterrupt:
            self.cancel()
            self._poll()
            if self.fit is None:
                raise
        if self.fit is None:
            assert self.error is not None
            raise self.error
        return self.fit

    def _poll(self) -> None:
        # Short waits, so that the interpreter sees Ctrl-C; messages go by other threads meanwhile.
        while not self._done.wait(POLL_SECONDS):
            pass

    def _work(self, model: Model, image: Image, seed: int, listener: Listener) -> None:
        def progressed(progress: Progress) -> None:
            listener.progress(progress)
            if self._run is not None:
                listener.draws(model, self._run.draws)

        try:
            run = start(model, image, self.method, seed=seed, on_progress=progressed)
            with self._lock:
                self._run = run
                cancelled = self._cancelled
            if cancelled:
                run.cancel()
            self.fit = run.wait()
            listener.finished(self.fit)
        except Exception as error:
            self.error = error
            listener.failed(error)
        finally:
            self._done.set()


class Runs:
    """The runs of an editor, one at a time.

    `tell` takes what changes of the document of the progress; `drawn` and `finished` are those of `Listener`, and
    `failed` hears of errors, a cancelled run not being one.
    """

    def __init__(
        self,
        tell: Callable[[dict[str, Any]], None],
        drawn: DrawsCallback,
        finished: Callable[[Fit], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self.task: Task | None = None
        self._tell = tell
        self._failed = failed
        self._listener = Listener(self._progressed, drawn, finished, self._ended_badly)

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.task is not None and not self.task.done

    def begin(self, model: Model, image: Image, method: AbstractMethod, seed: int) -> Task:
        """Start a run. Raises `RuntimeError` if one is under way."""
        if self.running:
            raise StateError("a run is under way; wait for it, or cancel() it, which keeps its draws")
        self._tell({**messages.IDLE, "state": "compiling", "method": messages.method_name(method)})
        self.task = Task(model, image, method, seed, self._listener)
        return self.task

    def cancel(self) -> None:
        """End the run under way, if there is one."""
        if self.task is not None:
            self.task.cancel()

    def pause(self) -> None:
        """Hold it."""
        if self.task is not None:
            self.task.pause()

    def resume(self) -> None:
        """Go on with it."""
        if self.task is not None:
            self.task.resume()

    def _progressed(self, progress: Progress) -> None:
        document = messages.progress_document(progress)
        if progress.state in messages.ENDED:  # it is over when the fit is there, with its verdict
            del document["state"]
            document |= {"phase": JUDGING, "total": 0, "eta": None}
        self._tell(document)

    def _ended_badly(self, error: Exception) -> None:
        state = "cancelled" if isinstance(error, Cancelled) else "error"
        self._tell({"state": state, "eta": None, "message": in_words(error)})
        if state == "error":
            self._failed("run", error)
