"""Runs: progress, pause, cancel, Ctrl-C, errors, and no second compilation."""

import dataclasses
import itertools
import pickle
import subprocess
import sys
import threading
import time

import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.data.image import Image
from sersiclab.inference import MAP, NUTS, Cancelled, Laplace, Progress, fit, resume, start
from sersiclab.inference.running.beginning import beginning_of
from sersiclab.inference.running.monitor import Monitor, Pace
from sersiclab.inference.search import minimiser
from sersiclab.model import Model
from sersiclab.model.density import Density
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky
from sersiclab.results import Fit

from .conftest import SHAPE


LONG = NUTS(warmup=20, draws=200_000)
PATIENCE = 300.0


def wait_for(run, condition):
    """Until the run is where the test needs it."""
    met = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while not condition(run):
        if run.done:
            run.wait()
        assert time.monotonic() < deadline, run.progress
        met.wait(0.02)


def begun(run):
    return bool(run.draws)


def test_a_run_tells_where_it_is(blob):
    told = []
    model, image, _ = blob()
    run = start(model, image, NUTS(warmup=30, draws=40), on_progress=told.append)
    result = run.wait()
    assert run.done
    assert run.progress == told[-1]
    assert all(isinstance(progress, Progress) for progress in told)
    states = [progress.state for progress in told]
    assert states[-1] == "done"
    assert set(states) <= {"compiling", "running", "done"}
    phases = list(dict.fromkeys(progress.phase for progress in told))
    assert [phase for phase in phases if phase] == ["optimising", "adapting", "warm-up", "sampling"]
    sampling = [progress for progress in told if progress.phase in ("warm-up", "sampling")]
    assert {progress.total for progress in sampling} == {70}
    assert sampling[-1].step == 70
    assert all(a.elapsed <= b.elapsed for a, b in itertools.pairwise(told))
    assert told[-1].method == "NUTS"
    assert result.timing["run"] > 0
    assert result.timing["compile"] >= 0


def test_compiling_is_a_state_of_its_own(blob):
    states = []
    model, image, _ = blob(shape=(7, 9))
    model = model.without("galaxy")
    run = start(model, image, MAP(), on_progress=lambda progress: states.append(progress.state))
    result = run.wait()
    assert states[0] == "compiling"
    assert result.timing["compile"] > result.timing["run"]


def test_cancelling_keeps_the_draws(blob):
    model, image, _ = blob()
    run = start(model, image, LONG)
    wait_for(run, begun)
    seen = run.draws["galaxy.flux"].shape[1]
    run.cancel()
    result = run.wait(PATIENCE)
    assert run.progress.state == "cancelled"
    assert result.method == LONG
    chains, draws = result.draws["galaxy.flux"].shape
    assert chains == 2
    assert seen <= draws < 200_000
    assert result.status == f"cancelled after {draws} of 200000 draws"
    assert result.stats["lp"].shape == (2, draws)
    np.testing.assert_array_equal(run.draws["galaxy.theta"], result.draws["galaxy.theta"])


def test_cancelling_is_heard_between_chunks(blob, monkeypatch):
    """Not timed: after the cancellation at most one more chunk of draws may come."""
    model, image, _ = blob()
    run = start(model, image, LONG)
    kept = []
    keep = Monitor.keep

    def cancel_then_keep(self, draws):
        kept.append(draws.shape[1])
        run.cancel()
        keep(self, draws)

    monkeypatch.setattr(Monitor, "keep", cancel_then_keep)
    wait_for(run, lambda run: run.done or kept)
    assert run.wait(PATIENCE).draws["galaxy.flux"].shape[1] <= sum(kept)
    assert len(kept) == 1 or len(kept) == len(set(kept))


def test_cancelled_in_the_warm_up_it_is_a_laplace_approximation(blob):
    model, image, _ = blob()
    run = start(model, image, NUTS(warmup=200_000))
    wait_for(run, lambda run: run.progress.phase == "warm-up" and run.progress.step > 0)
    run.cancel()
    result = run.wait(PATIENCE)
    assert isinstance(result.method, Laplace)
    assert "Laplace approximation" in result.message
    assert result.status == "cancelled before the first draw"
    assert result.draws["galaxy.flux"].shape[0] == 1


