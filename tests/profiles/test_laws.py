"""Laws that hold for every source with a surface brightness."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.parameters import parameter_info
from sersiclab.profiles import (
    PROFILES,
    AbstractElliptical,
    AbstractExtended,
    AbstractMixture,
    AbstractTransformed,
    BrokenExponential,
    CoreSersic,
    DeVaucouleurs,
    EdgeOnDisk,
    Exponential,
    Ferrers,
    Gaussian,
    GaussianRing,
    King,
    Moffat,
    Nuker,
    NukerBrightness,
    Sersic,
    Spergel,
)
from sersiclab.profiles.base import LIGHT


PLACE = {"xc": 0.3, "yc": -0.2, "flux": 7.0, "theta": 0.6}
# What each needs besides; ends of the declared ranges are added below.
EXAMPLES: dict[type[AbstractExtended], dict[str, float]] = {
    Sersic: {"r_eff": 3.0, "n": 2.3, "ellip": 0.4},
    Exponential: {"r_eff": 3.0, "ellip": 0.4},
    DeVaucouleurs: {"r_eff": 3.0, "ellip": 0.4},
    Gaussian: {"fwhm": 4.0, "ellip": 0.4},
    Moffat: {"fwhm": 4.0, "beta": 2.7, "ellip": 0.4},
    Spergel: {"r_eff": 3.0, "nu": 0.3, "ellip": 0.4},
    CoreSersic: {"r_eff": 5.0, "n": 3.0, "r_b": 0.7, "alpha": 3.0, "gamma": 0.2, "ellip": 0.4},
    BrokenExponential: {"h_in": 4.0, "h_out": 2.0, "r_break": 6.0, "alpha": 1.3, "ellip": 0.4},
    EdgeOnDisk: {"h_r": 4.0, "h_z": 0.8, "n": 1.4},
    Ferrers: {"r_out": 8.0, "alpha": 1.5, "beta": 0.4, "ellip": 0.4},
    GaussianRing: {"r_ring": 4.0, "sigma": 1.2, "ellip": 0.4},
    King: {"r_core": 1.5, "r_tidal": 9.0, "alpha": 2.0, "ellip": 0.4},
    Nuker: {"r_b": 2.0, "alpha": 1.5, "beta": 3.5, "gamma": 0.6, "ellip": 0.4},
    NukerBrightness: {"i_b": 7.0, "r_b": 2.0, "alpha": 1.5, "beta": 1.3, "gamma": 0.6, "ellip": 0.4},
}
# Where the flux converges fast enough for brute force.
CONVERGENT: dict[type, dict[str, tuple[float, float]]] = {
    Moffat: {"beta": (1.6, 10.0)},
    Spergel: {"nu": (-0.3, 4.0)},
    CoreSersic: {"gamma": (0.0, 1.4)},
    Nuker: {"beta": (3.0, 20.0), "gamma": (0.0, 1.4)},
    NukerBrightness: {"beta": (3.0, 20.0), "gamma": (0.0, 1.4)},
}
# At the centre and near.
X = np.array([0.0, 1.0, -2.3, 0.4, 7.7, -0.05])
Y = np.array([0.0, 0.7, 1.9, -3.1, 6.1, 0.02])
# At the centre, all but at the centre, and far out.
EXTREME_X = np.array([0.0, 1e-30, 1e-6, 1e3, -1e5, 3.0])
EXTREME_Y = np.array([0.0, 1e-30, 0.0, 0.0, 1e5, 4.0])


def example(cls: type[AbstractExtended]) -> dict[str, float]:
    """A value for each parameter."""
    return {name: (PLACE | EXAMPLES[cls])[name] for name in parameter_info(cls)}


def examples(cls: type[AbstractExtended]) -> list[dict[str, float]]:
    """The example, and it with each parameter at the ends of its range."""
    middle = example(cls)
    ends = [
        middle | {name: end}
        for name, info in parameter_info(cls).items()
        for end in (info.low, info.high)
        if math.isfinite(end) and not (info.open_low and end == info.low)
    ]
    return [middle, *ends]


@cache
def compiled(cls: type[AbstractExtended]) -> Callable[..., Any]:
    """Brightness at points, and its derivatives by x, y and every parameter; one program for each precision."""
    names = list(parameter_info(cls))

    def brightness(values: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return cls(**dict(zip(names, values, strict=True))).brightness(x, y)

    @jax.jit
    def both(values: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        ones = jnp.ones_like(x)
        by_x = jax.jvp(lambda x: brightness(values, x, y), (x,), (ones,))[1]
        by_y = jax.jvp(lambda y: brightness(values, x, y), (y,), (ones,))[1]
        slopes = jnp.concatenate([by_x[:, None], by_y[:, None], jax.jacfwd(brightness)(values, x, y)], 1)
        return brightness(values, x, y), slopes

    return both


@cache
def compiled_light(cls: type[AbstractExtended]) -> Callable[..., Any]:
    return jax.jit(lambda values, x, y: cls(**values).brightness(x, y))


def evaluate(cls: type, values: dict[str, float], x: Any = X, y: Any = Y, dtype: Any = float) -> Any:
    vector = jnp.array([values[name] for name in parameter_info(cls)], dtype)
    value, slopes = compiled(cls)(vector, jnp.asarray(x, dtype), jnp.asarray(y, dtype))
    return np.asarray(value), np.asarray(slopes)


def on_ellipse(values: dict[str, float], m: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Offsets at semi-major axes `m`, by geometry alone."""
    theta, ratio = values["theta"], 1.0 - values.get("ellip", 0.0)
    major, minor = np.array([-np.sin(theta), np.cos(theta)]), np.array([np.cos(theta), np.sin(theta)])
    x, y = np.cos(angle) * major[:, None] * m + ratio * np.sin(angle) * minor[:, None] * m
    return x, y


