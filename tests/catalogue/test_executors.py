"""Other processes: those of the standard library, and Dask's, some of which are killed."""

import dataclasses
import multiprocessing
import pickle
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest
import sky_jobs
from sky_jobs import assert_same

import sersiclab as sl
from sersiclab.catalogue import chunks, dispatch


# Which compiles less than others in each process.
many = partial(sky_jobs.many, method=sl.MAP())
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def whole() -> sl.Catalogue:
    return many(sky_jobs.good(6))


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    """Two processes of the standard library."""
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        yield pool


@pytest.fixture(scope="module")
def dask() -> Iterator[Executor]:
    """Two processes of Dask."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
            yield client.get_executor()


def test_threads_give_the_same_rows(whole):
    with ThreadPoolExecutor(2) as pool:
        assert_same(many(sky_jobs.good(6), executor=pool, chunk=1), whole)


def test_two_processes_give_the_same_rows(pool, whole, tmp_path):
    found = many([*sky_jobs.bad(), *sky_jobs.good(6)], tmp_path, executor=pool, chunk=2)
    assert sorted(found.failed) == sorted(sky_jobs.BAD)
    assert_same(many(sky_jobs.good(6), executor=pool, chunk=1), whole)


def test_jobs_must_fit_through_the_door(pool):
    with pytest.raises(ValueError, match="job 'a' can't be sent to another process"):
        many([sl.Job("a", lambda: sky_jobs.sky(1), sky_jobs.MODEL)], executor=pool)


def test_what_workers_cannot_import_is_an_error(pool, monkeypatch):
    monkeypatch.setattr(sky_jobs.gone_later, "__module__", "sky_jobs_of_a_notebook")
    monkeypatch.setitem(sys.modules, "sky_jobs_of_a_notebook", sky_jobs)
    with pytest.raises(ValueError, match="a worker can't read the jobs: ModuleNotFoundError"):
        many([sl.Job("a", sky_jobs.gone_later, sky_jobs.MODEL)], executor=pool)


def test_a_killed_worker_costs_nothing_but_a_rerun(tmp_path):
    jobs = [*sky_jobs.good(2), sl.Job("killer", sky_jobs.sky(1), partial(sky_jobs.fatal_once, tmp_path / "mark"))]
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool, pytest.raises(RuntimeError, match="the same call, with"):
        many(jobs, tmp_path / "run", executor=pool, chunk=1)
    assert sl.read_catalogue(tmp_path / "run").failed == []
    found = many(jobs, tmp_path / "run")
    assert found.counts()["status"] == {"done": 3}


@pytest.mark.slow
def test_in_memory_a_killed_worker_leaves_rows():
    jobs = [sl.Job("killer", sky_jobs.sky(1), sky_jobs.fatal_recipe), *sky_jobs.good(2)]
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        found = many(jobs, executor=pool, chunk=1)
    assert "killer" in found.failed
    assert len(found) == 3
    assert "a worker process was killed" in found.table["message"][found.ids.index("killer")]
    assert found.retry([name for name in found.failed if name != "killer"], progress=False).failed == ["killer"]


def test_a_forked_process_is_refused(whole):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, about forks of processes with threads
        with pytest.raises(RuntimeError, match="this process was forked after its parent had used JAX"):
            many(sky_jobs.good(1), executor=pool)


def test_dask_gives_the_same_rows(dask, whole, tmp_path):
    found = many([*sky_jobs.bad(), *sky_jobs.good(6)], tmp_path, executor=dask, chunk=2)
    assert sorted(found.failed) == sorted(sky_jobs.BAD)
    assert_same(many(sky_jobs.good(6), executor=dask, chunk=1), whole)


def test_dask_replaces_a_killed_worker(dask, tmp_path):
    jobs = [*sky_jobs.good(4), sl.Job("killer", sky_jobs.sky(1), partial(sky_jobs.fatal_once, tmp_path / "mark"))]
    found = many(jobs, tmp_path / "run", executor=dask, chunk=5)
    assert (tmp_path / "mark").exists()
    assert_same(found, many(jobs))


@pytest.mark.slow
def test_a_job_that_kills_its_worker_again_and_again_is_a_row(dask):
    jobs = [*sky_jobs.good(4), sl.Job("killer", sky_jobs.sky(1), sky_jobs.fatal_recipe)]
    found = many(jobs, executor=dask, chunk=5)
    assert found.failed == ["killer"]
    assert "each worker that fitted this job was killed" in found.table["message"][found.ids.index("killer")]


def test_a_client_of_dask_is_no_executor(dask):
    with pytest.raises(TypeError, match=r"got Client; pass client.get_executor\(\)"):
        many([], executor=dask._client)


def test_workers_share_the_cache_of_programs(tmp_path, monkeypatch):
    used = []
    monkeypatch.setattr(chunks, "cache_folder", lambda: None)
    monkeypatch.setattr(chunks, "persistent_cache", used.append)
    chunk = chunks.Chunk((), sl.MAP(), cache=str(tmp_path))
    assert chunks.fit_pickled(pickle.dumps(chunk)) == []
    assert chunks.fit_pickled(pickle.dumps(dataclasses.replace(chunk, cache="/nowhere"))) == []
    monkeypatch.setattr(chunks, "cache_folder", lambda: "/own")
    assert chunks.fit_pickled(pickle.dumps(chunk)) == []
    assert used == [str(tmp_path)]


def test_large_images_are_sent_one_by_one(monkeypatch, whole):
    sent = []
    monkeypatch.setattr(dispatch, "MOST_BYTES", 10)
    monkeypatch.setattr(dispatch, "fit_pickled", lambda data: sent.append(data) or chunks.fit_pickled(data))
    with Synchronous() as executor:
        assert_same(many(sky_jobs.good(6), executor=executor, chunk=4), whole)
    assert len(sent) == 6


class Synchronous(Executor):
    """Works when it is asked to, in this thread."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future
