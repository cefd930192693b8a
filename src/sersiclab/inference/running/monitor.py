"""The progress that the thread of a run reports, and the requests that it receives: pause, continue, stop."""

import contextlib
import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from sersiclab.runtime.errors import StateError


# Least time between two reports within a phase.
REPORT_SECONDS = 0.1
# Time of a chunk of steps, between which a run can be paused and cancelled.
CHUNK_SECONDS = 0.1
# For a step that takes less time than this, no estimate of its end is reported. A step takes up to twice as long as the
# longest of the last ones without surprise, and a cancelled run that needs half a second says so.
SOON_SECONDS = 0.25
# The number of looks at the monitor whose intervals count: those of an evaluation of a field of hundreds of sources,
# most of whose steps are short and some long.
RECENT = 1000

ChainDraws = Float[np.ndarray, "chain draw d"]


class Cancelled(StateError):
    """The run was cancelled before it had any result."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """The state of a run. Times are in seconds; `eta`, the time that remains, is None while it is unknown.

    `state` is idle, compiling, running, paused, done, cancelled or error. `step` counts up to `total` within `phase`;
    the warm-up and sampling of `NUTS` share one count. `message` is for the user.
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
    """The number of steps to take between two looks at the monitor: those of a tenth of a second."""

    def __init__(self, *, first: int, most: int) -> None:
        self.steps = first
        self._most = most

    def took(self, steps: int, seconds: float) -> None:
        """Adapt to the time of the last steps. Growth is gradual, because costs vary from step to step."""
        fitting = int(steps * CHUNK_SECONDS / max(seconds, 1e-6))
        self.steps = max(1, min(fitting, 4 * steps, self._most))


class _Look(threading.local):
    """The time of the last look of each thread."""

    at: float = -np.inf


