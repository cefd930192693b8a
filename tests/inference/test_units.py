"""The unit and the axes of an image change nothing but the numbers they stand for: from the guess to the posterior."""

import numpy as np
import pytest

from sersiclab import datasets
from sersiclab.guess import guess
from sersiclab.image import Image
from sersiclab.inference import Laplace, fit
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
