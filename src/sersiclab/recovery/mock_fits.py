"""Fits of mock galaxies, a few at a time, in a thread that reports its progress and can be cancelled."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sersiclab.data.image import Image
from sersiclab.inference.batch.together import fit_together, fits_together
from sersiclab.inference.running.background import BackgroundWork
from sersiclab.inference.running.monitor import Cancelled, Monitor, Progress
from sersiclab.inference.running.program import is_double
from sersiclab.inference.running.threads import processors
from sersiclab.model import Model
from sersiclab.parameters.priors import Angle
from sersiclab.recovery.mocks import Mock, Noise, mock_of, recovered_paths
from sersiclab.recovery.recovery import Recovery
from sersiclab.results import Fit, circular
from sersiclab.runtime.errors import InputError


NUMBER = 50
FEWEST = 5
# Mocks that are fitted at once: few at first, then as many as take about this time, so that progress shows.
FIRST, MOST, GROUP_SECONDS = 8, 32, 1.0

Row = tuple[float, float, float]  # truth, mean and sd


class MockOptions(NamedTuple):
    """The fits that mocks are like, how many mocks there are, and how they are made.

    `patches` of sky, one for each mock, take the place of noise that is made.
    """

    fits: Sequence[Fit]
    number: int = NUMBER
    noise: Noise = "residuals"
    psf: Any = None
    seed: int = 0
    patches: Sequence[Image] = ()


def refused(fit: Fit) -> str:
    """Return why there can be no mocks like this fit, in words; "" if there can."""
    if fit.draws and fits_together(fit.method):
        return ""
    return f"recover needs a fit with draws by Laplace(), and this one is by {type(fit.method).__name__}"


def begin_recovery(
    options: MockOptions, on_progress: Callable[[Progress], None] | None = None
) -> BackgroundWork[Recovery]:
    """Begin to make and fit mocks in a thread. The fits must not be `refused`, and have the same parameters.

    If it is cancelled, the result is the recovery of the finished mocks, or `Cancelled` is raised if there are fewer
    than `FEWEST`.
    """
    monitor = Monitor("recovery", on_progress)
    return BackgroundWork(monitor, lambda monitor: _recover(options, monitor), double=is_double())


class _Results:
    """The results of the mocks that are finished."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.rows: dict[str, list[Row]] = {path: [] for path in paths}
        self.failed: list[str] = []

    @property
    def fitted(self) -> int:
        return len(next(iter(self.rows.values())))

    @property
    def finished(self) -> int:
        return self.fitted + len(self.failed)

    def add(self, mock: Mock, found: Any) -> None:
        if not isinstance(found, Fit) or not found.draws:
            self.failed.append(found.message if isinstance(found, Fit) else str(found))
            return
        for path, rows in self.rows.items():
            rows.append(_row(found, path, mock.truth[path]))


def _recover(options: MockOptions, monitor: Monitor) -> Recovery:
    model, number = options.fits[0].model, options.number
    results, status = _Results(recovered_paths(model, patches=bool(options.patches))), "complete"
    try:
        _fit_mocks(options, results, monitor)
    except Cancelled:
        status = f"cancelled after {results.finished} of {number} mocks"
        if results.fitted < FEWEST:
            raise Cancelled(f"{status}; a recovery needs at least {FEWEST}") from None
    if results.fitted < 2:
        raise InputError(f"the mocks could not be fitted: {results.failed[0]}")
    recovery = _recovery(model, results, status)
    monitor.end("done" if status == "complete" else "cancelled", "" if status == "complete" else status)
    return recovery


def _fit_mocks(options: MockOptions, results: _Results, monitor: Monitor) -> None:
    size = min(processors(), FIRST)
    monitor.phase("mocks", total=options.number)
    while results.finished < options.number:
        began, compiled = time.perf_counter(), monitor.compile_seconds
        indices = range(results.finished, min(results.finished + size, options.number))
        for mock, found in _fitted(options, indices, monitor):
            results.add(mock, found)
        failed = f"{len(results.failed)} failed" if results.failed else ""
        if monitor.compile_seconds > compiled:  # the time of this group says nothing about that of the others
            monitor.phase("mocks", total=options.number, step=results.finished)
        else:
            fitting = int(size * GROUP_SECONDS / max(time.perf_counter() - began, 1e-6))
            size = min(max(fitting, processors()), 4 * size, MOST)
        monitor.advance(results.finished, message=failed)


def _fitted(options: MockOptions, indices: Sequence[int], monitor: Monitor) -> list[tuple[Mock, Any]]:
    """Return mocks and their fits. The number of a mock decides its seed, whatever group it is in."""
    fits, mocks, seeds = options.fits, [], []
    for i in indices:
        rng = np.random.default_rng([options.seed, i])
        patch = options.patches[i] if options.patches else None
        mocks.append(mock_of(fits[i % len(fits)], options.noise, options.psf, rng, patch=patch))
        seeds.append(int(rng.integers(2**31)))
        monitor.check()
    pairs = [(mock.model, mock.image) for mock in mocks]
    found = fit_together(pairs, fits[0].method, seeds, Monitor("recovery", part_of=monitor))
    return list(zip(mocks, found, strict=True))


def _row(fit: Fit, path: str, truth: float) -> Row:
    draws = fit.draws[path]
    if isinstance(fit.model.free[path], Angle):
        return truth, circular.mean(draws), circular.sd(draws)
    return truth, float(np.mean(draws)), float(np.std(draws, ddof=1))


def _recovery(model: Model, results: _Results, status: str) -> Recovery:
    columns: Mapping[str, np.ndarray] = {path: np.array(rows).T for path, rows in results.rows.items()}
    return Recovery(
        truth={path: each[0] for path, each in columns.items()},
        found={path: each[1] for path, each in columns.items()},
        sd={path: each[2] for path, each in columns.items()},
        failed=tuple(results.failed),
        angles=frozenset(path for path, prior in model.free.items() if isinstance(prior, Angle)),
        status=status,
    )
