"""Work in a thread: how it is begun, watched, stopped and waited for."""

import atexit
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sersiclab.inference.running.monitor import Cancelled, Monitor, Progress
from sersiclab.inference.running.program import precision
from sersiclab.parameters.scalars import check_between
from sersiclab.runtime.process import check_process


T = TypeVar("T")

# Seconds between two looks at the work: the main thread sees Ctrl-C, and draws the progress bar.
POLL_SECONDS = 0.1
# Seconds that the work has to end when Python exits.
EXIT_SECONDS = 30.0


class BackgroundWork(Generic[T]):
    """A function of a monitor, which begins at once in a thread.

    The function reports its last state by `Monitor.end` itself, unless it raises an error.
    """

    def __init__(self, monitor: Monitor, function: Callable[[Monitor], T], *, double: bool) -> None:
        check_process()
        self._monitor, self._double = monitor, double
        self._finished = threading.Event()
        self._error: BaseException | None = None
        self.result: T | None = None
        # The thread must end before the interpreter does: XLA crashes if it is shut down during a computation.
        atexit.register(self._leave)
        self._thread = threading.Thread(target=self._work, args=(function,), name="sersiclab-run", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """The state of the work now: its phase, steps, times and message."""
        return self._monitor.progress

    @property
    def done(self) -> bool:
        """Whether the work has ended, successfully or not."""
        return self._finished.is_set()

    def cancel(self) -> None:
        """Stop soon, or when `progress.message` says."""
        self._monitor.cancel()

    def wait(self, timeout: float | None = None) -> T:
        """Wait for the end and return the result, or raise the error of the work.

        Raises `TimeoutError` if it has not ended within `timeout` seconds; None waits for ever.
        """
        if timeout is not None:
            check_between("timeout", timeout, 0.0, threading.TIMEOUT_MAX)
        if not self._finished.wait(timeout):
            raise TimeoutError(f"the run has not ended within {timeout:g} s")
        # The thread still has arrays to free; Python aborts if it exits meanwhile.
        self._thread.join()
        atexit.unregister(self._leave)
        if self._error is not None:
            raise self._error
        assert self.result is not None
        return self.result

    def watch(self, *, bar: bool) -> None:
        """Wait for the end, with a progress bar if `bar`. Ctrl-C cancels the work, and is raised when it has ended."""
        try:
            self._look_on(bar=bar)
        except KeyboardInterrupt:
            self.cancel()
            self._finished.wait()
            raise

    def _look_on(self, *, bar: bool) -> None:
        from sersiclab.inference.running.bar import progress_bar

        with progress_bar(shown=bar) as update:
            # Short waits: the main thread sees Ctrl-C, and the bar is drawn where the user called.
            while not self._finished.wait(POLL_SECONDS):
                update(self.progress)
            update(self.progress)

    def _leave(self) -> None:
        self.cancel()
        self._thread.join(EXIT_SECONDS)

    def _work(self, function: Callable[[Monitor], T]) -> None:
        try:
            with precision(self._double):
                self.result = function(self._monitor)
        except Cancelled as error:
            self._error = error
            self._monitor.end("cancelled", str(error))
        except BaseException as error:
            self._error = error
            self._monitor.end("error", f"{type(error).__name__}: {error}")
        finally:
            self._finished.set()
