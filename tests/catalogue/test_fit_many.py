"""`fit_many`: rows do not depend on how the run went, and another run is refused."""

import itertools
import json
from functools import partial

import numpy as np
import pytest
import sky_jobs
from sky_jobs import assert_same, many

import sersiclab as sl
from sersiclab.catalogue.folder_lock import locked
from sersiclab.documents import storage


@pytest.fixture(scope="module")
def whole() -> sl.Catalogue:
    return many(sky_jobs.good(6), draws=True)


def test_a_row_is_that_of_one_fit(whole):
    assert whole.ids == [f"g{number}" for number in range(6)]
    row = whole.table[3]
    fit = sl.fit(sky_jobs.MODEL, sky_jobs.sky(3), sl.Laplace(draws=50), seed=int(row["seed"]), progress=False)
    one = fit.to_table()[0]
    for name in ("sky_level", "sky_level_err", "chi2", "dof", "reduced_chi2", "verdict"):
        assert row[name] == one[name], name
    assert row["sky_level_best"].value == fit.best["sky.level"]
    summary = fit.summary().loc["sky.level"]
    np.testing.assert_allclose(
        [row[f"sky_level_q{q}"].value for q in (16, 50, 84)], summary[["q16", "q50", "q84"]].astype(float)
    )
    np.testing.assert_array_equal(row["sky_level_draws"].value, fit.draws["sky.level"][0])
    assert row["sky_level"].unit == one["sky_level"].unit


def test_the_fit_of_a_row_is_computed_again(whole):
    fit = whole.fit("g4")
    assert fit.best["sky.level"] == whole.table["sky_level_best"][4].value
    np.testing.assert_array_equal(fit.draws["sky.level"][0], whole.table["sky_level_draws"][4].value)
    with pytest.raises(KeyError, match="no galaxy 'x'"):
        whole.fit("x")


def test_order_chunks_and_resuming_change_nothing(whole, tmp_path):
    jobs = sky_jobs.good(6)
    assert_same(many(jobs[::-1], chunk=4, draws=True), whole)
    many(jobs[3:5], tmp_path / "run", draws=True)
    resumed = many(jobs[::-1], tmp_path / "run", chunk=1, draws=True)
    assert_same(resumed, whole)
    assert_same(sl.read_catalogue(tmp_path / "run"), whole)
    assert sorted(path.name for path in (tmp_path / "run").glob("part-*")) == [
        f"part-{number:06d}.parquet" for number in range(1, 6)
    ]
    times = [path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.*")]
    many(jobs, tmp_path / "run", draws=True)
    assert [path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.*")] == times


def test_failures_are_rows_and_others_are_untouched(whole):
    jobs = [*sky_jobs.good(3), *sky_jobs.bad(), sl.Job("slow", partial(sky_jobs.sky, 1), sky_jobs.sleeping_recipe)]
    found = many(jobs, timeout=1.0, draws=True)
    assert found.failed == ["masked", "nan", "no file", "psf", "recipe", "slow"]
    assert found.counts()["status"] == {"failed": 5, "done": 3, "timeout": 1}
    messages = dict(zip(found.ids, found.table["message"], strict=True))
    for name, text in sky_jobs.BAD.items():
        assert messages[name].startswith(text)
    assert "(in broken_recipe, sky_jobs.py line" in messages["recipe"]
    assert "timeout of 1 s" in messages["slow"]
    rows = [found.ids.index(name) for name in ("g0", "g1", "g2")]
    np.testing.assert_array_equal(found.table["sky_level"][rows], whole.table["sky_level"][:3])
    assert np.isnan(found.table["sky_level"].value[found.ids.index("nan")])
    with pytest.raises(ValueError, match="'nan' has no fit: InputError: data must be finite"):
        found.fit("nan")


def test_warnings_of_a_recipe_are_notes():
    found = many([sl.Job("a", sky_jobs.sky(1), sky_jobs.model_with_a_warning), *sky_jobs.good(1)], method=sl.MAP())
    assert found.table["notes"].tolist() == ["this galaxy is odd", ""]


def test_a_fit_beyond_its_timeout_is_a_row(monkeypatch):
    job = sl.Job("a", sky_jobs.sky(1), sky_jobs.MODEL)
    found = many([job], method=sl.NUTS(warmup=100_000, draws=100_000, chains=1), timeout=2.0)
    assert found.table["status"].tolist() == ["timeout"]
    assert "timeout of 2 s" in found.table["message"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": sl.MAP()}, r"the method was Laplace\(draws=50\), now it is MAP\(\)"),
        ({"method": sl.Laplace(draws=60)}, r"was Laplace\(draws=50\), now it is Laplace\(draws=60\)"),
        ({"seed": 1}, "seed was 0, now it is 1"),
        ({"draws": True}, "draws was False, now it is True"),
    ],
)
def test_another_configuration_is_refused(tmp_path, options, message):
    many(sky_jobs.good(1), tmp_path)
    with pytest.raises(ValueError, match=message):
        many(sky_jobs.good(2), tmp_path, **options)
    assert sl.read_catalogue(tmp_path).ids == ["g0"]


def test_another_precision_is_refused(tmp_path, x64):
    many(sky_jobs.good(1), tmp_path)
    with sl.inference.running.program.precision(False), pytest.raises(ValueError, match="precision was double"):
        many(sky_jobs.good(1), tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (sky_jobs.model_of, sky_jobs.other_model_of, "sky_jobs.model_of.*, now it is sky_jobs.other_model_of"),
        (sky_jobs.model_of, partial(sky_jobs.model_of, width=2.0), r"job 'g0' with another model: .*\(width=2.0\)"),
        (
            sky_jobs.MODEL,
            sky_jobs.model_of,
            "job 'g0' with another model: it was Model#.*, now it is sky_jobs.model_of",
        ),
        (
            sky_jobs.MODEL,
            sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 2.0))}),
            "job 'g0' with another model: sky.level.scale was 1.0, now it is 2.0",
        ),
    ],
)
def test_another_model_is_refused(tmp_path, before, after, message):
    many(sky_jobs.good(1, before), tmp_path)
    with pytest.raises(ValueError, match=message):
        many(sky_jobs.good(2, after), tmp_path)
    with pytest.raises(ValueError, match="job 'g0' with another model"):
        many(iter(sky_jobs.good(2, after)), tmp_path)


