"""The sky that a guess adds: where there is one, and not where the wings of a galaxy are all there is."""

import math

import galsim
import numpy as np
import pytest
from scipy import ndimage

import sersiclab as sl
from sersiclab.detection import find
from sersiclab.profiles import AbstractSky


SIDE = 64


def galaxy(radius, n, signal_to_noise, seed):
    """A galaxy near the middle in units of the noise, and the PSF."""
    rng = np.random.default_rng(seed)
    q, angle = rng.uniform(0.4, 1.0), rng.uniform(0, np.pi) * galsim.radians
    psf = galsim.Moffat(beta=3.5, fwhm=3.0)
    light = galsim.Sersic(n, half_light_radius=radius * math.sqrt(q)).shear(q=q, beta=angle)
    drawn = galsim.Convolve(light, psf).shift(*rng.uniform(-1, 1, 2))
    pixels = drawn.drawImage(galsim.ImageD(SIDE, SIDE, scale=1.0), method="auto").array
    kernel = psf.drawImage(galsim.ImageD(25, 25, scale=1.0), method="auto").array
    return pixels * signal_to_noise / np.sqrt(np.sum(pixels**2)), kernel / kernel.sum()


def noise(seed, *, correlated):
    """Of unit variance; correlated as by resampling, if asked for."""
    white = np.random.default_rng(seed + 1000).normal(size=(SIDE + 20, SIDE + 20))
    smooth = ndimage.gaussian_filter(white, 1.0) * math.sqrt(4 * math.pi)
    return (smooth if correlated else white)[10:-10, 10:-10]


def image_of(radius, n, signal_to_noise, seed, *, level=0.0, correlated=False, sigma=1.0):
    pixels, psf = galaxy(radius, n, signal_to_noise, seed)
    return sl.Image(pixels + noise(seed, correlated=correlated) + level, sigma=sigma, psf=psf)


# Size, index and signal-to-noise ratio: faint, cuspy, bright, and as large as the stamp.
GALAXIES = [(3, 1, 30), (3, 4, 100), (6, 4, 300), (10, 4, 1000), (10, 1, 1000), (4, 6, 1000), (20, 1, 3000)]


@pytest.mark.parametrize(("radius", "n", "ratio"), GALAXIES)
def test_no_sky_is_added_where_there_is_none(radius, n, ratio):
    added = [
        find(image_of(radius, n, ratio, seed, correlated=seed % 2 == 1)).sky().differs for seed in range(20)
    ]  # a chance of 3 in 1000 each, in Gaussian noise
    assert sum(added) <= 1


def test_no_sky_is_added_to_a_large_image_without_one():
    """Its sky is measured so well that a bias of a hundredth of sigma counts: the highest peaks of noise are masked."""
    y, x = np.mgrid[-200:200, -256:256]
    psf = np.exp(-0.5 * (x**2 + y**2) / 4.0)[190:211, 246:267]
    skies = []
    for seed in range(4):
        pixels = np.random.default_rng(seed).normal(size=y.shape) + 50.0 * np.exp(-np.hypot(x, y) / 5.0)
        skies.append(find(sl.Image(pixels, sigma=1.0, psf=psf / psf.sum())).sky())
    assert not any(sky.differs for sky in skies)
    assert abs(np.mean([sky.high for sky in skies])) < 3.0 * skies[0].error / math.sqrt(len(skies))


@pytest.mark.parametrize("level", [-50.0, -0.4, 0.4, 3.0, 650.0])
@pytest.mark.parametrize("sigma", [1.0, 4.0])  # the error map may be too large by far
@pytest.mark.parametrize(("radius", "n", "ratio"), [(3, 1, 30), (3, 4, 100)])
def test_a_sky_is_added_where_there_is_one(radius, n, ratio, level, sigma):
    image = image_of(radius, n, ratio, 3, level=level, sigma=sigma)
    model = sl.guess(image)
    assert list(model.components) == ["galaxy", "sky"]
    prior = model.free["sky.level"]
    assert abs(prior.loc - level) < prior.scale
    assert prior.init == prior.loc
    assert list(sl.guess(image, sources="auto").components)[:2] == ["galaxy", "sky"]


