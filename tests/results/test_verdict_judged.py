"""What can't be judged is not fine, what is invalid is bad, and a cause comes before what it explains."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, Importance, Laplace
from sersiclab.model import Model, render
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Normal, Uniform
from sersiclab.profiles import FlatSky, Sersic
from sersiclab.results import Fit, Verdict
from sersiclab.results.verdict import approximation
from sersiclab.results.verdict.approximation import approximation_reasons
from sersiclab.results.verdict.deviations import ApproximationCheck, Deviation
from sersiclab.results.verdict.sampling import ess_reasons, r_hat_reasons, weight_reasons


MakeFit = Callable[..., Fit]
NOT_NUMBERS = [np.nan, np.inf, -np.inf]


def spoiled(values: np.ndarray, bad: float) -> np.ndarray:
    values = np.array(values, dtype=float)
    values.flat[values.size // 3] = bad
    return values


@pytest.mark.parametrize("bad", NOT_NUMBERS)
def test_any_best_value_that_is_not_finite(make_fit: MakeFit, truth: dict[str, float], bad: float) -> None:
    for path in truth:
        assert make_fit(best=truth | {path: bad}).verdict.level == "bad"


@pytest.mark.parametrize("bad", NOT_NUMBERS)
def test_any_draw_that_is_not_finite(make_fit: MakeFit, truth: dict[str, float], bad: float) -> None:
    good = make_fit().draws
    for path in truth:
        assert make_fit(draws=good | {path: spoiled(good[path], bad)}).verdict.level == "bad"


STATS = {
    "diverging": np.zeros((2, 400)),
    "energy": np.random.default_rng(1).normal(size=(2, 400)),
    "tree_depth": np.full((2, 400), 3.0),
    "pareto_k": np.full((2, 400), 0.2),
    "efficiency": np.full((2, 400), 0.8),
}


@pytest.mark.parametrize("name", STATS)
def test_any_statistic_that_is_not_a_number(make_fit: MakeFit, name: str) -> None:
    assert make_fit(stats=STATS).verdict.level == "ok"
    assert make_fit(stats=STATS | {name: spoiled(STATS[name], np.nan)}).verdict.level == "bad"
    assert make_fit(stats=STATS | {name: np.full((2, 400), np.nan)}).verdict.level == "bad"


@pytest.mark.parametrize("name", ["diverging", "energy", "pareto_k"])
def test_a_statistic_that_is_infinite(make_fit: MakeFit, name: str) -> None:
    assert make_fit(stats=STATS | {name: spoiled(STATS[name], np.inf)}).verdict.level != "ok"


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize("drawn", [True, False])
def test_a_covariance_that_is_not_finite(make_fit: MakeFit, bad: float, drawn: bool) -> None:
    covariance = spoiled(1e-4 * np.eye(9), bad)
    more = {"method": Laplace(), "stats": {}, "covariance": covariance}
    fit = make_fit((1, 400), **more) if drawn else make_fit(draws={}, **more)
    assert fit.verdict.level == "bad"


@pytest.mark.parametrize("bad", NOT_NUMBERS)
def test_weights_of_a_guide_that_are_not_numbers(make_fit: MakeFit, bad: float) -> None:
    stats = {"log_weight": np.full((1, 900), -np.log(900)), "pareto_k": np.full((1, 900), 0.1)}
    assert make_fit((1, 900), method=Laplace(), stats=stats).verdict.level == "ok"
    if bad != -np.inf:  # a weight of zero is one
        one = stats | {"log_weight": spoiled(stats["log_weight"], bad)}
        assert make_fit((1, 900), method=Laplace(), stats=one).verdict.level == "bad"
    for name in stats if bad != -np.inf else ["log_weight"]:
        every = stats | {name: np.full((1, 900), bad)}
        assert make_fit((1, 900), method=Laplace(), stats=every).verdict.level == "bad"


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize("reasons", [r_hat_reasons, ess_reasons])
def test_a_diagnostic_that_is_not_a_number(reasons: Callable[[Any], Iterator[Any]], bad: float) -> None:
    assert not list(reasons({"a": 1.0 if reasons is r_hat_reasons else 900.0}))
    for values in ({"a": bad}, {"a": bad, "b": 1000.0}, {"b": 1.0, "a": bad}):
        found = list(reasons(values))
        assert any(level == "bad" and " a " in text for level, text in found)


@pytest.mark.parametrize("bad", NOT_NUMBERS)
def test_an_approximation_whose_check_is_not_a_number(make_fit: MakeFit, bad: float) -> None:
    good = make_fit((1, 400), method=Laplace(), stats={}, covariance=np.eye(9))

    def levels(**values: Any) -> list[str]:
        known = {"pareto_k": 0.2, "effective": 200.0, "draws": good.draws, "deviations": ()}
        good.__dict__["_approximation"] = ApproximationCheck(**(known | values))
        return [level for level, _ in approximation_reasons(good)]

    assert levels() == []
    assert levels(deviations=(Deviation("galaxy.n", bad, 1.0),)) == ["bad"]
    assert levels(deviations=(Deviation("galaxy.n", 0.0, bad),)) == ["bad"]
    if bad != -np.inf:
        assert levels(pareto_k=bad) == ["bad"]
    if bad != np.inf:
        assert levels(effective=bad) == ["bad"]


@pytest.mark.parametrize(
    ("shift", "stretch", "level", "words"),
    [
        (0.4, 1.0, "caution", "the mean of galaxy.n is 0.4 sigma too high;"),
        (-0.9, 0.6, "caution", "the mean of galaxy.n is 0.9 sigma too low, its sigma is 1.7 times too small;"),
        (0.0, 1.5, "caution", "sigma of galaxy.n is 1.5 times too large;"),
        (1.1, 1.0, "bad", "the mean of galaxy.n is 1.1 sigma too high;"),
        (0.0, 2.1, "bad", "sigma of galaxy.n is 2.1 times too large;"),
        (0.0, 0.45, "bad", "sigma of galaxy.n is 2.2 times too small;"),
    ],
)
def test_the_level_follows_the_size_of_the_error(
    make_fit: MakeFit, shift: float, stretch: float, level: str, words: str
) -> None:
    fit = make_fit((1, 400), method=Laplace(), stats={}, covariance=np.eye(9))
    fit.__dict__["_approximation"] = ApproximationCheck(0.2, 200.0, fit.draws, (Deviation("galaxy.n", shift, stretch),))
    ((found, text),) = approximation_reasons(fit)
    assert found == level
    assert words in text


@pytest.mark.parametrize(("chains", "number"), [(1, 1), (4, 1), (4, 2), (2, 3)])
def test_too_few_draws_to_judge(make_fit: MakeFit, chains: int, number: int) -> None:
    verdict = make_fit((chains, number)).verdict
    assert verdict.level == "bad"
    assert f"Too few draws to judge the fit: {number}" in str(verdict)


def test_draws_that_do_not_vary(make_fit: MakeFit) -> None:
    draws = make_fit().draws
    verdict = make_fit(draws=draws | {"galaxy.n": np.full((2, 400), 2.0)}).verdict
    assert verdict.level == "bad"
    assert "of galaxy.n can't be computed" in str(verdict)


def test_a_single_chain_has_no_r_hat(make_fit: MakeFit) -> None:
    verdict = make_fit((1, 800)).verdict
    assert verdict.level == "caution"
    assert "A single chain has no r_hat" in str(verdict)
    importance = {"pareto_k": np.full((1, 800), 0.2), "efficiency": np.full((1, 800), 0.8)}
    assert make_fit((1, 800), method=Importance(), stats=importance).verdict.level == "ok"


def test_draws_outside_the_prior(make_fit: MakeFit) -> None:
    draws = make_fit().draws["galaxy.ellip"].copy()
    draws[0, :40] = 0.93
    verdict = make_fit(draws=make_fit().draws | {"galaxy.ellip": draws}).verdict
    assert verdict.level == "bad"
    assert "0.05 of the draws have galaxy.ellip outside its prior's range, [0, 0.9]" in verdict.reasons[0]


def test_draws_that_take_a_tie_out_of_its_range(make_fit: MakeFit, truth: dict[str, float]) -> None:
    """Within the prior of what it follows, apart from rounding, a tie can't; in a file it may."""
    model = make_fit().model
    galaxy = Sersic(**(vars(model.components["galaxy"]) | {"n": Tied("core.flux", scale=0.1)}))
    tied = Model(dict(model.components) | {"galaxy": galaxy, "core": core(model, Uniform(5, 80))})
    draws = {path: values for path, values in make_fit().draws.items() if path in tied.free}
    draws["core.flux"] = np.where(np.arange(800).reshape(2, 400) < 80, 101.0, draws["core.flux"].clip(6, 79))
    best = {path: truth[path] for path in tied.free} | {"core.flux": 20.0}
    verdict = make_fit(model=tied, draws=draws, best=best).verdict
    assert verdict.level == "bad"
    assert "0.1 of the draws have core.flux outside its prior's range, [5, 80]" in str(verdict)
    assert "0.1 of the draws have galaxy.n outside its range, [0.1, 10]" in str(verdict)


