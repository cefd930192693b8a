import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters.priors import Normal
from sersiclab.profiles import FlatSky
from sersiclab.results import Fit, log_likelihood
from sersiclab.results.diagnostics import arviz


MakeFit = Callable[..., Fit]


@pytest.fixture
def small(make_fit: MakeFit) -> Fit:
    return make_fit(shape=(2, 35))  # 70 draws: more than one chunk


def test_it_is_what_arviz_calls_native(small: Fit) -> None:
    kinds = {"0": "InferenceData", "1": "DataTree"}
    assert type(small.posterior).__name__ == kinds[arviz().__version__[0]]
    assert small.posterior is small.posterior


def test_groups_hold_draws_stats_and_data(small: Fit) -> None:
    small.derive(lambda s: s["galaxy"].n, name="a/b", unit="mag")
    tree = small.posterior
    for path, draws in small.draws.items():
        assert tree["posterior"][path].dims == ("chain", "draw")
        assert_allclose(tree["posterior"][path], draws, rtol=0)
    assert tree["posterior"]["galaxy.xc"].attrs["unit"] == "pixel"
    assert tree["posterior"]["a_b"].attrs["unit"] == "mag"
    assert_allclose(tree["sample_stats"]["lp"], small.stats["lp"], rtol=0)
    assert_allclose(tree["observed_data"]["data"], small.image.data, rtol=0)
    assert_allclose(tree["constant_data"]["sigma"], small.image.sigma, rtol=0)
    assert np.array_equal(tree["constant_data"]["mask"], small.image.mask)


def test_attributes_tell_the_origin(small: Fit) -> None:
    attributes = small.posterior["posterior"].attrs
    assert attributes["method"] == repr(small.method)
    assert (attributes["seed"], attributes["status"]) == (3, "complete")
    assert attributes["inference_library"] == "sersiclab"
    assert {"sersiclab_version", "jax_version", "numpyro_version"} <= set(attributes)


def test_log_likelihood_is_rendered_when_it_is_asked_for(small: Fit) -> None:
    tree = small.posterior
    group = tree["log_likelihood"]
    assert group["data"].sizes == {"chain": 2, "draw": 35, "pixel": small.image.valid.sum()}
    assert "data" in repr(group) + group._repr_html_()
    copied = copy.deepcopy(group)
    assert "log_likelihood" not in vars(small)
    part = group["data"][1, 20:22, [3, 8, 5]]
    assert "log_likelihood" not in vars(small)
    expected = small.log_likelihood["data"]
    assert_allclose(part, np.asarray(expected)[1, 20:22][:, [3, 8, 5]], rtol=0)
    for one in (group, copied, pickle.loads(pickle.dumps(group))):
        assert one["data"].dtype == expected.dtype
        assert_allclose(one["data"], expected, rtol=0)


def test_log_likelihood_is_the_normals_in_unmasked_pixels(small: Fit) -> None:
    found = small.posterior["log_likelihood"]["data"]
    image = small.image
    assert found.dims == ("chain", "draw", "pixel")
    assert found.sizes["pixel"] == image.valid.sum() < image.data.size
    y, x = np.asarray(found["y"]), np.asarray(found["x"])
    for chain, draw in [(0, 0), (0, 29), (1, 34)]:  # the first, one of the second chunk, the last
        values = {path: array[chain, draw] for path, array in small.draws.items()}
        expected = norm.logpdf(image.data, render(small.model, image, values), image.sigma)[y, x]
        assert_allclose(found[chain, draw], expected, rtol=2e-3, atol=5e-3)


