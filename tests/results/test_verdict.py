import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from sersiclab.data.image import Image
from sersiclab.inference import MAP, NUTS, Laplace
from sersiclab.model import Model
from sersiclab.noise import CorrelatedNoise
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import LogUniform, Normal, Uniform
from sersiclab.results import Fit, Verdict
from sersiclab.results.verdict.sampling import ess_reasons, r_hat_reasons


MakeFit = Callable[..., Fit]


def changed(make_fit: MakeFit, path: str, draws: np.ndarray, **more: Any) -> Verdict:
    return make_fit(draws=make_fit().draws | {path: draws}, **more).verdict


def test_a_sound_fit_is_ok(make_fit: MakeFit) -> None:
    verdict = make_fit().verdict
    assert (verdict.level, verdict.reasons) == ("ok", ())
    assert str(verdict) == "ok: no problems found."


@pytest.mark.parametrize(("shift", "words"), [(0.3, "r_hat is 1.0"), (3.0, "r_hat is 1.7")])
def test_chains_that_disagree(make_fit: MakeFit, rng: np.random.Generator, shift: float, words: str) -> None:
    # Four half chains about 0, 0, s, s: r_hat^2 is about 1 + s^2 / 3, less for ranks if s is large.
    draws = 2 + 0.05 * (rng.normal(size=(2, 400)) + np.array([[0.0], [shift]]))
    verdict = changed(make_fit, "galaxy.n", draws)
    assert verdict.level != "ok"
    assert any(words in reason and "galaxy.n" in reason for reason in verdict.reasons)


def test_the_level_of_r_hat() -> None:
    found = {value: [level for level, _ in r_hat_reasons({"a": value, "b": 1.0})] for value in (1.009, 1.02, 1.2)}
    assert found == {1.009: [], 1.02: ["caution"], 1.2: ["bad"]}


def test_what_falls_just_short_is_not_rounded_to_what_it_should_be() -> None:
    assert "r_hat is 1.011 for" in next(r_hat_reasons({"a": 1.0101}))[1]
    assert "sample is small: 399 for" in next(ess_reasons({"a": 399.7}))[1]


@pytest.mark.parametrize(("shape", "level"), [((2, 120), "caution"), ((2, 40), "bad")])
def test_few_effective_draws(make_fit: MakeFit, shape: tuple[int, int], level: str) -> None:
    verdict = make_fit(shape=shape).verdict
    assert verdict.level == level
    assert any(reason.startswith("The effective sample is small") for reason in verdict.reasons)


@pytest.mark.parametrize(("number", "level"), [(1, "caution"), (60, "bad")])
def test_divergences(make_fit: MakeFit, number: int, level: str) -> None:
    diverging = np.arange(800).reshape(2, 400) < number
    verdict = make_fit(stats={"diverging": diverging}).verdict
    assert verdict.level == level
    assert f"{number} of 800 draws diverged" in str(verdict)


def test_energy_that_hardly_moves(make_fit: MakeFit, rng: np.random.Generator) -> None:
    energy = np.cumsum(rng.normal(size=(2, 400)), axis=1)
    verdict = make_fit(stats={"energy": energy}).verdict
    assert verdict.level == "caution"
    assert "E-BFMI" in str(verdict)


@pytest.mark.parametrize(("depth", "said"), [(4, False), (5, True)])
def test_trees_at_their_maximal_depth(make_fit: MakeFit, depth: int, said: bool) -> None:
    tree_depth = np.full((2, 400), depth)
    verdict = make_fit(method=NUTS(max_tree_depth=5), stats={"tree_depth": tree_depth}).verdict
    assert ("tree depth" in str(verdict)) is said


