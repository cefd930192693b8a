"""Derivatives of the rendered image: finite everywhere and right."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.profiles import PointSource, Sersic
from sersiclab.rendering import HybridRenderer, PixelRenderer
from sersiclab.rendering.canvas import Canvas


ORDINARY = (20.3, 11.7, 100.0, 5.0, 2.0, 0.3, 0.4)
SHARED = {
    "ordinary": ORDINARY,
    "at the edge": (-0.5, 23.0, 100.0, 0.3, 4.0, 0.8, 2.0),
    "outside": (-6.2, 12.0, 100.0, 5.0, 1.0, 0.5, 1.5707963),
    "far away": (-300.0, 900.0, 100.0, 50.0, 1.0, 0.5, 1.0),
}
WEIGHT = np.random.default_rng(0).normal(size=(24, 40))


Renderer = HybridRenderer | PixelRenderer


class Way(NamedTuple):
    """A renderer, a PSF's FWHM, where to look, the ends of ranges at which it holds a source, and its accuracy."""

    renderer: Renderer
    fwhm: float
    points: dict[str, tuple[float, ...]]
    held: dict[int, tuple[float, ...]]
    accuracy: float


HYBRID = Way(
    HybridRenderer(),
    3.0,
    SHARED
    | {
        "round, on a pixel, Gaussian": (20.0, 12.0, 100.0, 1.0, 0.5, 0.0, 0.4),
        "thin, large, steep": (20.0, 12.5, 100.0, 30.0, 8.0, 0.95, 0.0),
    },
    {},
    1e-6,
)
PIXEL = Way(
    PixelRenderer(),
    4.0,
    SHARED
    | {
        "round, on a pixel": (20.0, 12.0, 100.0, 1.0, 1.0, 0.0, 0.4),
        "cuspy, thin, large": (20.0, 12.5, 100.0, 30.0, 10.0, 0.95, 0.0),
        "flat": (19.7, 12.2, 100.0, 4.0, 0.1, 0.5, 2.0),
    },
    {4: (0.1, 10.0), 5: (0.0, 0.95)},
    1e-5,
)
POINTS = [(way, point) for way in (HYBRID, PIXEL) for point in way.points]


def moment(theta: jax.Array, canvas: Canvas, renderer: Renderer) -> jax.Array:
    """A number that depends on every pixel."""
    return jnp.sum(WEIGHT.astype(theta.dtype) * renderer.render({"a": Sersic(*theta)}, canvas))


value, gradient = jax.jit(moment), jax.jit(jax.grad(moment))


@pytest.fixture
def canvas(tools: SimpleNamespace) -> Canvas:
    return canvas_for(HYBRID, tools)


def canvas_for(way: Way, tools: SimpleNamespace) -> Canvas:
    return way.renderer.prepare(tools.image((24, 40), tools.psf((21, 18), way.fwhm)))


@pytest.mark.parametrize("point", HYBRID.points)
def test_single_precision_gradient(canvas: Canvas, point: str) -> None:
    assert np.isfinite(gradient(jnp.array(HYBRID.points[point]), canvas, HYBRID.renderer)).all()


@pytest.mark.parametrize(("way", "point"), POINTS)
def test_gradient_is_the_finite_difference(x64: None, tools: SimpleNamespace, way: Way, point: str) -> None:
    theta, canvas = jnp.array(way.points[point]), canvas_for(way, tools)
    slope = np.asarray(gradient(theta, canvas, way.renderer))
    assert np.isfinite(slope).all()
    numeric = differences(lambda t: value(t, canvas, way.renderer), theta)
    free = [float(theta[i]) not in way.held.get(i, ()) for i in range(len(theta))]
    atol = way.accuracy * max(np.abs(slope).max(), 1e-9)
    np.testing.assert_allclose(slope[free], numeric[free], atol=atol, rtol=way.accuracy)


def differences(function: Callable[[jax.Array], jax.Array], theta: jax.Array) -> np.ndarray:
    steps = 1e-5 * np.maximum(1.0, np.abs(theta))
    return np.array(
        [(function(theta.at[i].add(h)) - function(theta.at[i].add(-h))) / (2 * h) for i, h in enumerate(steps)]
    )


def test_forward_and_reverse_mode_agree(x64: None, canvas: Canvas) -> None:
    def value(theta: jax.Array) -> jax.Array:
        scene = {"a": Sersic(*theta), "b": Sersic(*(0.9 * theta)), "star": PointSource(*theta[:3])}
        return jnp.sum(WEIGHT * HybridRenderer().render(scene, canvas) ** 2)

    theta = jnp.array(ORDINARY)
    forward, reverse = jax.jit(jax.jacfwd(value))(theta), jax.jit(jax.jacrev(value))(theta)
    np.testing.assert_allclose(forward, reverse, rtol=1e-9)


def test_second_derivatives(x64: None, canvas: Canvas) -> None:
    theta = jnp.array(ORDINARY)
    hessian = jax.jit(jax.hessian(moment))(theta, canvas, HYBRID.renderer)
    numeric = differences(lambda t: gradient(t, canvas, HYBRID.renderer), theta)
    np.testing.assert_allclose(hessian, numeric, rtol=1e-5, atol=1e-6 * np.abs(hessian).max())


def test_strict_promotion_of_types(tools: SimpleNamespace, x64: None) -> None:
    with jax.numpy_dtype_promotion("strict"):
        canvas = HybridRenderer().prepare(tools.image((24, 40), tools.psf((21, 18), 3.0)))
        theta = jnp.array(ORDINARY)
        scene = {"a": Sersic(*theta), "b": Sersic(*theta), "star": PointSource(*theta[:3])}
        slopes = jax.eval_shape(jax.grad(lambda c: jnp.sum(HybridRenderer().render(c, canvas))), scene)
    assert all(leaf.dtype == np.float64 for leaf in jax.tree.leaves(slopes))
