"""Figures of a fit of several images."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

import sersiclab as sl
from sersiclab.plots.rgb import composite
from sersiclab.runtime.errors import InputError, InputTypeError

from .conftest import observed


MakeJoint = Callable[..., sl.JointFit]


def panels(figure: Any) -> list[Any]:
    return [axes for axes in figure.axes if axes.images or axes.lines]


def drawn(figure: Any) -> None:
    figure.canvas.draw()


def test_a_row_for_each_image(fit: sl.JointFit) -> None:
    figure = fit.plot()
    drawn(figure)
    titles = [axes.get_title() for axes in figure.axes]
    assert [title for title in titles if title.startswith(("g,", "r,", "i,"))] == [
        "g, 0.47 µm",
        "r, 0.618 µm",
        "i, 0.749 µm",
    ]
    quality = f"residual, χ²/pixel = {fit.of('r').chi2 / (24 * 26):.3f}"
    assert quality in titles
    images = [axes.images[0] for axes in panels(figure) if axes.images]
    for row, name in enumerate(fit.images):
        data, model, residual = images[3 * row : 3 * row + 3]
        assert data.norm is model.norm
        assert np.allclose(data.get_array(), fit.images[name].data)
        assert np.allclose(residual.get_array(), fit.of(name).residual, atol=1e-4)


def test_what_varies_against_wavelength(fit: sl.JointFit) -> None:
    figure = fit.plot_bands()
    drawn(figure)
    shown = {axes.get_ylabel(): axes for axes in figure.axes}
    assert set(shown) == {"galaxy.flux", "galaxy.r_eff [pix]", "sky.level [1 / pix]"}
    curve = shown["galaxy.r_eff [pix]"].lines[0]
    at = fit.at_wavelength(0.6176).loc["galaxy.r_eff", "q50"]
    assert np.interp(0.6176, *curve.get_data()) == pytest.approx(at, rel=1e-3)
    points = shown["galaxy.flux"].lines[0]
    assert np.allclose(points.get_xdata(), [0.4702, 0.6176, 0.749])
    assert np.allclose(points.get_ydata(), [fit.draws[f"galaxy.flux.{name}"].mean() for name in "gri"])


def test_chosen_quantities(fit: sl.JointFit) -> None:
    figure = fit.plot_bands(["galaxy.mag"])
    (axes,) = panels(figure)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # brighter is above
    for paths, error in ((["galaxy.flux.g"], InputError), ([], InputError), ("galaxy.flux", InputTypeError)):
        with pytest.raises(error, match="paths must be"):
            fit.plot_bands(paths)  # pyright: ignore[reportArgumentType]


def test_without_wavelengths_the_axis_has_names(make: MakeJoint) -> None:
    images = sl.Images({name: dataclasses.replace(observed("g", 1), band=None) for name in ("first", "second")})
    model = sl.Model(
        {"sky": sl.FlatSky(level=sl.PerImage(sl.Normal(1.0, 0.1))), "star": sl.PointSource(xc=9.0, yc=8.0, flux=1.0)}
    )
    figure = make(model, images).plot_bands()
    drawn(figure)
    (axes,) = panels(figure)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["first", "second"]
    shared = model.replace({"sky.level": sl.Normal(1.0, 0.1)})
    with pytest.raises(InputError, match="no parameter varies between the images"):
        make(shared, images).plot_bands()


def test_composites(fit: sl.JointFit) -> None:
    figure = fit.plot_rgb()
    drawn(figure)
    assert figure.get_suptitle().endswith("red i, green r, blue g")
    data, model, residual = (axes.images[0].get_array() for axes in figure.axes)
    red, green, blue = np.asarray(model, float)[11, 12]
    colours = [fit.of(name).model_image[11, 12] * 10 ** (-0.4 * (fit.images[name].zeropoint or 0)) for name in "irg"]
    assert (red / green, green / blue) == pytest.approx((colours[0] / colours[1], colours[1] / colours[2]), rel=0.05)
    assert np.abs(np.asarray(residual, float).mean((0, 1)) - residual.mean()).max() < 15  # grey
    assert data.shape == (24, 26, 3)
    other = fit.plot_rgb(("g", "r", "i"), stretch=1.0, q=4.0)
    assert other.get_suptitle().endswith("red g, green r, blue i")


def test_composites_need_three_images_on_one_grid(
    fit: sl.JointFit, make: MakeJoint, images: sl.Images, model: sl.Model
) -> None:
    with pytest.raises(InputError, match="images must be three different names, red first"):
        fit.plot_rgb(("g", "r", "r"))
    with pytest.raises(InputError, match="stretch must be positive, got -1"):
        fit.plot_rgb(stretch=-1.0)
    with pytest.raises(InputError, match="plot_rgb needs three images of different known wavelengths"):
        make(model, images.without("i")).plot_rgb()


def test_images_on_other_grids_are_named(make: MakeJoint, images: sl.Images, model: sl.Model) -> None:
    def wcs(shift: float) -> WCS:
        header = {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": 10.0,
            "CRVAL2": 5.0,
            "CDELT1": -0.2 / 3600,
            "CDELT2": 0.2 / 3600,
        }
        return WCS(header | {"CRPIX1": 12.0 + shift, "CRPIX2": 11.0})

    moved = sl.Images({name: dataclasses.replace(images[name], wcs=wcs(2.0 * (name == "r"))) for name in images})
    fit = make(model, moved)
    with pytest.raises(InputError, match="images must lie on one pixel grid for a composite; r and i do not"):
        fit.plot_rgb()


def test_masked_pixels_are_black() -> None:
    channel = np.full((2, 3), 1.0)
    channel[0, 0] = np.nan
    assert composite([channel] * 3, stretch=1.0)[0, 0].tolist() == [0, 0, 0]
