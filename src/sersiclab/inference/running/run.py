"""Runs in a thread; `fit`, which waits for one, and `resume`, which goes on with a cancelled one."""

import atexit
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.nuts import NUTS
from sersiclab.inference.running import checkpoints
from sersiclab.inference.running.beginning import Beginning, Init, beginning_of
from sersiclab.inference.running.checkpoints import Checkpoint
from sersiclab.inference.running.monitor import Cancelled, Monitor, Progress
from sersiclab.inference.running.program import is_double, precision, unconstrain
from sersiclab.model import Model, checked_model
from sersiclab.model.density import Density
from sersiclab.parameters.priors import Angle
from sersiclab.parameters.scalars import check_between
from sersiclab.results import Fit, circular
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.runtime.memory import check_memory
from sersiclab.runtime.process import check_process
from sersiclab.runtime.seeds import checked_seed


POLL_SECONDS = 0.1
EXIT_SECONDS = 30.0
BYTES_A_NUMBER = 16  # of a draw, in the sampler's coordinates and in the model's

Solve = Callable[[Monitor], Outcome]


class Stopped(KeyboardInterrupt):
    """An interruption after which `fit` gives whatever there is, be it the best point so far."""


class Unfinished(NamedTuple):
    """What a cancelled fit goes on with, in the precision in which it began."""

    go_on: Solve
    double: bool


class Run:
    """An inference that runs in a thread. Made by `start`; `wait` gives the `Fit`."""

    def __init__(self, model: Model, image: Image, seed: int, monitor: Monitor, spent: Mapping[str, float]) -> None:
        self._model, self._image, self._seed = model, image, seed
        self._monitor, self._spent = monitor, spent
        self._angles = [isinstance(prior, Angle) for prior in model.free.values()]
        self._finished = threading.Event()
        self._fit: Fit | None = None
        self._error: BaseException | None = None

    @property
    def progress(self) -> Progress:
        """Where the run stands now."""
        return self._monitor.progress

    @property
    def draws(self) -> dict[str, np.ndarray]:
        """The finished draws so far, by path, (chain, draw); nothing before the first."""
        draws = self._monitor.draws
        return {} if draws is None else self._by_path(draws)

    @property
    def done(self) -> bool:
        """Whether the run has ended, well or not."""
        return self._finished.is_set()

    def pause(self) -> None:
        """Stop within a fraction of a second (a compilation is finished first), until `resume`."""
        self._monitor.pause()

    def resume(self) -> None:
        """Go on after `pause`. A cancelled run goes on by `resume(run.wait())`."""
        self._monitor.resume()

    def cancel(self) -> None:
        """Stop, soon or when `progress.message` says, and keep the finished draws: `wait` gives a `Fit` of them."""
        self._monitor.cancel()

    def wait(self, timeout: float | None = None) -> Fit:
        """The result, when it is there.

        Raises `TimeoutError` after `timeout` seconds, and the worker's error if there was one. A run
        cancelled before any draw gives the Laplace approximation or the best point, and says so; one
        cancelled before even that raises `Cancelled`.
        """
        if timeout is not None:
            check_between("timeout", timeout, 0.0, threading.TIMEOUT_MAX)
        if not self._finished.wait(timeout):
            raise TimeoutError(f"the run has not ended within {timeout:g} s")
        # The thread still has arrays to free; Python aborts if it is torn down meanwhile.
        self._thread.join()
        atexit.unregister(self._leave)
        if self._error is not None:
            raise self._error
        assert self._fit is not None
        return self._fit

    def _begin(self, solve: Solve, *, double: bool) -> None:
        check_process()
        # The thread must end before the interpreter does: XLA crashes if it is torn down in a computation.
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
        best = dict(zip(self._model.free, outcome.best.tolist(), strict=True))
        for (path, value), angle in zip(best.items(), self._angles, strict=True):
            best[path] = circular.wrap(value) if angle else value
        progress = self._monitor.progress
        return Fit(
            model=self._model,
            image=self._image,
            method=outcome.method,
            seed=self._seed,
            draws={} if outcome.draws is None else self._by_path(outcome.draws),
            best=best,
            stats=outcome.stats,
            covariance=outcome.covariance,
            status=outcome.cancelled or "complete",
            message=outcome.message,
            timing={
                "compile": self._monitor.compile_seconds + self._spent.get("compile", 0.0),
                "run": progress.elapsed - self._monitor.compile_seconds + self._spent.get("run", 0.0),
            },
            unfinished=outcome.go_on and Unfinished(outcome.go_on, self._double),
        )

    def _by_path(self, draws: np.ndarray) -> dict[str, np.ndarray]:
        return {
            path: circular.unwrap(draws[..., i]) if self._angles[i] else draws[..., i]
            for i, path in enumerate(self._model.free)
        }


