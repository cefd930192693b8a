"""Runs of the widget, one at a time, each in a thread."""

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

from sersiclab.inference import AbstractMethod, Cancelled, Progress, Run, start
from sersiclab.model import Model
from sersiclab.runtime.errors import StateError
from sersiclab.widget import messages
from sersiclab.widget.failures import in_words


POLL_SECONDS = 0.05
JUDGING = "judging the result"  # which includes compilation, the first time

DrawsCallback = Callable[[Model, Any], None]


@dataclasses.dataclass(frozen=True)
class Listener:
    """Callbacks of a run, called in a worker thread; the last call is to `finished` or `failed`."""

    progress: Callable[[Progress], None]
    draws: DrawsCallback
    finished: Callable[[Any], None]
    failed: Callable[[Exception], None]


class Task:
    """A run, from its request to its fit. It may be cancelled before it has started."""

    def __init__(self, model: Model, image: Any, method: AbstractMethod, seed: int, listener: Listener) -> None:
        self.method = method
        self.fit: Any = None
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

    def wait(self) -> Any:
        """Wait for the fit and return it. Ctrl-C cancels the run and returns the draws so far, if any.

        Raises the run's error if there is no fit.
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
        # Short waits, so that the interpreter can handle Ctrl-C; other threads send messages meanwhile.
        while not self._done.wait(POLL_SECONDS):
            pass

    def _work(self, model: Model, image: Any, seed: int, listener: Listener) -> None:
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

    `tell(change)` receives changes of the progress document; `drawn` and `finished` are those of `Listener`;
    `failed(kind, error)` receives errors, but not cancellations.
    """

    def __init__(
        self,
        tell: Callable[[dict[str, Any]], None],
        drawn: DrawsCallback,
        finished: Callable[[Any], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self.task: Task | None = None
        self._tell = tell
        self._failed = failed
        self._listener = Listener(self._progressed, drawn, finished, self._ended_badly)

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self.task is not None and not self.task.done

    def check_free(self) -> None:
        """Raise `RuntimeError` if a run is in progress."""
        if self.running:
            raise StateError("a run is in progress: wait for it, or cancel() it, which keeps its draws")

    def begin(self, model: Model, image: Any, method: AbstractMethod, seed: int) -> Task:
        """Start a run. Raises `RuntimeError` if one is in progress."""
        self.check_free()
        self._tell({**messages.IDLE, "state": "compiling", "method": messages.method_name(method)})
        self.task = Task(model, image, method, seed, self._listener)
        return self.task

    def cancel(self) -> None:
        """Cancel the run in progress, if any."""
        if self.task is not None:
            self.task.cancel()

    def pause(self) -> None:
        """Pause the run in progress."""
        if self.task is not None:
            self.task.pause()

    def resume(self) -> None:
        """Resume a paused run."""
        if self.task is not None:
            self.task.resume()

    def _progressed(self, progress: Progress) -> None:
        document = messages.progress_document(progress)
        if progress.state in messages.ENDED:  # the run ends for the page when the fit and its verdict are there
            del document["state"]
            document |= {"phase": JUDGING, "total": 0, "eta": None}
        self._tell(document)

    def _ended_badly(self, error: Exception) -> None:
        state = "cancelled" if isinstance(error, Cancelled) else "error"
        self._tell({"state": state, "eta": None, "message": in_words(error)})
        if state == "error":
            self._failed("run", error)