def test_cancelled_at_once_it_is_an_error(blob):
    model, image, _ = blob()
    cancelled = threading.Event()
    run = start(model, image, NUTS(), on_progress=lambda _: cancelled.wait(PATIENCE))
    run.cancel()
    cancelled.set()
    with pytest.raises(Cancelled, match="before it had any result"):
        run.wait(PATIENCE)
    assert run.progress.state == "cancelled"


def test_pausing_and_going_on(blob):
    model, image, _ = blob()
    run = start(model, image, LONG)
    wait_for(run, begun)
    run.pause()
    wait_for(run, lambda run: run.progress.state == "paused")
    before = run.draws["galaxy.flux"].shape[1]
    threading.Event().wait(0.3)
    assert run.draws["galaxy.flux"].shape[1] == before
    run.resume()
    wait_for(run, lambda run: run.draws["galaxy.flux"].shape[1] > before)
    run.pause()
    run.cancel()  # also of a paused run
    assert run.wait(PATIENCE).draws["galaxy.flux"].shape[1] > before


def test_ctrl_c_gives_the_draws_so_far(blob, monkeypatch, press_ctrl_c):
    model, image, _ = blob()
    keep, passing = Monitor.keep, [False]

    def keep_then_interrupt(self, draws):
        keep(self, draws)
        if passing and not passing.pop():
            press_ctrl_c(self)

    monkeypatch.setattr(Monitor, "keep", keep_then_interrupt)
    result = fit(model, image, LONG, progress=False)
    assert result.status.startswith("cancelled after")
    count = result.draws["galaxy.flux"].shape[1]
    assert count > 0
    passing.extend([False, True])  # what there was, then the next draws
    more = resume(result, progress=False)
    assert more.status.startswith("cancelled after")
    assert more.draws["galaxy.flux"].shape[1] > count
    np.testing.assert_array_equal(more.draws["galaxy.flux"][:, :count], result.draws["galaxy.flux"])


@pytest.fixture
def cancelled_early(monkeypatch):
    """Cancels a run by its first draws, once."""
    keep, cancelled = Monitor.keep, []

    def keep_then_cancel(self, draws):
        keep(self, draws)
        if not cancelled:
            cancelled.append(True)
            self.cancel()

    monkeypatch.setattr(Monitor, "keep", keep_then_cancel)


def test_a_cancelled_fit_continues_with_the_same_chains(blob, cancelled_early):
    model, image, _ = blob()
    method = NUTS(warmup=40, draws=150)
    part = fit(model, image, method, seed=3, progress=False)
    whole = fit(model, image, method, seed=3, progress=False)
    assert part.status.startswith("cancelled after")
    assert part.draws["galaxy.flux"].shape[1] < 150
    resumed = resume(part, progress=False)
    assert resumed.status == "complete"
    for path, draws in whole.draws.items():
        np.testing.assert_array_equal(resumed.draws[path], draws)
    np.testing.assert_array_equal(resumed.stats["lp"], whole.stats["lp"])
    assert resumed.timing["run"] > part.timing["run"]
    assert resume(part, progress=False).draws["galaxy.flux"].shape[1] == 150  # there is nothing left to draw


def test_a_cancelled_fit_of_several_images_continues(cancelled_early):
    level = sl.PerImage(sl.Normal(0.0, 1.0))
    images = sl.Images({band: sl.Image(np.full((4, 5), 0.5), sigma=0.1, band=band) for band in "gr"})
    method = NUTS(warmup=40, draws=150)
    part = fit(sl.Model({"sky": sl.FlatSky(level)}), images, method, seed=3, progress=False)
    assert part.status.startswith("cancelled after")
    resumed = resume(part, progress=False)
    assert isinstance(resumed, sl.JointFit)
    assert resumed.status == "complete"
    count = part.draws["sky.level.r"].shape[1]
    assert count < resumed.draws["sky.level.r"].shape[1] == 150
    np.testing.assert_array_equal(resumed.draws["sky.level.r"][:, :count], part.draws["sky.level.r"])