def core(model: Model, flux: Uniform) -> Any:
    part = model.components["core"]
    return type(part)(**(vars(part) | {"flux": flux}))


def test_a_result_without_errors_says_so(map_fit: Fit) -> None:
    assert map_fit.verdict == Verdict(
        "ok", ("MAP gives best values without errors: use Laplace(), Importance() or NUTS() for errors.",)
    )


def test_best_values_of_components_with_a_common_centre_are_no_more_than_a_start(map_fit: Fit) -> None:
    galaxy = map_fit.model.components["galaxy"]
    other: Any = {**vars(galaxy), "xc": Tied("galaxy.xc"), "yc": Tied("galaxy.yc")}
    model = map_fit.model.with_component("disk", type(galaxy)(**other))
    best = {**model.initial, **{path: value for path, value in map_fit.best.items() if path in model.free}}
    verdict = Fit(model, map_fit.image, MAP(), seed=0, draws={}, best=best).verdict
    assert verdict.level != "ok"
    assert "those of extended components with a common centre may be far from the truth" in str(verdict)


def skyless(fit: Fit, level: float, sigma: float = 1.0) -> Fit:
    """A fit without a sky of an image that has one, in which the source is as it is."""
    model = Model({"galaxy": fit.model.components["galaxy"], "core": fit.model.components["core"]})
    image = Image(fit.image.data - 5.0 + level, sigma=sigma * fit.image.sigma, psf=fit.image.psf, mask=fit.image.mask)
    best = {path: fit.best[path] for path in model.free}
    return Fit(model, image, MAP(), seed=0, draws={}, best=best)


