"""What the tests of the renderers share."""

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.profiles import AbstractProfile
from sersiclab.rendering import HybridRenderer


SHAPE = (72, 96)
FWHM = 4.0


def gaussian_psf(shape: tuple[int, int] = (41, 41), fwhm: float = FWHM, oversampling: int = 1) -> np.ndarray:
    """A round Gaussian sampled at `oversampling` points per pixel."""
    y, x = (np.arange(side) - (side - 1) / 2 for side in shape)
    sigma = fwhm / np.sqrt(8 * np.log(2)) * oversampling
    psf = np.exp(-(y[:, None] ** 2 + x**2) / (2 * sigma**2))
    return psf / psf.sum()


def an_image(shape: tuple[int, int] = SHAPE, psf: np.ndarray | None = None, **options: Any) -> Image:
    return Image(np.zeros(shape), sigma=1.0, psf=psf, **options)


_compiled = jax.jit(HybridRenderer.render)
_compiled_components = jax.jit(HybridRenderer.render_components)


def draw(component: AbstractProfile | dict[str, AbstractProfile], image: Image) -> np.ndarray:
    """The rendered image, in double precision."""
    components = component if isinstance(component, dict) else {"source": component}
    renderer = HybridRenderer()
    return np.asarray(_compiled(renderer, components, renderer.prepare(image)), float)


def draw_components(components: dict[str, AbstractProfile], image: Image) -> dict[str, np.ndarray]:
    renderer = HybridRenderer()
    return {k: np.asarray(v) for k, v in _compiled_components(renderer, components, renderer.prepare(image)).items()}


@pytest.fixture
def tools() -> SimpleNamespace:
    """The functions above (test files can't import one another)."""
    return SimpleNamespace(psf=gaussian_psf, image=an_image, draw=draw, draw_components=draw_components)
