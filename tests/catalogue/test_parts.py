"""Many small parts of a run are merged, whatever interrupts that, and whoever reads them meanwhile."""

from pathlib import Path

import numpy as np
import pytest
import sky_jobs
from sky_jobs import assert_same, many

import sersiclab as sl
from sersiclab.catalogue import run_folder
from sersiclab.catalogue.run_folder import RunFolder


JOBS = 14


@pytest.fixture(scope="module")
def whole() -> sl.Catalogue:
    return many(sky_jobs.good(JOBS), draws=True)


def parts(folder: Path) -> list[Path]:
    return list(RunFolder(folder).parts())


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(run_folder, "MOST_SMALL", 3)


def test_small_parts_are_merged(tmp_path, whole):
    found = many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True)
    assert len(parts(tmp_path)) <= 3
    assert_same(found, whole)
    assert len(found.store.read()) == JOBS
    stored, held = (catalogue.store.read() for catalogue in (found, whole))
    assert stored.units == held.units
    for name in set(held.arrays) - {"seconds"}:
        order = np.argsort(stored.arrays["id"]), np.argsort(held.arrays["id"])
        for one, other in zip(stored.arrays[name][order[0]], held.arrays[name][order[1]], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)


def test_large_parts_are_left_alone(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(run_folder, "SMALL_BYTES", 0)
    assert_same(many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True), whole)
    assert len(parts(tmp_path)) == JOBS


def test_a_run_of_many_parts_is_resumed(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "MOST_SMALL", 100)
        many(sky_jobs.good(JOBS - 1), tmp_path, chunk=1, draws=True)
    assert len(parts(tmp_path)) == JOBS - 1
    assert_same(many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True), whole)
    assert len(parts(tmp_path)) <= 3


@pytest.mark.parametrize("after", [0, 2])
def test_a_merge_that_is_interrupted_loses_nothing(tmp_path, monkeypatch, whole, after):
    unlink, calls = Path.unlink, []

    def interrupted(self, missing_ok=False):
        if self.name.startswith("part-"):
            calls.append(self)
            if len(calls) > after:
                raise OSError(28, "No space left on device")
        unlink(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", interrupted)
        with pytest.raises(OSError, match="No space left"):
            many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True)
    stopped = sl.read_catalogue(tmp_path)
    assert stopped.ids == [f"g{number}" for number in range(4)]
    assert len(stopped.store.read()) == 4 + 3 - after
    assert_same(many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True), whole)
    assert len(sl.read_catalogue(tmp_path).store.read()) == JOBS


def test_ctrl_c_during_a_merge_keeps_what_is_finished(tmp_path, monkeypatch, whole):
    unlink, calls = Path.unlink, []

    def interrupted(self, missing_ok=False):
        unlink(self, missing_ok=missing_ok)
        calls.extend([self] if self.name.startswith("part-") else [])
        if len(calls) == 1:
            calls.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", interrupted)
    stopped = many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True)
    assert 4 <= len(stopped) < JOBS
    assert_same(many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True), whole)
    assert len(parts(tmp_path)) <= 3


def test_parts_that_are_merged_while_they_are_read_are_read_again(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(run_folder, "MOST_SMALL", 100)
    many(sky_jobs.good(JOBS), tmp_path, chunk=1, draws=True)
    read, calls = run_folder.read_parquet, []

    def slow(path, **options):
        calls.append(path)
        if len(calls) == 5:
            monkeypatch.setattr(run_folder, "read_parquet", read)
            RunFolder(tmp_path)._merge(parts(tmp_path)[:10])
            monkeypatch.setattr(run_folder, "read_parquet", slow)
        return read(path, **options)

    monkeypatch.setattr(run_folder, "read_parquet", slow)
    assert_same(sl.read_catalogue(tmp_path), whole)
    assert len(calls) == 4 + 1 + 5
