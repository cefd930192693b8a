"""Nuker profiles by their brightness, with slopes of which no total flux exists: against sums far beyond the stamp."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import fftconvolve
from scipy.special import i0e

import sersiclab as sl
from sersiclab.profiles import Boxy, Nuker, NukerBrightness
from sersiclab.rendering import HybridRenderer, PixelRenderer
from sersiclab.results.observables import observe


SHAPE = (33, 40)
NUCLEUS: dict[str, Any] = {"xc": 19.3, "yc": 15.8, "i_b": 5.0, "alpha": 2.0, "ellip": 0.3, "theta": 0.7}
RENDERERS = [HybridRenderer(), PixelRenderer()]


def law(x: Any, y: Any, p: dict[str, float]) -> Any:
    """Lauer et al. 1995, as it is written there."""
    dx, dy = x - p["xc"], y - p["yc"]
    along = -dx * math.sin(p["theta"]) + dy * math.cos(p["theta"])
    across = (dx * math.cos(p["theta"]) + dy * math.sin(p["theta"])) / (1 - p["ellip"])
    r = np.hypot(along, across) / p["r_b"]
    a, b, g = p["alpha"], p["beta"], p["gamma"]
    return p["i_b"] * 2 ** ((b - g) / a) * r**-g * (1 + r**a) ** ((g - b) / a)


def moffat_psf(side: int = 25) -> Any:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    psf = (1 + (x**2 + y**2) / 4.0) ** -2.5
    return psf / psf.sum()


@pytest.mark.parametrize("renderer", RENDERERS, ids=["hybrid", "pixel"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_a_core_is_its_convolution(x64: None, renderer: Any, beta: float) -> None:
    """A core so smooth that pixels sample it whole, and its wings summed far beyond the stamp."""
    values = NUCLEUS | {"beta": beta, "gamma": 0.0, "r_b": 7.0}
    margin = 30
    y, x = np.mgrid[-margin : SHAPE[0] + margin, -margin : SHAPE[1] + margin].astype(float)
    expected = fftconvolve(law(x, y, values), moffat_psf(), mode="same")[margin:-margin, margin:-margin]
    image = sl.Image(np.zeros(SHAPE), sigma=1.0, psf=moffat_psf())
    found = sl.render(sl.Model({"nucleus": NukerBrightness(**values)}, renderer=renderer), image)
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max(), rtol=0)


@pytest.mark.parametrize("renderer", RENDERERS, ids=["hybrid", "pixel"])
@pytest.mark.parametrize(("beta", "gamma"), [(1.2, 0.0), (1.5, 0.8), (1.9, 1.2)])
def test_a_cusp_is_integrated_over_the_pixels(x64: None, renderer: Any, beta: float, gamma: float) -> None:
    """With a wide PSF that lacks the pixel's response: the light of the centre, by quadrature about it."""
    values = NUCLEUS | {"beta": beta, "gamma": gamma, "r_b": 3.0, "ellip": 0.0}
    sigma = 1.6
    grid = np.arange(-12, 13)
    psf = np.exp(-0.5 * (grid**2 + grid[:, None] ** 2) / sigma**2)
    image = sl.Image(np.zeros(SHAPE), sigma=1.0, psf=psf / psf.sum(), psf_includes_pixel=True)
    found = sl.render(sl.Model({"nucleus": NukerBrightness(**values)}, renderer=renderer), image)

    def seen(y: int, x: int) -> float:
        """The profile and a Gaussian, integrated over all radii: over the angle it is a Bessel function."""
        d = math.hypot(x - values["xc"], y - values["yc"])

        def ring(log_r: float) -> float:
            r = math.exp(log_r)
            gauss = math.exp(-0.5 * ((r - d) / sigma) ** 2) * i0e(r * d / sigma**2) / sigma**2
            return float(law(values["xc"] + r, values["yc"], values)) * gauss * r**2

        return quad(ring, -25.0, math.log(60.0), points=[math.log(max(d, 0.1))], limit=400, epsabs=1e-10)[0]

    pixels = [(16, 19), (16, 20), (15, 18), (10, 25), (20, 13)]
    expected = np.array([seen(*pixel) for pixel in pixels])
    np.testing.assert_allclose([found[pixel] for pixel in pixels], expected, rtol=3e-4)


