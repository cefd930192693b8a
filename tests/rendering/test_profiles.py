"""Every profile in every renderer that draws it: the exact image, the laws, derivatives, values out of range."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.parameters import own_parameters, parameter_info
from sersiclab.profiles import (
    AbstractMixture,
    AbstractTransformed,
    Sersic,
)
from sersiclab.rendering import AbstractRenderer, FourierRenderer, HybridRenderer, PixelRenderer

from . import sampled
from .sampled import EXTENDED, PLACE, SIDE, SIGMA, SOURCES, example


MIXED: dict[str, tuple[AbstractRenderer, Any]] = {
    "hybrid": (HybridRenderer(), AbstractMixture),
    "fourier": (FourierRenderer(), AbstractMixture | AbstractTransformed),
}
RENDERERS = ("pixel", *MIXED)
components = jax.jit(lambda renderer, sources, canvas: renderer.render_components(sources, canvas))


def draw(by: str, psf: np.ndarray, change: Callable[[Any], Any] = lambda source: source) -> dict[str, np.ndarray]:
    """The image of each profile that the renderer draws."""
    if by == "pixel":
        canvas = sampled.canvas_with(psf)
        return {name: sampled.draw(change(example(cls)), canvas) for name, cls in EXTENDED.items()}
    renderer, kind = MIXED[by]
    sources = {name: sampled.numbers(change(example(cls))) for name, cls in SOURCES.items() if issubclass(cls, kind)}
    images = components(renderer, sources, renderer.prepare(Image(np.zeros((SIDE, SIDE)), sigma=1.0, psf=psf)))
    return {name: np.asarray(image, float) for name, image in images.items()}


@cache
def unchanged(by: str) -> dict[str, np.ndarray]:
    return draw(by, sampled.lopsided_psf())


def placed(**place: float) -> Callable[[Any], Any]:
    return lambda source: sampled.changed(source, **{k: v for k, v in place.items() if k in own_parameters(source)})


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float = 1e-5) -> None:
    assert expected
    for name in expected:
        error = np.abs(found[name] - expected[name]).max() / np.abs(expected[name]).max()
        assert error < tolerance, f"{name}: {error:.1e}"


def test_every_profile_is_drawn() -> None:
    assert {name for by in RENDERERS for name in unchanged(by)} == set(SOURCES)


def test_looking_up_the_brightness_is_what_the_renderer_does() -> None:
    canvas = sampled.canvas_with(sampled.lopsided_psf())
    drawn = jax.jit(PixelRenderer().render)({"a": example(Sersic)}, canvas)
    assert_same({"Sersic": np.asarray(drawn)}, {"Sersic": unchanged("pixel")["Sersic"]}, 2e-6)


@pytest.mark.parametrize("by", RENDERERS)
def test_translation_by_whole_pixels(by: str) -> None:
    moved = draw(by, sampled.lopsided_psf(), placed(xc=PLACE["xc"] + 5, yc=PLACE["yc"] - 7))
    inner = (slice(10, 50), slice(10, 50))
    there = {name: np.roll(image, (-7, 5), (0, 1))[inner] for name, image in unchanged(by).items()}
    assert_same({name: image[inner] for name, image in moved.items()}, there)


@pytest.mark.parametrize("by", RENDERERS)
def test_quarter_turn(by: str) -> None:
    turn = placed(xc=SIDE - 1 - PLACE["yc"], yc=PLACE["xc"], theta=PLACE["theta"] + np.pi / 2)
    turned = draw(by, np.rot90(sampled.lopsided_psf(), -1), turn)
    assert_same(turned, {name: np.rot90(image, -1) for name, image in unchanged(by).items()})


@pytest.mark.parametrize("by", RENDERERS)
def test_transpose(by: str) -> None:
    swap = placed(xc=PLACE["yc"], yc=PLACE["xc"], theta=-PLACE["theta"] - np.pi / 2)
    swapped = draw(by, sampled.lopsided_psf().T, swap)
    assert_same(swapped, {name: image.T for name, image in unchanged(by).items() if is_mirrored(name)})


@cache
def is_mirrored(name: str) -> bool:
    """Whether the profile is symmetric about its major axis."""
    if name not in EXTENDED:
        return True
    x, y = np.array([2.0, -3.1, 4.4]), np.array([1.0, 2.3, -0.6])
    here, there = (sampled.light_at(sampled.changed(example(EXTENDED[name]), theta=0.0), s * x, y) for s in (1, -1))
    return np.allclose(here, there, rtol=1e-4)


@pytest.mark.parametrize("by", RENDERERS)
def test_flux_is_linear(by: str) -> None:
    drawn = draw(by, sampled.lopsided_psf(), placed(flux=-3e6, i_b=-3e6))
    assert_same(drawn, {name: -3e4 * image for name, image in unchanged(by).items()}, 2e-6)


def test_the_renderers_agree() -> None:
    pixel, hybrid, fourier = (unchanged(by) for by in RENDERERS)
    assert_same(hybrid, {name: pixel[name] for name in pixel.keys() & hybrid.keys()}, 3e-5)
    assert_same(fourier, {"PointSource": hybrid["PointSource"]})
    # Those whose wings end in the image.
    compact = ("Exponential", "Gaussian", "Spergel")
    assert_same(fourier, {name: pixel[name] for name in compact}, 1e-4)


@cache
def points(ratio: float, breaks: tuple[float, ...]) -> np.ndarray:
    """Offsets from the centre and their areas: ellipses, Gauss-Legendre between them and `breaks`."""
    edges = [1e-11]
    while edges[-1] < 95.0:
        edges.append(edges[-1] + min(0.5 * edges[-1], 1.2))
    edges = sorted({*edges, *breaks})
    node, weight = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    radii, steps = (np.array(edges[:-1])[:, None] + half + half * node).ravel(), (half * weight).ravel()
    rings = []
    for m, step in zip(radii, steps, strict=True):
        # Angles crowd at the axes, where isophotes may have kinks.
        count = 4 * max(30, int(2.5 * m / SIGMA))
        turn = (np.arange(count) + 0.5) / count
        angle = 2 * np.pi * turn - np.sin(8 * np.pi * turn) / 4
        area = ratio * m * step * 2 * np.pi / count * (1 - np.cos(8 * np.pi * turn))
        rings.append(np.stack([m * np.cos(angle), ratio * m * np.sin(angle), area]))
    along, across, area = np.concatenate(rings, axis=1)
    sine, cosine = np.sin(PLACE["theta"]), np.cos(PLACE["theta"])
    x, y = across * cosine - along * sine, along * cosine + across * sine
    reach = SIDE / 2 + 6 * SIGMA
    near = (np.abs(x + PLACE["xc"] - SIDE / 2) < reach) & (np.abs(y + PLACE["yc"] - SIDE / 2) < reach)
    return np.stack([x, y, area])[:, near]


def brute_force(source: Any) -> np.ndarray:
    """The sum of all points' light, each blurred by a round Gaussian."""
    lengths = [value for name, value in own_parameters(source).items() if name.startswith("r_")]
    x, y, area = points(round(1.0 - float(source.shape()[0]), 6), tuple(lengths))
    light = area * sampled.light_at(source, x, y)
    pixels, image = np.arange(SIDE)[:, None], np.zeros((SIDE, SIDE))
    for block in np.array_split(np.arange(x.size), 1 + x.size // 20_000):
        places = PLACE["yc"] + y[block], PLACE["xc"] + x[block]
        rows, columns = (np.exp(-((pixels - place) ** 2) / (2 * SIGMA**2)) for place in places)
        image += (rows * light[block]) @ columns.T
    return image / (2 * np.pi * SIGMA**2)


def worst(source: Any, canvas: Any, expected: np.ndarray) -> tuple[float, float]:
    error = sampled.draw(source, canvas) - expected
    return float(np.abs(error).max() / expected.max()), float(abs(error.sum()) / PLACE["flux"])


@pytest.mark.parametrize("name", EXTENDED)
def test_against_brute_force(x64: None, name: str) -> None:
    sources = [example(EXTENDED[name]), example(EXTENDED[name], size=3.0, part=0.45)]
    exact = [brute_force(source) for source in sources]
    canvas = sampled.canvas_with(sampled.round_psf())
    for source, expected in zip(sources, exact, strict=True):
        pixel, flux = worst(source, canvas, expected)
        assert max(pixel, flux) < 2e-5, (source, pixel, flux)
    jax.config.update("jax_enable_x64", False)
    pixel, flux = worst(sources[0], sampled.canvas_with(sampled.round_psf()), exact[0])
    assert max(pixel, flux) < 3e-5, (sources[0], pixel, flux)


@pytest.mark.parametrize("name", EXTENDED)
def test_derivatives(x64: None, name: str) -> None:
    """Those of the image by the parameters, also for a round source centred on a pixel, where r = 0 is sampled."""
    canvas = sampled.canvas_with(sampled.round_psf())
    middle = example(EXTENDED[name])
    for source in (middle, placed(xc=27.0, yc=32.0, ellip=0.0)(middle)):
        peak = sampled.draw(source, canvas).max()
        for key, value in own_parameters(source).items():
            if key in ("xc", "yc"):
                continue
            slope = sampled.draw(source, canvas, slope=key)
            assert np.isfinite(slope).all(), (source, key)
            if key == "ellip" and value == 0.0:
                continue
            step = 1e-5 * max(1.0, abs(value))
            up, down = (sampled.draw(source, canvas, **{key: value + sign * step}) for sign in (1, -1))
            numeric = (up - down) / (2 * step)
            scale = max(np.abs(numeric).max(), 0.01 * peak)
            # Sampling, whose points move with the source in one of the two, is not exact.
            assert np.abs(slope - numeric).max() < 5e-4 * scale, (source, key, np.abs(slope - numeric).max() / scale)


@pytest.mark.parametrize("name", EXTENDED)
def test_ends_and_values_out_of_range(name: str) -> None:
    """In single precision the image and its derivatives are finite whatever the parameters."""
    canvas, source = sampled.canvas_with(sampled.round_psf()), example(EXTENDED[name])
    for key, value in sampled.ends(EXTENDED[name]):
        assert np.isfinite(sampled.draw(source, canvas, **{key: value})).all(), (key, value)
        assert np.isfinite(sampled.draw(source, canvas, slope=key, **{key: value})).all(), (key, value)
    for key in own_parameters(source):
        for wrong in (-7.0, 0.0, 1e4):
            assert np.isfinite(sampled.draw(source, canvas, **{key: wrong})).all(), (key, wrong)


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_out_of_range_is_refused(name: str) -> None:
    cls = SOURCES[name]
    source = example(cls)
    for key, info in parameter_info(cls).items():
        beyond = [info.low if info.open_low else info.low - 0.01, info.high + 0.01, math.nan, math.inf]
        for wrong in beyond if math.isfinite(info.low) else beyond[1:]:
            if wrong != math.inf or math.isfinite(info.high):
                with pytest.raises(ValueError, match=rf"{name}\.{key} must "):
                    sampled.changed(source, **{key: wrong})


def scene(by: str, change: Callable[[Any], Any] = lambda source: source) -> dict[str, Any]:
    _, kind = MIXED[by]
    return {name: change(example(cls)) for name, cls in SOURCES.items() if issubclass(cls, kind)}


def weighted(by: str) -> Callable[..., Any]:
    """A number that depends on every pixel, as a function of all parameters of all sources."""
    shape = jax.tree.structure({name: sampled.numbers(source) for name, source in scene(by).items()})
    weight = np.random.default_rng(0).normal(size=(SIDE, SIDE))

    def value(vector: jax.Array, canvas: Any) -> jax.Array:
        image = MIXED[by][0].render(jax.tree.unflatten(shape, list(vector)), canvas)
        return jnp.sum(weight.astype(vector.dtype) * image)

    return value


def ordered(by: str, change: Callable[[Any], Any] = lambda source: source) -> jax.Array:
    return jnp.stack(jax.tree.leaves({name: sampled.numbers(source) for name, source in scene(by, change).items()}))


@cache
def value_and_slope(by: str) -> Callable[..., Any]:
    return jax.jit(jax.value_and_grad(weighted(by)))


def prepared(by: str) -> Any:
    return MIXED[by][0].prepare(Image(np.zeros((SIDE, SIDE)), sigma=1.0, psf=sampled.round_psf()))


@pytest.mark.parametrize("by", MIXED)
def test_derivatives_of_mixtures_and_transforms(x64: None, by: str) -> None:
    """Reverse-mode derivatives by all parameters are the finite differences, also at r = 0 and for round sources."""
    canvas, both = prepared(by), value_and_slope(by)
    for change in (placed(), placed(xc=27.0, yc=32.0, ellip=0.0)):
        vector = ordered(by, change)
        slope = np.asarray(both(vector, canvas)[1])
        assert np.isfinite(slope).all()
        steps = 1e-5 * np.maximum(1.0, np.abs(vector))
        ends = [[both(vector.at[i].add(sign * h), canvas)[0] for sign in (1, -1)] for i, h in enumerate(steps)]
        numeric = np.array([up - down for up, down in ends]) / (2 * steps)
        # At ellip = 0 the range ends.
        inside = np.asarray(vector) != 0.0
        np.testing.assert_allclose(slope[inside], numeric[inside], rtol=1e-5, atol=1e-6 * np.abs(slope).max())


def assert_finite_anywhere(by: str) -> None:
    canvas, both, vector = prepared(by), value_and_slope(by), ordered(by)
    for i in range(vector.size):
        for wrong in (-7.0, 0.0, 0.5, 1e4):
            value, slope = both(vector.at[i].set(wrong), canvas)
            assert np.isfinite(value), (i, wrong)
            assert np.isfinite(slope).all(), (i, wrong)
    for name in scene(by):
        for key, end in sampled.ends(SOURCES[name]):
            end = float(np.clip(end, *getattr(SOURCES[name], "limits", {}).get(key, (-np.inf, np.inf))))
            changes = placed(**{key: end})
            ended = ordered(by, lambda s, n=name, c=changes: c(s) if type(s).__name__ == n else s)
            assert all(np.isfinite(part).all() for part in both(ended, canvas)), (name, key, end)


def test_mixtures_out_of_range() -> None:
    assert_finite_anywhere("hybrid")


def test_transforms_out_of_range(x64: None) -> None:
    assert_finite_anywhere("fourier")