@pytest.mark.parametrize(("level", "found"), [(0.0, "ok"), (0.3, "caution"), (-0.3, "caution"), (5.0, "bad")])
def test_a_sky_that_the_model_lacks(make_fit: MakeFit, level: float, found: str) -> None:
    verdict = skyless(make_fit(), level).verdict
    assert verdict.level == found
    assert verdict.reasons[0].startswith("The sky is not zero") is (level != 0.0)
    if level == 5.0:
        assert "add a FlatSky with a level of about 5" in verdict.reasons[0]
        assert verdict.reasons[1].startswith("chi2 per degree of freedom is")
        assert "Mask" not in verdict.reasons[1]
        assert "beyond 5 sigma" not in str(verdict)


def test_a_sky_that_a_source_stands_for(make_fit: MakeFit) -> None:
    """A fit without a sky ends with a source over all of the image, whose residuals do not show a sky."""
    fit = skyless(make_fit(), 30.0)
    wide = {"galaxy.r_eff": 19.9, "galaxy.n": 0.5, "galaxy.flux": 9e4}
    verdict = Fit(fit.model, fit.image, MAP(), seed=0, draws={}, best=fit.best | wide).verdict
    assert verdict.level == "bad"
    assert verdict.reasons[0].startswith("The sky is not zero")


def test_a_fixed_sky_that_is_wrong(make_fit: MakeFit) -> None:
    fit = make_fit()
    model = fit.model.replace({"sky.level": 4.0})
    best = {path: fit.best[path] for path in model.free}
    verdict = Fit(model, fit.image, MAP(), seed=0, draws={}, best=best).verdict
    assert "give sky.level a prior" in verdict.reasons[0]


