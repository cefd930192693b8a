"""A run of a method in a thread, and what becomes of its outcome."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference.base import Outcome
from sersiclab.inference.running.assembling import draws_by_path, fit_of
from sersiclab.inference.running.background import BackgroundWork
from sersiclab.inference.running.monitor import Monitor, Progress
from sersiclab.model import Model
from sersiclab.results import Fit


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

    def __init__(self, model: Model, monitor: Monitor, work: BackgroundWork[Fit]) -> None:
        self._model, self._monitor, self._work = model, monitor, work

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
        return self._work.done

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
        return self._work.wait(timeout)


def begun(
    model: Model, image: Image | Images, seed: int, monitor: Monitor, spent: Mapping[str, float], rest: Unfinished
) -> Run:
    """Return a run of `rest`, which has begun. `spent` are the seconds that were spent on it before."""

    def work(monitor: Monitor) -> Fit:
        outcome = rest.go_on(monitor)
        compiling = monitor.compile_seconds
        seconds = {"compile": compiling, "run": monitor.progress.elapsed - compiling}
        timing = {stage: seconds[stage] + spent.get(stage, 0.0) for stage in seconds}
        unfinished = outcome.go_on and Unfinished(outcome.go_on, rest.double)
        fit = fit_of(model, image, seed, outcome, timing, unfinished)
        monitor.end("cancelled" if outcome.cancelled else "done", outcome.message)
        return fit

    return Run(model, monitor, BackgroundWork(monitor, work, double=rest.double))


def watched(run: Run, *, bar: bool) -> Fit:
    """Wait for a run, with a progress bar if `bar`. Ctrl-C cancels it, and is raised again if there is no result."""
    try:
        run._work.watch(bar=bar)
    except KeyboardInterrupt as interrupt:
        if not run.draws and (run._work.result is None or not isinstance(interrupt, Stopped)):
            raise
    return run.wait()
