"""The unit and the axes of an image change nothing but the numbers they stand for: from the guess to the posterior."""

import numpy as np
import pytest

from sersiclab import datasets
from sersiclab.data.image import Image
from sersiclab.guess import guess
from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, fit
from sersiclab.io import load
from sersiclab.noise import StudentTNoise


WHAT = {"galaxy": "sersic", "sky": "flat_sky"}


@pytest.fixture(scope="module")
def image():
    return datasets.example().cutout((50.7, 41.4), 44)


@pytest.fixture(scope="module")
def reference(image):
    return posterior(image)


def posterior(image):
    result = fit(guess(image, WHAT), image, Laplace(), progress=False)
    return result.best, dict(zip(result.best, np.sqrt(np.diag(result.covariance)), strict=True))


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_the_posterior_is_the_same_in_every_unit(image, reference, factor):
    other = Image(image.data * factor, sigma=image.sigma * factor, psf=image.psf, mask=image.mask)
    (best, sds), (found, found_sds) = reference, posterior(other)
    for path, value in best.items():
        # Of a flux the unconstrained space is logarithmic, of a sky it is in units of the prior's width.
        unit = factor if path in ("galaxy.flux", "sky.level") else 1.0
        assert found_sds[path] == pytest.approx(sds[path], rel=0.02), path
        assert found[path] / unit == pytest.approx(value, rel=0.01, abs=1e-4), path


METHODS = [MAP(), Laplace(), Importance(draws=1000), SVI(draws=200), NUTS(warmup=40, draws=40, chains=2)]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_numbers_out_of_reach_of_single_precision_change_nothing(image, method):
    """A factor of 10^-40 or 10^40, by which no number of the image is one of single precision."""

    def fitted(factor):
        data, sigma = (plane.astype(float) * factor for plane in (image.data, image.sigma))
        other = Image(data, sigma=sigma, psf=image.psf, mask=image.mask)
        result = fit(guess(other, WHAT), other, method, progress=False)
        unit = np.array([factor if path in ("galaxy.flux", "sky.level") else 1.0 for path in result.best])
        summary = result.summary()
        constant = result.image.valid.sum() * np.log(factor)  # of ln p(data), which is per unit of data
        values = {name: summary[name].to_numpy() / unit for name in ("best", "mean", "sd", "q16", "q84")}
        numbers = [result.reduced_chi2, result.bic - 2 * constant, result.log_evidence + constant]
        return result, values, numbers

    reference, values, numbers = fitted(1.0)
    sds = values["sd"] if np.isfinite(values["sd"]).all() else np.abs(values["best"])
    few = isinstance(method, NUTS)  # whose chains are chaotic, and their draws few
    for factor in (1e-40, 1e-25, 1e40):
        result, found, others = fitted(factor)
        assert result.verdict.level == reference.verdict.level or not few
        for name, array in found.items():
            np.testing.assert_allclose(array / sds, values[name] / sds, atol=1.5 if few else 0.05, err_msg=name)
        np.testing.assert_allclose(others, numbers, atol=5.0 if few else 0.1)
        np.testing.assert_allclose(result.model_image / factor, reference.model_image, rtol=1e-2, atol=1e-3)
        quotient = result.derive(lambda s: s["galaxy"].flux / s["galaxy"].r_eff ** 2, name="x")
        expected = reference.derive(lambda s: s["galaxy"].flux / s["galaxy"].r_eff ** 2, name="x")
        assert np.mean(quotient) / factor == pytest.approx(np.mean(expected), rel=0.1 if few else 2e-3)


def test_a_fit_in_small_units_can_be_kept_and_gone_on_with(image, tmp_path):
    factor = 1e-38
    data, sigma = (plane.astype(float) * factor for plane in (image.data, image.sigma))
    small = Image(data, sigma=sigma, psf=image.psf, mask=image.mask)
    first = fit(guess(small, WHAT), small, Laplace(), progress=False)
    loaded = load(first.save(tmp_path / "small.asdf"))
    assert loaded.best == first.best
    np.testing.assert_array_equal(loaded.model_image, first.model_image)
    again = fit(first.model, small, Laplace(), init=loaded, progress=False)
    for path, value in first.best.items():
        assert again.best[path] == pytest.approx(value, rel=1e-3, abs=1e-3 * factor), path
    draws = first.draws["galaxy.flux"]
    assert np.std(draws) == pytest.approx(first.summary().loc["galaxy.flux", "sd"], rel=1e-3)
    predicted = first.posterior_predictive(3)
    assert np.std((predicted - first.model_image) / sigma) == pytest.approx(1.0, abs=0.1)
    assert np.all(first.model_sd < sigma)


def test_the_posterior_is_the_same_with_swapped_axes(image, reference):
    other = Image(image.data.T, sigma=image.sigma.T, psf=image.psf.T, mask=image.mask.T)
    (best, sds), (found, found_sds) = reference, posterior(other)
    swapped = {"galaxy.xc": "galaxy.yc", "galaxy.yc": "galaxy.xc"}
    for path, value in best.items():
        there = swapped.get(path, path)
        assert found_sds[there] == pytest.approx(sds[path], rel=0.03), path
        # Counter-clockwise from up becomes clockwise from the right.
        expected = np.pi / 2 - value if path == "galaxy.theta" else value
        off = found[there] - expected
        off = (off + np.pi / 2) % np.pi - np.pi / 2 if path == "galaxy.theta" else off
        assert abs(off) < 0.01 * abs(value) + 1e-4, path


def test_a_guess_takes_a_noise_model(image):
    noise = StudentTNoise(nu=4.0)
    assert guess(image, noise=noise).noise == noise
