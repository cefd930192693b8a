"""`fit_many`: the fits of many galaxies."""

import dataclasses
from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from sersiclab.catalogue.catalogue import Catalogue
from sersiclab.catalogue.folder_lock import locked
from sersiclab.catalogue.job import Job
from sersiclab.catalogue.job_tasks import KnownRows, first_tasks, survey
from sersiclab.catalogue.parquet import need_pyarrow
from sersiclab.catalogue.run_arguments import checked_executor, checked_jobs, checked_method, checked_timeout
from sersiclab.catalogue.run_folder import RunConfiguration, RunFolder
from sersiclab.catalogue.run_many import Plan, run_tasks
from sersiclab.catalogue.stores import AbstractStore, MemoryStore
from sersiclab.documents import storage
from sersiclab.inference import AbstractMethod, Laplace
from sersiclab.inference.running.program import is_double
from sersiclab.parameters.scalars import check_count
from sersiclab.runtime.errors import InputError
from sersiclab.runtime.seeds import checked_seed


def fit_many(
    jobs: Iterable[Job],
    method: AbstractMethod = Laplace(),  # noqa: B008 (frozen)
    *,
    folder: str | Path | None = None,
    executor: Executor | None = None,
    seed: int = 0,
    timeout: float | None = None,
    chunk: int | None = None,
    draws: bool = False,
    progress: bool = True,
) -> Catalogue:
    """Fit many galaxies, each with its own model, and return their catalogue.

    Each galaxy has a row, whether its fit succeeds or not. With a folder, rows are written as they are finished, and
    the same call after an interruption, or a crash, fits only the galaxies that have no row. A call with another
    method, seed, precision or model, or with another image of a galaxy that has a fit, is refused. The numbers of a row
    depend on the seed of the run and on the galaxy alone, not on the order of the jobs, on the other jobs, on the
    executor, or on interruptions.

    Ctrl-C keeps the rows that are finished, and returns their catalogue if there are any; a second Ctrl-C leaves at
    once.

    Arguments:
        jobs: the jobs, as a list or as any iterable, which is read as the run proceeds. Their ids must differ.
        method: the method of inference with its options.
        folder: where to write the rows, as Parquet files; needs the package pyarrow. By default the catalogue is kept
            in memory.
        executor: fits in other processes: any `concurrent.futures.Executor`, such as `ProcessPoolExecutor(4,
            mp_context=multiprocessing.get_context("spawn"))`, or `client.get_executor()` of a Dask client. Only this
            process writes files. By default the fits run in this process.
        seed: the seed of the run. The seed of a job follows from it and from the job's id.
        timeout: seconds after which a job is given up; the compilation of programs does not count. By default never.
        chunk: the number of jobs that a worker takes at a time. It does not change the results.
        draws: whether rows hold the draws of every quantity too.
        progress: whether to show a progress bar.

    Returns:
        The catalogue of all rows: in the folder, or of this call.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument has an impossible value, two jobs have one id, or the folder holds a run with another
            configuration; the message names the difference.
        OSError: a file can't be written. The same call does the rest, once there is space.
        RuntimeError: another process is writing to the folder, or the executor has lost its workers. With a folder the
            same call, with another executor, does the rest.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> images = {name: sl.Image(np.full((4, 5), level), sigma=1.0) for name, level in [("a", 1.0), ("b", 2.0)]}
        >>> jobs = [sl.Job(name, image, model) for name, image in images.items()]
        >>> catalogue = sl.fit_many(jobs, sl.MAP(), progress=False)
        >>> catalogue.counts()["status"]
        {'done': 2}
        >>> catalogue.table["sky_level"].value.round(3).tolist()
        [0.952, 1.905]
    """
    if chunk is not None:
        check_count("chunk", chunk, least=1)
    plan = Plan(
        method=checked_method(method),
        seed=checked_seed(seed),
        double=is_double(),
        timeout=checked_timeout(timeout),
        chunk=chunk,
        draws=bool(draws),
        progress=bool(progress),
    )
    jobs, executor = checked_jobs(jobs), checked_executor(executor)
    if folder is None:
        store = MemoryStore()
        configuration = _run(jobs, plan, store, executor)
    else:
        store = RunFolder(_made(folder))
        with locked(store.path):
            configuration = _run(jobs, plan, store, executor)
    return Catalogue(store, configuration, None if isinstance(jobs, Iterator) else jobs)


def _run(jobs: Iterable[Job], plan: Plan, store: AbstractStore, executor: Executor | None) -> RunConfiguration:
    """Fit the jobs that have no row in the store."""
    configuration = RunConfiguration(plan.method, plan.seed, plan.double, plan.draws)
    if isinstance(store, RunFolder):
        store.check(configuration)
    known = KnownRows.of(store)
    found = survey(jobs, known)
    configuration = dataclasses.replace(configuration, recipes=found.recipes)
    if isinstance(store, RunFolder):
        store.begin(configuration)
    total = len(jobs) if isinstance(jobs, Sized) else None
    run_tasks(first_tasks(jobs, plan.seed, known), plan, store, executor, total=total, done=found.done)
    return configuration


def _made(folder: Any) -> Path:
    """Return the path of a folder, which is made if it does not exist. Raises if pyarrow is not installed."""
    need_pyarrow()
    path = storage.user_path(folder, "folder")
    if path.exists() and not path.is_dir():
        raise InputError(f"folder must be a folder, got the file {path}")
    path.mkdir(parents=True, exist_ok=True)
    return path
