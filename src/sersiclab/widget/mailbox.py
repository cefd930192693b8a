"""A worker thread with a slot for each kind of job, so that message handlers only enqueue jobs."""

import atexit
import threading
from collections.abc import Callable

from sersiclab.runtime.errors import StateError


EXIT_SECONDS = 60.0  # enough for a compilation to end
MOST = 64  # kinds of job that may wait at the same time


class Mailbox:
    """A daemon thread that runs the newest job of each kind, in the order of arrival.

    A job that is posted while another of its kind waits replaces it and keeps its position, so that frequent jobs
    neither delay other kinds nor are delayed. An exception goes to `failed(kind, error)`, and the thread continues.
    After each job it rests for `rest` seconds.
    """

    def __init__(self, name: str, failed: Callable[[str, Exception], None], *, rest: float = 0.0) -> None:
        self._failed = failed
        self._rest = rest
        self._jobs: dict[str, Callable[[], None]] = {}
        self._changed = threading.Condition()
        self._working = False
        self._open = True
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        # The thread must end before the interpreter does: XLA crashes if it is torn down in a computation.
        atexit.register(self._leave)

    def post(self, kind: str, job: Callable[[], None]) -> None:
        """Put a job in the slot of its kind. Raises `RuntimeError` if too many kinds are waiting."""
        with self._changed:
            if not self._open:
                return
            if kind not in self._jobs and len(self._jobs) >= MOST:
                raise StateError(f"{MOST} requests are waiting already: try again when some are done")
            self._jobs[kind] = job
            self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all jobs are done; return False if that took more than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._working, timeout)

    def close(self) -> None:
        """Drop waiting jobs, and end the thread after the current one."""
        with self._changed:
            self._open = False
            self._jobs.clear()
            self._changed.notify_all()

    def _leave(self) -> None:
        self.close()
        self._thread.join(EXIT_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._working = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._jobs or not self._open)
                if not self._open:
                    atexit.unregister(self._leave)
                    return
                kind = next(iter(self._jobs))
                job = self._jobs.pop(kind)
                self._working = True
            try:
                job()
            except Exception as error:
                self._failed(kind, error)
            del job  # it may hold the widget
            if self._rest:
                with self._changed:
                    self._changed.wait_for(lambda: not self._open, self._rest)
