"""Tables, FITS files and regions of a fit: what other programs read from them."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable, vstack
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from sersiclab.data.image import Image
from sersiclab.model import render_components
from sersiclab.results.draws import Derived
from sersiclab.results.table import with_errors


@pytest.fixture
def fit(make_fit):
    image = make_fit().image
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.0, 2.0
    wcs.wcs.crpix = 20.0, 15.0
    wcs.wcs.cdelt = -0.25 / 3600, 0.25 / 3600
    known = {"zeropoint": 22.5, "pixel_scale": 0.25, "unit": "nmgy", "band": "r", "provenance": ["zeropoint 22.5 (Σ)"]}
    image = Image(image.data, sigma=image.sigma, mask=image.mask, psf=image.psf, wcs=wcs, **known)
    fit = make_fit(image=image)
    share = fit.draws["core.flux"] / (fit.draws["core.flux"] + fit.draws["galaxy.flux"])
    fit.derived["C/T"] = Derived(share, 100 / 3100, float(share.std(ddof=1)), "")
    return fit


def test_the_table_has_values_errors_and_units(fit):
    table = fit.to_table()
    assert len(table) == 1
    assert table["galaxy_flux"].unit == u.nmgy
    assert table["galaxy_r_eff"].unit == u.pix
    assert table["galaxy_r_eff_arcsec"].unit == u.arcsec
    assert table["sky_level"].unit == u.nmgy / u.pix
    assert table["galaxy_theta_err"].unit == u.rad
    assert table["galaxy_mag"].unit == u.mag
    summary = fit.summary()
    for path in (*fit.model.free, "C/T"):
        name = path.replace(".", "_").replace("/", "_")
        assert u.Quantity(table[name][0]).value == pytest.approx(summary.loc[path, "mean"])
        assert u.Quantity(table[f"{name}_err"][0]).value == pytest.approx(summary.loc[path, "sd"])
    # What is tied has its own draws.
    assert table["core_xc"][0].value == pytest.approx(summary.loc["galaxy.xc", "mean"])
    assert table["core_xc_err"][0].value == pytest.approx(summary.loc["galaxy.xc", "sd"])
    assert 0 <= table["galaxy_pa"][0].value < 180
    assert table["galaxy_ra"][0].value == pytest.approx(150.0, abs=0.001)
    assert table["verdict"][0] == fit.verdict.level


@pytest.mark.parametrize("suffix", ["ecsv", "fits", "vot", "parquet"])
def test_tables_come_back_from_files_and_stack(fit, tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="astropy writes Parquet by pyarrow, which the project does not need")
    table = vstack([fit.to_table(), fit.to_table()], metadata_conflicts="silent")
    path = tmp_path / f"fits.{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # units that the formats' standards lack
        table.write(path, format={"vot": "votable"}.get(suffix))
        back = QTable.read(path)
    assert len(back) == 2
    assert back["galaxy_r_eff"].unit == u.pix
    np.testing.assert_allclose(u.Quantity(back["galaxy_flux"]).value, u.Quantity(table["galaxy_flux"]).value)
    assert list(back["verdict"]) == [fit.verdict.level] * 2


def test_a_fit_without_draws_has_its_best_values(make_fit, fit):
    covariance = np.eye(len(fit.model.free)) * 1e-4
    table = make_fit(image=fit.image, draws={}, stats={}, covariance=covariance).to_table()
    assert table["galaxy_n"][0] == pytest.approx(2.0)
    assert table["galaxy_xc_err"][0].value == table["core_xc_err"][0].value > 0
    fixed = fit.model.replace({"sky.level": 5.0, "core.xc": 22.0})
    draws = {path: values for path, values in fit.draws.items() if path != "sky.level"}
    best = {path: value for path, value in fit.best.items() if path != "sky.level"}
    row = make_fit(model=fixed, image=fit.image, draws=draws, best=best).to_table()
    assert (row["sky_level"][0].value, row["sky_level_err"][0].value, row["core_xc_err"][0].value) == (5.0, 0.0, 0.0)


def test_the_fits_file_is_read_back_as_the_image(fit, tmp_path):
    path = fit.write_fits(tmp_path / "out.fits")
    image = Image.read(path, psf=f"{path}[PSF]")
    np.testing.assert_array_equal(image.data, fit.image.data)
    np.testing.assert_array_equal(image.sigma, fit.image.sigma)
    np.testing.assert_array_equal(image.mask, fit.image.mask)
    np.testing.assert_allclose(image.psf, fit.image.psf, rtol=1e-6)
    assert (image.psf_oversampling, image.psf_includes_pixel) == (1, True)
    assert (image.zeropoint, image.band, image.unit) == (22.5, "r", "nmgy")
    assert image.pixel_scale == pytest.approx(0.25)
    here, there = image.wcs.pixel_to_world(3, 4), fit.image.wcs.pixel_to_world(3, 4)
    assert here.separation(there).arcsec < 1e-6
    with pytest.raises(OSError, match="already exists"):
        fit.write_fits(path)
    assert fit.write_fits(path, overwrite=True) == path


def test_the_fits_file_holds_every_image_and_what_was_done(fit, tmp_path):
    path = fit.write_fits(tmp_path / "out.fits")
    with fits.open(path) as file:
        valid = fit.image.valid
        np.testing.assert_allclose(file["RESIDUAL"].data[valid], (fit.image.data - fit.model_image)[valid], atol=1e-4)
        parts = render_components(fit.model, fit.image, fit.best)
        for name, part in parts.items():
            np.testing.assert_allclose(file[f"COMP_{name.upper()}"].data, part)
            assert WCS(file[f"COMP_{name.upper()}"].header).has_celestial
        np.testing.assert_allclose(sum(file[f"COMP_{n.upper()}"].data for n in parts), file["MODEL"].data, rtol=1e-4)
        primary = file[0].header
        assert (primary["METHOD"], primary["SEED"], primary["VERDICT"]) == ("NUTS", 3, fit.verdict.level)
        assert any("jax" in line for line in primary["HISTORY"])
        assert file["PARAMETERS"].columns["galaxy_flux"].unit == "nmgy"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # nanomaggies
        row = QTable.read(path, hdu="PARAMETERS")
    assert row["galaxy_flux"][0].value == pytest.approx(fit.to_table()["galaxy_flux"][0].value)


def test_regions_are_ellipses_in_pixels_from_one(fit, tmp_path):
    text = fit.write_regions(tmp_path / "galaxy.reg").read_text()
    lines = text.splitlines()
    assert lines[2] == "image"
    # From +x, counter-clockwise: theta is from +y.
    assert lines[3] == f"ellipse(23.3000,14.6000,4.0000,2.4000,{np.degrees(3.1) + 90:.3f}) # text={{galaxy r_eff}}"
    assert lines[4] == "point(23.3000,14.6000) # point=cross text={core}"
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((2.8149, 0.1234, 0.1226), r"$2.81 \pm 0.12$"),
        ((2.8149, 0.141, 0.1226), r"$2.81_{-0.12}^{+0.14}$"),
        ((1234.5, 23.0, 23.0), r"$1234 \pm 23$"),
        ((1e-9, 2e-10, 2e-10), r"$(1.00 \pm 0.20) \times 10^{-9}$"),
        ((0.0, 2e-10, 2e-10), r"$(0.0 \pm 2.0) \times 10^{-10}$"),
        ((3.21e9, 2.2e7, 3.3e7), r"${3.210_{-0.033}^{+0.022}} \times 10^{9}$"),
        ((4.0, 0.0, 0.0), "$4$"),
        ((4.0, np.nan, np.nan), "$4$"),
    ],
)
def test_rounding(numbers, text):
    assert with_errors(*numbers) == text


def test_latex(fit, map_fit):
    text = fit.to_latex(caption="A galaxy")
    assert text.startswith("\\begin{table}\n\\caption{A galaxy}")
    lines = {line.split(" & ")[0]: line for line in text.splitlines() if " & " in line}
    assert lines["galaxy.r\\_eff"].endswith("& pix \\\\")
    assert "\\pm" in lines["galaxy.mag"] or "^{+" in lines["galaxy.mag"]
    assert "C/T" in lines
    assert map_fit.to_latex().count("$") == 2 * len({**map_fit.model.free, **map_fit.observables})