def test_every_profile_has_an_example() -> None:
    assert {cls for cls in PROFILES if issubclass(cls, AbstractExtended)} <= set(EXAMPLES)


@pytest.mark.parametrize("cls", [cls for cls in EXAMPLES if issubclass(cls, AbstractElliptical)])
def test_total_flux(x64: None, cls: type[AbstractElliptical]) -> None:
    """By Gauss-Legendre in ln m, in panels that end at the profile's own lengths, along two directions."""
    node, weight = np.polynomial.legendre.leggauss(24)
    for values in examples(cls):
        for name, (low, high) in CONVERGENT.get(cls, {}).items():
            values[name] = min(max(values[name], low), high)
        breaks = [
            np.log(value) for name, value in values.items() if parameter_info(cls)[name].unit == "pixel" and value > 0
        ]
        near = [b + d for b in breaks for d in (0.0, *np.geomspace(1e-3, 0.6, 8), *-np.geomspace(1e-3, 0.6, 8))]
        edges = np.unique(np.concatenate([np.linspace(-26.0, 26.0, 79), near]))
        half = 0.5 * np.diff(edges)[:, None]
        m = np.exp(edges[:-1, None] + half * (1.0 + node)).ravel()
        area = (1.0 - values["ellip"]) * 2 * np.pi * m**2 * (half * weight).ravel()
        for angle in (0.0, 1.1):
            light = np.asarray(compiled_light(cls)(values, *map(jnp.asarray, on_ellipse(values, m, angle))))
            assert np.sum(area * light) == pytest.approx(float(cls(**values).flux), rel=3e-6), values


@pytest.mark.parametrize("n", [0.5, 1.0, 2.0, 1000.0])
def test_total_flux_of_an_edge_on_disk(x64: None, n: float) -> None:
    """Along and across, of which it is a product."""
    values = PLACE | EXAMPLES[EdgeOnDisk] | {"theta": 0.0, "n": n}
    log_y, z, zero = np.linspace(-20.0, 6.0, 20_001), np.linspace(-40.0, 40.0, 20_001), np.zeros(20_001)
    along = compiled_light(EdgeOnDisk)(values, jnp.asarray(zero), jnp.asarray(np.exp(log_y)))
    across = np.asarray(compiled_light(EdgeOnDisk)(values, jnp.asarray(z), jnp.asarray(zero)))
    total = 2 * np.trapezoid(along * np.exp(log_y), log_y) * np.trapezoid(across, z) / across[10_000]
    assert total == pytest.approx(7.0, rel=2e-5)


@pytest.mark.parametrize("cls", EXAMPLES)
def test_derivatives_are_finite_differences(x64: None, cls: type[AbstractExtended]) -> None:
    """Also at the centre, where a cusp is flat, and at the ends of all ranges."""
    for values in examples(cls):
        value, slopes = evaluate(cls, values)
        columns = []
        for axis in (X, Y):
            step = 1e-6
            shifts = [(axis is X) * step, (axis is Y) * step]
            ends = [evaluate(cls, values, X + sign * shifts[0], Y + sign * shifts[1])[0] for sign in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * step))
        for name in parameter_info(cls):
            step = 1e-6 * max(1.0, abs(values[name]))
            ends = [evaluate(cls, values | {name: values[name] + sign * step})[0] for sign in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * step))
        numeric = np.stack(columns, 1)
        off = np.abs(slopes - numeric) / (1e-5 * np.abs(value)[:, None] + 1e-3 * np.abs(numeric) + 1e-12)
        assert np.max(off) < 1.0, (values, np.unravel_index(off.argmax(), off.shape), slopes, numeric)