@pytest.mark.parametrize(("radius", "n", "ratio", "level"), [(10, 4, 1000, 5.0), (20, 4, 3000, 200.0)])
def test_the_prior_of_the_sky_makes_room_for_wings(radius, n, ratio, level):
    """What is measured is the sky and the wings of a galaxy that fills the stamp."""
    for seed in range(10):
        prior = sl.guess(image_of(radius, n, ratio, seed, level=level)).free["sky.level"]
        assert abs(prior.loc - level) < 2.0 * prior.scale


def test_correlated_noise_makes_the_sky_less_certain():
    white, alike = (find(image_of(3, 2, 50, 1, correlated=each)).sky().error for each in (False, True))
    # The standard error of a mean is sqrt(4 pi) times that of white noise of the same variance.
    assert alike / white == pytest.approx(math.sqrt(4 * math.pi), rel=0.4)


def test_the_unit_does_not_matter():
    image = image_of(3, 2, 50, 1, level=0.5)
    other = sl.Image(image.data * 2.0**-60, sigma=image.sigma * 2.0**-60, psf=image.psf)
    one, tiny = (sl.guess(each).free["sky.level"] for each in (image, other))
    assert (tiny.loc, tiny.scale) == pytest.approx((one.loc * 2.0**-60, one.scale * 2.0**-60), rel=1e-6)


@pytest.mark.parametrize("name", ["sky", "background"])
def test_a_sky_of_the_users_own_is_the_only_one(name):
    image = image_of(3, 1, 50, 2, level=5.0)
    model = sl.guess(image, {"galaxy": "sersic", name: "tilted_sky"})
    assert list(model.components) == ["galaxy", name]
    assert list(sl.guess(image, "flat_sky").components) == ["sky"]
    odd = sl.guess(image, {"sky": "sersic"})
    assert [isinstance(part, AbstractSky) for part in odd.components.values()] == [False, True]


def test_a_noise_free_image_has_the_sky_it_has():
    pixels, psf = galaxy(3, 2, 50, 1)
    assert list(sl.guess(sl.Image(pixels, sigma=1.0, psf=psf)).components) == ["galaxy"]
    assert list(sl.guess(sl.Image(pixels + 1.0, sigma=1.0, psf=psf)).components) == ["galaxy", "sky"]


def test_an_image_that_its_galaxy_fills_is_reported():
    """Its light at the border may be sky or its own: no sky is added, unless it is too bright for wings."""
    for seed in range(3):
        with pytest.warns(UserWarning, match=r"^sources fill the image, so its sky can't be measured"):
            assert list(sl.guess(image_of(20, 1, 3000, seed)).components) == ["galaxy"]
        assert list(sl.guess(image_of(20, 1, 3000, seed, level=651.0)).components) == ["galaxy", "sky"]


def test_the_fit_of_an_image_whose_sky_was_not_subtracted():
    truth = {"flux": 3000.0, "r_eff": 4.0, "n": 3.0}
    psf = galsim.Moffat(beta=3.5, fwhm=3.0)
    light = galsim.Sersic(truth["n"], half_light_radius=truth["r_eff"], flux=truth["flux"])
    pixels = galsim.Convolve(light, psf).drawImage(galsim.ImageD(SIDE, SIDE, scale=1.0), method="auto").array
    kernel = psf.drawImage(galsim.ImageD(25, 25, scale=1.0), method="auto").array
    image = sl.Image(pixels + 651.0 + noise(1, correlated=False), sigma=1.0, psf=kernel / kernel.sum())
    fit = sl.fit(sl.guess(image), image, sl.Laplace(), progress=False)
    sd = fit.summary()["sd"]
    for name, value in truth.items():
        assert abs(fit.best[f"galaxy.{name}"] - value) < 4.0 * sd[f"galaxy.{name}"], name
    assert fit.best["sky.level"] == pytest.approx(651.0, abs=4.0 * sd["sky.level"])
    assert fit.reduced_chi2 == pytest.approx(1.0, abs=0.1)