def test_a_fit_without_chains_is_not_resumed(blob, cancelled_early):
    model, image, _ = blob()
    part = fit(model, image, NUTS(warmup=40, draws=150), seed=3, progress=False)
    for other in (pickle.loads(pickle.dumps(part)), fit(model, image, MAP(), progress=False)):
        with pytest.raises(ValueError, match="no chains to continue: its status is"):
            resume(other)


def test_ctrl_c_before_any_draw_is_ctrl_c(blob, monkeypatch, press_ctrl_c):
    model, image, _ = blob()
    phase = Monitor.phase

    def interrupt_in_warm_up(self, name, **counts):
        phase(self, name, **counts)
        if name == "warm-up":
            press_ctrl_c(self)

    monkeypatch.setattr(Monitor, "phase", interrupt_in_warm_up)
    with pytest.raises(KeyboardInterrupt):
        fit(model, image, NUTS(warmup=200_000), progress=False)


def test_waiting_has_an_end(blob):
    model, image, _ = blob()
    run = start(model, image, LONG)
    with pytest.raises(TimeoutError, match="has not ended within"):
        run.wait(timeout=0.01)
    wait_for(run, begun)
    run.cancel()
    run.wait(PATIENCE)


def test_an_error_of_the_worker_is_raised_by_wait(blob, monkeypatch):
    model, image, _ = blob()

    def fail(self, name, **counts):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Monitor, "phase", fail)
    run = start(model, image, MAP())
    with pytest.raises(RuntimeError, match="out of luck"):
        run.wait(PATIENCE)
    assert run.progress.state == "error"
    assert run.progress.message == "RuntimeError: out of luck"


def test_a_listener_that_fails_costs_nothing(blob, caplog):
    model, image, _ = blob()

    def fail(progress):
        raise KeyError("listener")

    result = start(model, image, MAP(), on_progress=fail).wait(PATIENCE)
    assert result.status == "complete"
    assert caplog.text.count("on_progress failed") == 1


def test_another_galaxy_compiles_nothing(blob, traces):
    """A second image of the same shape, with other priors, another mask and other options."""
    model, image, truth = blob()
    fit(model, image, NUTS(warmup=20, draws=20), progress=False)
    fit(model, image, MAP(), progress=False)
    traces.clear()
    Density.of(model, image).mean({path: jnp.asarray(value) for path, value in truth.items()})
    assert traces.pop() == "render"  # so that an empty list means something
    other, image, _ = blob(seed=9, xc=16.0, flux=3000.0, mask=np.eye(*image.shape))
    traces.clear()
    other = other.replace({"galaxy.xc": Normal(16, 5, init=15.0), "galaxy.flux": LogUniform(1, 1e6)})
    method = NUTS(warmup=25, draws=30, chains=3, target_accept=0.7, max_tree_depth=5)
    second = fit(other, image, method, progress=False)
    fit(other, image, MAP(), progress=False)
    fit(other, image, Laplace(draws=77), progress=False)
    assert traces == []
    assert second.timing["compile"] == 0
    assert second.best["galaxy.xc"] == pytest.approx(16.0, abs=0.3)


def test_draws_take_no_more_room_than_the_parameters(blob):
    """Others keep a model image for every draw."""
    model, image, _ = blob()
    result = fit(model, image, Laplace(draws=500), progress=False)
    assert sum(array.nbytes for array in result.draws.values()) == 500 * len(model.free) * 8


def test_beginning_where_an_earlier_fit_ended(blob, monkeypatch):
    model, image, _ = blob()
    first = fit(model, image, NUTS(warmup=50, draws=100), progress=False)
    starts = []
    find = minimiser.starts
    monkeypatch.setattr(minimiser, "starts", lambda problem: starts.extend(find(problem)) or find(problem))
    second = fit(model, image, NUTS(warmup=20, draws=100), init=first, progress=False)
    assert len(starts) == 1  # an earlier fit's best point is trusted
    assert second.best["galaxy.flux"] == pytest.approx(first.best["galaxy.flux"], rel=0.05)