@pytest.mark.parametrize("cls", EXAMPLES)
def test_nothing_is_ever_nan(x64: None, cls: type[AbstractExtended]) -> None:
    """In single precision, at the centre and far out, whatever the parameters."""
    for values in examples(cls):
        value, slopes = evaluate(cls, values, EXTREME_X, EXTREME_Y, np.float32)
        assert np.isfinite(value).all(), values
        assert np.isfinite(slopes).all(), values
    for name in parameter_info(cls):
        for wrong in (-3.0, 0.0, 40.0):
            wronged = example(cls) | {name: wrong}
            value, slopes = evaluate(cls, wronged, EXTREME_X, EXTREME_Y, np.float32)
            assert np.isfinite(value).all(), (name, wrong)
            assert not np.isnan(slopes).any(), (name, wrong)


@pytest.mark.parametrize("cls", EXAMPLES)
def test_single_precision_is_close(x64: None, cls: type[AbstractExtended]) -> None:
    for values in examples(cls):
        exact, single = evaluate(cls, values)[0], evaluate(cls, values, dtype=np.float32)[0]
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, exact, rtol=2e-5, atol=1e-7 * exact[1:].max(), err_msg=str(values))


@pytest.mark.parametrize("cls", EXAMPLES)
def test_symmetries(x64: None, cls: type[AbstractExtended]) -> None:
    values = example(cls)
    value = evaluate(cls, values)[0]
    through = evaluate(cls, values, -X, -Y)[0]
    np.testing.assert_allclose(through, value, rtol=1e-9)
    turned = evaluate(cls, values | {"theta": values["theta"] + np.pi / 2}, -Y, X)[0]
    np.testing.assert_allclose(turned, value, rtol=1e-9)
    mirrored = evaluate(cls, values | {"theta": -values["theta"]}, -X, Y)[0]
    np.testing.assert_allclose(mirrored, value, rtol=1e-9)
    (light,) = (name for name in LIGHT if name in values)
    np.testing.assert_allclose(evaluate(cls, values | {light: -14.0})[0], -2 * value, rtol=1e-9)


@pytest.mark.parametrize("cls", EXAMPLES)
def test_scaling_all_lengths(x64: None, cls: type[AbstractExtended]) -> None:
    power = {"pixel": 1, "1/pixel": -1, "image/pixel": -2}
    values = example(cls)
    infos = parameter_info(cls)
    larger = {name: value * 3.0 ** power.get(infos[name].unit, 0) for name, value in values.items()}
    here, there = evaluate(cls, values)[0], evaluate(cls, larger, 3.0 * X, 3.0 * Y)[0]
    # The centre is never quite reached.
    np.testing.assert_allclose(9.0 * there[1:], here[1:], rtol=1e-7)


@pytest.mark.parametrize("cls", [cls for cls in EXAMPLES if issubclass(cls, AbstractTransformed)])
def test_transforms_are_those_of_the_brightness(x64: None, cls: Any) -> None:
    from scipy.special import j0

    source = cls(**(PLACE | EXAMPLES[cls] | {"ellip": 0.0}))
    log_m = np.linspace(-16.0, 9.0, 60_001)
    m = np.exp(log_m)
    light = 2 * np.pi * m**2 * np.asarray(source.radial(jnp.asarray(m))) * (log_m[1] - log_m[0])
    k = np.array([0.05, 0.3, 1.0])
    np.testing.assert_allclose(source.transform(jnp.asarray(k)), j0(k[:, None] * m) @ light, atol=2e-5)
    np.testing.assert_allclose(source.transform(jnp.zeros(1)), 1.0, rtol=1e-12)


@pytest.mark.parametrize("cls", [cls for cls in EXAMPLES if issubclass(cls, AbstractMixture)])
def test_mixtures_are_the_same_profile(x64: None, cls: Any) -> None:
    source = cls(**(PLACE | EXAMPLES[cls] | {"ellip": 0.0}))
    from sersiclab.profiles.decomposition import SPACING

    log_width = np.arange(np.log(1e-5), np.log(1e5), SPACING)
    weights = np.asarray(source.weights(log_width, *source.scales())[0])
    r, sigma = np.geomspace(0.05, 20.0, 50), np.exp(log_width)
    total = np.exp(-0.5 * (r[:, None] / sigma) ** 2) @ (weights / (2 * np.pi * sigma**2))
    expected = np.asarray(source.radial(jnp.asarray(r)))
    np.testing.assert_allclose(total, expected, atol=2e-6 * expected.max(), rtol=0)
