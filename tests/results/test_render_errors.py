"""The verdict on the drawing of the model."""

from collections.abc import Callable

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP
from sersiclab.model import Model
from sersiclab.profiles import Ferrers, Sersic
from sersiclab.rendering import AbstractRenderer, FourierRenderer, HybridRenderer, PixelRenderer
from sersiclab.results import Fit


def fit_of(image: Image, renderer: AbstractRenderer) -> Fit:
    galaxy = Sersic(xc=1.0, yc=15.0, flux=3000.0, r_eff=7.0, n=3.0, ellip=0.3, theta=0.5)
    return Fit(model=Model({"galaxy": galaxy}, renderer=renderer), image=image, method=MAP(), seed=0, draws={}, best={})


@pytest.fixture
def image(make_fit: Callable[..., Fit]) -> Image:
    return make_fit().image


def complaints(fit: Fit) -> list[str]:
    return [reason for reason in fit.verdict.reasons if "rendered with an error" in reason]


def test_light_that_wraps_is_noticed(image: Image) -> None:
    fit = fit_of(image, FourierRenderer(padding=0.0))
    (reason,) = complaints(fit)
    error = fit.render_error
    assert error.max_sigma > 0.3
    assert f"{error.max_sigma:.2g} sigma" in reason
    assert f"{error.flux:.1e} of the flux" in reason
    assert fit.verdict.level != "ok"
    assert fit.render_error is error


def test_a_well_drawn_model_is_not_compared(image: Image) -> None:
    fit = fit_of(image, HybridRenderer())
    assert not complaints(fit)
    # The brightest pixel is so faint that the renderer's error can't matter.
    assert "render_error" not in vars(fit)


def test_precise_data_are_compared(image: Image) -> None:
    precise = Image(image.data, sigma=image.sigma / 100, psf=image.psf, mask=image.mask)
    fit = fit_of(precise, HybridRenderer())
    assert not complaints(fit)
    assert vars(fit)["render_error"].max_sigma < 0.1


def test_a_cusp_without_a_psf_is_exact_and_an_edge_is_not(image: Image) -> None:
    precise = Image(image.data, sigma=image.sigma / 100, mask=image.mask)
    place = dict(xc=15.3, yc=14.9, flux=3000.0, ellip=0.3, theta=0.5)
    cusp = Model({"galaxy": Sersic(**place, r_eff=5.0, n=6.0)})
    assert not complaints(Fit(model=cusp, image=precise, method=MAP(), seed=0, draws={}, best={}))
    edge = Model({"disk": Ferrers(**place, r_out=9.0, alpha=0.0, beta=0.0)}, renderer=PixelRenderer())
    fit = Fit(model=edge, image=precise, method=MAP(), seed=0, draws={}, best={})
    (reason,) = complaints(fit)
    assert f"{fit.render_error.max_sigma:.2g} sigma" in reason


def test_renderers_of_unknown_error_are_always_compared(image: Image) -> None:
    faint = Image(image.data, sigma=image.sigma * 3, psf=image.psf, mask=image.mask)
    fit = fit_of(faint, FourierRenderer(padding=0.0))
    assert complaints(fit)
    assert "render_error" in vars(fit)


def test_what_is_not_finite_is_not_drawn(make_fit: Callable[..., Fit]) -> None:
    best = {path: np.nan for path in make_fit().best}
    fit = make_fit(best=best)
    with pytest.raises(ValueError, match="finite"):
        fit.render_error  # noqa: B018