@pytest.mark.parametrize(
    ("path", "side", "of"),
    [
        ("galaxy.n", "lower bound of its prior, 0.5", lambda e: 0.5 + 0.3 * e),
        ("galaxy.n", "upper bound of its prior, 8", lambda e: 8 - 0.1 * e),
        ("galaxy.ellip", "upper bound of its prior, 0.9", lambda e: 0.9 - 0.01 * e),
        ("galaxy.flux", "upper bound of its prior, 100000", lambda e: 1e5 * np.exp(-0.2 * e)),
    ],
)
def test_a_posterior_at_a_bound(make_fit: MakeFit, path: str, side: str, of: Callable) -> None:
    verdict = changed(make_fit, path, of(np.random.default_rng(1).exponential(size=(2, 400))))
    assert f"{path} lies at the {side}" in str(verdict)
    assert verdict.level == "caution"


def test_a_round_galaxy_is_no_fault(make_fit: MakeFit, truth: dict[str, float]) -> None:
    """Nothing lies beyond an ellipticity of zero."""
    draws = np.random.default_rng(1).exponential(0.01, size=(2, 400))
    assert changed(make_fit, "galaxy.ellip", draws).level == "ok"
    assert "lies at" not in str(make_fit(draws={}, stats={}, best=truth | {"galaxy.ellip": 1e-5}).verdict)


@pytest.mark.parametrize(
    "draws_of",
    [
        lambda z: 0.9 + 0.05 * np.abs(z) + 0.1 * z,  # three and more sd from n = 0.5
        lambda z: 7.5 + 0.1 * z,
    ],
)
def test_a_posterior_near_but_not_at_a_bound(make_fit: MakeFit, rng: np.random.Generator, draws_of: Callable) -> None:
    assert "lies at" not in str(changed(make_fit, "galaxy.n", draws_of(rng.normal(size=(2, 400)))))


def test_a_narrow_posterior_far_down_a_wide_prior_lies_at_no_bound(make_fit: MakeFit, scene: Any) -> None:
    model = scene[0].replace({"galaxy.flux": Uniform(0, 1e7), "galaxy.r_eff": LogUniform(1e-2, 1e4)})
    assert make_fit(model=model).verdict.level == "ok"


def test_a_parameter_without_information(make_fit: MakeFit, rng: np.random.Generator) -> None:
    verdict = changed(make_fit, "galaxy.ellip", rng.uniform(0, 0.9, size=(2, 400)))
    assert "The data hardly constrain galaxy.ellip" in str(verdict)


@pytest.mark.parametrize(("loc", "words"), [(10.0, "5.0 prior sigma below"), (0.0, "5.0 prior sigma above")])
def test_data_against_the_prior(make_fit: MakeFit, scene: Any, loc: float, words: str) -> None:
    verdict = make_fit(model=scene[0].replace({"sky.level": Normal(loc, 1)})).verdict
    assert verdict.level == "caution"
    assert f"Data and prior disagree on sky.level: it lies {words}" in str(verdict)


@pytest.mark.parametrize(
    ("factor", "level", "hint"),
    [
        (0.8, "caution", "sigma is too small"),
        (0.5, "bad", "the model is too simple"),
        (1.3, "caution", "sigma is too large"),
        (3.0, "bad", "sigma is too large"),
        (1.03, "ok", "no problems found"),
    ],
)
def test_chi2_on_both_sides_of_one(make_fit: MakeFit, scene: Any, factor: float, level: str, hint: str) -> None:
    image = scene[1]
    other = Image(image.data, sigma=factor * image.sigma, psf=image.psf, mask=image.mask)
    verdict = make_fit(image=other).verdict
    assert verdict.level == level
    assert hint in str(verdict)


def test_a_sigma_that_cannot_be_inflated_is_multiplied(make_fit: MakeFit, scene: Any) -> None:
    model, image = scene[:2]
    wide = Image(image.data, sigma=4.0 * image.sigma, psf=image.psf, mask=image.mask)
    correlated = Model(model.components, noise=CorrelatedNoise(((1.0,),)))
    said = str(make_fit(model=correlated, image=wide).verdict)
    assert "sigma is too large; multiply sigma by 0.2" in said
    assert "Inflated" not in said


