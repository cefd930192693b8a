"""Injection and recovery: right where errors are right, and where they are not it says by how much."""

import dataclasses

import numpy as np
import pytest
import scipy.signal

import sersiclab as sl
from sersiclab.inference.running.monitor import Monitor
from sersiclab.recovery import mock_fits
from sersiclab.recovery.mock_fits import MockOptions, begin_recovery


SHAPE = (30, 33)


def flat_fit(scale=1.0, seed=3):
    """A sky, of which the posterior is exactly normal, with an error map that is `scale` times the noise."""
    rng = np.random.default_rng(seed)
    mask = rng.random(SHAPE) < 0.1
    image = sl.Image(rng.normal(2.0, 1.0, SHAPE), sigma=scale, mask=mask)
    model = sl.Model({"sky": sl.TiltedSky(sl.Normal(0.0, 10.0), sl.Normal(0.0, 1.0), sl.Normal(0.0, 1.0))})
    return sl.fit(model, image, sl.Laplace(draws=400), progress=False)


def agrees(table, column, expected, sigmas=3.5):
    for path, row in table.iterrows():
        assert abs(row[column] - expected) < sigmas * row[f"{column}_err"], (path, column, row[column])


@pytest.mark.parametrize("noise", ["residuals", "model"])
def test_right_errors_have_pulls_of_one(noise):
    recovery = sl.recover(flat_fit(), n=200, noise=noise, seed=1, progress=False)
    assert recovery.number == 200
    assert recovery.failed == ()
    table = recovery.table
    assert list(table.index) == ["sky.level", "sky.slope_x", "sky.slope_y"]
    for column, expected in {"pull_sd": 1.0, "pull_mean": 0.0, "bias": 0.0}.items():
        agrees(table, column, expected)
    agrees(table, "within_1sd", 0.683)
    agrees(table, "within_2sd", 0.954)
    np.testing.assert_allclose(table["scatter"], [np.std(recovery.offsets(p), ddof=1) for p in table.index])


def test_an_error_map_that_is_too_small_shows_in_the_residuals_only():
    fit = flat_fit(scale=0.7)
    agrees(sl.recover(fit, n=200, seed=2, progress=False).table, "pull_sd", 1 / 0.7)
    agrees(sl.recover(fit, n=200, noise="model", seed=2, progress=False).table, "pull_sd", 1.0)


def test_correlated_noise_shows_in_the_pulls():
    """Of a level fitted as if pixels were independent: the sum of the correlations says by how much."""
    rng = np.random.default_rng(8)
    kernel = np.outer([0.5, 1.0, 0.5], [0.5, 1.0, 0.5])
    noise = scipy.signal.fftconvolve(rng.normal(size=(82, 92)), kernel, mode="valid")
    image = sl.Image(noise / np.sqrt(np.sum(kernel**2)), sigma=1.0)
    model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 10.0))})
    fit = sl.fit(model, image, sl.Laplace(draws=400), progress=False)
    row = sl.recover(fit, n=100, seed=3, progress=False).table.loc["sky.level"]
    assert row["pull_sd"] == pytest.approx(kernel.sum() / np.sqrt(np.sum(kernel**2)), abs=4 * row["pull_sd_err"])
    white = sl.recover(fit, n=100, noise="model", seed=3, progress=False).table.loc["sky.level"]
    assert white["pull_sd"] == pytest.approx(1.0, abs=4 * white["pull_sd_err"])


def gaussian(fwhm):
    y, x = np.indices((15, 15)) - 7
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / fwhm**2)
    return psf / psf.sum()


def test_a_psf_that_is_too_narrow_biases_the_size_as_brute_force_finds():
    truth = {"xc": 17.3, "yc": 16.6, "flux": 4000.0, "r_eff": 3.0, "ellip": 0.3, "theta": 0.6}
    priors = {"flux": sl.LogUniform(100, 1e5), "r_eff": sl.LogUniform(0.5, 20), "ellip": sl.Uniform(0, 0.9)}
    place = {"xc": sl.Normal(17, 1), "yc": sl.Normal(17, 1), "theta": sl.Angle()}
    model = sl.Model({"galaxy": sl.Exponential(**place, **priors)})
    narrow = sl.Image(np.zeros((34, 35)), sigma=1.0, psf=gaussian(3.6))
    wide = sl.Image(np.zeros((34, 35)), sigma=1.0, psf=gaussian(4.0))
    values = {f"galaxy.{name}": value for name, value in truth.items()}
    rng = np.random.default_rng(0)
    data = sl.render(model, narrow, values) + rng.normal(size=narrow.shape)
    fit = sl.fit(model, sl.Image(data, sigma=1.0, psf=narrow.psf), sl.Laplace(), progress=False)
    found = sl.recover(fit, n=40, psf=wide.psf, seed=4, progress=False).table.loc["galaxy.r_eff"]
    # The same without noise: the fit, by the narrow PSF, of what the wide one shows.
    blurred = sl.Image(sl.render(model, wide, fit.best), sigma=1.0, psf=narrow.psf)
    expected = sl.fit(model, blurred, sl.MAP(), progress=False).best["galaxy.r_eff"] - fit.best["galaxy.r_eff"]
    assert expected > 5 * found["bias_err"]
    assert found["bias"] == pytest.approx(expected, abs=3.5 * found["bias_err"])
    alike = sl.recover(fit, n=40, seed=4, progress=False).table.loc["galaxy.r_eff"]
    assert abs(alike["bias"]) < 3.5 * alike["bias_err"]


