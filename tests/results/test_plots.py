from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from sersiclab.data.image import Image
from sersiclab.plots import images, profile
from sersiclab.plots.corner import with_errors
from sersiclab.plots.isophotes import Ellipse
from sersiclab.plots.profile import annuli
from sersiclab.results import Fit


MakeFit = Callable[..., Fit]


def axes_titled(figure: Figure, start: str) -> Any:
    return next(axes for axes in figure.axes if axes.get_title().startswith(start))


def labelled(figure: Figure, text: str) -> Any:
    return next(axes for axes in figure.axes if text in axes.get_ylabel())


@pytest.fixture
def figure(make_fit: MakeFit) -> Figure:
    return make_fit().plot()


def test_images_show_data_model_and_residual(make_fit: MakeFit, figure: Figure) -> None:
    fit = make_fit()
    valid = fit.image.valid
    shown = {name: axes_titled(figure, name).images[0] for name in ("data", "model", "residual")}
    assert_allclose(shown["data"].get_array()[valid], fit.image.data[valid])
    assert_allclose(shown["model"].get_array(), fit.model_image, rtol=1e-5)
    assert_allclose(shown["residual"].get_array()[valid], fit.residual[valid], atol=1e-3)
    assert shown["residual"].get_clim() == (-5, 5)
    assert shown["data"].norm is shown["model"].norm
    assert all(image.origin == "lower" for image in shown.values())