def test_a_large_share_of_the_image_is_no_outlier(make_fit: MakeFit, scene: Any) -> None:
    """Sources over a fifth of the image: to mask these is no remedy."""
    image = scene[1]
    data = np.where(image.mask, 0.0, image.data)
    data[:, ::5] += 9.0
    verdict = make_fit(image=Image(data, sigma=image.sigma, psf=image.psf, mask=image.mask)).verdict
    assert verdict.level == "bad"
    assert "beyond 5 sigma" not in str(verdict)


def test_the_only_component_is_needed(scene: Any) -> None:
    """Detected with a signal-to-noise ratio of 10, with a flux that is known to 40 %."""
    galaxy = Sersic(xc=22.0, yc=14.0, flux=Uniform(1, 1000), r_eff=4.0, n=1.0, ellip=0.0, theta=0.0)
    model = Model({"galaxy": galaxy})
    blank = Image(np.zeros((30, 45)), sigma=1.0, psf=scene[1].psf)
    light = render(model, blank, {"galaxy.flux": 1.0})
    flux = 10.0 / np.sqrt(np.sum(light**2))
    rng = np.random.default_rng(3)
    image = Image(flux * light + rng.normal(size=light.shape), sigma=1.0, psf=scene[1].psf)
    draws = {"galaxy.flux": flux * (1 + 0.4 * rng.normal(size=(2, 400))).clip(0.1)}
    with_sky = Model({"galaxy": galaxy, "sky": FlatSky(Normal(0, 1))})
    for each in (model, with_sky):
        best = {path: flux if path == "galaxy.flux" else 0.0 for path in each.free}
        sky = {path: 0.02 * rng.normal(size=(2, 400)) for path in each.free if path == "sky.level"}
        verdict = Fit(each, image, MAP(), seed=0, draws=draws | sky, best=best).verdict
        assert "hardly need" not in str(verdict)


@pytest.mark.parametrize(("k", "different", "level"), [(0.6, 800, "caution"), (0.8, 800, "caution"), (0.8, 60, "bad")])
def test_weights_with_heavy_tails_by_how_many_draws_differ(
    make_fit: MakeFit, k: float, different: int, level: str
) -> None:
    """Where few of the draws differ, a Pareto k above 0.7 leaves nothing to trust; where many do, the tails."""
    chosen = np.sort(np.resize(np.arange(different), 800))  # a candidate is drawn several times in a row
    draws = {path: np.ravel(array)[chosen][None] for path, array in make_fit().draws.items()}
    stats = {"pareto_k": np.full((1, 800), k), "efficiency": np.full((1, 800), 0.04)}
    assert [found for found, _ in weight_reasons(make_fit(draws=draws, stats=stats))] == [level]


@pytest.mark.parametrize(
    ("share", "deviation", "examined"),
    [
        (0.9, None, 128),
        (0.6, None, 256),  # it may fall below a half with more draws
        (0.4, None, 128),  # not good, however many are examined
        (0.4, Deviation("galaxy.n", 0.5, 1.2), 128),
        (0.4, Deviation("galaxy.n", 0.8, 1.2), 256),  # near the deviation that makes a fit bad
        (0.4, Deviation("galaxy.n", 0.5, 1.8), 256),
        (0.1, None, 512),  # too few are effective to tell
    ],
)
def test_more_draws_are_examined_only_where_they_may_change_what_is_said(
    monkeypatch: pytest.MonkeyPatch, make_fit: MakeFit, share: float, deviation: Deviation | None, examined: int
) -> None:
    seen = []

    class Weighed:
        total, pixels = 1000, 1000

        def __init__(self, fit: Fit) -> None: ...

        def extend(self, number: int) -> None:
            seen.append(number)

        def scatter(self) -> float:
            return 1.0

        def check(self) -> ApproximationCheck:
            draws = {"galaxy.n": np.zeros((1, seen[-1]))}
            found = () if deviation is None else (deviation,)
            return ApproximationCheck(0.3, share * min(seen[-1], 200), draws, found)

    monkeypatch.setattr(approximation, "_Weighed", Weighed)
    approximation.check(make_fit())
    assert seen[-1] == examined
