"""Modifiers: any elliptical source reshaped, its flux kept."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gamma

from sersiclab.parameters import own_parameters, parameter_info, with_parameters
from sersiclab.profiles import (
    AbstractElliptical,
    Bent,
    Boxy,
    EdgeOnDisk,
    Exponential,
    FourierModes,
    Gaussian,
    Moffat,
    Sersic,
)


GALAXY = Sersic(xc=0.0, yc=0.0, flux=5.0, r_eff=3.0, n=1.2, ellip=0.4, theta=0.7)
SHAPES: dict[str, AbstractElliptical] = {
    "disky": Boxy(GALAXY, c0=-1.0),
    "boxy": Boxy(GALAXY, c0=0.7),
    "very boxy": Boxy(GALAXY, c0=4.0),
    "lopsided": FourierModes(GALAXY, a1=0.4, phi1=0.3),
    "many modes": FourierModes(GALAXY, a1=0.1, a3=0.2, phi3=-0.4, a4=-0.1, phi4=1.0, a5=0.1, a6=0.1, phi6=0.2),
    "banana": Bent(GALAXY, b1=0.5, b2=2.0),
    "snake": Bent(GALAXY, b3=-1.0),
    "all": Boxy(FourierModes(Bent(GALAXY, b1=0.3, b2=0.5), a3=0.2, phi3=0.1), c0=0.6),
}
X = np.array([0.0, 1.0, -2.3, 0.4, 7.7, -0.05])
Y = np.array([0.0, 0.7, 1.9, -3.1, 6.1, 0.02])


@cache
def compiled() -> Any:
    return jax.jit(lambda source, x, y: source.brightness(x, y))


def brightness(source: AbstractElliptical, x: Any = X, y: Any = Y) -> np.ndarray:
    return np.asarray(compiled()(source, jnp.asarray(x), jnp.asarray(y)))


@pytest.mark.parametrize("name", SHAPES)
def test_total_flux(x64: None, name: str) -> None:
    """By brute force: around the centre in shells of ln r, or where shells are bent, on a fine grid."""
    if isinstance(SHAPES[name], Bent) or name == "all":
        y, x = np.mgrid[-50:50:0.1, -50:50:0.1] + 0.03
        light = brightness(with_parameters(SHAPES[name], {"n": 0.5}), x, y)
        assert np.sum(light) * 0.01 == pytest.approx(5.0, rel=2e-5)
        return
    angle = 2 * np.pi * (np.arange(720) + 0.5) / 720
    log_r, step = np.linspace(-9.0, 5.0, 1001, retstep=True)
    r = np.exp(log_r)[:, None]
    light = brightness(SHAPES[name], r * np.cos(angle), r * np.sin(angle))
    assert np.sum(light * r**2) * step * 2 * np.pi / 720 == pytest.approx(5.0, rel=2e-5)


def test_nothing_to_reshape(x64: None) -> None:
    plain = brightness(GALAXY)
    for source in (Boxy(GALAXY), FourierModes(GALAXY), Bent(GALAXY), Boxy(FourierModes(Bent(GALAXY)))):
        np.testing.assert_allclose(brightness(source), plain, rtol=1e-13)


def test_the_order_does_not_matter(x64: None) -> None:
    boxy, modes, bend = {"c0": 0.6}, {"a3": 0.2, "phi3": 0.1}, {"b2": 1.0, "b1": 0.2}
    first = Boxy(FourierModes(Bent(GALAXY, **bend), **modes), **boxy)
    second = Bent(Boxy(FourierModes(GALAXY, **modes), **boxy), **bend)
    np.testing.assert_allclose(brightness(first), brightness(second), rtol=1e-13)


def along_axes(source: AbstractElliptical, u: Any, v: Any) -> np.ndarray:
    """At offsets along the major axis and, counter-clockwise of it, across, by geometry alone."""
    major, minor = np.array([-np.sin(0.7), np.cos(0.7)]), np.array([-np.cos(0.7), -np.sin(0.7)])
    x, y = (major[i] * np.asarray(u, float) + minor[i] * np.asarray(v, float) for i in (0, 1))
    return brightness(source, x, y)


@pytest.mark.parametrize("c0", [-0.6, 0.5, 2.0])
def test_boxy_isophotes(x64: None, c0: float) -> None:
    source, power, ratio = Boxy(GALAXY, c0=c0), c0 + 2, 0.6
    t = np.linspace(0.1, 1.4, 7)
    u, v = np.cos(t) ** (2 / power), ratio * np.sin(t) ** (2 / power)
    around = along_axes(source, 4 * u, 4 * v)
    np.testing.assert_allclose(around, around[0], rtol=1e-10)
    for signs in ((-1, 1), (1, -1), (-1, -1)):
        np.testing.assert_allclose(along_axes(source, 4 * signs[0] * u, 4 * signs[1] * v), around, rtol=1e-10)
    # On the major axis nothing moves; the area of a superellipse is known.
    area = 4 * gamma(1 + 1 / power) ** 2 / gamma(1 + 2 / power) / np.pi
    np.testing.assert_allclose(along_axes(source, [4.0], [0.0]) * area, along_axes(GALAXY, [4.0], [0.0]), rtol=1e-8)


def test_fourier_modes_of_isophotes(x64: None) -> None:
    a, phi, ratio = 0.3, 0.4, 0.6
    source = FourierModes(GALAXY, a3=a, phi3=phi)
    angle = np.linspace(0, 2 * np.pi, 13)
    r = 4.0 / (1 + a * np.cos(3 * (angle + phi)))
    around = along_axes(source, r * np.cos(angle), ratio * r * np.sin(angle))
    np.testing.assert_allclose(around, around[0], rtol=1e-10)
    turned = FourierModes(GALAXY, a3=-a, phi3=phi + np.pi / 3)
    np.testing.assert_allclose(brightness(turned), brightness(source), rtol=1e-12)


def test_bending(x64: None) -> None:
    source = Bent(GALAXY, b1=0.2, b2=0.9, b3=-0.3)
    u, v = np.array([0.0, 1.0, -2.0, 5.0]), np.array([0.3, 0.0, 1.0, -2.0])
    x = u / 3.0
    moved = v + 0.2 * x + 0.9 * x**2 - 0.3 * x**3
    np.testing.assert_allclose(along_axes(source, u, v), along_axes(GALAXY, u, moved), rtol=1e-12)


@cache
def compiled_slopes() -> Any:
    """Brightness of the source with all modifiers, and its derivatives by every parameter and x."""
    names = list(parameter_info(SHAPES["all"]))

    def value(values: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return with_parameters(SHAPES["all"], dict(zip(names, values, strict=True))).brightness(x, y)

    @jax.jit
    def both(values: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        by_x = jax.jvp(lambda x: value(values, x, y), (x,), (jnp.ones_like(x),))[1]
        return value(values, x, y), jnp.concatenate([jax.jacfwd(value)(values, x, y), by_x[:, None]], 1)

    return both


START = {key: float(number) for key, number in own_parameters(SHAPES["all"]).items()}
# The last lies on the major axis.
POINTS = np.append(X, -np.sin(0.7)), np.append(Y, np.cos(0.7))


@pytest.mark.parametrize(
    "change", [{}, {"c0": -1.0, "ellip": 0.0}, {"c0": 0.0, "a3": 0.0, "ellip": 0.95}, {"b1": 0.0, "b2": 0.0, "c0": 4.0}]
)
def test_derivatives(x64: None, change: dict[str, float]) -> None:
    """Also at the centre, on the axes, and at the ends of the ranges."""
    x, y = map(jnp.asarray, POINTS)
    values = jnp.array(list((START | change).values()))
    light, found = compiled_slopes()(values, x, y)
    columns = []
    for i in range(values.size + 1):
        step = jnp.zeros(values.size + 1).at[i].set(1e-6)
        ends = [compiled_slopes()(values + sign * step[:-1], x + sign * step[-1], y)[0] for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / 2e-6)
    numeric = np.stack(columns, -1)
    scale = 1e-5 * np.asarray(light)[:, None] + 1e-3 * np.abs(numeric) + 1e-12
    off = np.abs(found - numeric) / scale
    off[0, -1] = 0.0  # a lopsided cusp has no slope at its centre
    assert np.max(off) < 1


def test_finite_in_single_precision() -> None:
    x, y = (jnp.asarray(part, jnp.float32) for part in ([1e-30, 1e-6, 1e3, -1e5, 0, 3, 1], [0, 1e-6, 0, 1e5, 0, 0, 2]))
    wrong = [{"r_eff": -1.0}, {"ellip": 2.0}, {"n": 30.0}, {"c0": -9.0}, {"c0": 90.0}, {"a3": 5.0}, {"b2": 1e4}]
    for change in ({}, *wrong):
        values = jnp.array(list((START | change).values()), jnp.float32)
        light, slopes = compiled_slopes()(values, x, y)
        assert np.isfinite(light).all(), change
        assert not np.isnan(slopes).any(), change


def test_any_elliptical_source() -> None:
    common = dict(xc=1.0, yc=2.0, flux=3.0, ellip=0.2, theta=0.1)
    for source in (
        Exponential(**common, r_eff=2.0),
        Gaussian(**common, fwhm=2.0),
        Moffat(**common, fwhm=2.0, beta=3.0),
    ):
        reshaped = Bent(Boxy(source, c0=0.5), b2=0.4)
        assert np.isfinite(brightness(reshaped)).all()
        assert (reshaped.xc, reshaped.yc, reshaped.flux, *reshaped.shape()) == (1.0, 2.0, 3.0, 0.2, 0.1)
        assert (reshaped.c0, reshaped.b2) == (0.5, 0.4)
        assert list(own_parameters(reshaped))[-4:] == ["c0", "b1", "b2", "b3"]


def test_mistakes() -> None:
    with pytest.raises(ValueError, match=r"^Boxy.c0 is a parameter of its profile too$"):
        Boxy(FourierModes(Boxy(GALAXY, c0=0.1)))
    with pytest.raises(TypeError, match=r"(?s)Boxy.*profile"):
        Boxy(EdgeOnDisk(xc=0.0, yc=0.0, flux=1.0, h_r=2.0, h_z=1.0, n=1.0, theta=0.0))
    with pytest.raises(TypeError, match=r"(?s)Bent.*profile"):
        Bent(3)
    with pytest.raises(AttributeError, match=r"^Boxy has no 'nu'$"):
        _ = Boxy(GALAXY).nu
    assert Boxy(GALAXY).n == 1.2
    with pytest.raises(ValueError, match=r"^FourierModes.a1 must lie in \[-0.9, 0.9\], got 2$"):
        FourierModes(GALAXY, a1=2.0)

    class Pattern(AbstractElliptical):
        xc: Any = 0.0
        yc: Any = 0.0
        flux: Any = 1.0
        ellip: Any = 0.0
        theta: Any = 0.0

        def radial(self, m):
            return jnp.exp(-m)

    with pytest.raises(TypeError, match=r"^Bent.profile must have a length in pixels to scale with"):
        Bent(Pattern())
