"""A run in a thread: how it is begun, stopped and waited for, and what becomes of its outcome."""

import atexit
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from sersiclab.data.image import Image
from sersiclab.inference.base import Outcome
from sersiclab.inference.running.assembling import draws_by_path, fit_of
from sersiclab.inference.running.monitor import Cancelled, Monitor, Progress
from sersiclab.inference.running.program import precision
from sersiclab.model import Model
from sersiclab.parameters.scalars import check_between
from sersiclab.results import Fit
from sersiclab.runtime.process import check_process


# Seconds between two looks at a run: the main thread sees Ctrl-C, and draws the progress bar.
POLL_SECONDS = 0.1
# Seconds that a run has to end when Python exits.
EXIT_SECONDS = 30.0

Solve = Callable[[Monitor], Outcome]


class Stopped(KeyboardInterrupt):
    """An interruption after which `fit` returns whatever it has, even if it is only the best point so far."""


class Unfinished(NamedTuple):
    """Work for a run, such as the rest of a cancelled fit, and whether it computes in double precision."""

    go_on: Solve
    double: bool


class Run:
    """An inference that runs in a thread. `start` makes one, and `wait` returns its `Fit`.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> run = sl.start(model, sl.Image(np.full((4, 5), 2.0), sigma=1.0), sl.MAP())
        >>> run.wait(timeout=100).status, run.done
        ('complete', True)
    """

    def __init__(self, model: Model, image: Image, seed: int, monitor: Monitor, spent: Mapping[str, float]) -> None:
        self._model, self._image, self._seed = model, image, seed
        self._monitor, self._spent = monitor, spent
        self._finished = threading.Event()
        self._fit: Fit | None = None
        self._error: BaseException | None = None

    @property
    def progress(self) -> Progress:
        """The state of the run now: its phase, steps, times and message."""
        return self._monitor.progress

    @property
    def draws(self) -> dict[str, np.ndarray]:
        """The finished draws so far by path, of shape (chain, draw); empty before the first."""
        draws = self._monitor.draws
        return {} if draws is None else draws_by_path(self._model, draws)

    @property
    def done(self) -> bool:
        """Whether the run has ended, successfully or not."""
        return self._finished.is_set()

    def pause(self) -> None:
        """Pause within a fraction of a second, or when a compilation has ended, until `resume`."""
        self._monitor.pause()

    def resume(self) -> None:
        """Continue after `pause`. To continue a cancelled run call `sl.resume(run.wait())`."""
        self._monitor.resume()

    def cancel(self) -> None:
        """Stop soon, or when `progress.message` says. `wait` then returns a `Fit` of the finished draws."""
        self._monitor.cancel()

    def wait(self, timeout: float | None = None) -> Fit:
        """Wait for the run to end.

        Arguments:
            timeout: seconds to wait at most; None waits for ever.

        Returns:
            The result. If the run was cancelled before any draw, it is the Laplace approximation or the best point,
            and its `message` says so.

        Raises:
            TimeoutError: the run has not ended in time.
            Cancelled: the run was cancelled before it had any result.
            Exception: the error of the run, if it had one.
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
        assert self._fit is not None
        return self._fit

    def _begin(self, solve: Solve, *, double: bool) -> None:
        check_process()
        # The thread must end before the interpreter does: XLA crashes if it is shut down during a computation.
        atexit.register(self._leave)
        self._double = double
        self._thread = threading.Thread(target=self._work, args=(solve,), name="sersiclab-run", daemon=True)
        self._thread.start()

    def _leave(self) -> None:
        self.cancel()
        self._thread.join(EXIT_SECONDS)

    def _work(self, solve: Solve) -> None:
        try:
            with precision(self._double):
                outcome = solve(self._monitor)
            self._fit = self._assemble(outcome)
            self._monitor.end("cancelled" if outcome.cancelled else "done", outcome.message)
        except Cancelled as error:
            self._error = error
            self._monitor.end("cancelled", str(error))
        except BaseException as error:
            self._error = error
            self._monitor.end("error", f"{type(error).__name__}: {error}")
        finally:
            self._finished.set()

    def _assemble(self, outcome: Outcome) -> Fit:
        compiling = self._monitor.compile_seconds
        seconds = {"compile": compiling, "run": self._monitor.progress.elapsed - compiling}
        timing = {stage: spent + self._spent.get(stage, 0.0) for stage, spent in seconds.items()}
        unfinished = outcome.go_on and Unfinished(outcome.go_on, self._double)
        return fit_of(self._model, self._image, self._seed, outcome, timing, unfinished)


def begun(model: Model, image: Image, seed: int, monitor: Monitor, spent: Mapping[str, float], rest: Unfinished) -> Run:
    """Return a run of `rest`, which has begun. `spent` are the seconds that were spent on it before."""
    run = Run(model, image, seed, monitor, spent)
    run._begin(rest.go_on, double=rest.double)
    return run


def watched(run: Run, *, bar: bool) -> Fit:
    """Wait for a run, with a progress bar if `bar`. Ctrl-C cancels it, and is raised again if there is no result."""
    try:
        _watch(run, bar=bar)
    except KeyboardInterrupt as interrupt:
        run.cancel()
        run._finished.wait()
        if not run.draws and (run._fit is None or not isinstance(interrupt, Stopped)):
            raise
    return run.wait()


def _watch(run: Run, *, bar: bool) -> None:
    from sersiclab.inference.running.bar import progress_bar

    with progress_bar(shown=bar) as update:
        # Short waits: the main thread sees Ctrl-C, and the bar is drawn where the user called.
        while not run._finished.wait(POLL_SECONDS):
            update(run.progress)
        update(run.progress)