def test_the_sampler_begins_in_the_width_of_an_earlier_fit(blob):
    """Were the draws narrower, so would its steps be, and it would need more of them."""
    model, image, _ = blob()
    first = fit(model, image, NUTS(warmup=40, draws=150), progress=False)
    narrow = {path: draws.mean() + 0.1 * (draws - draws.mean()) for path, draws in first.draws.items()}

    def steps(init):
        return fit(model, image, NUTS(warmup=0, draws=60), init=init, progress=False).stats["n_steps"].mean()

    plain = steps(first.best)
    assert steps(first) < 1.3 * plain
    assert steps(dataclasses.replace(first, draws=narrow)) > 1.5 * plain


def test_beginning_where_a_fit_of_another_model_ended(blob):
    model, image, truth = blob()
    wider = model.with_component("other", FlatSky(Normal(0, 1)))
    best = truth | {"galaxy.theta": 2.0, "other.level": 5.0}
    earlier = Fit(wider, image, MAP(), seed=0, draws={}, best=best, covariance=np.eye(len(best)))
    result = fit(model, image, NUTS(warmup=100, draws=100), init=earlier, progress=False)
    assert result.draws["galaxy.flux"].mean() == pytest.approx(1000, rel=0.2)


def test_beginning_where_a_fit_of_a_wholly_other_model_ended(blob):
    model, image, _ = blob()
    other = Model({"star": FlatSky(Normal(0, 1))}, renderer=model.renderer)
    earlier = Fit(other, image, MAP(), seed=0, draws={}, best={"star.level": 1.0})
    with pytest.raises(ValueError, match=r"init is a fit of another model: it has \['star.level'\], and none of"):
        start(model, image, MAP(), init=earlier)


def test_the_covariance_of_an_earlier_fit_is_used_for_the_same_data_alone(blob):
    model, image, truth = blob(mask=np.eye(*SHAPE))
    covariance = np.diag(np.arange(1.0, 1 + len(model.free)))
    best = {path: value for path, value in truth.items() if path in model.free}

    def known(of: Image, covariance: np.ndarray = covariance) -> np.ndarray | None:
        earlier = Fit(model, of, MAP(), seed=0, draws={}, best=best, covariance=covariance)
        return beginning_of(model, image, earlier).covariance

    hidden = Image(np.where(image.mask, np.nan, image.data), sigma=image.sigma, mask=image.mask)
    np.testing.assert_array_equal(known(hidden), covariance)
    assert known(Image(image.data + 1, sigma=image.sigma, mask=image.mask)) is None
    assert known(Image(image.data, sigma=image.sigma, mask=image.mask, psf=np.ones((3, 3)) / 9)) is None
    assert known(Image(image.data, sigma=image.sigma)) is None
    assert known(Image(image.data[:9], sigma=image.sigma[:9], mask=image.mask[:9])) is None
    # Of fewer draws than parameters: a method that began with it would fail.
    few = np.random.default_rng(0).normal(size=(4, len(best)))
    assert known(hidden, np.cov(few, rowvar=False)) is None


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "sersic"}, TypeError, "model must be a Model, got str"),
        ({"image": np.zeros((3, 3))}, TypeError, "image must be an Image, got ndarray: make one with sl"),
        ({"method": NUTS}, TypeError, "method must be an object such as NUTS"),
        ({"method": "nuts"}, TypeError, "method must be an object"),
        ({"seed": 1.5}, TypeError, "seed must be a whole number, not negative, got 1.5"),
        ({"seed": -1}, TypeError, "seed must be a whole number"),
        ({"init": [1.0]}, TypeError, "init must be .*, a Fit or None, got list"),
        ({"init": {"galaxy.m": 3.0}}, ValueError, r"init has \['galaxy.m'\].*it has \['galaxy.xc'"),
        ({"init": {"galaxy.n": 1.0}}, ValueError, r"init has \['galaxy.n'\], which are not free"),
        ({"init": {"galaxy.flux": 1.0}}, ValueError, r"galaxy.flux must lie in its prior's \[10, 100000\], got 1"),
        ({"init": {"galaxy.ellip": 2.0}}, ValueError, r"galaxy.ellip must lie in \[0, 0.95\], got 2"),
    ],
)
def test_mistakes_are_named(blob, change, error, message):
    model, image, _ = blob()
    arguments = {"model": model, "image": image, "method": MAP()} | change
    with pytest.raises(error, match=message):
        start(arguments.pop("model"), arguments.pop("image"), arguments.pop("method"), **arguments)


