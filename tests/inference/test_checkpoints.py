"""Checkpoints: a run that was stopped goes on from its file, with the draws of one that was not."""

import warnings

import numpy as np
import pytest

from sersiclab.documents import storage
from sersiclab.inference import NUTS, SVI, Laplace, fit, sampler, start
from sersiclab.inference.running import checkpoints
from sersiclab.inference.running.checkpoints import Checkpoint
from sersiclab.inference.running.monitor import Monitor, Pace
from sersiclab.parameters.priors import Normal


METHOD = NUTS(warmup=60, draws=120)
FLOW = SVI(guide="flow", steps=20)


@pytest.fixture
def stop(monkeypatch):
    """`stop(at)` cancels the next run at this step, and at none any more after that; chunks are of two steps."""
    advance, steps = Monitor.advance, []
    monkeypatch.setattr(Pace, "took", lambda *arguments: None)

    def advance_or_cancel(self, step, **counts):
        if steps and self.progress.phase in ("warm-up", "sampling") and step >= steps[0]:
            steps.clear()
            self.cancel()
        advance(self, step, **counts)

    monkeypatch.setattr(Monitor, "advance", advance_or_cancel)
    return steps.append


def same(one, other):
    assert one.status == other.status == "complete"
    assert one.method == other.method
    assert one.best == other.best
    for path, draws in one.draws.items():
        np.testing.assert_array_equal(draws, other.draws[path])
    for name, values in one.stats.items():
        np.testing.assert_array_equal(values, other.stats[name])
    np.testing.assert_array_equal(one.covariance, other.covariance)


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        (METHOD, [1, 10, 30, 59, 60, 61, 100]),
        (NUTS(warmup=0, draws=20, chains=1), [5]),
        (NUTS(warmup=20, draws=20, adapt_mass=False), [10, 30]),
        pytest.param(
            NUTS(warmup=20, draws=20, transport=SVI(guide="flow", steps=20)), [10, 30], marks=pytest.mark.slow
        ),
        pytest.param(NUTS(warmup=20, draws=20, transport=SVI(steps=20)), [30], marks=pytest.mark.slow),
    ],
    ids=["bent", "no warm-up", "steps alone", "flow", "normal guide"],
)
def test_a_stopped_run_goes_on_from_its_file(blob, tmp_path, stop, method, steps):
    """Whether it was stopped in the warm-up, between its windows or among the draws, and again and again."""
    model, image, _ = blob()
    whole = fit(model, image, method, seed=3, progress=False)
    path = tmp_path / "run.asdf"
    for step in steps:
        stop(step)
        part = fit(model, image, method, seed=3, progress=False, checkpoint=path)
        assert part.status.startswith("cancelled")
        # The whole state is in the file; nothing is in memory.
        assert storage.read(path, "checkpoint")["state"]["window"] <= 4
    resumed = fit(model, image, method, seed=3, progress=False, checkpoint=path)
    same(resumed, whole)
    assert resumed.timing["run"] > 0
    assert [file.name for file in tmp_path.iterdir()] == ["run.asdf"]


def test_in_double_precision(blob, tmp_path, stop, x64):
    model, image, _ = blob()
    whole = fit(model, image, METHOD, progress=False)
    stop(90)
    fit(model, image, METHOD, progress=False, checkpoint=tmp_path / "run.asdf")
    same(fit(model, image, METHOD, progress=False, checkpoint=tmp_path / "run.asdf"), whole)


def test_a_run_that_has_ended_gives_its_draws_at_once(blob, tmp_path, monkeypatch):
    model, image, _ = blob()
    first = fit(model, image, METHOD, progress=False, checkpoint=tmp_path / "run.asdf")

    def fail(*arguments, **options):
        raise AssertionError("a run that has ended draws again")

    monkeypatch.setattr(sampler.Sampler, "_chunk", fail)
    same(fit(model, image, METHOD, progress=False, checkpoint=tmp_path / "run.asdf"), first)


def test_the_state_is_written_as_often_as_asked_for(blob, tmp_path, monkeypatch):
    model, image, _ = blob()
    written, write, now = [], Checkpoint.write, [0.0]

    def note(self, monitor, state):
        written.append(now[0])
        write(self, monitor, state)

    def tick(self, step, **counts):
        now[0] += 1.0  # a second for each chunk
        advance(self, step, **counts)

    advance = Monitor.advance
    monkeypatch.setattr(Checkpoint, "write", note)
    monkeypatch.setattr(Monitor, "advance", tick)
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    method = NUTS(warmup=100, draws=900)
    fit(model, image, method, progress=False, checkpoint=tmp_path / "run.asdf", checkpoint_every=7)
    *regular, _last = written
    assert len(regular) >= 3
    assert set(np.diff(regular)) == {7.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, r"seed 0 \(now 1\)"),
        ({"method": NUTS(draws=7)}, r"method NUTS\(.*draws=120\) \(now NUTS\(draws=7\)"),
        ({"model": True}, "another model"),
        ({"image": True}, "another image"),
        ({"init": {"galaxy.flux": 900.0}}, "another init"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(blob, tmp_path, stop, change, message):
    model, image, _ = blob()
    path = tmp_path / "run.asdf"
    stop(80)
    fit(model, image, METHOD, progress=False, checkpoint=path)
    before = path.read_bytes()
    arguments = {"method": METHOD, "seed": 0, "init": None} | change
    model = model.replace({"galaxy.xc": Normal(15, 2.5)}) if arguments.pop("model", False) else model
    image = blob(seed=2)[1] if arguments.pop("image", False) else image
    method = arguments.pop("method")
    with pytest.raises(ValueError, match=f"run.asdf is of another run: {message}.*Delete it to begin anew"):
        start(model, image, method, checkpoint=path, **arguments)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"checkpoint": "nowhere/run.asdf"}, FileNotFoundError, "nowhere does not exist"),
        ({"checkpoint": "run.fits"}, ValueError, "must end in .asdf"),
        ({"checkpoint": "theirs.asdf"}, FileExistsError, "holds something else"),
        ({"checkpoint": "fit.asdf"}, ValueError, "holds a fit, expected a checkpoint"),
        ({"checkpoint": 5}, TypeError, "checkpoint must be a path or None, got 5"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every must be positive, got 0"),
        ({"checkpoint_every": "60"}, TypeError, "checkpoint_every must be a number of seconds, got '60'"),
    ],
)
def test_mistakes_are_named_before_the_run(blob, tmp_path, monkeypatch, options, error, message):
    model, image, _ = blob()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.asdf").write_text("the work of years")
    storage.write("fit.asdf", "fit", {})
    with pytest.raises(error, match=message):
        start(model, image, METHOD, **options)


def test_a_full_disk_costs_the_checkpoint_alone(blob, tmp_path, monkeypatch):
    model, image, _ = blob()
    whole = fit(model, image, METHOD, progress=False)

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write", fail)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = fit(model, image, METHOD, progress=False, checkpoint=tmp_path / "run.asdf", checkpoint_every=1e-6)
    said = f"no checkpoint could be written to {tmp_path / 'run.asdf'}, the run goes on: [Errno 28] No space left"
    assert [str(each.message)[: len(said)] for each in told].count(said) == 1
    same(result, whole)


def test_methods_without_chains_say_that_they_keep_nothing(blob, tmp_path):
    model, image, _ = blob()
    with pytest.warns(UserWarning, match="Laplace writes no checkpoint, only NUTS does"):
        fit(model, image, Laplace(draws=20), progress=False, checkpoint=tmp_path / "run.asdf")
    assert list(tmp_path.iterdir()) == []
