"""Pixels without data that are coded as a constant: what is found, and what is data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sersiclab.data.blanks import blanks
from sersiclab.data.image import Image


Y, X = np.indices((60, 72))


def noise(sky=0.0, sigma=2.0, seed=0):
    return np.random.default_rng(seed).normal(sky, sigma, Y.shape)


def found_in(data, valid=None):
    data = np.asarray(data, float)
    found = blanks(data, np.isfinite(data) if valid is None else valid)
    return np.any([blank.pixels for blank in found], axis=0) if found else np.zeros(data.shape, bool)


REGIONS = {
    "corner": X + 0.3 * Y < 20,
    "rows": Y < 15,
    "last column": X == 71,
    "frame": (np.minimum(X, 71 - X) < 2) | (np.minimum(Y, 59 - Y) < 3),
    "thin wedge": Y < 0.05 * X,
    "gap between chips": np.abs(X - 0.1 * Y - 30) < 2,
    "most of the image": X + Y > 40,
    "hole": np.hypot(X - 30, Y - 31) < 6,
    "scattered quarter": np.random.default_rng(3).random(Y.shape) < 0.25,
}
CONSTANTS = (0.0, -1.0, 7.5, -999.0, 65535.0, 1e30, -3.4028234663852886e38)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(REGIONS)),
    st.sampled_from(CONSTANTS),
    st.sampled_from([0.0, 13.0, 1000.0]),
    st.sampled_from([1e-30, 1.0, 1e30]),
    st.integers(0, 3),
    st.booleans(),
)
def test_regions_of_any_constant_are_no_data(region, constant, sky, unit, turns, transposed):
    where = np.rot90(REGIONS[region], turns)
    where = where.T if transposed else where
    data = np.random.default_rng(turns).normal(sky, 2.0, where.shape) * unit
    data[where] = constant
    np.testing.assert_array_equal(found_in(data), where)


@pytest.mark.parametrize("sigma", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("constant", [0, 100])
def test_of_integers_too(sigma, constant):
    data = np.round(noise(100.0, sigma))
    where = REGIONS["corner"]
    data[where] = constant
    found = found_in(data)
    assert found[where].all()
    # Pixels beside the region that happen to have the value can't be told from it.
    assert not found[~ndimage.binary_dilation(where, iterations=6)].any()


@pytest.mark.parametrize("region", ["corner", "rows", "last column", "frame", "hole"])
@pytest.mark.parametrize("constant", [0, -32768, 65535])
def test_of_integers_that_repeat_more_often_than_the_constant(region, constant):
    """Among many pixels of few values a small region is not of the most frequent ones."""
    data = np.round(noise(100.0, 2.0))
    data[REGIONS[region]] = constant
    np.testing.assert_array_equal(found_in(data), REGIONS[region])


def test_several_constants_and_pixels_without_a_number():
    data = noise(5.0)
    data[:9], data[:, :7], data[-3:] = 0.0, -999.0, np.nan
    found = blanks(data, np.isfinite(data))
    assert sorted(str(blank).split(" of ")[1] for blank in found) == ["exactly -999", "exactly 0"]
    assert found_in(data).sum() == 9 * 65 + 57 * 7


GALAXY = np.exp(-np.hypot(X - 36, Y - 30) / 3)
DATA = {
    "noise": noise(),
    "counts": np.random.default_rng(1).poisson(0.1, Y.shape),
    "rare counts": np.random.default_rng(1).poisson(0.01, Y.shape),
    "a few counts": np.random.default_rng(1).poisson(2.0, Y.shape),
    "coarse integers": np.round(noise(0.0, 0.4)),
    "integers": np.round(noise(0.0, 1.5)),
    "coarsely quantised floats": np.round(noise() * 2) / 2,
    "correlated integers": np.round(ndimage.gaussian_filter(noise(0.0, 10.0), 1.5)),
    "repeated pixels": np.kron(np.random.default_rng(1).normal(size=(15, 18)), np.ones((4, 4))),
    "sky of a model": 1e4 * np.exp(-(np.hypot(X - 30, Y - 25) ** 2) / 4),
    "flat sky of a model": 100 + 1e4 * np.exp(-(np.hypot(X - 30, Y - 25) ** 2) / 4),
    "saturated star": np.minimum(noise() + 1e6 * np.exp(-(np.hypot(X - 30, Y - 25) ** 2) / 18), 6e4),
    "saturated at the edge": np.minimum(noise() + 1e6 * np.exp(-(np.hypot(X - 30, Y) ** 2) / 18), 6e4),
    "constant": np.ones(Y.shape),
    "few counts around a galaxy": np.random.default_rng(1).poisson(0.1 + 50 * GALAXY),
    "coarse integers around a galaxy": np.round((noise() + 300 * GALAXY) / 5) * 5,
    "one bad pixel": np.where((X == 3) & (Y == 4), 0.0, noise()),
}


@pytest.mark.parametrize("name", DATA)
def test_what_is_data(name):
    assert not found_in(DATA[name]).any()


def test_integer_noise_is_seldom_mistaken():
    """Not once in a hundred images of each kind, where a chance of 1e-4 each was meant."""
    rng = np.random.default_rng(5)
    for sigma in (0.5, 1.0, 2.0):
        assert sum(found_in(np.round(rng.normal(0, sigma, (48, 48)))).any() for _ in range(100)) == 0


def test_measured_noise_leaves_them_out():
    data = noise(0.0, 2.0)
    where = REGIONS["corner"] | REGIONS["rows"]
    data[where] = 0.0
    with pytest.warns(UserWarning, match=r"there is no error map|data have \d+ pixels of exactly 0, .* excluded"):
        image = Image.read(data)
    np.testing.assert_array_equal(image.mask, where)
    assert image.sigma[~where].mean() == pytest.approx(2.0, rel=0.03)
    assert any(f"{where.sum()} pixels of exactly 0" in note for note in image.provenance)


@pytest.mark.parametrize("read", [Image, Image.read])
def test_the_detectors_noise_leaves_them_out(read):
    data = noise(0.0, 2.0)
    data[REGIONS["corner"]] = 0.0
    with pytest.warns(UserWarning, match=r"^data have \d+ pixels of exactly 0, which can't be measurements"):
        image = read(data, gain=2.0, read_noise=3.0, sky_level=100.0)
    np.testing.assert_array_equal(image.mask, REGIONS["corner"])
    assert any("pixels of exactly 0" in note for note in image.provenance)


@pytest.mark.parametrize("read", [Image, Image.read])
def test_an_error_map_has_the_last_word(read):
    data = noise()
    data[REGIONS["corner"]] = 0.0
    assert not read(data, sigma=2.0).mask.any()
