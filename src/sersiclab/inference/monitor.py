"""What a worker tells of its progress, and what it is told: pause, go on, stop."""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float


TELL_SECONDS = 0.1
CHUNK_SECONDS = 0.1

Draws = Float[np.ndarray, "chain draw d"]


class Cancelled(RuntimeError):
    """The run was cancelled before it had any result."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands. Times are in seconds; `eta` is None while it cannot be told.

    `state` is idle, compiling, running, paused, done, cancelled or error. `step` counts up to `total`
    within `phase`; the sampler's warm-up and sampling share one count. `message` is for the user.
    """

    state: str
    method: str
    phase: str = ""
    step: int = 0
    total: int = 0
    elapsed: float = 0.0
    eta: float | None = None
    message: str = ""
    divergences: int = 0


class Pace:
    """How many steps to take between two looks at the monitor: as many as last a tenth of a second."""

    def __init__(self, *, first: int, most: int) -> None:
        self.steps = first
        self._most = most

    def took(self, steps: int, seconds: float) -> None:
        """Adapt to what the last steps took; growth is gradual, as costs vary from step to step."""
        fitting = int(steps * CHUNK_SECONDS / max(seconds, 1e-6))
        self.steps = max(1, min(fitting, 4 * steps, self._most))


class Monitor:
    """The worker's side and the user's side of a run, safe to use from several threads."""

    def __init__(self, method: str, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._go = threading.Event()
        self._go.set()
        self._cancel = threading.Event()
        self._progress = Progress("idle", method)
        self._on_progress = on_progress
        self._told = -np.inf
        self._began = time.perf_counter()
        self._ended: float | None = None
        self._idle = 0.0  # seconds compiling or paused, in this phase
        self._phase_began = self._began
        self._first_step = 0
        self._draws: list[Draws] = []
        self.compile_seconds = 0.0

    # The user's side.

    @property
    def progress(self) -> Progress:
        """Where the run stands now."""
        now = time.perf_counter() if self._ended is None else self._ended
        return dataclasses.replace(self._progress, elapsed=now - self._began)

    @property
    def draws(self) -> Draws | None:
        """The draws so far, parameters in the model's order; None before the first."""
        with self._lock:
            if len(self._draws) > 1:
                self._draws = [np.concatenate(self._draws, axis=1)]
            return self._draws[0] if self._draws else None

    def pause(self) -> None:
        """Stop after the current chunk, until `resume`."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def cancel(self) -> None:
        """Stop for good after the current chunk."""
        self._cancel.set()
        self._go.set()

    # The worker's side.

    def phase(self, name: str, *, total: int, step: int = 0) -> None:
        """Begin a phase of `total` steps, of which `step` were done before."""
        self._idle, self._phase_began, self._first_step = 0.0, time.perf_counter(), step
        self._set(state="running", phase=name, step=step, total=total, eta=None, message="")

    def advance(self, step: int, *, divergences: int = 0, message: str = "") -> None:
        """Say that `step` steps of the phase are done, and do what `check` does."""
        busy = time.perf_counter() - self._phase_began - self._idle
        done = step - self._first_step
        eta = busy / done * (self._progress.total - step) if done > 0 else None
        self._set(state="running", step=step, eta=eta, divergences=divergences, message=message, soon=False)
        self.check()

    def check(self) -> None:
        """Wait while paused; raise `Cancelled` if the user wants no more."""
        if not self._go.is_set():
            self._set(state="paused")
            with self._idling():
                self._go.wait()
            self._set(state="running")
        if self._cancel.is_set():
            raise Cancelled("the run was cancelled before it had any result")

    def keep(self, draws: Draws) -> None:
        """Add finished draws."""
        with self._lock:
            self._draws.append(draws)

    @contextlib.contextmanager
    def compiling(self) -> Iterator[None]:
        """The state while XLA compiles, which takes seconds and cannot be interrupted."""
        before = self._progress.state
        self._set(state="compiling")
        began = time.perf_counter()
        try:
            with self._idling():
                yield
        finally:
            self.compile_seconds += time.perf_counter() - began
            self._set(state="running" if before == "idle" else before)

    def end(self, state: str, message: str = "") -> None:
        """The last word: done, cancelled or error."""
        self._ended = time.perf_counter()
        self._set(state=state, message=message, eta=None)

    @contextlib.contextmanager
    def _idling(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._idle += time.perf_counter() - began

    def _set(self, *, soon: bool = True, **changes: object) -> None:
        self._progress = dataclasses.replace(self._progress, **changes)  # pyright: ignore[reportArgumentType]
        now = time.perf_counter()
        if self._on_progress is None or not (soon or now - self._told >= TELL_SECONDS):
            return
        self._told = now
        try:
            self._on_progress(self.progress)
        except Exception:
            # A listener's mistake must not cost the draws; it is told once and not asked again.
            self._on_progress = None
            logging.getLogger(__name__).exception("on_progress failed and is not called any more")