def with_data(make_fit: MakeFit, scene: Any, change: Callable[[np.ndarray], np.ndarray], **more: Any) -> Verdict:
    image = scene[1]
    data = np.where(image.mask, 0.0, image.data) + change(np.zeros(image.shape))
    return make_fit(image=Image(data, sigma=image.sigma, psf=image.psf, mask=image.mask), **more).verdict


def test_outliers_are_told_apart_from_a_model_that_is_too_simple(make_fit: MakeFit, scene: Any) -> None:
    def spots(zeros: np.ndarray) -> np.ndarray:
        zeros[::9, ::9] = 12.0
        return zeros

    verdict = with_data(make_fit, scene, spots)
    assert verdict.level != "ok"
    assert "20 pixels beyond 5 sigma" in str(verdict)  # a grid of 4 x 5, none masked
    assert "Student t" in str(verdict)


@pytest.mark.parametrize(("number", "level"), [(3, "ok"), (4, "caution")])
def test_a_small_neighbour_is_reported_though_chi2_hides_it(
    make_fit: MakeFit, scene: Any, number: int, level: str
) -> None:
    def spot(zeros: np.ndarray) -> np.ndarray:
        zeros[26, 3 : 3 + number] = 8.0
        return zeros

    verdict = with_data(make_fit, scene, spot)
    assert verdict.level == level
    assert ("4 pixels lie beyond 5 sigma" in str(verdict)) is (number == 4)


def test_structure_of_the_galaxy_asks_for_a_component(make_fit: MakeFit, scene: Any) -> None:
    def arm(zeros: np.ndarray) -> np.ndarray:
        y, x = np.indices(zeros.shape)
        return 4.0 * np.exp(-((x - 24) ** 2 + (y - 16) ** 2) / 18)

    said = str(with_data(make_fit, scene, arm))
    assert "where the model is brighter than the noise" in said
    assert "Add a component, such as a bar" in said  # the model has a core and a galaxy
    assert "of the sky" not in said


def smooth(rng: np.random.Generator, shape: tuple[int, int], width: float) -> np.ndarray:
    noise = ndimage.gaussian_filter(rng.normal(size=shape), width, mode="wrap")
    return noise / noise.std()


@pytest.mark.parametrize(
    ("width", "words", "unsaid"),
    [(0.5, "Correlated as the noise", "not empty"), (6.0, "The sky is not empty", "Correlated as the noise")],
)
def test_what_correlates_the_sky(
    make_fit: MakeFit, scene: Any, rng: np.random.Generator, width: float, words: str, unsaid: str
) -> None:
    """Noise that was resampled reaches a pixel or two, light that is left over goes on."""
    image = scene[1]
    field = image.sigma * smooth(rng, image.shape, width)
    data = np.where(image.mask, 0.0, make_fit().model_image + field)
    said = str(make_fit(image=Image(data, sigma=image.sigma, psf=image.psf, mask=image.mask)).verdict)
    assert words in said
    assert unsaid not in said


def test_a_correlated_noise_answers_for_it(make_fit: MakeFit, scene: Any, rng: np.random.Generator) -> None:
    model, image = scene
    field = image.sigma * smooth(rng, image.shape, 0.5)
    data = np.where(image.mask, 0.0, make_fit().model_image + field)
    noise = CorrelatedNoise.measured(field / image.sigma, mask=image.mask)
    fit = make_fit(
        model=Model(dict(model.components), noise=noise),
        image=Image(data, sigma=image.sigma, psf=image.psf, mask=image.mask),
    )
    assert fit.verdict.level == "ok"


def test_one_draw_that_is_more_likely_than_all_others(make_fit: MakeFit, truth: dict, sds: dict) -> None:
    """The weighted draws are then all alike, and have no width."""
    rng = np.random.default_rng(4)
    draws = {path: truth[path] + 20 * sds[path] * rng.normal(size=(1, 60)) for path in ("galaxy.xc", "core.flux")}
    still = {path: np.full((1, 60), truth[path]) for path in truth if path not in draws}
    draws["galaxy.xc"][0, 7], draws["core.flux"][0, 7] = truth["galaxy.xc"], truth["core.flux"]
    fit = make_fit(draws=draws | still, stats={}, covariance=np.eye(len(truth)), method=Laplace())
    check = fit.approximation
    assert check is not None
    assert (check.blind, np.ptp(check.draws["galaxy.xc"])) == (True, 0.0)


