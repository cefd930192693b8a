"""The surface brightness of the Sérsic family."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import gamma, gammaincinv

from sersiclab.profiles import DeVaucouleurs, Exponential, PointSource, Sersic
from sersiclab.profiles.sersic import sersic_constants


INDICES = np.append(np.geomspace(0.1, 10.0, 101), 0.5)


def test_constants(x64: None) -> None:
    b, brightness = jax.jit(jax.vmap(sersic_constants))(INDICES)
    exact = gammaincinv(2 * INDICES, 0.5)
    np.testing.assert_allclose(b, exact, rtol=2e-11)
    expected = exact ** (2 * INDICES) * np.exp(-exact) / (2 * np.pi * INDICES * gamma(2 * INDICES))
    np.testing.assert_allclose(brightness, expected, rtol=2e-11)


def test_constants_in_single_precision() -> None:
    b, brightness = jax.jit(jax.vmap(sersic_constants))(INDICES.astype(np.float32))
    exact = gammaincinv(2 * INDICES, 0.5)
    np.testing.assert_allclose(b, exact, rtol=2e-6)
    expected = exact ** (2 * INDICES) * np.exp(-exact) / (2 * np.pi * INDICES * gamma(2 * INDICES))
    np.testing.assert_allclose(brightness, expected, rtol=2e-6)


def test_special_indices_are_the_sersic_profile_s() -> None:
    common = dict(xc=0.0, yc=0.0, flux=2.0, r_eff=3.0, ellip=0.3, theta=0.4)
    x, y = jnp.array([0.0, 1.0, -3.0]), jnp.array([0.0, 2.0, 7.0])
    for special, n in ((Exponential(**common), 1.0), (DeVaucouleurs(**common), 4.0)):
        np.testing.assert_allclose(special.brightness(x, y), Sersic(**common, n=n).brightness(x, y), rtol=1e-6)


def test_a_point_has_all_frequencies() -> None:
    np.testing.assert_array_equal(PointSource(0.0, 0.0, 1.0).transform(jnp.arange(3.0)), np.ones(3))
