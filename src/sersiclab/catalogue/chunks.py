"""A chunk of jobs: the task that a worker carries out. It returns rows, and writes nothing."""

import contextlib
import dataclasses
import pickle
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sersiclab._version import __version__
from sersiclab.catalogue.columns import BANDS, DONE, DRAWS, FAILED, TIMEOUT, JobRow
from sersiclab.catalogue.fitting_many import OutOfTime, Prepared, fit_all
from sersiclab.catalogue.job import Job
from sersiclab.catalogue.job_loading import Loaded, load
from sersiclab.catalogue.joint_measured import measured_together
from sersiclab.catalogue.measured import measured
from sersiclab.catalogue.method_texts import method_json
from sersiclab.catalogue.orphans import leave_with_parent
from sersiclab.catalogue.recipe_identity import model_json
from sersiclab.inference import MAP, AbstractMethod, Cancelled, Laplace
from sersiclab.inference.running.program import precision
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.compilation import cache_folder, persistent_cache
from sersiclab.runtime.errors import InputError, SersiclabError
from sersiclab.runtime.process import check_process


# Methods whose fits are computed again when they are asked for. Those of others are saved.
QUICK = (MAP, Laplace)


@dataclasses.dataclass(frozen=True, eq=False)
class JobTask:
    """A job with the identities of its recipe and its image, its seed, and the version of its row."""

    job: Job
    recipe: str
    image: str
    seed: int
    version: int = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Some jobs, and how to fit them: the method, double precision, the timeout, and whether rows keep the draws.

    `cache` is the folder of compiled programs that the process which made the chunk uses.
    """

    tasks: tuple[JobTask, ...]
    method: AbstractMethod
    double: bool = False
    timeout: float | None = None
    draws: bool = False
    cache: str | None = None


def fit_pickled(chunk: bytes) -> list[JobRow]:
    """Fit a chunk that was pickled, in a worker process.

    Raises `ValueError` if it can't be read: an executor that reads its arguments itself would lose the worker.
    """
    leave_with_parent()
    try:
        found = pickle.loads(chunk)
    except Exception as error:
        raise InputError(
            f"a worker can't read the jobs: {type(error).__name__}: {error}. The functions that they need must be in "
            "modules that the workers can import, not in a notebook"
        ) from error
    _share(found.cache)
    return fit_chunk(found)


def _share(cache: str | None) -> None:
    """Use the other process's cache of compiled programs, unless this one has its own or can't reach that."""
    if cache is not None and cache_folder() is None and Path(cache).is_dir():
        with contextlib.suppress(OSError):
            persistent_cache(cache)


def fit_chunk(chunk: Chunk, *, stopped: Callable[[], bool] = lambda: False) -> list[JobRow]:
    """Load the jobs, fit them, judge the fits, and return a row for each.

    Errors of a job become its row. Once `stopped` answers True, the jobs that are not finished have no row. Raises
    `StateError` in a process that can't use JAX.
    """
    check_process()
    with precision(chunk.double):
        loaded = []
        for task in chunk.tasks:
            if stopped():
                break
            loaded.append(load(task.job, timeout=chunk.timeout, double=chunk.double))
        fits = _fits(chunk, loaded, stopped)
        rows = [_row(chunk, *each) for each in zip(chunk.tasks, loaded, fits, strict=False)]
    return [row for row in rows if row is not None]


def _fits(chunk: Chunk, loaded: Sequence[Loaded], stopped: Callable[[], bool]) -> list[Fit | JointFit | BaseException]:
    """Return the fit of each job, or its error."""
    ready: dict[int, Prepared] = {}
    for place, each in enumerate(loaded):
        if isinstance(each.content, tuple):
            left = None if chunk.timeout is None else chunk.timeout - each.seconds
            ready[place] = Prepared(*each.content, chunk.tasks[place].seed, left)
    done = dict(zip(ready, fit_all(list(ready.values()), chunk.method, stopped=stopped), strict=True))
    return [each.content if isinstance(each.content, BaseException) else done[i] for i, each in enumerate(loaded)]


def _row(chunk: Chunk, task: JobTask, loaded: Loaded, fit: Fit | JointFit | BaseException) -> JobRow | None:
    """Return the row of a job; None if it was stopped."""
    if isinstance(fit, Cancelled):
        return None
    model = loaded.content[0] if isinstance(loaded.content, tuple) else None
    about: dict[str, Any] = {
        "id": task.job.id,
        "version": task.version,
        "seed": task.seed,
        "method": method_json(chunk.method),
        "recipe": task.recipe,
        "image": task.image,
        "notes": "\n".join(loaded.notes),
        "sersiclab": __version__,
    }
    if loaded.origin is not None:
        about |= {"x0": loaded.origin[0], "y0": loaded.origin[1]}
    if isinstance(fit, BaseException):
        return _failed(chunk, about, fit, model, loaded.seconds)
    try:
        return _finished(chunk, about, fit, loaded)
    except Exception as error:
        return _failed(chunk, about, error, model, loaded.seconds)


def _finished(chunk: Chunk, about: dict[str, Any], fit: Fit | JointFit, loaded: Loaded) -> JobRow:
    began = time.perf_counter()
    found = measured_together(fit, loaded.names) if isinstance(fit, JointFit) else measured(fit)
    if isinstance(fit, JointFit):
        about = {**about, BANDS: " ".join(label.name for label in fit.model.images)}
    verdict = fit.verdict
    draws = {f"{name}{DRAWS}": each for name, each in found.draws.items()} if chunk.draws else {}
    values = {
        **about,
        "status": DONE,
        "message": fit.message,
        "verdict": verdict.level,
        "reasons": "\n".join(verdict.reasons),
        "chi2": fit.chi2,
        "dof": fit.dof,
        "reduced_chi2": fit.reduced_chi2,
        "model": model_json(fit.model),
        **found.numbers,
        **draws,
    }
    values["seconds"] = loaded.seconds + sum(fit.timing.values()) + time.perf_counter() - began
    return JobRow(values, found.units, None if isinstance(chunk.method, QUICK) else fit)


def _failed(chunk: Chunk, about: dict[str, Any], error: BaseException, model: Model | None, seconds: float) -> JobRow:
    document = "" if model is None else model_json(model)
    late = isinstance(error, OutOfTime)
    status, message = (TIMEOUT, f"{error} of {chunk.timeout:g} s") if late else (FAILED, _message(error))
    return JobRow({**about, "status": status, "message": message, "seconds": seconds, "model": document})


def _message(error: BaseException) -> str:
    """Return the type and the text of an error; that of a bug, or of a user's function, with where it was raised."""
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SersiclabError | OSError) or not frames:
        return text
    last = frames[-1]
    return f"{text} (in {last.name}, {last.filename.rpartition('/')[2]} line {last.lineno}: {last.line})"


def lost_rows(chunk: Chunk, message: str) -> list[JobRow]:
    """Return rows for the jobs of a chunk that was lost with its worker."""
    about = {"method": method_json(chunk.method), "sersiclab": __version__, "status": FAILED, "message": message}
    about |= {"seconds": 0.0}
    return [
        JobRow({"id": t.job.id, "version": t.version, "seed": t.seed, "recipe": t.recipe, "image": t.image, **about})
        for t in chunk.tasks
    ]
