"""Runs that are killed, or interrupted by Ctrl-C, and continued by the same call."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sky_jobs
from sky_jobs import assert_same, many

import sersiclab as sl
from sersiclab.catalogue import run_many
from sersiclab.catalogue.dispatch import Dispatcher
from sersiclab.catalogue.run_folder import RunFolder


JOBS = 8
# The run, which kills itself when its third part is written, or while it is being written.
SCRIPT = """
import multiprocessing, os, signal, sys
from concurrent.futures import ProcessPoolExecutor
sys.path.insert(0, sys.argv[1])
import sky_jobs
from sersiclab.catalogue import run_folder, run_many
from sersiclab.documents import storage

folder, when, workers = sys.argv[2], sys.argv[3], int(sys.argv[4])
add, sync, parts = run_folder.RunFolder.add, storage.os.fsync, []

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def add_or_kill(self, rows):
    parts.append(rows)
    if when == "writing" and len(parts) == 3:
        storage.os.fsync = lambda descriptor: kill()
    add(self, rows)
    if when == "between" and len(parts) == 3:
        kill()

if __name__ == "__main__":
    run_folder.RunFolder.add = add_or_kill
    run_many.PART_SECONDS = 0.0
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn) if workers else None
    sky_jobs.many(sky_jobs.good(8), folder, executor=pool, chunk=2)
"""


def killed(folder: Path, when: str, workers: int = 0) -> None:
    """Run the script in a file, which spawned processes import, until it kills itself."""
    script = folder / "run.py"
    script.write_text(SCRIPT)
    arguments = [str(Path(__file__).parent), str(folder / "run"), when, str(workers)]
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.fixture(scope="module")
def whole() -> sl.Catalogue:
    return many(sky_jobs.good(JOBS))


@pytest.mark.parametrize(
    ("when", "parts", "workers"),
    [("between", 3, 0), ("writing", 2, 0), pytest.param("between", 3, 2, marks=pytest.mark.slow)],
)
def test_a_killed_run_is_completed_by_the_same_call(tmp_path, whole, when, parts, workers):
    killed(tmp_path, when, workers)
    assert len(list(RunFolder(tmp_path / "run").parts())) == parts
    assert len(sl.read_catalogue(tmp_path / "run")) == 2 * parts
    assert_same(many(sky_jobs.good(JOBS)[::-1], tmp_path / "run", chunk=3), whole)


def interrupting(jobs, after: int):
    """Yield jobs, and press Ctrl-C before the job of this number."""
    for number, job in enumerate(jobs):
        if number == after:
            os.kill(os.getpid(), signal.SIGINT)
        yield job


def test_ctrl_c_keeps_what_is_finished(tmp_path, whole):
    found = many(interrupting(sky_jobs.good(JOBS), 4), tmp_path, chunk=1)
    assert found.ids == [f"g{number}" for number in range(4)]
    assert sl.read_catalogue(tmp_path).ids == found.ids
    assert_same(many(sky_jobs.good(JOBS), tmp_path), whole)


def test_ctrl_c_in_memory_returns_what_is_finished():
    assert many(interrupting(sky_jobs.good(JOBS), 3), chunk=1).ids == ["g0", "g1", "g2"]


def test_ctrl_c_before_anything_is_finished_is_raised(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        many(interrupting(sky_jobs.good(JOBS), 0), tmp_path)


def test_a_second_ctrl_c_leaves_at_once(tmp_path, monkeypatch, whole):
    """While the rows that are finished are collected."""

    def pressed_again(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Dispatcher, "finished", pressed_again)
        with pytest.raises(KeyboardInterrupt):
            many(interrupting(sky_jobs.good(JOBS), 4), tmp_path, chunk=1)
    assert len(sl.read_catalogue(tmp_path)) >= 3
    assert_same(many(sky_jobs.good(JOBS), tmp_path), whole)


def test_ctrl_c_stops_a_fit():
    """A long one, in this process."""
    jobs = [sl.Job("long", sky_jobs.sky(1), sky_jobs.model_with_ctrl_c)]
    with pytest.raises(KeyboardInterrupt):
        many(jobs, method=sl.NUTS(warmup=100_000, draws=100_000, chains=1))


def test_rows_whose_writing_is_interrupted_are_written_all_the_same(tmp_path, monkeypatch):
    add, calls = RunFolder.add, []

    def interrupted(self, rows):
        calls.append(rows)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(self, rows)

    monkeypatch.setattr(RunFolder, "add", interrupted)
    with ThreadPoolExecutor(1) as pool:
        found = many(sky_jobs.good(6), tmp_path, chunk=2, executor=pool)
    assert set(found.ids) >= {"g0", "g1", "g2", "g3"}


def test_fast_fits_share_a_file_and_are_all_written(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(run_many, "PART_SECONDS", 1e3)
    assert_same(many(sky_jobs.good(JOBS), tmp_path, chunk=1), whole)
    assert len(list(RunFolder(tmp_path).parts())) == 2
    found = many(interrupting(sky_jobs.good(12), 11), tmp_path, chunk=1)
    assert len(found) == len(sl.read_catalogue(tmp_path)) == 11
