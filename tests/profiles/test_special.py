"""Bessel functions, against SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gamma, k0, k1, kv

from sersiclab.profiles import special


X = np.geomspace(1e-6, 20.0, 200)
scaled_bessel_k, x_bessel_k1 = jax.jit(special.scaled_bessel_k), jax.jit(special.x_bessel_k1)


@pytest.mark.parametrize("nu", [-0.85, -0.5, 0.0, 0.7, 2.0, 4.0, 9.0])
def test_real_order(x64: None, nu: float) -> None:
    value, expected = scaled_bessel_k(jnp.asarray(X), nu), (X / 2) ** nu * kv(nu, X)
    np.testing.assert_allclose(value, expected, rtol=5e-6)
    near = X < 5
    np.testing.assert_allclose(value[near], expected[near], rtol=1e-8)


@pytest.mark.parametrize(("nu", "rtol"), [(-0.85, 1e-5), (-0.5, 1e-5), (-0.2, 5e-3)])
def test_a_cusp_goes_on_to_the_centre(x64: None, nu: float, rtol: float) -> None:
    # The flatter the cusp, the less light there is below x = 1e-6 to be wrong.
    x = np.geomspace(1e-13, 1e-5, 30)
    np.testing.assert_allclose(scaled_bessel_k(jnp.asarray(x), nu), (x / 2) ** nu * kv(nu, x), rtol=rtol)


@pytest.mark.parametrize("nu", [-0.85, 0.0, 4.0])
def test_real_order_in_single_precision(nu: float) -> None:
    x = jnp.asarray(np.append(X, [30.0, 1e3, 1e9]), np.float32)
    value, slopes = scaled_bessel_k(x, nu), jax.jvp(scaled_bessel_k, (x, np.float32(nu)), (x, np.float32(1.0)))[1]
    expected = (X / 2) ** nu * kv(nu, X)
    np.testing.assert_allclose(value[: X.size], expected, rtol=5e-5, atol=1e-7 * expected.max())
    assert np.isfinite(slopes).all()
    assert np.isfinite(value).all()


def test_derivatives_of_real_order(x64: None) -> None:
    x, nu, step = np.geomspace(1e-5, 15.0, 30), 0.6, 1e-5
    by_x = jax.jvp(lambda x: scaled_bessel_k(x, nu), (jnp.asarray(x),), (jnp.ones(x.size),))[1]
    # d/dx (x/2)^nu K_nu(x) = -(x/2)^nu K_(nu - 1)(x)
    np.testing.assert_allclose(by_x, -((x / 2) ** nu) * kv(nu - 1, x), rtol=1e-6)
    by_nu = jax.jvp(lambda nu: scaled_bessel_k(jnp.asarray(x), nu), (nu,), (1.0,))[1]
    ends = [(x / 2) ** other * kv(other, x) for other in (nu - step, nu + step)]
    np.testing.assert_allclose(by_nu, (ends[1] - ends[0]) / (2 * step), rtol=1e-5, atol=1e-9 * gamma(nu))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_order(x64: None, dtype: type) -> None:
    x = jnp.geomspace(1e-9, 50.0, 400).astype(dtype)
    value, slope = jax.jvp(x_bessel_k1, (x,), (jnp.ones_like(x),))
    assert value.dtype == dtype
    exact = np.asarray(x, float)
    np.testing.assert_allclose(value, exact * k1(exact), rtol=1e-8 if dtype == np.float64 else 5e-6)
    np.testing.assert_allclose(slope, -exact * k0(exact), atol=1e-8 if dtype == np.float64 else 1e-6)
    assert float(x_bessel_k1(jnp.zeros((), dtype))) == pytest.approx(1.0, rel=1e-6)
    assert np.isfinite(jax.grad(x_bessel_k1)(jnp.zeros((), dtype)))
    assert x_bessel_k1(jnp.array(1e30, dtype)) == 0