def test_new_galaxies_made_by_another_recipe_are_refused_too(tmp_path):
    many(sky_jobs.good(1, sky_jobs.model_of), tmp_path)
    with pytest.raises(ValueError, match=r"the model was made by sky_jobs\.model_of"):
        many(sky_jobs.good(1, sky_jobs.other_model_of, first=5), tmp_path)


def test_other_versions_are_noted(tmp_path):
    many(sky_jobs.good(1), tmp_path)
    about = json.loads((tmp_path / "run.json").read_text())
    about["versions"][0]["sersiclab"] = "0.0.1"
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.warns(UserWarning, match=r"sersiclab 0\.0\.1, now"):
        many(sky_jobs.good(2), tmp_path)
    assert many(sky_jobs.good(2), tmp_path).ids == ["g0", "g1"]
    assert len(json.loads((tmp_path / "run.json").read_text())["versions"]) == 2


def test_ids_must_differ():
    jobs = [*sky_jobs.good(3), *sky_jobs.good(1, first=1)]
    with pytest.raises(ValueError, match="two jobs have the id 'g1'"):
        many(jobs)
    with pytest.raises(ValueError, match="two jobs have the id 'g1'"):
        many(iter(jobs))


def test_jobs_are_read_as_the_run_proceeds(tmp_path):
    read = []

    def endless():
        for number in itertools.count():
            read.append(number)
            yield sl.Job(number, sky_jobs.sky(number), sky_jobs.MODEL)
            if number == 9:
                raise KeyboardInterrupt

    found = many(endless(), tmp_path, sl.MAP(), chunk=2)
    assert len(read) == 10
    assert len(found) >= 6
    with pytest.raises(RuntimeError, match="the jobs are not at hand"):
        found.fit("1")


def test_a_full_disk_is_an_error_after_which_a_rerun_completes(tmp_path, monkeypatch):
    jobs, sync, calls = sky_jobs.good(4), storage.os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "fsync", full)
        with pytest.raises(OSError, match="No space left") as caught:
            many(jobs, tmp_path, chunk=1)
    assert "the same call does the rest" in caught.value.__notes__[0]
    assert 0 < len(sl.read_catalogue(tmp_path)) < 4
    assert_same(many(jobs, tmp_path, chunk=1), many(jobs))


def test_an_error_of_reading_the_jobs_says_nothing_of_the_disk(tmp_path):
    def jobs():
        yield from sky_jobs.good(1)
        raise FileNotFoundError("list of jobs")

    with pytest.raises(FileNotFoundError, match="list of jobs") as caught:
        many(jobs(), tmp_path, chunk=1)
    assert not hasattr(caught.value, "__notes__")


def test_one_run_at_a_time_writes_to_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(RuntimeError, match="another run is writing to"):
        many(sky_jobs.good(1), tmp_path)
    assert len(many(sky_jobs.good(1), tmp_path)) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"jobs": 5}, TypeError, "jobs must be a list"),
        ({"jobs": [1]}, TypeError, "jobs must hold Job objects, got int at position 0"),
        ({"method": "laplace"}, TypeError, "method must be an object"),
        ({"executor": 3}, TypeError, "executor must be a concurrent.futures.Executor"),
        ({"timeout": -1}, ValueError, "timeout must be positive"),
        ({"timeout": "1"}, TypeError, "timeout must be a number of seconds"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1"),
        ({"seed": -1}, TypeError, "seed must be a whole number"),
        ({"folder": 3}, TypeError, "folder must be a text or a Path"),
    ],
)
def test_arguments_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        many(**({"jobs": []} | arguments))


def test_no_jobs_make_an_empty_catalogue(tmp_path):
    assert len(many([])) == len(many([], tmp_path)) == len(many([]).table) == 0
    assert repr(many([])).startswith("Catalogue(0 galaxies in memory")
