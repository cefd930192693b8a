"""Thin sources: an elliptical Gaussian seen through a round one is a Gaussian of a closed form."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.profiles import Sersic
from sersiclab.rendering import AbstractRenderer, FourierRenderer, HybridRenderer, PixelRenderer


SHAPE = (45, 60)
# Every width of a Gaussian mixture plays the main part at some size.
SIZES = np.geomspace(0.3, 75.0, 18)
THIN = [(size, ellip) for size in SIZES for ellip in (0.95, 0.9, 0.8)]
# Along the columns, where sampling would fold the spectrum most, and between.
POSES = [((1.6, 43.2), np.pi / 2), ((30.0, 22.0), 0.7), ((27.3, 20.8), 0.0)]
PSFS = {"native": (4.0, 1, (41, 41)), "sharp": (1.5, 5, (61, 61)), "even": (2.0, 2, (32, 36))}
RENDERERS = {"hybrid": HybridRenderer(), "pixel": PixelRenderer(), "fourier": FourierRenderer(padding=3.0)}
draw = jax.jit(lambda renderer, values, canvas: renderer.render({"source": Sersic(*values)}, canvas))


def exact(values: np.ndarray, fwhm: float) -> np.ndarray:
    """A Sérsic profile of n = 0.5 blurred by a round Gaussian."""
    xc, yc, flux, r_eff, _, ellip, theta = values
    blur = fwhm / np.sqrt(8 * np.log(2))
    along2, across2 = (np.array([1.0, 1.0 - ellip]) * r_eff) ** 2 / (2 * np.log(2)) + blur**2
    y, x = np.arange(SHAPE[0])[:, None] - yc, np.arange(SHAPE[1]) - xc
    along, across = y * np.cos(theta) - x * np.sin(theta), y * np.sin(theta) + x * np.cos(theta)
    peak = flux / (2 * np.pi * np.sqrt(along2 * across2))
    return peak * np.exp(-0.5 * (along**2 / along2 + across**2 / across2))


def worst(tools: SimpleNamespace, renderer: AbstractRenderer, psf: str, largest: float) -> tuple[float, str]:
    """The worst error, as a fraction of the brightest pixel, and where it is."""
    fwhm, oversampling, side = PSFS[psf]
    stamp = tools.psf(side, fwhm, oversampling)
    canvas = renderer.prepare(Image(np.zeros(SHAPE), sigma=1.0, psf=stamp, psf_oversampling=oversampling))
    found = []
    for i, (size, ellip) in enumerate(THIN):
        (xc, yc), theta = POSES[(i + i // 3) % 3]
        values = np.array([xc, yc, 100.0, size, 0.5, ellip, theta])
        expected = exact(values, fwhm)
        if size < largest:
            error = np.abs(np.asarray(draw(renderer, jnp.asarray(values), canvas), float) - expected)
            found.append((error.max() / expected.max(), f"r_eff = {size:.1f}, ellip = {ellip}, theta = {theta:.2f}"))
    return max(found)


@pytest.mark.parametrize("psf", PSFS)
@pytest.mark.parametrize("name", ["hybrid", "pixel"])
def test_thin_gaussians(tools: SimpleNamespace, name: str, psf: str) -> None:
    error, where = worst(tools, RENDERERS[name], psf, largest=np.inf)
    assert error < 3e-5, f"{error:.1e} at {where}"


@pytest.mark.parametrize(("name", "psf"), [("hybrid", "native"), ("hybrid", "sharp"), ("pixel", "sharp")])
def test_thin_gaussians_in_double_precision(x64: None, tools: SimpleNamespace, name: str, psf: str) -> None:
    error, where = worst(tools, RENDERERS[name], psf, largest=np.inf)
    assert error < 2e-5, f"{error:.1e} at {where}"


def test_thin_gaussians_in_fourier_space(tools: SimpleNamespace) -> None:
    # Larger ones would wrap around.
    error, where = worst(tools, RENDERERS["fourier"], "sharp", largest=12.0)
    assert error < 3e-5, f"{error:.1e} at {where}"
