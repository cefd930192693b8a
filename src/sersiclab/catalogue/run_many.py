"""Working through the jobs of a run: which are to be done, in which chunks, and what is kept when it is interrupted."""

import dataclasses
import itertools
import math
import time
from collections.abc import Iterator
from concurrent.futures import Executor

from sersiclab.catalogue.chunks import QUICK, Chunk, JobTask, lost_rows
from sersiclab.catalogue.columns import DONE, JobRow
from sersiclab.catalogue.counting_bar import counting_bar
from sersiclab.catalogue.dispatch import Dispatcher, Lost
from sersiclab.catalogue.stores import AbstractStore
from sersiclab.inference import AbstractMethod
from sersiclab.runtime.compilation import cache_folder
from sersiclab.runtime.errors import StateError


# Jobs of a chunk, which take a worker a few seconds.
CHUNK = 32
# Seconds between two files of rows: a run that is killed loses less than this, and a fast one writes few files.
PART_SECONDS = 2.0
# Different names of recipes that a run is compared by.
MOST_RECIPES = 100


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the jobs of a run are fitted."""

    method: AbstractMethod
    seed: int
    double: bool
    timeout: float | None = None
    chunk: int | None = None
    draws: bool = False
    progress: bool = True


def run_tasks(
    tasks: Iterator[JobTask],
    plan: Plan,
    store: AbstractStore,
    executor: Executor | None,
    *,
    total: int | None,
    done: int = 0,
) -> None:
    """Fit all tasks and add their rows to the store; `done` of the `total` have rows already.

    After Ctrl-C the rows that are finished are added, and `KeyboardInterrupt` is raised if the store has none; after
    another one it is raised at once. Raises `StateError` if the executor is lost and the store outlives this process.
    """
    interruption = _work(tasks, plan, store, executor, total, done)
    if interruption is not None and not len(store.read(only=("id",))):
        raise interruption


def _work(
    tasks: Iterator[JobTask],
    plan: Plan,
    store: AbstractStore,
    executor: Executor | None,
    total: int | None,
    done: int,
) -> KeyboardInterrupt | None:
    """Return the interruption after which the rest was left."""
    dispatcher = Dispatcher(executor)
    tally = _Tally(store)
    with counting_bar(total, done=done, shown=plan.progress) as update:

        def idle() -> None:
            update(done + tally.finished, tally.failed)

        try:
            for rows in dispatcher.rows(chunks(tasks, plan), idle):
                tally.add(rows)
            tally.flush()
        except KeyboardInterrupt as interruption:
            for rows in dispatcher.finished():
                tally.add(rows)
            tally.flush()
            return interruption
        except Lost as error:
            tally.lost(error, dispatcher, tasks, plan)
        finally:
            dispatcher.close()
            update(done + tally.finished, tally.failed)
    return None


class _Tally:
    """Adds rows to a store, those of a few chunks together if they are finished in quick succession."""

    def __init__(self, store: AbstractStore) -> None:
        self.finished, self.failed = 0, 0
        self._store = store
        self._waiting: list[JobRow] = []
        self._last = -math.inf  # the first rows are added at once

    def add(self, rows: list[JobRow]) -> None:
        """Count rows, and keep them until they are added to the store."""
        self._waiting += rows
        self.finished += len(rows)
        self.failed += sum(row.status != DONE for row in rows)
        self.look()

    def look(self) -> None:
        """Add what waits, if the last addition was some time ago."""
        if time.monotonic() - self._last >= PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Add what waits to the store."""
        if self._waiting:
            try:
                self._store.add(self._waiting)
            except OSError as error:
                error.add_note("The rows so far are in the folder; the same call does the rest, once there is space.")
                raise
            self._waiting = []
        self._last = time.monotonic()

    def lost(self, error: Lost, dispatcher: Dispatcher, tasks: Iterator[JobTask], plan: Plan) -> None:
        """Raise, if the store outlives this process; else keep what is finished, with rows for all other jobs."""
        for rows in dispatcher.finished():
            self.add(rows)
        if self._store.lasting:
            self.flush()
            raise StateError(
                f"{error}. The {self.finished} rows of this call that are finished are in the folder: the same call, "
                "with a new executor, does the rest"
            ) from error
        for chunk in itertools.chain(dispatcher.unfinished(), chunks(tasks, plan)):
            self.add(lost_rows(chunk, f"{error}; `retry` fits this job again"))
        self.flush()


def chunks(tasks: Iterator[JobTask], plan: Plan) -> Iterator[Chunk]:
    """Yield the tasks in chunks, as they are asked for."""
    size = plan.chunk or (CHUNK if isinstance(plan.method, QUICK) else 1)
    while some := tuple(itertools.islice(tasks, size)):
        yield Chunk(some, plan.method, plan.double, plan.timeout, plan.draws, cache_folder())