@pytest.mark.parametrize("renderer", RENDERERS, ids=["hybrid", "pixel"])
def test_where_there_is_a_total_it_is_the_profile_by_its_flux(x64: None, renderer: Any) -> None:
    shape: dict[str, Any] = {"r_b": 3.0, "alpha": 1.3, "beta": 3.2, "gamma": 0.7}
    image = sl.Image(np.zeros(SHAPE), sigma=1.0, psf=moffat_psf())
    by_brightness = NukerBrightness(**NUCLEUS | shape)
    place = {key: NUCLEUS[key] for key in ("xc", "yc", "ellip", "theta")}
    given: dict[str, Any] = {"flux": float(by_brightness.flux), **place, **shape}
    by_flux = Nuker(**given)
    pictures = [sl.render(sl.Model({"a": one}, renderer=renderer), image) for one in (by_brightness, by_flux)]
    np.testing.assert_allclose(pictures[0], pictures[1], rtol=1e-9)


def test_the_flux_of_a_shallow_one_is_infinite_and_reshaping_keeps_the_brightness(x64: None) -> None:
    shallow = NukerBrightness(**NUCLEUS | {"r_b": 3.0, "beta": 1.0, "gamma": 0.2})
    assert shallow.flux == math.inf
    steep = dataclasses.replace(shallow, beta=4.0)
    boxy = Boxy(profile=steep, c0=1.0)
    on_axis = jnp.array([[-3.0 * math.sin(0.7)], [3.0 * math.cos(0.7)]])
    np.testing.assert_allclose([one.brightness(*on_axis)[0] for one in (steep, boxy)], 5.0, rtol=1e-12)
    side = np.linspace(-60.0, 60.0, 1200)  # the centre lies between points
    light = boxy.brightness(*map(jnp.asarray, np.meshgrid(side, side))).sum() * (side[1] - side[0]) ** 2
    assert float(boxy.flux) == pytest.approx(float(light), rel=0.01)
    assert float(boxy.flux) > 1.1 * float(steep.flux)


def test_observables_have_no_total_but_the_brightness_of_the_break() -> None:
    image = sl.Image(np.zeros(SHAPE), sigma=1.0, zeropoint=25.0, pixel_scale=0.1)
    nucleus = NukerBrightness(**NUCLEUS | {"i_b": sl.LogUniform(1.0, 50.0), "r_b": 3.0, "beta": 1.0, "gamma": 0.0})
    star = sl.PointSource(xc=5.0, yc=6.0, flux=10.0)
    model = sl.Model({"nucleus": nucleus, "star": star})
    found = observe(model, image, {"nucleus.i_b": 5.0})
    assert float(found["nucleus.break_sb"]) == pytest.approx(25.0 - 2.5 * math.log10(5.0 / 0.1**2))
    assert {"nucleus.mag", "nucleus.fraction", "star.fraction"}.isdisjoint(found)
    assert float(found["nucleus.central_sb"]) == pytest.approx(25.0 - 2.5 * math.log10(5.0 * 2**0.5 / 0.1**2), abs=1e-6)


def test_a_shallow_nucleus_is_fitted(rng: np.random.Generator) -> None:
    truth = NukerBrightness(**NUCLEUS | {"r_b": 4.0, "beta": 1.4, "gamma": 0.3})
    blank = sl.Image(np.zeros(SHAPE), sigma=0.05, psf=moffat_psf())
    image = sl.simulate(sl.Model({"galaxy": truth}), blank, seed=3)
    model = sl.guess(image, "nuker_brightness")
    assert model.free["galaxy.i_b"].support()[0] > 0
    fit = sl.fit(model.replace({"galaxy.alpha": 2.0}), image, sl.MAP(), progress=False)
    assert fit.best["galaxy.beta"] == pytest.approx(1.4, abs=0.1)
    assert fit.best["galaxy.i_b"] == pytest.approx(5.0, rel=0.2)
    assert sl.from_dict(sl.to_dict(fit.model)) == fit.model