def test_a_catalogue_is_recovered_galaxy_by_galaxy():
    model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 10.0))})
    rng = np.random.default_rng(5)
    images = [sl.Image(rng.normal(2.0, 1.0, SHAPE), sigma=1.0) for _ in range(6)]
    jobs = [*(sl.Job(i, image, model) for i, image in enumerate(images)), sl.Job("bad", lambda: None, model)]
    catalogue = sl.fit_many(jobs, sl.Laplace(draws=100), progress=False)
    recovery = sl.recover(catalogue, n=90, seed=1, progress=False)
    assert recovery.number == 90
    agrees(recovery.table, "pull_sd", 1.0)


def test_the_seed_decides_and_it_is_shown(tmp_path):
    fit = flat_fit()
    one, two, other = (sl.recover(fit, n=8, seed=seed, progress=False) for seed in (1, 1, 2))
    for path in one.truth:
        np.testing.assert_array_equal(one.found[path], two.found[path])
        assert not np.array_equal(one.found[path], other.found[path])
    one.plot().savefig(tmp_path / "pulls.png")
    assert (tmp_path / "pulls.png").stat().st_size > 10_000
    assert repr(one) == "Recovery(8 mocks of 3 parameters)"
    assert "pull_sd" in one._repr_html_()


def test_an_angle_is_recovered_around_the_half_circle():
    recovery = sl.Recovery({"a": np.array([0.01])}, {"a": np.array([np.pi - 0.02])}, {"a": np.array([0.03])})
    turned = dataclasses.replace(recovery, angles=frozenset({"a"}))
    assert recovery.offsets("a") == pytest.approx([np.pi - 0.03])
    assert turned.offsets("a") == pytest.approx([-0.03])


def test_a_mock_does_not_depend_on_the_others():
    fit = flat_fit()
    few, many = (sl.recover(fit, n=n, seed=1, progress=False) for n in (6, 13))
    for path in few.truth:
        np.testing.assert_array_equal(few.truth[path], many.truth[path][:6])
        np.testing.assert_array_equal(few.found[path], many.found[path][:6])


@pytest.fixture
def of_two(monkeypatch):
    """Two mocks are fitted at a time."""
    monkeypatch.setattr(mock_fits, "MOST", 2)


@pytest.fixture
def after(monkeypatch):
    """`after(n, action)`: do this once, when `n` mocks are finished."""

    def put(number, action):
        advance, done = Monitor.advance, []

        def advance_and_act(self, step, **counts):
            if self.progress.phase == "mocks" and step >= number and not done:
                done.append(step)
                action(self)
            advance(self, step, **counts)

        monkeypatch.setattr(Monitor, "advance", advance_and_act)

    return put


def test_progress_counts_the_mocks(of_two):
    said = []
    work = begin_recovery(MockOptions([flat_fit()], 9), said.append)
    assert work.wait(300).number == 9
    assert {(each.phase, each.total) for each in said if each.state == "running"} == {("mocks", 9)}
    steps = [each.step for each in said]
    assert steps == sorted(steps)
    assert (said[-1].state, said[-1].step) == ("done", 9)


def test_compilation_shows_and_does_not_count_for_the_remaining_time():
    model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 10.0))})
    image = sl.Image(np.random.default_rng(2).normal(2.0, 1.0, (41, 23)), sigma=1.0)
    fit, said = sl.fit(model, image, sl.Laplace(draws=50), progress=False), []
    begin_recovery(MockOptions([fit], 20), said.append).wait(300)
    assert "compiling" in {each.state for each in said}
    after = next(each for each in said[::-1] if each.state == "compiling")
    assert after.eta is None
    assert said[-1].state == "done"


def test_cancelling_keeps_the_finished_mocks(of_two, after):
    fit = flat_fit()
    whole = sl.recover(fit, n=12, progress=False)
    after(6, lambda monitor: monitor.cancel())
    work = begin_recovery(MockOptions([fit], 12))
    part = work.wait(300)
    assert (part.number, part.status) == (6, "cancelled after 6 of 12 mocks")
    assert repr(part) == "Recovery(6 mocks of 3 parameters, cancelled after 6 of 12 mocks)"
    assert (work.progress.state, work.progress.message) == ("cancelled", part.status)
    for path in part.truth:
        np.testing.assert_array_equal(part.found[path], whole.found[path][:6])


def test_too_few_finished_mocks_are_no_recovery(of_two, after):
    after(2, lambda monitor: monitor.cancel())
    work = begin_recovery(MockOptions([flat_fit()], 12))
    with pytest.raises(sl.StateError, match="cancelled after 2 of 12 mocks; a recovery needs at least 5"):
        work.wait(300)
    assert work.progress.state == "cancelled"


@pytest.mark.parametrize(("number", "kept"), [(6, True), (2, False)])
def test_ctrl_c_returns_what_is_finished_if_that_is_enough(number, kept, of_two, after, press_ctrl_c):
    after(number, press_ctrl_c)
    if kept:
        assert sl.recover(flat_fit(), n=12, progress=False).status == "cancelled after 6 of 12 mocks"
    else:
        with pytest.raises(KeyboardInterrupt):
            sl.recover(flat_fit(), n=12, progress=False)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"fitted": 3}, TypeError, "fitted must be a Fit or a Catalogue, got 3"),
        ({"n": 2}, ValueError, "n must be at least 5, got 2"),
        ({"noise": "white"}, ValueError, 'noise must be "residuals", "model" or "patches", got \'white\''),
        ({"seed": -1}, TypeError, "seed must be"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        sl.recover(**{"fitted": flat_fit(), "n": 5, "progress": False, **change})
    fit = flat_fit()
    without = sl.fit(fit.model, fit.image, sl.MAP(), progress=False)
    with pytest.raises(ValueError, match=r"needs a fit with draws by Laplace\(\), and this one is by MAP"):
        sl.recover(without, progress=False)
