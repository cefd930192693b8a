import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from sersiclab.data.image import Image
from sersiclab.results import Fit
from sersiclab.results.diagnostics import convergence, e_bfmi


MakeFit = Callable[..., Fit]


def test_rows_are_the_free_parameters_with_their_units(make_fit: MakeFit) -> None:
    fit = make_fit()
    table = fit.summary()
    assert list(table.index) == list(fit.model.free)
    columns = ["mean", "sd", "q5", "q16", "q50", "q84", "q95", "r_hat", "ess_bulk", "ess_tail", "best", "unit"]
    assert list(table.columns) == columns
    assert table.loc["galaxy.xc", "unit"] == "pixel"
    assert table.loc["galaxy.theta", "unit"] == "rad"
    assert table.loc["galaxy.n", "unit"] == ""
    assert table.loc["galaxy.flux", "unit"] == "image"


@pytest.mark.parametrize(("unit", "of_level"), [("nmgy", "nmgy/pixel"), ("electron / s", "(electron / s)/pixel")])
def test_fluxes_are_in_the_unit_of_the_image(make_fit: MakeFit, unit: str, of_level: str) -> None:
    fit = make_fit()
    known = Image(fit.image.data, sigma=fit.image.sigma, mask=fit.image.mask, unit=unit)
    table = dataclasses.replace(fit, image=known).summary()
    assert table.loc["galaxy.flux", "unit"] == unit
    assert table.loc["sky.level", "unit"] == of_level
    assert table.loc["galaxy.r_eff", "unit"] == "pixel"


def test_statistics_are_those_of_all_draws_together_unrounded(make_fit: MakeFit) -> None:
    fit = make_fit()
    table = fit.summary()
    for path in ("galaxy.n", "galaxy.flux", "sky.level"):
        flat = fit.draws[path].ravel()
        assert table.loc[path, "mean"] == pytest.approx(np.mean(flat), rel=1e-14)
        assert table.loc[path, "sd"] == pytest.approx(np.std(flat, ddof=1), rel=1e-14)
        expected = np.quantile(flat, [0.05, 0.16, 0.5, 0.84, 0.95])
        assert_allclose(table.loc[path, ["q5", "q16", "q50", "q84", "q95"]].astype(float), expected, rtol=1e-14)
        assert table.loc[path, "best"] == fit.best[path]


@pytest.mark.parametrize("centre", [0.01, 3.13])
def test_an_angle_near_the_seam_has_circular_statistics(make_fit: MakeFit, truth: dict, centre: float) -> None:
    fit = make_fit()
    draws = centre + 0.05 * np.random.default_rng(0).normal(size=(2, 400))
    folded = make_fit(draws=fit.draws | {"galaxy.theta": draws % np.pi}, best=truth | {"galaxy.theta": centre + np.pi})
    row = folded.summary().loc["galaxy.theta"]
    assert row["mean"] == pytest.approx(stats.circmean(draws, high=np.pi, low=0), abs=1e-12)
    assert row["sd"] == pytest.approx(stats.circstd(draws, high=np.pi, low=0), rel=1e-9)
    assert row["best"] == pytest.approx(centre)
    # The quantiles may lie a turn away, together.
    turn = np.pi * np.rint((row["q50"] - np.median(draws)) / np.pi)
    assert_allclose(row[["q5", "q95"]].astype(float) - turn, np.quantile(draws, [0.05, 0.95]), atol=1e-12)


def test_convergence_of_independent_draws(make_fit: MakeFit) -> None:
    table = make_fit(shape=(4, 500)).summary()
    assert table["r_hat"].between(0.99, 1.01).all()
    assert table["ess_bulk"].between(1500, 2500).all()
    assert table["ess_tail"].between(1200, 2500).all()


def test_ess_of_an_autoregressive_chain(rng: np.random.Generator) -> None:
    # AR(1) with coefficient c has an effective sample of N (1 - c) / (1 + c).
    coefficient, number = 0.8, 4000
    noise = np.sqrt(1 - coefficient**2) * rng.normal(size=(2, number))
    chain = np.empty((2, number))
    chain[:, 0] = rng.normal(size=2)
    for i in range(1, number):
        chain[:, i] = coefficient * chain[:, i - 1] + noise[:, i]
    found = convergence({"x": chain})["x"]
    assert found.ess_bulk == pytest.approx(2 * number * 0.2 / 1.8, rel=0.2)


def test_chains_apart_have_a_large_r_hat(rng: np.random.Generator) -> None:
    draws = rng.normal(size=(2, 400)) + np.array([[0.0], [1.5]])
    # Vehtari et al. 2021, equations 4 and 14, of the draws and not of the folded ones, which agree.
    scores = stats.norm.ppf((stats.rankdata(draws) - 3 / 8) / (draws.size + 1 / 4)).reshape(4, 200)
    within = np.mean(np.var(scores, axis=1, ddof=1))
    between = np.var(np.mean(scores, axis=1), ddof=1)
    expected = np.sqrt((199 / 200 * within + between) / within)
    assert convergence({"a/b": draws})["a/b"].r_hat == pytest.approx(expected, rel=1e-6)


def test_one_chain_has_an_ess_but_no_r_hat(make_fit: MakeFit) -> None:
    table = make_fit(shape=(1, 500)).summary()
    assert table["r_hat"].isna().all()
    assert table["ess_bulk"].between(350, 700).all()


def test_a_chain_cut_short_has_no_diagnostics(make_fit: MakeFit) -> None:
    table = make_fit(shape=(2, 3)).summary()
    assert table[["r_hat", "ess_bulk", "ess_tail"]].isna().all(axis=None)
    assert table["mean"].notna().all()


def test_a_map_has_only_best(map_fit: Fit) -> None:
    table = map_fit.summary()
    assert_allclose(table["best"], list(map_fit.best.values()))
    assert table[["mean", "sd", "q50", "r_hat"]].isna().all(axis=None)


def test_a_map_with_a_covariance_has_first_order_sds(make_fit: MakeFit, truth: dict) -> None:
    rng = np.random.default_rng(2)
    root = 0.01 * rng.normal(size=(9, 9))
    covariance = root @ root.T
    fit = make_fit(draws={}, stats={}, covariance=covariance)
    sd = fit.summary()["sd"]
    order = list(fit.model.free)
    u_sd = dict(zip(order, np.sqrt(np.diag(covariance)), strict=True))
    # dx/du by hand: affine, logistic between bounds, logistic in the logarithm, identity.
    share = (truth["galaxy.ellip"] - 0) / 0.9
    log_range = np.log(1e5) - np.log(10)
    log_share = (np.log(truth["galaxy.flux"]) - np.log(10)) / log_range
    slopes = {
        "core.flux": 50.0,
        "galaxy.ellip": 0.9 * share * (1 - share),
        "galaxy.flux": truth["galaxy.flux"] * log_range * log_share * (1 - log_share),
        "galaxy.theta": 1.0,
    }
    for path, slope in slopes.items():
        assert sd[path] == pytest.approx(u_sd[path] * slope, rel=1e-3)


def test_e_bfmi_of_independent_energies_is_two(rng: np.random.Generator) -> None:
    # The mean squared difference of independent draws is twice their variance.
    assert_allclose(e_bfmi(rng.normal(size=(3, 20000))), 2.0, rtol=0.05)