def test_a_cancelled_run(make_fit: MakeFit) -> None:
    verdict = make_fit(status="cancelled after 400 of 1000 draws").verdict
    assert verdict.level == "caution"
    assert verdict.reasons == ("The run did not finish: cancelled after 400 of 1000 draws.",)


def test_a_message_of_trouble(make_fit: MakeFit) -> None:
    verdict = make_fit(method=MAP(), draws={}, stats={}, message="did not converge in 100 iterations").verdict
    assert str(verdict) == "bad: MAP: did not converge in 100 iterations."


def test_numbers_that_are_not_finite(make_fit: MakeFit) -> None:
    draws = make_fit().draws["galaxy.n"].copy()
    draws[0, 3] = np.nan
    verdict = changed(make_fit, "galaxy.n", draws)
    assert verdict.level == "bad"
    assert "not finite" in verdict.reasons[0]


def test_the_worst_reason_comes_first(make_fit: MakeFit) -> None:
    diverging = np.arange(800).reshape(2, 400) < 100
    verdict = make_fit(status="cancelled", stats={"diverging": diverging}).verdict
    assert verdict.level == "bad"
    assert "diverged" in verdict.reasons[0]
    assert "cancelled" in verdict.reasons[1]


def test_a_best_value_at_a_bound_without_draws(make_fit: MakeFit, truth: dict[str, float]) -> None:
    at_bound = make_fit(draws={}, stats={}, best=truth | {"galaxy.n": 0.5001})
    assert "galaxy.n lies at the lower bound" in str(at_bound.verdict)
    wide, narrow = (make_fit(draws={}, stats={}, covariance=sd**2 * np.eye(9)) for sd in (3.0, 0.01))
    assert "lies at" in str(wide.verdict)
    assert narrow.verdict.level == "ok"


def tied_index(model: Model) -> Model:
    """A Sérsic index that is tied to a flux, and stays in its range as long as the flux does."""
    galaxy = dataclasses.replace(model.components["galaxy"], n=Tied("core.flux", scale=0.1))
    core = dataclasses.replace(model.components["core"], flux=Uniform(5, 80))
    return Model(dict(model.components) | {"galaxy": galaxy, "core": core})


def test_a_tie_that_leaves_its_range_is_reported_without_an_error(make_fit: MakeFit) -> None:
    fit = make_fit()
    tied = tied_index(fit.model)
    best = {path: fit.best[path] for path in tied.free}
    verdict = Fit(tied, fit.image, MAP(), seed=0, draws={}, best=best | {"core.flux": 120.0}, stats={}).verdict
    assert verdict.level == "bad"
    assert "must lie in [" in str(verdict)
    assert "got 12" in str(verdict)


def test_without_a_psf_it_says_what_was_measured(make_fit: MakeFit) -> None:
    sound = make_fit()
    image = Image(sound.image.data, sigma=sound.image.sigma, mask=sound.image.mask)
    model = Model({"galaxy": sound.model.components["galaxy"], "sky": sound.model.components["sky"]})
    best = {path: sound.best[path] for path in model.free}
    blurred = Fit(model, image, MAP(), seed=0, draws={}, best=best, stats={}).verdict
    assert "has no PSF" in blurred.reasons[-1]
    sky = Model({"sky": model.components["sky"]})
    flat = Image(np.full(image.shape, 5.0) + sound.residual, sigma=image.sigma, mask=image.mask)
    alone = Fit(sky, flat, MAP(), seed=0, draws={}, best={"sky.level": 5.0}, stats={}).verdict
    assert "PSF" not in str(alone)
