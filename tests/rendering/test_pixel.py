"""Derivatives of what the pixel renderer draws: finite everywhere and right."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.profiles import Sersic
from sersiclab.rendering import PixelRenderer
from sersiclab.rendering.canvas import Canvas


ORDINARY = (20.3, 11.7, 100.0, 5.0, 2.0, 0.3, 0.4)
POINTS = {
    "ordinary": ORDINARY,
    "round, on a pixel": (20.0, 12.0, 100.0, 1.0, 1.0, 0.0, 0.4),
    "cuspy, thin, large": (20.0, 12.5, 100.0, 30.0, 10.0, 0.95, 0.0),
    "flat": (19.7, 12.2, 100.0, 4.0, 0.1, 0.5, 2.0),
    "at the edge": (-0.5, 23.0, 100.0, 0.3, 4.0, 0.8, 2.0),
    "outside": (-6.2, 12.0, 100.0, 5.0, 1.0, 0.5, 1.5707963),
    "far away": (-300.0, 900.0, 100.0, 50.0, 1.0, 0.5, 1.0),
}
WEIGHT = np.random.default_rng(0).normal(size=(24, 40))


def moment(theta: jax.Array, canvas: Canvas) -> jax.Array:
    """A number that depends on every pixel."""
    image = PixelRenderer().render({"a": Sersic(*theta)}, canvas)
    return jnp.sum(WEIGHT.astype(theta.dtype) * image)


value, gradient = jax.jit(moment), jax.jit(jax.grad(moment))


@pytest.fixture
def canvas(tools: SimpleNamespace) -> Canvas:
    return PixelRenderer().prepare(tools.image((24, 40), tools.psf((21, 18), 4.0)))


@pytest.mark.parametrize("point", POINTS)
def test_gradient_is_the_finite_difference(x64: None, canvas: Canvas, point: str) -> None:
    theta = jnp.array(POINTS[point])
    slope = np.asarray(gradient(theta, canvas))
    assert np.isfinite(slope).all()
    steps = 1e-5 * np.maximum(1.0, np.abs(theta))
    numeric = [
        (value(theta.at[i].add(h), canvas) - value(theta.at[i].add(-h), canvas)) / (2 * h) for i, h in enumerate(steps)
    ]
    # The range of ellip and of n ends here: beyond, the source is held.
    inside = np.array(
        [not (theta[4] in (0.1, 10.0) and i == 4) and not (theta[5] in (0.0, 0.95) and i == 5) for i in range(7)]
    )
    scale = max(np.abs(slope * theta).max(), 1e-9)
    np.testing.assert_allclose(
        (slope * theta)[inside], (np.array(numeric) * theta)[inside], atol=1e-5 * scale, rtol=1e-5
    )
