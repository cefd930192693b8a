"""One worker thread with a slot per kind of job, so that message handlers only enqueue."""

import atexit
import threading
from collections.abc import Callable

from sersiclab.runtime.errors import StateError


EXIT_SECONDS = 60.0  # a compilation under way can take long, and ends
MOST = 64  # kinds of job that may wait


class Mailbox:
    """A daemon thread that does the newest job of each kind, in the order in which they came.

    A job that is posted while another of its kind waits takes its place, also in the order: jobs that keep coming
    hold up no other kind, and are not held up. An exception goes to `failed(kind, error)`; the thread lives on. After
    a job it rests for `rest` seconds.
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
        """Put a job in the slot of its kind. Raises `RuntimeError` if too many kinds wait."""
        with self._changed:
            if not self._open:
                return
            if kind not in self._jobs and len(self._jobs) >= MOST:
                raise StateError(f"{MOST} requests wait already: ask again when some are done")
            self._jobs[kind] = job
            self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; False if `timeout` seconds were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._working, timeout)

    def close(self) -> None:
        """Drop what waits, and end the thread after the job under way."""
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
