"""Posterior pictures: moments of images and rings of light, against every draw's image made one by one."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sersiclab.data.image import Image
from sersiclab.model import Model, render, render_components
from sersiclab.parameters.priors import LogUniform
from sersiclab.profiles import FlatSky, Sersic
from sersiclab.results import Fit


MakeFit = Callable[..., Fit]


@pytest.fixture
def few(make_fit: MakeFit) -> Fit:
    return make_fit(shape=(2, 35))  # 70 draws: more than one chunk


def images(fit: Fit) -> list[dict[str, np.ndarray]]:
    flat = {path: draws.ravel() for path, draws in fit.draws.items()}
    return [
        render_components(fit.model, fit.image, {path: draws[i] for path, draws in flat.items()})
        for i in range(len(flat["galaxy.n"]))
    ]


def test_the_uncertainty_map_is_the_spread_of_the_images(few: Fit) -> None:
    found = np.std([sum(parts.values()) for parts in images(few)], axis=0, ddof=1)
    assert_allclose(few.model_sd, found, rtol=1e-2, atol=1e-3 * found.max())


def test_profile_and_growth_hold_the_light_of_each_ring(few: Fit) -> None:
    profile, growth = few.radial_profile(), few.curve_of_growth()
    y, x = np.indices(few.image.shape)
    xc, yc, ellip, theta = (few.best[f"galaxy.{name}"] for name in ("xc", "yc", "ellip", "theta"))
    along = -(x - xc) * np.sin(theta) + (y - yc) * np.cos(theta)
    across = (x - xc) * np.cos(theta) + (y - yc) * np.sin(theta)
    radius = np.hypot(along, across / (1 - ellip))
    valid, sky = few.image.valid, few.best["sky.level"]
    third = (radius >= 2) & (radius < 3)
    row = profile.iloc[2]
    assert row["radius"] == pytest.approx(radius[third & valid].mean(), rel=1e-5)
    assert row["data"] == pytest.approx((few.image.data - sky)[third & valid].mean(), rel=1e-5)
    assert row["error"] == pytest.approx(np.sqrt((few.image.sigma[third & valid] ** 2).sum()) / (third & valid).sum())
    drawn = images(few)
    galaxy = [parts["galaxy"][third & valid].mean() for parts in drawn]
    both = [(parts["galaxy"] + parts["core"])[third & valid].mean() for parts in drawn]
    for name, share in (("q16", 0.16), ("q50", 0.5), ("q84", 0.84)):
        assert row[f"galaxy_{name}"] == pytest.approx(np.quantile(galaxy, share), rel=1e-3)
        assert row[f"model_{name}"] == pytest.approx(np.quantile(both, share), rel=1e-3)
    within = radius < 6
    row = growth[growth["radius"] == 6.0].iloc[0]
    filled = np.where(valid, few.image.data, few.model_image) - sky
    assert row["data"] == pytest.approx(filled[within].sum(), rel=1e-5)
    assert row["core_q50"] == pytest.approx(np.median([parts["core"][within].sum() for parts in drawn]), rel=1e-3)
    # What lies beyond the image's edges is nobody's.
    assert growth["radius"].max() < few.image.shape[1] / 2


def test_without_draws_the_bands_are_lines(map_fit: Fit) -> None:
    profile = map_fit.radial_profile()
    assert (profile["model_q16"] == profile["model_q84"]).all()
    with pytest.raises(ValueError, match="model_sd needs draws, and MAP made none"):
        _ = map_fit.model_sd


def test_a_sky_has_no_radial_profile() -> None:
    model = Model({"sky": FlatSky(level=1.0)}).replace({})
    fit = Fit(model=model, image=Image(np.ones((5, 6)), sigma=1.0), method=None, seed=0, draws={}, best={})
    with pytest.raises(ValueError, match="the model has no source"):
        fit.radial_profile()


def test_no_image_of_a_draw_is_kept(make_fit: MakeFit) -> None:
    fit = make_fit(shape=(2, 1000))
    _ = make_fit(shape=(2, 35)).model_sd  # compiled
    tracemalloc.start()
    _ = fit.model_sd
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * 2000 * fit.image.data.size * 8


def test_the_figure_has_bands_of_each_source(few: Fit) -> None:
    figure = few.plot_posterior()
    axes = {axes.get_title(): axes for part in figure.subfigs for axes in part.axes}
    assert {"data", "uncertainty of the model", "radial profile", "curve of growth"} <= set(axes)
    assert_allclose(axes["uncertainty of the model"].images[0].get_array(), few.model_sd / few.image.sigma)
    for name in ("radial profile", "curve of growth"):
        labels = [text.get_text() for text in axes[name].get_legend().get_texts()]
        assert set(labels) == {"data", "model", "galaxy", "core"}
        assert len(axes[name].collections) >= 3


def test_the_curve_of_growth_of_a_round_galaxy_ends_at_its_flux() -> None:
    flux = LogUniform(1.0, 1e4)
    model = Model({"galaxy": Sersic(xc=40.0, yc=41.0, flux=flux, r_eff=4.0, n=1.0, ellip=0.0, theta=0.0)})
    blank = Image(np.zeros((83, 81)), sigma=0.01)
    best = {"galaxy.flux": 500.0}
    image = Image(render(model, blank, best), sigma=0.01)
    fit = Fit(model=model, image=image, method=None, seed=0, draws={}, best=best)
    growth = fit.curve_of_growth()
    at = growth["radius"].between(9.5, 12)
    x = 1.67835 * growth["radius"][at] / 4.0  # of an exponential disk, 1 - (1 + x) exp(-x) lies within
    assert_allclose(growth["model_q50"][at], 500 * (1 - (1 + x) * np.exp(-x)), rtol=0.02)
    assert growth["data"].iloc[-1] == pytest.approx(500, rel=1e-3)