class Monitor:
    """The connection between the thread of a run and the user, safe to use from several threads.

    The monitor of a step is `part_of` the monitor of the whole, which pauses and cancels it and reports its
    compilations, but not its phases.
    """

    def __init__(
        self, method: str, on_progress: Callable[[Progress], None] | None = None, *, part_of: "Monitor | None" = None
    ) -> None:
        self._whole = part_of
        self._lock = threading.Lock()
        self._go = threading.Event()
        self._go.set()
        self._cancel = threading.Event()
        self._progress = Progress("idle", method)
        self._on_progress = on_progress
        self._reported = -np.inf
        self._began = time.perf_counter()
        self._ended: float | None = None
        self._idle = 0.0  # seconds spent compiling or paused in this phase
        self._phase_began = self._began
        self._first_step = 0
        self._at_most = False
        self._looked = self._began  # the time of the last look of any thread
        self._look = _Look()
        # Seconds between two looks of a thread, for the last looks in this phase.
        self._intervals: deque[float] = deque(maxlen=RECENT)
        self._draws: list[ChainDraws] = []
        self._compiling, self._before = 0, "idle"  # how many threads compile, and the state when the first began
        self.compile_seconds = 0.0

    # The user's side.

    @property
    def progress(self) -> Progress:
        """The state of the run now."""
        now = time.perf_counter() if self._ended is None else self._ended
        progress = dataclasses.replace(self._progress, elapsed=now - self._began)
        if self._cancel.is_set() and self._ended is None:
            return dataclasses.replace(progress, eta=None, message=self._stopping(now))
        return progress

    @property
    def draws(self) -> ChainDraws | None:
        """The draws so far, parameters in the model's order; None before the first."""
        with self._lock:
            if len(self._draws) > 1:
                self._draws = [np.concatenate(self._draws, axis=1)]
            return self._draws[0] if self._draws else None

    def pause(self) -> None:
        """Stop after the current chunk, until `resume`."""
        self._go.clear()

    def resume(self) -> None:
        """Continue."""
        self._go.set()

    def cancel(self) -> None:
        """Stop for good after the current chunk. Until then the progress estimates when that will be."""
        self._cancel.set()
        self._go.set()

    def _stopping(self, now: float) -> str:
        """Return when a cancelled run will stop, in words."""
        if self._progress.state == "compiling":
            return "stops when the compilation has ended, which cannot be interrupted"
        with self._lock:
            longest, since = max(self._intervals, default=None), now - self._looked
        if longest is None:
            return "stops after this step, the first, whose length is not known yet"
        if max(longest, since) < SOON_SECONDS:
            return "stopping"
        # A step that is longer than the last ones may be half done.
        remaining = longest - since if since < longest else since
        return f"stops after this step, within about {max(1.0, remaining):.0f} s"

    # The worker's side.

    def phase(self, name: str, *, total: int, step: int = 0, at_most: bool = False) -> None:
        """Begin a phase of `total` steps (or `at_most` that many), of which `step` were done before."""
        self._idle, self._phase_began, self._first_step = 0.0, time.perf_counter(), step
        self._at_most = at_most
        with self._lock:
            self._looked = self._look.at = self._phase_began
            self._intervals.clear()
        self._set(state="running", phase=name, step=step, total=total, eta=None, message="")

    def advance(self, step: int, *, divergences: int = 0, message: str = "") -> None:
        """Report that `step` steps of the phase are done, then `check`."""
        busy = time.perf_counter() - self._phase_began - self._idle
        done = step - self._first_step
        eta = busy / done * (self._progress.total - step) if done > 0 and not self._at_most else None
        self._set(state="running", step=step, eta=eta, divergences=divergences, message=message, soon=False)
        self.check()

    def check(self) -> None:
        """Wait while paused. Raises `Cancelled` if the run was cancelled."""
        if self._whole is not None:
            self._whole.check()
            return
        now = time.perf_counter()
        with self._lock:
            if self._look.at >= self._phase_began:
                self._intervals.append(now - self._look.at)
            self._looked = self._look.at = now
        if not self._go.is_set():
            self._set(state="paused")
            with self._idling():
                self._go.wait()
            self._set(state="running")
        if self._cancel.is_set():
            raise Cancelled("the run was cancelled before it had any result")

    def keep(self, draws: ChainDraws) -> None:
        """Add finished draws."""
        with self._lock:
            self._draws.append(draws)

    @contextlib.contextmanager
    def compiling(self) -> Iterator[None]:
        """Report that XLA compiles, which takes seconds and cannot be interrupted."""
        self._begin_compiling()
        began = time.perf_counter()
        try:
            with self._idling(), contextlib.nullcontext() if self._whole is None else self._whole.compiling():
                yield
        finally:
            self.compile_seconds += time.perf_counter() - began
            self._end_compiling()

    def _begin_compiling(self) -> None:
        with self._lock:
            self._compiling += 1
            if self._compiling == 1:
                self._before = self._progress.state
        self._set(state="compiling")

    def _end_compiling(self) -> None:
        with self._lock:
            self._compiling -= 1
            last = self._compiling == 0
        if last:
            self._set(state="running" if self._before == "idle" else self._before)

    def end(self, state: str, message: str = "") -> None:
        """Report the last state: done, cancelled or error."""
        self._ended = time.perf_counter()
        self._set(state=state, message=message, eta=None)

    @contextlib.contextmanager
    def _idling(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        self._idle += seconds
        with self._lock:
            self._looked += seconds
            self._look.at += seconds

    def _set(self, *, soon: bool = True, **changes: object) -> None:
        self._progress = dataclasses.replace(self._progress, **changes)  # pyright: ignore[reportArgumentType]
        now = time.perf_counter()
        if self._on_progress is None or not (soon or now - self._reported >= REPORT_SECONDS):
            return
        self._reported = now
        try:
            self._on_progress(self.progress)
        except Exception:
            # An error in the user's function must not cost the draws: it is logged, and the function not called again.
            self._on_progress = None
            logging.getLogger(__name__).exception("on_progress failed and is not called any more")
