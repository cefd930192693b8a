"""Profiles that are closed mixtures of Gaussians: the sum is the profile, on any grid of widths."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import kv

from sersiclab.profiles import Gaussian, Moffat, Spergel
from sersiclab.profiles.decomposition import SPACING
from sersiclab.profiles.moffat import moffat, moffat_transform, moffat_weights
from sersiclab.profiles.spergel import spergel, spergel_transform, spergel_weights


class Family(NamedTuple):
    brightness: Callable[..., Any]
    transform: Callable[..., Any]
    weights: Callable[..., Any]


MOFFAT = Family(jax.jit(moffat), jax.jit(moffat_transform), moffat_weights)
SPERGEL = Family(jax.jit(spergel), jax.jit(spergel_transform), spergel_weights)
CASES = [(MOFFAT, beta) for beta in (1.05, 1.5, 2.5, 4.7, 10.0)] + [
    (SPERGEL, nu) for nu in (-0.85, -0.6, 0.0, 0.5, 1.0, 4.0)
]
IDS = [f"{family.brightness.__name__} {index}" for family, index in CASES]


def widths(narrowest: float, widest: float, dtype: type = np.float64) -> np.ndarray:
    return np.arange(np.log(narrowest), np.log(widest), SPACING).astype(dtype)


def total(r: np.ndarray, log_width: np.ndarray, weights: Any) -> np.ndarray:
    sigma = np.exp(log_width.astype(float))
    return np.exp(-0.5 * (r[:, None] / sigma) ** 2) @ (np.asarray(weights, float) / (2 * np.pi * sigma**2))


def spectrum(k: np.ndarray, log_width: np.ndarray, weights: Any, point: Any) -> np.ndarray:
    waves = np.exp(-0.5 * (k[:, None] * np.exp(log_width.astype(float))) ** 2)
    return waves @ np.asarray(weights, float) + float(point)


@pytest.mark.parametrize(("family", "index"), CASES, ids=IDS)
@pytest.mark.parametrize("narrowest", [1e-6, 1.08e-6])
def test_gaussians_add_up_to_the_profile(x64: None, family: Family, index: float, narrowest: float) -> None:
    log_width = widths(narrowest, 1e6)
    weights, point = family.weights(log_width, 1.0, index)
    r = np.geomspace(1e-3, 30.0, 100)
    expected = np.asarray(family.brightness(jnp.asarray(r), 1.0, index))
    np.testing.assert_allclose(total(r, log_width, weights), expected, rtol=0, atol=1e-5 * expected.max())
    k = np.geomspace(1e-2, 30.0, 100)
    expected = family.transform(jnp.asarray(k), 1.0, index)
    np.testing.assert_allclose(spectrum(k, log_width, weights, point), expected, atol=4e-6)


@pytest.mark.parametrize(("family", "index"), CASES, ids=IDS)
def test_on_the_grid_of_an_image(family: Family, index: float) -> None:
    """Narrower Gaussians are a point and moments, wider ones a parabola; in single precision."""
    log_width = widths(0.125, 800.0, np.float32)
    k = np.linspace(0.0, 2.0, 9)
    weights, point = family.weights(log_width, 0.4, index)
    found = spectrum(k, log_width, weights, point)[1:]
    np.testing.assert_allclose(found, family.transform(jnp.asarray(k), 0.4, index)[1:], atol=1e-5)
    r = np.linspace(0.0, 60.0, 7)[1:]
    weights, point = family.weights(log_width, 300.0, index)
    expected = np.asarray(family.brightness(jnp.asarray(r), 300.0, index))
    np.testing.assert_allclose(total(r, log_width, weights), expected, rtol=1e-4)


@pytest.mark.parametrize("family", [MOFFAT, SPERGEL], ids=["moffat", "spergel"])
def test_tiny_ones_are_points_and_wrong_ones_are_finite(family: Family) -> None:
    log_width = widths(0.125, 800.0, np.float32)
    for radius in (0.0, 1e-30, 1e-4):
        weights, point = family.weights(log_width, radius, 3.0)
        assert float(point) == pytest.approx(1.0, abs=1e-5)
        assert np.abs(weights).max() < 1e-5
    for index in (-3.0, 0.0, 1.0, 30.0):
        slopes = jax.jacfwd(family.weights, argnums=(1, 2))(log_width, 3.0, index)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


@pytest.mark.parametrize(("family", "index"), [CASES[0], CASES[4], CASES[5], CASES[-1]])
def test_derivatives(x64: None, family: Family, index: float) -> None:
    log_width, step = widths(0.125, 800.0), 1e-6

    @jax.jit
    def value(x: jax.Array) -> jax.Array:
        weights, point = family.weights(log_width, jnp.exp(x[0]), x[1])
        return jnp.append(weights, point)

    x = jnp.array([np.log(3.0), index])
    slopes = jax.jit(jax.jacfwd(value))(x)
    numeric = [(value(x.at[i].add(step)) - value(x.at[i].add(-step))) / (2 * step) for i in range(2)]
    np.testing.assert_allclose(slopes, np.stack(numeric, -1), atol=1e-7)


@pytest.mark.parametrize("nu", [-0.85, -0.3, 0.5, 4.0])
def test_half_the_light_of_a_spergel_profile(x64: None, nu: float) -> None:
    # By brute force in ln r, from where the rest is a power law.
    r, step = np.exp(np.linspace(-9.0, 0.0, 20_001)), 9.0 / 20_000
    light = 2 * np.pi * r**2 * np.asarray(spergel(jnp.asarray(r), 1.0, nu))
    inner = light[0] / (2 + min(2 * nu, 0.0))
    assert np.trapezoid(light, dx=step) + inner == pytest.approx(0.5, rel=1e-3 if nu < 0 else 1e-6)


def test_brightness_is_the_papers(x64: None) -> None:
    r = np.geomspace(1e-2, 8.0, 20)
    exponential = spergel(jnp.asarray(r), 1.6783469900166605, 0.5)  # scale length 1
    np.testing.assert_allclose(exponential, np.exp(-r) / (2 * np.pi), rtol=1e-6)
    logarithmic = spergel(jnp.asarray(r), 1.25715139, 0.0)
    np.testing.assert_allclose(logarithmic, kv(0, r) / (2 * np.pi), rtol=1e-6)
    # fwhm = 2 alpha sqrt(2^(1/beta) - 1)
    np.testing.assert_allclose(
        moffat(jnp.asarray(r), 2.0, 2.0), (np.sqrt(2) - 1) / np.pi * (1 + (np.sqrt(2) - 1) * r**2) ** -2.0
    )


def test_gaussian_by_its_width(x64: None) -> None:
    source = Gaussian(xc=0.0, yc=0.0, flux=2.0, fwhm=3.0, ellip=0.5, theta=0.0)
    peak, half = source.brightness(jnp.array([0.0, 0.0]), jnp.array([0.0, 1.5]))
    assert float(half / peak) == pytest.approx(0.5)
    assert float(peak) == pytest.approx(2.0 * 4 * np.log(2) / (np.pi * 3.0 * 1.5))
    log_width = widths(0.05, 100.0)
    weights, point = source.weights(log_width, *source.scales())
    k = np.linspace(0.0, 3.0, 20)
    np.testing.assert_allclose(spectrum(k, log_width, weights, point), source.transform(jnp.asarray(k)), atol=2e-6)


def test_the_index_is_checked() -> None:
    common = dict(xc=0.0, yc=0.0, flux=1.0, ellip=0.0, theta=0.0)
    with pytest.raises(ValueError, match=r"^Moffat.beta must lie in \[1.01, 10\], got 1$"):
        Moffat(**common, fwhm=2.0, beta=1.0)
    with pytest.raises(ValueError, match=r"^Spergel.nu must lie in \[-0.85, 4\], got -0.9$"):
        Spergel(**common, r_eff=2.0, nu=-0.9)