def test_panels_of_a_large_image_show_every_second_pixel_in_its_place(make_fit: MakeFit, monkeypatch: Any) -> None:
    fit = make_fit()
    ny, nx = fit.image.shape
    monkeypatch.setattr(images, "PANEL", max(ny, nx) - 1)
    figure = fit.plot()
    for name in ("data", "model", "residual"):
        axes = axes_titled(figure, name)
        shown = axes.images[0].get_array()
        assert shown.shape == (-(-ny // 2), -(-nx // 2))
        assert axes.get_xlim() == (-0.5, nx - 0.5)
        assert axes.get_ylim() == (-0.5, ny - 0.5)
        # Each is drawn two pixels wide, beginning at its own pixel.
        assert axes.images[0].get_extent() == [-0.5, 2 * shown.shape[1] - 0.5, -0.5, 2 * shown.shape[0] - 0.5]
    model = axes_titled(figure, "model").images[0].get_array()
    assert_allclose(model, fit.model_image[::2, ::2], rtol=1e-5)


def test_figures_show_themselves(make_fit: MakeFit, figure: Figure) -> None:
    """A notebook in which pyplot has drawn nothing has no formatter of figures."""
    for picture in (figure, make_fit().plot_corner()):
        assert picture._repr_png_().startswith(b"\x89PNG")


def test_masked_pixels_are_grey_in_data_and_residual(make_fit: MakeFit, figure: Figure) -> None:
    mask = make_fit().image.mask
    for name in ("data", "residual"):
        image = axes_titled(figure, name).images[0]
        assert np.array_equal(np.ma.getmaskarray(image.get_array()), mask)
        red, green, blue, alpha = image.cmap.get_bad()
        assert red == green == blue
        assert alpha == 1


def test_the_stretch_is_an_asinh_about_the_sky(figure: Figure) -> None:
    norm = axes_titled(figure, "data").images[0].norm
    # The sky is 5 and the median sigma 1, so the scale is linear within 2.
    steps = np.diff(np.arcsinh((norm.inverse(np.linspace(0, 1, 9)) - 5.0) / 2.0))
    assert_allclose(steps, steps[0], rtol=0.01)


def test_the_half_light_ellipse_is_where_the_model_says(figure: Figure) -> None:
    patch = axes_titled(figure, "model").patches[0]
    assert patch.center == pytest.approx((22.3, 13.6))
    assert (patch.height, patch.width) == pytest.approx((8.0, 8.0 * 0.6))
    # The end of the major axis: counter-clockwise from +y by theta.
    end = patch.get_patch_transform().transform((0.0, 1.0))
    assert end == pytest.approx((22.3 - 4 * np.sin(3.1), 13.6 + 4 * np.cos(3.1)))


def test_the_profile_has_data_with_errors_model_and_components(figure: Figure) -> None:
    axes = labelled(figure, "brightness [")
    assert axes.get_yscale() == "log"
    lines = {line.get_label(): line for line in axes.lines}
    assert {"model", "galaxy", "core"} <= set(lines)
    total = lines["galaxy"].get_ydata() + np.nan_to_num(lines["core"].get_ydata())
    assert_allclose(lines["model"].get_ydata()[:4], total[:4], rtol=1e-3)
    assert [container.get_label() for container in axes.containers] == ["data"]
    assert "data" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_profile_residuals_scatter_by_their_errors(figure: Figure) -> None:
    residual = labelled(figure, "residual / σ").containers[0].lines[0].get_ydata()
    assert len(residual) > 8
    assert 0.4 < np.std(residual) < 2.0


def test_magnitudes_with_a_zero_point_and_a_scale(make_fit: MakeFit, scene: Any, figure: Figure) -> None:
    old: Image = scene[1]
    image = Image(old.data, sigma=old.sigma, psf=old.psf, mask=old.mask, zeropoint=25.0, pixel_scale=0.5)
    axes = labelled(make_fit(image=image).plot(), "[mag/arcsec²]")
    assert axes.yaxis_inverted()
    magnitude = next(line for line in axes.lines if line.get_label() == "model").get_ydata()
    flux = next(line for line in labelled(figure, "brightness [").lines if line.get_label() == "model").get_ydata()
    assert_allclose(magnitude, 25.0 - 2.5 * np.log10(flux / 0.25), rtol=1e-4)


def test_the_central_pixel_has_a_radius_that_a_logarithmic_axis_can_show() -> None:
    rings = annuli(Image(np.ones((9, 11)), sigma=1.0), Ellipse(5.0, 4.0, 0.0, 0.0, 0.0))
    y, x = np.mgrid[-0.5:0.5:1000j, -0.5:0.5:1000j]
    assert rings.radius[0] == pytest.approx(np.hypot(x, y).mean(), abs=0.005)
    assert rings.number[0] == 1


def test_annuli_average_the_pixels_they_hold() -> None:
    y, x = np.indices((41, 61), dtype=float)
    ellipse = Ellipse(30.5, 20.2, 0.5, np.pi / 2, 5.0)  # the major axis along x
    radius = np.hypot(x - 30.5, (y - 20.2) / 0.5)
    mask = x > 45
    image = Image(np.where(mask, np.nan, radius), sigma=2.0, mask=mask)
    rings = annuli(image, ellipse)
    assert_allclose(rings.mean(image.data), rings.radius, rtol=1e-4)
    assert_allclose(rings.error(image.sigma), 2.0 / np.sqrt(rings.number))
    assert np.all(np.diff(rings.radius) > 0)
    for number, low, high in ((rings.number[0], 0.0, 1.0), (rings.number[7], 7.0, 8.0), (rings.number[11], 11.0, 12.1)):
        assert number == ((radius >= low) & (radius < high) & ~mask).sum()


def test_annuli_of_a_large_image_are_found_piece_by_piece(monkeypatch: Any, rng: np.random.Generator) -> None:
    data = rng.normal(size=(41, 61))
    image = Image(data, sigma=rng.uniform(1, 2, data.shape), mask=data > 1.5)
    ellipse = Ellipse(30.5, 20.2, 0.5, 0.3, 5.0)
    whole = annuli(image, ellipse)
    monkeypatch.setattr(profile, "BAND", 150)  # two rows
    found = annuli(image, ellipse)
    for one, other in zip(found, whole, strict=True):
        assert_allclose(one, other, rtol=1e-12)
    assert_allclose(found.mean(image.data), whole.mean(image.data), rtol=1e-12, atol=1e-12)


def test_the_corner_plot_has_a_panel_for_each_pair(make_fit: MakeFit) -> None:
    fit = make_fit()
    fit.derive(lambda s: s["core"].flux / s["galaxy"].flux, name="B/T")
    paths = ["galaxy.n", "galaxy.theta", "B/T"]
    figure = fit.plot_corner(paths)
    assert len(figure.axes) == 3 + 3
    assert [axes.get_title().split("\n")[0] for axes in figure.axes if axes.get_title()] == paths
    pair = labelled(figure, "galaxy.theta [rad]")
    points = pair.lines[0]
    assert_allclose(points.get_xdata(), fit.draws["galaxy.n"].ravel())
    assert_allclose(points.get_ydata(), fit.draws["galaxy.theta"].ravel())
    assert figure.axes[0].patches
    levels = pair.collections[0].levels
    assert len(levels) == 2
    assert len(fit.plot_corner().axes) == 10 * 11 // 2


def test_the_corner_plot_puts_best_beside_unwrapped_angles(make_fit: MakeFit, truth: dict[str, float]) -> None:
    figure = make_fit(best=truth | {"galaxy.theta": 3.1 - np.pi}).plot_corner(["galaxy.theta", "galaxy.n"])
    assert labelled(figure, "galaxy.n").lines[1].get_xdata() == pytest.approx([3.1])


def test_the_corner_plot_takes_powers_of_ten_out_of_small_fluxes(make_fit: MakeFit) -> None:
    fit = make_fit()
    fit.derive(lambda s: 1e-12 * s["galaxy"].flux, name="maggies", unit="maggy")
    figure = fit.plot_corner(["galaxy.n", "maggies"])
    pair = labelled(figure, "maggies [$10^{-9}$ maggy]")
    assert_allclose(pair.lines[0].get_ydata(), 1e-3 * fit.draws["galaxy.flux"].ravel(), rtol=1e-5)
    assert pair.lines[1].get_ydata() == pytest.approx([3.0])


@pytest.mark.parametrize(
    ("quantiles", "text"),
    [
        ((3.4, 3.5, 3.62), "3.50^{+0.12}_{-0.10}"),
        ((1840.0, 1845.0, 1853.0), "1845.0^{+8.0}_{-5.0}"),
        ((2.0e-9, 2.1e-9, 2.25e-9), r"(2.10^{+0.15}_{-0.10}) \times 10^{-9}"),
        ((-0.01, 0.0, 0.02), "0.000^{+0.020}_{-0.010}"),
        ((1.0, 1.0, 1.0), "1.000^{+0.000}_{-0.000}"),
    ],
)
def test_estimates_have_two_digits_of_their_error(quantiles: tuple[float, float, float], text: str) -> None:
    assert with_errors(*quantiles) == text


def test_the_corner_plot_names_unknown_paths(make_fit: MakeFit) -> None:
    with pytest.raises(ValueError, match=r"paths must be some of .*, got \['bulge.n'\]"):
        make_fit().plot_corner(["bulge.n"])


def test_figures_are_written_and_leave_pyplot_alone(make_fit: MakeFit, tmp_path: Path) -> None:
    fit, others = make_fit(), plt.get_fignums()
    fit.plot().savefig(tmp_path / "fit.png")
    fit.plot_corner(["galaxy.n", "galaxy.r_eff"]).savefig(tmp_path / "corner.pdf")
    assert plt.get_fignums() == others


def test_a_map_is_plotted(map_fit: Fit) -> None:
    assert map_fit.plot().get_suptitle().startswith("MAP, χ²/dof = ")