def test_patches_hold_the_sums_of_their_pixels(small: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    by_pixel = small.log_likelihood["data"]
    image = small.image
    monkeypatch.setattr(log_likelihood, "LIMIT", 70 * 100)
    by_patch = log_likelihood.pointwise(small.model, image, small.draws)
    size = by_patch.attrs["patch_size"]
    assert by_patch["data"].dims == ("chain", "draw", "patch")
    assert by_patch["data"].size <= 70 * 100
    assert log_likelihood.patch_size(image, 70) == size > 1
    monkeypatch.setattr(log_likelihood, "LIMIT", by_patch["data"].size - 1)
    assert log_likelihood.patch_size(image, 70) > size  # no smaller patches would have done
    expected = np.zeros(image.shape)
    expected[np.asarray(by_pixel["y"]), np.asarray(by_pixel["x"])] = by_pixel[1, 20]
    for i, (y, x) in enumerate(zip(by_patch["y"].values, by_patch["x"].values, strict=True)):
        corner = (
            slice(round(y - (size - 1) / 2), round(y + (size + 1) / 2)),
            slice(round(x - (size - 1) / 2), round(x + (size + 1) / 2)),
        )
        assert float(by_patch["data"][1, 20, i]) == pytest.approx(expected[corner].sum(), rel=1e-5)
    assert float(by_patch["data"][1, 20].sum()) == pytest.approx(expected.sum(), rel=1e-5)


def test_arviz_summary_agrees_with_ours(small: Fit) -> None:
    ours, theirs = small.summary(), arviz().summary(small.posterior, round_to=8)
    for path in ("galaxy.n", "sky.level"):
        assert float(theirs.loc[path, "mean"]) == pytest.approx(ours.loc[path, "mean"], rel=1e-6)
        assert float(theirs.loc[path, "ess_bulk"]) == pytest.approx(ours.loc[path, "ess_bulk"], rel=1e-6)


def test_loo_of_a_constant_sky_is_the_exact_one() -> None:
    rng = np.random.default_rng(8)
    shape, level, scale = (6, 9), 3.0, 10.0
    sigma = rng.uniform(0.5, 1.5, size=shape)
    mask = np.zeros(shape, bool)
    mask[2, 3:6] = True
    data = level + sigma * rng.normal(size=shape)
    model = Model({"sky": FlatSky(level=Normal(0, scale))})
    image = Image(np.where(mask, np.nan, data), sigma=sigma, mask=mask)
    y, variance = data[~mask], sigma[~mask] ** 2
    # The posterior is normal, and so is the prediction of a pixel from all others.
    precision = np.sum(1 / variance) + scale**-2
    mean = np.sum(y / variance) / precision
    draws = mean + rng.normal(size=(4, 2000)) / np.sqrt(precision)
    fit = Fit(model=model, image=image, method=None, seed=0, draws={"sky.level": draws}, best={"sky.level": mean})
    rest = precision - 1 / variance
    rest_mean = (mean * precision - y / variance) / rest
    exact = np.sum(norm.logpdf(y, rest_mean, np.sqrt(variance + 1 / rest)))
    found = arviz().loo(fit.posterior)
    estimate = float(found.elpd if hasattr(found, "elpd") else found.elpd_loo)
    assert estimate == pytest.approx(exact, abs=0.1)


def test_predictions_scatter_about_the_model(make_fit: MakeFit) -> None:
    fit = make_fit()
    still = make_fit(draws={path: np.full((2, 400), value) for path, value in fit.best.items()})
    images = still.posterior_predictive(60, seed=1)
    assert images.shape == (60, *fit.image.shape)
    scaled = (images - fit.model_image)[:, fit.image.valid] / fit.image.sigma[fit.image.valid]
    assert np.mean(scaled) == pytest.approx(0.0, abs=5 / np.sqrt(scaled.size))
    assert np.std(scaled) == pytest.approx(1.0, abs=5 / np.sqrt(2 * scaled.size))
    assert np.array_equal(images, still.posterior_predictive(60, seed=1))
    assert not np.array_equal(images, still.posterior_predictive(60, seed=2))
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        fit.posterior_predictive(0)


@pytest.mark.parametrize("what", ["posterior", "posterior_predictive", "plot_corner"])
def test_a_map_has_no_posterior_and_says_so(map_fit: Fit, what: str) -> None:
    with pytest.raises(ValueError, match=f"{what} needs draws, and MAP made none"):
        getattr(map_fit, what)() if what != "posterior" else map_fit.posterior
