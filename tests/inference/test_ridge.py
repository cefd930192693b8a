"""The sampler's coordinates: a map that is one to one, with its volume, and chains that don't diverge in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.inference import NUTS, fit
from sersiclab.inference.coordinates.ridge import Ridge, Walls
from sersiclab.inference.coordinates.straight import LENGTH, Straight

from . import calibration, test_bend


LOW, HIGH, DEPTH = (1.0, 1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 0.0, 0.0), (0.3, 0.3, 0.2, 1.0, 1.0)


def walls():
    """Between two bounds, beyond one, between two, and two parameters without."""
    return Walls(*(jnp.asarray(part) for part in (LOW, HIGH, DEPTH)))


@pytest.fixture
def bent(x64, rng):
    """Two of five axes lead a parameter to its bound, and all are bent."""
    size = len(LOW)
    axes = 0.3 * np.tril(rng.normal(size=(size, size))) + 0.5 * np.eye(size)
    axes[2:, 2:] += 0.3 * rng.normal(size=(3, 3))
    forms = np.zeros((size, size, size))
    for k in range(size):
        half = 0.15 * rng.normal(size=(k, k))
        forms[k, :k, :k] = half + half.T
    leads = np.eye(3, size) * [[1.0], [1.0], [0.0]]
    middle, centre = np.array([3.5, 0.3, 2.0, 0.0, 1.0]), np.full(size, 0.1)
    return Ridge(*(jnp.asarray(part) for part in (middle, axes, forms, centre, leads)), walls=walls())


def test_one_point_for_each_point_and_its_volume(bent, rng):
    s = 2 * rng.normal(size=(40, len(LOW)))
    u, log_volume = jax.vmap(bent.point)(jnp.asarray(s))
    jacobians = jax.vmap(jax.jacfwd(lambda row: bent.point(row)[0]))(jnp.asarray(s))
    expected = np.linalg.slogdet(np.asarray(jacobians))[1] - np.linalg.slogdet(np.asarray(bent.axes))[1]
    np.testing.assert_allclose(log_volume, expected, atol=1e-8)
    np.testing.assert_allclose(bent.coordinates(np.asarray(u)), s, atol=1e-8)
    np.testing.assert_allclose(bent.points(s), u, atol=1e-10)


def test_points_at_the_ends_of_all_digits_have_coordinates(bent):
    for u in (0.0, -1e4, 1e4):
        assert np.isfinite(bent.coordinates(np.full((1, len(LOW)), u))).all()


def test_a_wall_bends_nothing_but_what_is_near_it(x64):
    w = np.array([0.5 * LENGTH, 0.5 * LENGTH, 0.4 * LENGTH, -3.0, 7.0])
    v = walls().inside(jnp.asarray(w))
    np.testing.assert_allclose(v, w, atol=2e-3)
    straight = Straight(np.array(HIGH) > 0, np.array(LOW) > np.array(HIGH))
    np.testing.assert_allclose(walls().unconstrained(jnp.asarray(w))[0], straight.u(np.asarray(v)), rtol=1e-9)


def test_far_beyond_a_wall_all_is_finite_in_single_precision():
    for w in (-1e4, -30.0, -1.0, 0.0, LENGTH, LENGTH + 1, 30.0, 1e4):
        point = jnp.full(len(LOW), w)
        u, log_slope = walls().unconstrained(point)
        slope = jax.jacfwd(lambda w: walls().unconstrained(w)[0])(point)
        assert np.isfinite(u).all()
        assert np.isfinite(slope).all()
        np.testing.assert_allclose(log_slope, np.log(np.diag(slope)), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("case", test_bend.CASES)
def test_chains_on_a_curved_ridge_are_exact(case):
    """Straight coordinates give a quarter of the effective draws where the ridge ends at a bound."""
    ridge = test_bend.Ridge(*test_bend.CASES[case])
    result = fit(ridge.model, ridge.image, NUTS(warmup=100, draws=1000), progress=False)
    assert result.stats["diverging"].mean() < 0.02
    effective = result.summary()["ess_bulk"].min()
    assert effective > 600
    assert ridge.worst(result) < 4 * 0.5 / np.sqrt(effective)


def test_bulges_that_press_against_the_bounds_of_their_fluxes():
    """Of these six mock galaxies all have long, thin, bent ridges, which end at the bound of a flux in four.

    Straight coordinates took 14 to 60 leapfrogs a draw and had up to 60 divergences.
    """
    model = calibration.bulge_and_disk()
    for number in (6, 8, 11, 25, 34, 37):
        rng = np.random.default_rng([20261122, number])
        image = calibration.mock(model, calibration.draw_prior(model, rng), rng)
        result = fit(model, image, NUTS(warmup=100, draws=120), seed=number, progress=False)
        assert result.stats["diverging"].sum() <= 2
        assert result.stats["n_steps"].mean() < 12
