"""A run over real galaxies that `kill -9` ends at any moment: the same call gives what an unbroken run gives."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import galaxy_jobs
import numpy as np
import pytest
from sky_jobs import assert_same, many

import sersiclab as sl


pytestmark = pytest.mark.slow
SPAWN = multiprocessing.get_context("spawn")
SCRIPT = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import galaxy_jobs, sky_jobs
from sersiclab.catalogue import run_many

if __name__ == "__main__":
    run_many.PART_SECONDS = 0.0
    pool = ProcessPoolExecutor(int(sys.argv[4]), mp_context=multiprocessing.get_context("spawn"))
    sky_jobs.many(galaxy_jobs.jobs(Path(sys.argv[2])), sys.argv[3], executor=pool, chunk=1)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("galaxies") / "files"
    galaxy_jobs.write(folder)
    return folder


@pytest.fixture(scope="module")
def whole(files: Path) -> sl.Catalogue:
    return many(galaxy_jobs.jobs(files))


def test_what_cannot_be_fitted_is_a_row_and_the_others_are_untouched(files: Path, whole: sl.Catalogue) -> None:
    messages = dict(zip(whole.ids, whole.table["message"], strict=True))
    assert sorted(whole.failed) == sorted(galaxy_jobs.BROKEN)
    for name, text in galaxy_jobs.BROKEN.items():
        assert text in messages[name]
    alone = many([job for job in galaxy_jobs.jobs(files) if job.id not in galaxy_jobs.BROKEN])
    rows = [whole.ids.index(name) for name in alone.ids]
    for name in set(alone.table.colnames) - {"seconds"}:
        np.testing.assert_array_equal(np.asarray(whole.table[name])[rows], np.asarray(alone.table[name]), err_msg=name)
    assert np.isfinite(alone.table["galaxy_r_eff"].value).all()


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_it_is_completed_by_another_number_of_workers_in_another_order(tmp_path, files, whole, before, after):
    killed(tmp_path, files, before)
    held = sl.read_catalogue(tmp_path / "run")
    assert 3 <= len(held) < len(whole)
    with ProcessPoolExecutor(after, mp_context=SPAWN) as pool:
        found = many(galaxy_jobs.jobs(files)[::-1], tmp_path / "run", chunk=5, executor=pool)
    assert_same(found, whole)
    assert_same(sl.read_catalogue(tmp_path / "run"), whole)
    assert len(found.store.read()) == len(whole)
    rows = [found.ids.index(name) for name in held.ids]
    np.testing.assert_array_equal(found.table["seconds"][rows], held.table["seconds"])


def killed(folder: Path, files: Path, workers: int) -> None:
    """Run the script in other processes, and kill the one that writes once it has written three parts."""
    script = folder / "run.py"
    script.write_text(SCRIPT)
    arguments = [sys.executable, str(script), str(Path(__file__).parent), str(files), str(folder / "run"), str(workers)]
    run, until = subprocess.Popen(arguments, stderr=subprocess.PIPE), time.monotonic() + 300
    while len(list((folder / "run").glob("part-*"))) < 3 and run.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(run.pid, signal.SIGKILL)
    _, said = run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL, said.decode()
