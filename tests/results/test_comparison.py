"""Comparison of models whose posteriors are exactly normal: against linear algebra, and refits without each pixel."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.parameters.priors import Normal
from sersiclab.profiles import FlatSky, TiltedSky
from sersiclab.results import Fit, criteria
from sersiclab.results.comparison import compare
from sersiclab.results.decisions import decisions
from sersiclab.results.diagnostics import arviz


MakeFit = Callable[..., Fit]
SHAPE = (8, 11)
LEVEL, SLOPE = (3.0, 2.0), (0.0, 0.3)  # priors: mean and sd


class Exact:
    """A sky, flat or tilted, fitted by linear algebra; `fit` has draws of its exact posterior."""

    def __init__(self, image: Image, *, tilted: bool) -> None:
        priors = [LEVEL, SLOPE, SLOPE] if tilted else [LEVEL]
        names = ["level", "slope_x", "slope_y"][: len(priors)]
        y, x = np.indices(SHAPE) - (np.array(SHAPE) - 1)[:, None, None] / 2
        self.design = np.stack([np.ones(SHAPE), x, y], -1)[image.valid][:, : len(priors)]
        self.data, self.sigma = image.data[image.valid], image.sigma[image.valid]
        self.prior_mean, self.prior_sd = np.array(priors).T
        self.mean, self.covariance = self.posterior(np.ones(len(self.data), bool))
        sky = {name: Normal(*prior) for name, prior in zip(names, priors, strict=True)}
        self.model = Model({"sky": TiltedSky(**sky) if tilted else FlatSky(**sky)})
        self.image, self.paths = image, [f"sky.{name}" for name in names]

    def posterior(self, use: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scaled = self.design[use] / self.sigma[use, None]
        covariance = np.linalg.inv(scaled.T @ scaled + np.diag(self.prior_sd**-2.0))
        return covariance @ (
            scaled.T @ (self.data[use] / self.sigma[use]) + self.prior_mean / self.prior_sd**2
        ), covariance

    def fit(self, number: int = 4000, *, lp: bool = False) -> Fit:
        rng = np.random.default_rng(3)
        u = rng.multivariate_normal(self.mean, self.covariance, size=(2, number // 2))
        inside = np.diag(1 / self.prior_sd)  # a normal prior's unconstrained space is in its sd
        return Fit(
            model=self.model,
            image=self.image,
            method=None,
            seed=0,
            draws={path: u[..., i] for i, path in enumerate(self.paths)},
            best=dict(zip(self.paths, self.mean, strict=True)),
            covariance=inside @ self.covariance @ inside,
            stats={"lp": self.log_density(u)} if lp else {},
        )

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """Of data and parameters, these in units of their prior sd."""
        likelihood = norm.logpdf(self.data, values @ self.design.T, self.sigma).sum(-1)
        return likelihood + norm.logpdf((values - self.prior_mean) / self.prior_sd).sum(-1)

    def left_out(self, groups: np.ndarray) -> np.ndarray:
        """ln p(group | all others), by a refit for each group of pixels."""
        found = []
        for group in np.unique(groups):
            out = groups == group
            mean, covariance = self.posterior(~out)
            spread = self.design[out] @ covariance @ self.design[out].T + np.diag(self.sigma[out] ** 2)
            found.append(multivariate_normal(self.design[out] @ mean, spread).logpdf(self.data[out]))
        return np.array(found)


def observed(slope: float = 0.15, seed: int = 9) -> Image:
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.7, 1.3, SHAPE)
    mask = np.zeros(SHAPE, bool)
    mask[2, 3:6] = True
    x = np.arange(SHAPE[1]) - 5.0
    return Image(np.where(mask, np.nan, 3 + slope * x + sigma * rng.normal(size=SHAPE)), sigma=sigma, mask=mask)


@pytest.fixture(scope="module")
def pair() -> tuple[Exact, Exact]:
    image = observed()
    return Exact(image, tilted=False), Exact(image, tilted=True)


def test_loo_is_that_of_refits_without_each_pixel(pair: tuple[Exact, Exact]) -> None:
    flat, tilted = pair
    pixels = np.arange(len(flat.data))
    exact = [one.left_out(pixels) for one in pair]
    table = compare({"flat": flat.fit(), "tilted": tilted.fit()})
    assert list(table.index) == ["tilted", "flat"]
    for name, each in zip(("flat", "tilted"), exact, strict=True):
        assert table.loc[name, "loo"] == pytest.approx(each.sum(), abs=0.1)
        assert table.loc[name, "bad_k"] == 0
        assert table.loc[name, "waic"] == pytest.approx(each.sum(), abs=0.3)
    difference = exact[0] - exact[1]
    assert table.loc["flat", "loo_diff"] == pytest.approx(difference.sum(), abs=0.1)
    assert table.loc["flat", "loo_diff_se"] == pytest.approx(np.sqrt(len(pixels)) * difference.std(), rel=0.1)
    assert (table.loc["tilted", ["loo_diff", "loo_diff_se", "bic_diff"]] == 0).all()
    assert table.loc["tilted", "p_loo"] == pytest.approx(3, abs=0.7)
    assert list(table["free"]) == [3, 1]


def said(table: Any) -> dict[str, str]:
    return dict(table["loo_says"])


def test_where_a_slope_is_not_needed_loo_decides_nothing() -> None:
    """Not even where, by exact refits without each pixel, the tilted sky predicts better."""
    pairs = [[Exact(observed(0.0, seed), tilted=tilted) for tilted in (False, True)] for seed in range(30)]
    pixels = np.arange(len(pairs[0][0].data))
    gains = np.array([tilted.left_out(pixels).sum() - flat.left_out(pixels).sum() for flat, tilted in pairs])
    assert (gains > 0).sum() > 1
    for which in (np.argmax(gains), np.argmin(gains)):
        flat, tilted = pairs[int(which)]
        table = compare({"flat": flat.fit(1000), "tilted": tilted.fit(1000)})
        assert said(table) == {"flat": "undecided", "tilted": "undecided"}
        assert table["note"].str.contains("bic and log_evidence decide instead").all()
        assert table.loc["flat", "bic_diff"] == 0


def test_a_slope_that_is_there_is_decided() -> None:
    image = observed(0.5)
    table = compare({"flat": Exact(image, tilted=False).fit(), "tilted": Exact(image, tilted=True).fit()})
    assert said(table) == {"tilted": "best", "flat": "worse"}
    assert list(table["note"]) == ["", ""]


@pytest.mark.parametrize("factor", [4.0, 30.0])
def test_draws_that_are_not_the_posterior_make_loo_unreliable(pair: tuple[Exact, Exact], factor: float) -> None:
    good, wide = pair[1].fit(), pair[1].fit()
    draws = {path: each.mean() + factor * (each - each.mean()) for path, each in wide.draws.items()}
    table = compare({"good": good, "wide": dataclasses.replace(wide, draws=draws)})
    assert said(table) == {"good": "undecided", "wide": "unreliable"}
    assert "effective number of parameters is" in table.loc["wide", "note"]
    assert "and 3 are free" in table.loc["wide", "note"]
    assert not (table.loc[["wide"], "p_loo"] < 6).any()  # of 3 parameters


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("best", "worse")),
        ({"loo_diff": -3.9, "loo_diff_se": 0.1}, ("undecided", "undecided")),
        ({"loo_diff": -40.0, "loo_diff_se": 20.1}, ("undecided", "undecided")),
        ({"loo_diff_se": math.nan}, ("undecided", "undecided")),
        ({"bad_k": 0.02}, ("undecided", "unreliable")),
        ({"bad_k": math.nan}, ("undecided", "unreliable")),
        ({"p_loo": 146_734.0}, ("undecided", "unreliable")),
        ({"p_loo": -1.0}, ("undecided", "unreliable")),
        ({"p_loo": math.nan}, ("undecided", "unreliable")),
        ({"loo": math.nan}, ("", "")),
    ],
)
def test_what_can_not_be_judged_decides_nothing(change: dict[str, float], expected: tuple[str, str]) -> None:
    usual = {"loo": -100.0, "p_loo": 5.0, "bad_k": 0.0, "free": 5, "loo_diff": 0.0, "loo_diff_se": 0.0}
    other = usual | {"loo": -150.0, "loo_diff": -50.0, "loo_diff_se": 5.0}
    assert tuple(one[0] for one in decisions({"a": usual, "b": other | change}).values()) == expected


def test_nothing_is_best_against_what_is_unreliable() -> None:
    usual = {"loo": -100.0, "p_loo": 5.0, "bad_k": 0.0, "free": 5, "loo_diff": 0.0, "loo_diff_se": 0.0}
    other = usual | {"loo": -150.0, "loo_diff": -50.0, "loo_diff_se": 5.0}
    found = decisions({"a": usual | {"bad_k": 0.5}, "b": other, "c": other})
    assert [one[0] for one in found.values()] == ["unreliable", "undecided", "undecided"]
    assert found["a"][1].startswith("LOO is unreliable: 50% of the points have a Pareto k above 0.7; bic")


def test_patches_are_left_out_whole(pair: tuple[Exact, Exact]) -> None:
    flat, tilted = pair
    y, x = np.nonzero(flat.image.valid)
    exact = {name: one.left_out(y // 3 * 10 + x // 3).sum() for name, one in zip(("a", "b"), pair, strict=True)}
    table = compare({"a": flat.fit(), "b": tilted.fit()}, patch=3)
    assert table.attrs["patch"] == 3
    for name, value in exact.items():
        assert table.loc[name, "loo"] == pytest.approx(value, abs=0.3)


def test_waic_is_arvizs(pair: tuple[Exact, Exact]) -> None:
    az = arviz()
    if not hasattr(az, "waic"):
        pytest.skip("ArviZ 1 has no WAIC")
    fit = pair[1].fit()
    found = criteria.pointwise(fit, 1).waic.sum()
    assert found == pytest.approx(float(az.waic(fit.posterior).elpd_waic), rel=1e-5)


@pytest.mark.parametrize("lp", [False, True], ids=["about the mode", "by the draws"])
def test_the_evidence_of_a_linear_model_is_exact(pair: tuple[Exact, Exact], lp: bool) -> None:
    for one in pair:
        spread = one.design @ np.diag(one.prior_sd**2) @ one.design.T + np.diag(one.sigma**2)
        exact = multivariate_normal(one.design @ one.prior_mean, spread).logpdf(one.data)
        assert one.fit(lp=lp).log_evidence == pytest.approx(exact, abs=0.06 if lp else 2e-3)


def test_bic_counts_parameters_and_pixels(pair: tuple[Exact, Exact]) -> None:
    one = pair[1]
    likelihood = norm.logpdf(one.data, one.design @ one.mean, one.sigma).sum()
    assert one.fit().bic == pytest.approx(-2 * likelihood + 3 * np.log(85), abs=1e-3)


def test_a_fit_without_draws_has_its_bic(pair: tuple[Exact, Exact]) -> None:
    fit = pair[0].fit()
    point = Fit(model=fit.model, image=fit.image, method=None, seed=0, draws={}, best=fit.best)
    table = fit.compare(point)
    assert list(table.index) == ["this", "other"]
    assert table.loc["other", "bic"] == table.loc["this", "bic"]
    assert table.loc["other", ["loo", "loo_diff", "log_evidence"]].isna().all()


def test_fits_of_other_pixels_are_refused(pair: tuple[Exact, Exact]) -> None:
    fit, image = pair[0].fit(), pair[0].image

    def other(data: np.ndarray = image.data, mask: np.ndarray = image.mask) -> Fit:
        changed = Image(data, sigma=np.ones(data.shape), mask=mask)
        return Fit(model=fit.model, image=changed, method=None, seed=0, draws=fit.draws, best=fit.best)

    with pytest.raises(ValueError, match=r"'this' has an image of shape \(8, 11\), 'other' of \(8, 10\)"):
        fit.compare(other(image.data[:, 1:], image.mask[:, 1:]))
    more = image.mask.copy()
    more[0, :4] = True
    with pytest.raises(ValueError, match="the masks of 'this' and 'other' differ in 4 pixels"):
        fit.compare(other(mask=more))
    with pytest.raises(ValueError, match="the data of 'this' and 'other' differ in 85 pixels"):
        fit.compare(other(image.data + 1))
    with pytest.raises(ValueError, match=r"fits must hold two fits or more, got \['a'\]"):
        compare({"a": fit})
    with pytest.raises(TypeError, match="fits must be a mapping of names to fits"):
        compare([fit, fit])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="patch must be a number of pixels, 1 or more, got 0"):
        compare({"a": fit, "b": fit}, patch=0)


def test_agreement_is_in_sigma_and_circular(make_fit: MakeFit, truth: dict, sds: dict) -> None:
    one = make_fit(shape=(2, 2000))
    moved = {
        "galaxy.n": one.draws["galaxy.n"] + 3 * sds["galaxy.n"],
        "sky.level": truth["sky.level"] + 2 * (one.draws["sky.level"] - truth["sky.level"]),
        "galaxy.theta": one.draws["galaxy.theta"] - np.pi + 0.5 * sds["galaxy.theta"],
    }
    table = one.agreement(make_fit(shape=(2, 2000), draws=one.draws | moved))
    assert list(table.index) == list(one.model.free)
    assert table.loc["galaxy.n", "in_sigma"] == pytest.approx(-3, rel=0.05)
    assert table.loc["galaxy.theta", "in_sigma"] == pytest.approx(-0.5, rel=0.05)
    assert table.loc["sky.level", "sd_ratio"] == pytest.approx(0.5, rel=1e-6)
    assert table.loc["galaxy.flux", ["difference", "in_sigma"]].eq(0).all()


def test_agreement_with_a_fit_without_draws(make_fit: MakeFit, map_fit: Fit) -> None:
    fit = make_fit()
    fit.derive(lambda s: 1 - s["galaxy"].ellip, name="q")
    table = fit.agreement(map_fit)
    assert "q" not in table.index
    assert np.isfinite(table["in_sigma"]).all()
    assert table["sd_other"].isna().all()


def test_agreement_needs_something_in_common(make_fit: MakeFit, pair: tuple[Exact, Exact]) -> None:
    with pytest.raises(ValueError, match="other is a fit of another model"):
        pair[1].fit().agreement(map_without_sky(make_fit()))


def map_without_sky(fit: Fit) -> Fit:
    model = fit.model.without("sky")
    best = {path: fit.best[path] for path in model.free}
    return Fit(model=model, image=fit.image, method=None, seed=0, draws={}, best=best)
