"""The error budget: how far a rendered image is from the exact one."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.profiles.base import AbstractMixture, centre_parameter, flux_parameter


SHAPE = (24, 31)
GALAXY = dict(xc=2.2, yc=11.7, flux=100.0, r_eff=6.0, n=2.5, ellip=0.3, theta=0.4)


class Faceless(AbstractMixture):
    """A mixture without a surface brightness."""

    xc: sl.Parameter = centre_parameter("x")
    yc: sl.Parameter = centre_parameter("y")
    flux: sl.Parameter = flux_parameter()

    def shape(self) -> tuple[Any, Any]:
        return 0.0, 0.0

    def scales(self) -> tuple[Any, ...]:
        return ()

    @staticmethod
    def weights(log_width: Any, *scales: Any) -> tuple[Any, Any]:
        return jnp.zeros_like(log_width), jnp.ones((), log_width.dtype)


def an_image(sigma: float = 1e-3, **options: Any) -> sl.Image:
    y, x = np.indices((17, 17)) - 8
    psf = np.exp(-(x**2 + y**2) / (2 * 1.7**2))
    return sl.Image(np.zeros(SHAPE), sigma=sigma, psf=psf / psf.sum(), **options)


def wrapped(**sky: sl.AbstractProfile) -> sl.Model:
    """A model drawn badly: without padding the light of the left edge comes in at the right."""
    return sl.Model({"galaxy": sl.Sersic(**GALAXY), **sky}, renderer=sl.FourierRenderer(padding=0.0))


def test_a_good_renderer_has_a_small_error() -> None:
    error = sl.render_error(sl.Model({"galaxy": sl.Sersic(**GALAXY), "sky": sl.FlatSky(level=0.1)}), an_image())
    assert error.max_sigma < 0.01  # 1e-5 of the peak, which is some 2000 sigma
    assert abs(error.flux) < 1e-5


def test_errors_are_found_and_located() -> None:
    image, model = an_image(), wrapped()
    error = sl.render_error(model, image)
    better = sl.Model(model.components, renderer=sl.PixelRenderer())
    difference = sl.render(model, image) - sl.render(better, image)
    y, x = np.unravel_index(np.argmax(np.abs(difference)), SHAPE)
    assert error.pixel == (y, x)
    assert error.max_sigma == pytest.approx(np.abs(difference).max() / 1e-3, rel=1e-3)
    assert error.flux == pytest.approx(difference.sum() / sl.render(better, image).sum(), rel=1e-2)
    assert error.max_sigma > 1.0


def test_sigma_mask_and_skies_count_as_they_should() -> None:
    plain = sl.render_error(wrapped(), an_image())
    noisier = sl.render_error(wrapped(), an_image(sigma=2e-3))
    assert noisier.max_sigma == pytest.approx(plain.max_sigma / 2)
    mask = np.zeros(SHAPE, bool)
    mask[plain.pixel] = True
    masked = sl.render_error(wrapped(), an_image(mask=mask))
    assert masked.pixel != plain.pixel
    assert masked.max_sigma < plain.max_sigma
    with_sky = sl.render_error(wrapped(sky=sl.FlatSky(level=5.0)), an_image())
    assert with_sky.flux == pytest.approx(plain.flux, rel=1e-3)
    assert with_sky.max_sigma == pytest.approx(plain.max_sigma, rel=1e-3)


def test_values_take_the_place_of_initial_ones() -> None:
    model = sl.Model({"galaxy": sl.Sersic(**{**GALAXY, "xc": sl.Normal(15.0, 5.0)})}, renderer=wrapped().renderer)
    assert sl.render_error(model, an_image(), {"galaxy.xc": 2.2}) == sl.render_error(wrapped(), an_image())
    with pytest.raises(ValueError, match="not a parameter"):
        sl.render_error(model, an_image(), {"galaxy.x": 2.2})


def test_the_reference_is_in_double_precision(x64: None) -> None:
    # The errors of the renderer shrink with its rounding; the reference's own would not let them.
    error = sl.render_error(sl.Model({"galaxy": sl.Sersic(**GALAXY)}), an_image())
    assert error.max_sigma < 3e-4


def test_skies_alone_have_no_error() -> None:
    error = sl.render_error(sl.Model({"sky": sl.FlatSky(level=1.0)}), an_image())
    assert (error.max_sigma, error.flux) == (0.0, 0.0)


def test_a_source_without_a_formula_has_no_reference() -> None:
    with pytest.raises(TypeError, match=r"'odd'.*Faceless"):
        sl.render_error(sl.Model({"odd": Faceless(xc=5.0, yc=5.0, flux=1.0)}), an_image())


def test_repr_is_short() -> None:
    error = sl.RenderError(max_sigma=0.01234, pixel=(3, 4), flux=-1.23e-5)
    assert repr(error) == "RenderError(max_sigma=0.012 at pixel (y, x) = (3, 4), flux=-1.2e-05)"
