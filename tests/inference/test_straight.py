"""Coordinates in which bounds are where they are."""

import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference.coordinates.straight import LENGTH, Straight
from sersiclab.model import Model
from sersiclab.model.density import Density
from sersiclab.parameters.priors import Angle, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.profiles import FlatSky, Sersic

from .conftest import BlobRenderer


PRIORS = {
    "xc": Normal(15, 2),
    "yc": TruncatedNormal(13, 2, low=10),
    "flux": LogUniform(10, 1e5),
    "r_eff": LogNormal(1.0, 0.3),
    "n": TruncatedNormal(2, 1, low=0.5, high=6),
    "ellip": Uniform(0.1, 0.8),
    "theta": Angle(),
}
SKY = TruncatedNormal(0.0, 0.5, high=2.0)


@pytest.fixture(scope="module")
def density():
    model = Model({"galaxy": Sersic(**PRIORS), "sky": FlatSky(SKY)}, renderer=BlobRenderer())
    return Density.of(model, Image(np.zeros((8, 9)), sigma=1.0))


@pytest.fixture(scope="module")
def u():
    return np.random.default_rng(1).normal(scale=2.5, size=(40, len(PRIORS) + 1))


def test_it_is_linear_in_the_parameter_or_its_logarithm(density, u):
    v = Straight.of(density).v(u)
    values = np.array([density.constrain(jnp.asarray(row)).vector for row in u], dtype=float)
    for i, path in enumerate(density.paths):
        x = np.log(values[:, i]) if path in ("galaxy.flux", "galaxy.r_eff") else values[:, i]
        slope, offset = np.polyfit(v[:, i], x, 1)
        np.testing.assert_allclose(slope * v[:, i] + offset, x, atol=2e-5 * np.ptp(x), err_msg=path)


def test_there_and_back(density, u):
    straight = Straight.of(density)
    np.testing.assert_allclose(straight.inverse(straight.v(u)), u, rtol=1e-9, atol=1e-9)
    assert straight.between.sum() == 3
    assert straight.beyond.sum() == 2


def test_slopes(density, u):
    straight, step = Straight.of(density), 1e-5
    for row in u:
        slope = (straight.v(row + step) - straight.v(row - step)) / (2 * step)
        np.testing.assert_allclose(straight.log_slope(row), np.log(slope), atol=1e-6)
        first, second = straight.slopes_of_log_slope(row)
        change = (straight.log_slope(row + step) - straight.log_slope(row - step)) / (2 * step)
        np.testing.assert_allclose(first, change, atol=1e-8)
        bend = (straight.slopes_of_log_slope(row + step)[0] - straight.slopes_of_log_slope(row - step)[0]) / (2 * step)
        np.testing.assert_allclose(second, bend, atol=1e-8)


def test_beyond_a_bound_is_nothing(density):
    straight = Straight.of(density)
    middle = straight.v(np.zeros(len(density.paths)))
    for i in np.flatnonzero(straight.between | straight.beyond):
        assert np.isnan(straight.inverse(np.where(np.arange(len(middle)) == i, -0.1, middle))[i])
    for i in np.flatnonzero(straight.between):
        assert np.isnan(straight.inverse(np.where(np.arange(len(middle)) == i, LENGTH + 0.1, middle))[i])
    everywhere = straight.without(np.ones(len(middle), bool))
    np.testing.assert_array_equal(everywhere.inverse(np.full(len(middle), -50.0)), -50.0)
