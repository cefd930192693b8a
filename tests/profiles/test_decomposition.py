"""The Gaussian decomposition of Sérsic profiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gamma, gammaincinv

from sersiclab.profiles import Exponential, PointSource, Sersic
from sersiclab.profiles._make_sersic_table import amplitudes
from sersiclab.profiles.decomposition import SPACING, sersic_weights


INDICES = [0.5, 0.503, 0.53, 0.6, 0.8, 1.0, 1.7, 2.5, 4.0, 6.0, 8.0]


def widths(narrowest: float, widest: float, dtype: type = np.float64) -> np.ndarray:
    return np.arange(np.log(narrowest), np.log(widest), SPACING).astype(dtype)


def brightness(r: np.ndarray, n: float) -> np.ndarray:
    """Sérsic profile of unit flux and half-light radius."""
    b = gammaincinv(2 * n, 0.5)
    return np.exp(-b * r ** (1 / n)) * b ** (2 * n) / (2 * np.pi * n * gamma(2 * n))


@pytest.mark.parametrize("n", INDICES)
@pytest.mark.parametrize("narrowest", [1e-6, 1.07e-6, 1.1e-6])
def test_gaussians_add_up_to_the_profile(x64: None, n: float, narrowest: float) -> None:
    log_width = widths(narrowest, 1e5)
    weights, point = sersic_weights(log_width, 1.0, n)
    sigma = np.exp(log_width)
    r = np.geomspace(1e-2, 30, 200)
    total = np.exp(-0.5 * (r[:, None] / sigma) ** 2) @ (np.asarray(weights) / (2 * np.pi * sigma**2))
    np.testing.assert_allclose(total, brightness(r, n), rtol=0, atol=2e-6 * brightness(np.array(1e-2), n))
    np.testing.assert_allclose(np.sum(weights) + point, 1.0, atol=1e-7)


def test_amplitudes_are_the_script_s(x64: None) -> None:
    log_width = widths(1e-3, 100.0)
    for n in (0.5, 0.77, 3.3, 8.0):
        exact = amplitudes(log_width, n, 0.0)
        weights, _ = sersic_weights(widths(1e-5, 1e4), 1e-2, n)  # the same widths relative to r_eff
        # The two narrowest hold what is narrower still. Splines soften the fastest oscillations at n = 0.5,
        # which no sum of Gaussians shows.
        np.testing.assert_allclose(weights[2 : exact.size], exact[2:], atol=3e-4 if n == 0.5 else 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling_widths_and_radius_together_changes_nothing(x64: None, dtype: type) -> None:
    one = sersic_weights(widths(0.1, 100.0, dtype), dtype(2.0), dtype(1.3))[0]
    two = sersic_weights(widths(0.3, 300.0, dtype), dtype(6.0), dtype(1.3))[0]
    assert one.dtype == dtype
    np.testing.assert_allclose(one, two, atol=3e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("n", [0.5, 1.0, 4.0, 8.0])
def test_a_large_profile_has_no_false_point(n: float) -> None:
    # Against the central brightness within a pixel; rounding of 1 - sum(weights) would be 1e-3 of it.
    log_width = widths(0.1, 4096.0, np.float32)
    weights, point = sersic_weights(log_width, 80.0, n)
    centre = np.sum(np.asarray(weights) / (2 * np.pi * np.exp(2 * log_width)))
    inside = 1.0 - np.exp(-gammaincinv(2 * n, 0.5) * (0.1 / 80) ** (1 / n))
    assert abs(float(point)) < max(1e-7, inside) * centre


@pytest.mark.parametrize("n", [0.7, 2.0, 6.0, 8.0])
def test_what_is_wider_than_the_grid_is_a_parabola(x64: None, n: float) -> None:
    r_eff, r = 300.0, np.linspace(0.0, 60.0, 7)[1:]
    log_width = widths(0.05, 400.0)
    sigma = np.exp(log_width)
    weights, _ = sersic_weights(log_width, r_eff, n)
    total = np.exp(-0.5 * (r[:, None] / sigma) ** 2) @ (np.asarray(weights) / (2 * np.pi * sigma**2))
    expected = brightness(r / r_eff, n) / r_eff**2
    np.testing.assert_allclose(total, expected, rtol=2e-5)


@pytest.mark.parametrize("n", [1.0, 4.0, 8.0])
def test_what_is_narrower_than_the_grid_keeps_its_moments(x64: None, n: float) -> None:
    r_eff, k = 0.4, np.linspace(0.0, 2.0, 9)
    fine, coarse = widths(1e-7, 1e4), widths(0.125, 1e4)

    def transform(log_width: np.ndarray) -> np.ndarray:
        weights, point = sersic_weights(log_width, r_eff, n)
        return point + np.exp(-0.5 * (k[:, None] * np.exp(log_width)) ** 2) @ np.asarray(weights)

    np.testing.assert_allclose(transform(coarse), transform(fine), atol=2e-6)


@jax.jit
def _value(x: jax.Array) -> jax.Array:
    weights, point = sersic_weights(widths(0.1, 4096.0), jnp.exp(x[0]), x[1])
    return jnp.append(weights, point)


_forward, _reverse = jax.jit(jax.jacfwd(_value)), jax.jit(jax.jacrev(_value))


@pytest.mark.parametrize("n", [0.5, 0.50001, 1.0, 7.99999, 8.0])
@pytest.mark.parametrize("r_eff", [0.01, 0.5, 17.0, 1e5])
def test_derivatives_are_finite_and_right(x64: None, n: float, r_eff: float) -> None:
    x = jnp.array([np.log(r_eff), n])
    step = 1e-6
    slopes = _forward(x)
    numeric = [(_value(x.at[i].add(step)) - _value(x.at[i].add(-step))) / (2 * step) for i in range(2)]
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(slopes, np.stack(numeric, -1), atol=1e-7)
    np.testing.assert_allclose(_reverse(x), slopes, atol=1e-12)


def test_an_index_out_of_range_is_finite() -> None:
    log_width = widths(0.1, 4096.0, np.float32)
    for n in (0.1, 0.49, 9.0, 50.0):
        assert np.isfinite(sersic_weights(log_width, 3.0, n)[0]).all()


def test_profiles_that_share_their_weights() -> None:
    log_width = widths(0.1, 4096.0, np.float32)
    common = dict(xc=0.0, yc=0.0, flux=1.0, r_eff=3.0, ellip=0.1, theta=0.0)
    exponential, sersic = Exponential(**common), Sersic(**common, n=1.0)
    assert exponential.weights is sersic.weights
    np.testing.assert_array_equal(
        exponential.weights(log_width, *exponential.scales())[0], sersic.weights(log_width, *sersic.scales())[0]
    )
    weights, point = PointSource(0.0, 0.0, 1.0).weights(log_width)
    assert point == 1
    assert not weights.any()