def start(
    model: Model,
    image: Image,
    method: AbstractMethod = NUTS(),  # noqa: B008 (frozen)
    *,
    seed: int = 0,
    init: Init = None,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = checkpoints.EVERY,
) -> Run:
    """Begin an inference in a thread.

    `init` is where it begins: `{path: number}` (parameters that it lacks begin at their prior's `init` or
    median), or an earlier `Fit`, whose best values are taken where the paths agree and, if it was of the
    same model and data, its covariance too, by methods that begin with one (`SVI`, `NUTS`). Without it several starts
    are tried. `on_progress` is called from the worker's thread with each new state, and at most ten times a second
    between.

    `checkpoint` is an `.asdf` file to which `NUTS` writes its state every `checkpoint_every` seconds, when it is
    cancelled and when it ends. If the process is killed, the same call goes on from there: the draws are those of a
    run that nothing has stopped, the warm-up included. A checkpoint of another run (model, image, method, seed, init)
    is refused. The file of a run that has ended gives its draws at once; delete it when the fit is saved.

    Raises `TypeError` or `ValueError` naming the argument, what was expected and what came.
    """
    _check(model, image, method, seed, on_progress)
    beginning, double = beginning_of(model, image, init), is_double()
    kept = None
    if checkpoints.wanted(checkpoint, checkpoint_every, method):
        identity = checkpoints.identity(model, image, method, int(seed), beginning, double=double)
        kept = Checkpoint(checkpoint, identity, every=checkpoint_every)
    density = Density.of(model, image)

    def solve(monitor: Monitor) -> Outcome:
        return method.solve(_problem(density, model, image, beginning, int(seed), monitor, kept), monitor)

    spent = {} if kept is None else kept.spent
    run = Run(model, image, int(seed), Monitor(type(method).__name__, on_progress), spent)
    run._begin(solve, double=double)
    return run


def fit(
    model: Model,
    image: Image,
    method: AbstractMethod = NUTS(),  # noqa: B008 (frozen)
    *,
    seed: int = 0,
    init: Init = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = checkpoints.EVERY,
) -> Fit:
    """Fit a model to an image.

    As `start`, but waits for the result, with a progress bar unless `progress` is false. Ctrl-C stops
    the run and gives the draws so far, if there are any; `resume` goes on with them.
    """
    run = start(model, image, method, seed=seed, init=init, checkpoint=checkpoint, checkpoint_every=checkpoint_every)
    return _watched(run, bar=progress)


def resume(fit: Fit, *, progress: bool = True) -> Fit:
    """Go on with a cancelled fit by `NUTS`: its chains draw what is left, as if nothing had stopped them.

    Waits for the result as `fit` does. The chains live in memory: a fit from a file has none. Raises `ValueError` if
    there is nothing to go on with.
    """
    if not isinstance(fit, Fit):
        raise InputTypeError(f"fit must be a Fit that was cancelled, got {fit!r}")
    if not isinstance(fit.unfinished, Unfinished):
        raise InputError(
            f"fit has no chains to go on with: its status is {fit.status!r}; only a run of NUTS that was cancelled "
            "after its first draw has, until Python ends"
        )
    run = Run(fit.model, fit.image, fit.seed, Monitor(type(fit.method).__name__), fit.timing)
    run._begin(fit.unfinished.go_on, double=fit.unfinished.double)
    return _watched(run, bar=progress)


def _watched(run: Run, *, bar: bool) -> Fit:
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


def _check(model: Any, image: Any, method: Any, seed: Any, on_progress: Any) -> None:
    checked_model(model)
    checked_image(image)
    checked_seed(seed)
    if not isinstance(method, AbstractMethod):
        raise InputTypeError(f"method must be an object such as NUTS() or MAP(), got {method!r}")
    if on_progress is not None and not callable(on_progress):
        raise InputTypeError(f"on_progress must be a function of a Progress, or None, got {on_progress!r}")
    if not model.free:
        raise InputError("model has no free parameter: give at least one parameter a prior, such as Normal(60, 1)")
    drawn = f"{type(method).__name__} of {method.number_of_draws} draws of {len(model.free)} parameters"
    size = float(BYTES_A_NUMBER) * min(method.number_of_draws, 10**100) * (len(model.free) + 1)
    check_memory(drawn, size, "ask for fewer draws, or chains")


def _problem(
    density: Density,
    model: Model,
    image: Image,
    beginning: Beginning,
    seed: int,
    monitor: Monitor,
    checkpoint: Checkpoint | None,
) -> Problem:
    return Problem(
        density=density,
        start=unconstrain(monitor, density, np.array(list(beginning.values.values()))),
        angles=np.array([isinstance(prior, Angle) for prior in model.free.values()]),
        seed=seed,
        settled=beginning.settled,
        covariance=beginning.covariance,
        draws=beginning.draws,
        checkpoint=checkpoint,
        image=image,
    )
