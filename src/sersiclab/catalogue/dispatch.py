"""Handing chunks to an executor, a bounded number at a time, and what happens when a worker is killed."""

import dataclasses
import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from functools import partial
from typing import Any

from sersiclab.catalogue.chunks import Chunk, fit_chunk, fit_pickled, lost_rows
from sersiclab.catalogue.columns import JobRow
from sersiclab.runtime.errors import InputError, StateError


# Chunks in flight for each worker: one to work on, and the next one.
AHEAD = 2
# Workers that are assumed if the executor does not say how many it has.
WORKERS = 16
# Seconds between two looks, at which the progress bar is drawn and Ctrl-C is answered.
LOOK_SECONDS = 0.1
# Seconds after which the number of workers, which may change on a cluster, is asked for again.
COUNT_SECONDS = 10.0

# Bytes that are sent to a worker at a time; large images are sent one by one. Dask warns from 10 MB on.
MOST_BYTES = 8_000_000
KILLED = "each worker that fitted this job was killed: does it need more memory than they have?"


class Lost(StateError):
    """The executor has lost its workers, and takes no more work."""


@dataclasses.dataclass(eq=False)
class Dispatcher:
    """Sends chunks to an executor, or fits them in a thread of this process if it is None."""

    executor: Executor | None

    def __post_init__(self) -> None:
        self._own = ThreadPoolExecutor(1, thread_name_prefix="sersiclab-many") if self.executor is None else None
        self._pending: dict[Future[list[JobRow]], Chunk] = {}
        self._stop = False
        self._counted = -COUNT_SECONDS
        self._window = 0

    def rows(self, chunks: Iterator[Chunk], idle: Callable[[], None]) -> Iterator[list[JobRow]]:
        """Yield the rows of each chunk as it is finished; `idle` is called while none is.

        Raises `Lost` if the executor is broken. Chunks that were in its hands are then `unfinished`.
        """
        exhausted = False
        while True:
            while not exhausted and len(self._pending) < self._most():
                chunk = next(chunks, None)
                exhausted = chunk is None
                if chunk is not None:
                    self._submit(chunk)
            if not self._pending:
                return
            done, _ = wait(self._pending, LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                rows = self._collect(future)
                if rows:
                    yield rows
            idle()

    def finished(self) -> Iterator[list[JobRow]]:
        """Cancel what has not begun, and yield the rows of chunks that are finished. Call it after an interruption."""
        self._stop = True
        for future, chunk in list(self._pending.items()):
            if future.cancel() or not (self._own is not None or future.done()):
                continue
            if future.exception() is None:
                rows = future.result()
                names = {row.id for row in rows}
                rest = tuple(task for task in chunk.tasks if task.job.id not in names)
                self._pending[future] = dataclasses.replace(chunk, tasks=rest)
                yield rows

    def unfinished(self) -> list[Chunk]:
        """Return the chunks without rows, after `Lost` and `finished`."""
        return [chunk for chunk in self._pending.values() if chunk.tasks]

    def close(self) -> None:
        """Stop what this process does, and forget the rest."""
        self._stop = True
        for future in self._pending:
            future.cancel()
        if self._own is not None:
            self._own.shutdown(wait=False)

    def _most(self) -> int:
        if self._own is not None:
            return 1
        if time.monotonic() - self._counted >= COUNT_SECONDS:
            self._window, self._counted = AHEAD * workers_of(self.executor), time.monotonic()
        return self._window

    def _submit(self, chunk: Chunk) -> None:
        pool = self._own or self.executor
        assert pool is not None
        if isinstance(pool, ThreadPoolExecutor):
            task = partial(fit_chunk, chunk, stopped=lambda: self._stop)
        else:
            data = pickled(chunk)
            if len(data) > MOST_BYTES and len(chunk.tasks) > 1:
                middle = len(chunk.tasks) // 2
                self._submit(dataclasses.replace(chunk, tasks=chunk.tasks[:middle]))
                self._submit(dataclasses.replace(chunk, tasks=chunk.tasks[middle:]))
                return
            task = partial(fit_pickled, data)
        try:
            self._pending[pool.submit(task)] = chunk
        except RuntimeError as error:  # a BrokenExecutor, or one that was shut down
            self._pending[Future()] = chunk
            raise Lost(f"the executor takes no more work: {error}") from error

    def _collect(self, future: Future[list[JobRow]]) -> list[JobRow]:
        """Return the rows of a chunk that has ended. One whose worker was killed is tried again, job by job."""
        try:
            rows = future.result()
        except BrokenExecutor as error:
            raise Lost(f"a worker process was killed: {error}") from error
        except CancelledError as error:
            raise Lost("the executor was shut down") from error
        except Exception as error:
            if not _killed(error):
                raise
            chunk = self._pending.pop(future)
            if len(chunk.tasks) == 1:
                return lost_rows(chunk, KILLED)
            for task in chunk.tasks:
                self._submit(dataclasses.replace(chunk, tasks=(task,)))
            return []
        del self._pending[future]
        return rows


def workers_of(executor: Any) -> int:
    """Return the number of workers of an executor of the standard library, or of Dask."""
    count = getattr(executor, "_max_workers", None)
    client = getattr(executor, "_client", None)
    if client is not None:
        count = sum(client.nthreads().values())
    return count if isinstance(count, int) and count > 0 else WORKERS


def pickled(chunk: Chunk) -> bytes:
    """Return a chunk as bytes. Raises `ValueError`, which names the job, if it can't be sent to another process."""
    try:
        return pickle.dumps(chunk, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:
        for task in chunk.tasks:
            try:
                pickle.dumps(task)
            except Exception as error:
                raise InputError(
                    f"job {task.job.id!r} can't be sent to another process: {error}. Its image and model must not be "
                    "lambdas, or functions inside others: use functions of a module, or functools.partial of them"
                ) from error
        raise


def _killed(error: BaseException) -> bool:
    """Return whether this is Dask's error for a task whose worker was killed, several times."""
    return type(error).__name__ == "KilledWorker"
