"""The example images: the same every time, and made from their stated truth."""

import numpy as np
import pytest

import sersiclab as sl
from sersiclab import datasets
from sersiclab.model import Model, render
from sersiclab.profiles import Exponential, FlatSky, Sersic


CLASSES = {"galaxy": Sersic, "bulge": Sersic, "disk": Exponential, "sky": FlatSky}


def true_model(name):
    components = {}
    for path, value in datasets.truth(name).items():
        component, parameter = path.split(".")
        components.setdefault(component, {})[parameter] = value
    return Model({component: CLASSES[component](**values) for component, values in components.items()})


@pytest.mark.parametrize("name", datasets.names())
def test_an_example_is_its_truth_plus_noise(name):
    image = datasets.example(name)
    pulls = ((image.data - render(true_model(name), image)) / image.sigma)[image.valid]
    # chi square of n pixels has the standard deviation sqrt(2 n)
    assert abs((pulls**2).sum() - pulls.size) < 4 * np.sqrt(2 * pulls.size)
    assert abs(pulls.mean()) < 4 / np.sqrt(pulls.size)


@pytest.mark.parametrize("name", datasets.names())
def test_examples_have_what_real_images_have(name):
    image = datasets.example(name)
    assert image.shape == (90, 110)
    assert np.isfinite(image.data).all()
    assert image.sigma.min() < 0.7 * image.sigma.max()
    assert 0 < image.mask.sum() < 0.1 * image.mask.size
    assert (image.data[image.mask] / image.sigma[image.mask]).max() > 20  # the neighbour
    assert (image.zeropoint, image.pixel_scale) == (22.5, 0.262)
    assert image.psf is not None
    assert image.psf.sum() == pytest.approx(1.0)
    assert not np.allclose(image.psf, image.psf.T)


def test_examples_are_the_same_every_time():
    first, again = datasets.example(), datasets.example()
    np.testing.assert_array_equal(first.data, again.data)
    np.testing.assert_array_equal(first.sigma, again.sigma)


def test_unknown_names_are_refused():
    assert datasets.names()[0] == "example"
    assert sl.datasets.names() == datasets.names()
    for function in (datasets.example, datasets.truth):
        with pytest.raises(ValueError, match=r"^name must be one of example, bulge_disk, got 'm31'$"):
            function("m31")


def test_a_moffat_is_a_moffat():
    psf = datasets.moffat(61, fwhm=4.0, beta=3.0)
    assert psf.sum() == pytest.approx(1.0)
    assert psf[30, 32] / psf[30, 30] == pytest.approx(0.5)
    slanted = datasets.moffat(61, fwhm=4.0, beta=3.0, ellip=0.5, theta=0.0)  # the major axis is y
    assert slanted[32, 30] / slanted[30, 30] == pytest.approx(0.5)
    assert slanted[30, 31] / slanted[30, 30] == pytest.approx(0.5)