def test_a_model_without_free_parameters_is_refused(blob):
    model, image, truth = blob()
    with pytest.raises(ValueError, match="no free parameter"):
        fit(model.replace(truth), image, MAP(), progress=False)


def test_a_start_on_the_bound_is_moved_inside(blob):
    model, image, _ = blob()
    result = fit(model, image, MAP(), init={"galaxy.ellip": 0.0, "galaxy.r_eff": 20.0}, progress=False)
    assert result.message == ""
    assert result.best["galaxy.ellip"] == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"warmup": -1}, ValueError, "NUTS.warmup must be at least 0, got -1"),
        ({"draws": 0}, ValueError, "NUTS.draws must be at least 1, got 0"),
        ({"chains": 2.0}, TypeError, "NUTS.chains must be a whole number, got 2.0"),
        ({"target_accept": 1.0}, ValueError, "NUTS.target_accept must lie between 0 and 1, got 1.0"),
        ({"max_tree_depth": 11}, ValueError, "NUTS.max_tree_depth must be at most 10, got 11"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        NUTS(**options)


def test_methods_are_values():
    assert NUTS(draws=100) == NUTS(draws=100)
    assert NUTS(draws=100) != NUTS(draws=200)
    assert repr(Laplace(draws=10)) == "Laplace(draws=10)"


def test_the_progress_bar_says_what_happens(blob, capsys):
    model, image, _ = blob()
    fit(model, image, NUTS(warmup=20, draws=30), progress=True)
    said = capsys.readouterr().err
    assert "NUTS done" in said
    assert "50/50" in said
    fit(model, image, MAP(), progress=False)
    assert capsys.readouterr().err == ""


def test_the_pace_follows_the_clock():
    pace = Pace(first=4, most=50)
    pace.took(4, 0.1)
    assert pace.steps == 4
    pace.took(4, 0.4)
    assert pace.steps == 1
    for _ in range(5):
        pace.took(pace.steps, 1e-4)
    assert pace.steps == 50


def test_the_least_options(blob):
    model, image, _ = blob()
    result = fit(model, image, NUTS(warmup=0, draws=5, chains=1, adapt_mass=False), progress=False)
    assert result.draws["galaxy.flux"].shape == (1, 5)


def test_nothing_runs_on_after_the_result(blob):
    """A thread that frees its arrays while Python leaves makes it abort."""
    model, image, _ = blob()
    for _ in range(5):
        start(model, image, MAP()).wait(PATIENCE)
        assert not [thread for thread in threading.enumerate() if thread.name == "sersiclab-run"]


def test_leaving_python_in_the_middle_of_a_run(tmp_path):
    script = tmp_path / "leave.py"
    script.write_text(
        "import time\n"
        "import numpy as np\n"
        "from sersiclab.data.image import Image\n"
        "from sersiclab.inference import NUTS, start\n"
        "from sersiclab.model import Model\n"
        "from sersiclab.parameters.priors import Normal\n"
        "from sersiclab.profiles import FlatSky\n"
        "run = start(Model({'sky': FlatSky(Normal(0, 1))}), Image(np.zeros((5, 6)), sigma=1.0), NUTS(draws=10**6))\n"
        "while not run.draws:\n"
        "    time.sleep(0.02)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
