"""Mock images: noise with the statistics of sigma around the model, and nothing else changed."""

import numpy as np
import pytest
import scipy.stats as st

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.model.simulate import draw_prior, simulate
from sersiclab.parameters.priors import Angle, LogNormal, Normal, Uniform
from sersiclab.profiles import FlatSky, PointSource, Sersic


SHAPE = (40, 60)


@pytest.fixture(scope="module")
def image():
    mask = np.zeros(SHAPE, bool)
    mask[3:6, 7:9] = True
    sigma = np.linspace(0.5, 3.0, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(">f4")
    psf = np.outer([1, 2, 1], [1, 2, 1]) / 16
    return Image(np.zeros(SHAPE), sigma=sigma, psf=psf, mask=mask, zeropoint=27.0, pixel_scale=0.2, band="g")


@pytest.fixture(scope="module")
def model():
    star = PointSource(xc=Normal(20, 1), yc=12.3, flux=500.0)
    return Model({"star": star, "sky": FlatSky(level=Normal(2.0, 0.5, init=1.5))})


def test_the_noise_has_the_statistics_of_sigma(model, image):
    mock = simulate(model, image, seed=3)
    pulls = ((mock.data - render(model, image)) / image.sigma).ravel()
    n = pulls.size
    assert st.chi2(n).cdf((pulls**2).sum()) == pytest.approx(0.5, abs=0.499)
    assert abs(pulls.mean()) < 4 / np.sqrt(n)
    assert st.kstest(pulls, st.norm.cdf).pvalue > 1e-4


def test_only_the_data_are_new(model, image):
    mock = simulate(model, image)
    for name in ("sigma", "mask", "psf"):
        np.testing.assert_array_equal(getattr(mock, name), getattr(image, name))
    assert (mock.zeropoint, mock.pixel_scale, mock.band) == (27.0, 0.2, "g")
    assert mock.data.dtype == image.data.dtype
    assert (image.data == 0).all()
    assert (mock.data[image.mask] != 0).all()
    with pytest.raises(ValueError, match="read-only"):
        mock.data[0, 0] = 1


def test_the_seed_decides(model, image):
    first, again, other = (simulate(model, image, seed=seed).data for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.99


def test_values_replace_the_initial_ones(model, image):
    bright = simulate(model, image, {"sky.level": 101.5}, seed=1)
    faint = simulate(model, image, seed=1)
    np.testing.assert_allclose(bright.data - faint.data, 100.0, atol=1e-3)
    with pytest.raises(ValueError, match=r"^values has 'sky.lvl', which is not a parameter of this model"):
        simulate(model, image, {"sky.lvl": 1.0})


def test_pixels_of_unusable_sigma_are_finite(model):
    sigma = np.ones(SHAPE)
    sigma[0, :3] = 0, np.nan, np.inf
    with pytest.warns(UserWarning, match="3 pixels"):
        image = Image(np.zeros(SHAPE), sigma=sigma)
    mock = simulate(model, image)
    assert np.isfinite(mock.data).all()
    np.testing.assert_allclose(mock.data[0, :3], render(model, image)[0, :3], rtol=1e-6)


def test_tiny_units_keep_their_noise(model, image):
    tiny = Image(image.data, sigma=image.sigma * 1e-12, psf=image.psf)
    dim = Model({"sky": FlatSky(level=1e-11)})
    assert np.std(simulate(dim, tiny).data / tiny.sigma - 1e-11 / tiny.sigma) == pytest.approx(1.0, abs=0.06)


def test_draws_of_the_prior_follow_the_prior():
    sersic = Sersic(xc=Normal(50, 2), yc=50, flux=LogNormal(1, 0.5), r_eff=4, n=Uniform(1, 5), ellip=0, theta=Angle())
    model = Model({"galaxy": sersic})
    draws = [draw_prior(model, seed=seed) for seed in range(300)]
    truths = {"xc": st.norm(50, 2), "flux": st.lognorm(0.5, scale=np.e), "n": st.uniform(1, 4)}
    truths["theta"] = st.uniform(0, np.pi)
    assert set(draws[0]) == set(model.free)
    for name, truth in truths.items():
        assert st.kstest([draw[f"galaxy.{name}"] for draw in draws], truth.cdf).pvalue > 1e-4
    assert abs(np.corrcoef([(d["galaxy.xc"], d["galaxy.n"]) for d in draws], rowvar=False)[0, 1]) < 0.25
    assert draw_prior(model, seed=7) == draws[7]
    assert draw_prior(model.at(model.initial)) == {}


def test_the_data_are_plain_numpy(model, image):
    assert type(simulate(model, image).data) is np.ndarray


def test_seeds_of_any_size_differ(image, model):
    drawn = [simulate(model, image, seed=seed).data for seed in (0, 1, 2**31, 2**32, 2**32 + 1, 2**63 - 1)]
    assert len({plane.tobytes() for plane in drawn}) == len(drawn)
