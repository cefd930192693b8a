"""The fits of a chunk of jobs, whose models and images are at hand."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference import AbstractMethod, Cancelled, Run, start
from sersiclab.inference.batch.together import fit_together, fits_together
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import StateError


# Seconds between two looks at a run that may be stopped.
LOOK_SECONDS = 0.05
# Seconds that a run which is stopped has to end. It is then left behind.
GRACE_SECONDS = 5.0


class OutOfTime(StateError):
    """A job took longer than its timeout."""


class Prepared(NamedTuple):
    """A job that is ready to be fitted. `seconds` are those that it may take, None for any number."""

    model: Model
    image: Image | Images
    seed: int
    seconds: float | None = None


def fit_all(
    prepared: Sequence[Prepared], method: AbstractMethod, *, stopped: Callable[[], bool] = lambda: False
) -> list[Fit | JointFit | Exception]:
    """Fit every job, and return its fit or the error that it ended with.

    `stopped` is asked while a fit runs; once it answers True, the remaining jobs end with `Cancelled`.
    """
    if fits_together(method):
        return _fit_together(prepared, method, stopped)
    return [_fit_or_error(each, method, stopped) for each in prepared]


def _fit_together(
    prepared: Sequence[Prepared], method: AbstractMethod, stopped: Callable[[], bool]
) -> list[Fit | JointFit | Exception]:
    """Fit all jobs by the batch engine; one by one if that raises, so that a bug in one job spares the others."""
    monitor, ended = Monitor(type(method).__name__), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            if stopped():
                monitor.cancel()

    threading.Thread(target=watch, name="sersiclab-stop", daemon=True).start()
    seconds = [math.inf if job.seconds is None else job.seconds for job in prepared]
    try:
        pairs = [(job.model, job.image) for job in prepared]
        found = fit_together(pairs, method, [job.seed for job in prepared], monitor, seconds=seconds)
    except Cancelled as error:
        return [error for _ in prepared]
    except Exception as error:
        if len(prepared) == 1:
            return [error]
        return [fit for job in prepared for fit in _fit_together([job], method, stopped)]
    finally:
        ended.set()
    late = OutOfTime("the fit took longer than the timeout")
    return [late if isinstance(each, TimeoutError) else each for each in found]


def _fit_or_error(job: Prepared, method: AbstractMethod, stopped: Callable[[], bool]) -> Fit | JointFit | Exception:
    try:
        if stopped():
            raise Cancelled("the run was cancelled before this fit")
        return _watched(start(job.model, job.image, method, seed=job.seed), job.seconds, stopped)
    except Exception as error:
        return error


def _watched(run: Run, seconds: float | None, stopped: Callable[[], bool]) -> Fit | JointFit:
    """Wait for a run, and stop it when its seconds are over. Compilation, which other jobs share, does not count."""
    spent, looked = 0.0, time.monotonic()
    while True:
        try:
            return run.wait(LOOK_SECONDS)
        except TimeoutError:
            now, compiling = time.monotonic(), run.progress.state == "compiling"
            spent, looked = spent + (0.0 if compiling else now - looked), now
        if stopped():
            _end(run)
            raise Cancelled("the run was cancelled during this fit")
        if seconds is not None and spent > seconds:
            _end(run)
            raise OutOfTime("the fit took longer than the timeout")


def _end(run: Run) -> None:
    run.cancel()
    try:
        run.wait(GRACE_SECONDS)
    except Exception:
        return
