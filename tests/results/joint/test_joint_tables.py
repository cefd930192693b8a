"""Tables of a fit of several images: by band, by wavelength, colours, and one row for a catalogue."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable, vstack

import sersiclab as sl
from sersiclab.runtime.errors import InputError


MakeJoint = Callable[..., sl.JointFit]


@pytest.fixture
def tied(make: MakeJoint, images: sl.Images) -> sl.JointFit:
    """A bulge and a disk, whose size follows the bulge's, with fixed, tied and free values by band."""
    place = {"xc": sl.Normal(12, 1), "yc": 11.0, "ellip": 0.3, "theta": sl.Angle(init=0.7)}
    size = sl.Polynomial(sl.LogUniform(0.5, 20.0, init=2.0))
    fluxes = {"g": 2.0, "r": sl.LogUniform(1, 1e4, init=30.0), "i": sl.Tied("bulge.flux.r", scale=0.5)}
    bulge = sl.DeVaucouleurs(**place, flux=sl.PerBand(fluxes), r_eff=size)
    disk = sl.Exponential(
        xc=sl.Tied("bulge.xc"),
        yc=sl.Tied("bulge.yc"),
        ellip=0.5,
        theta=0.7,
        flux=sl.PerBand(sl.LogUniform(1, 1e4, init=80.0)),
        r_eff=sl.Tied("bulge.r_eff", scale=2.0, offset=0.5),
    )
    noise = sl.StudentTNoise(nu=sl.PerImage(sl.LogUniform(3.0, 30.0)))
    return make(sl.Model({"bulge": bulge, "disk": disk}, noise=noise), images)


def without_draws(fit: sl.JointFit, *, covariance: bool = True) -> sl.JointFit:
    kept = fit.covariance if covariance else None
    return dataclasses.replace(fit, draws={}, stats={}, derived={}, covariance=kept)


def test_every_parameter_by_band(tied: sl.JointFit) -> None:
    table = tied.bands()
    r = tied.draws["bulge.flux.r"]
    assert table.loc["bulge.flux", ("g", "value")] == 2.0
    assert table.loc["bulge.flux", ("g", "sd")] == 0.0
    assert table.loc["bulge.flux", ("i", "value")] == pytest.approx(0.5 * r.mean(), rel=1e-5)
    assert table.loc["bulge.flux", ("i", "sd")] == pytest.approx(0.5 * r.std(ddof=1), rel=1e-5)
    sizes = tied.of("r").draws["bulge.r_eff"]
    assert table.loc["disk.r_eff", ("r", "value")] == pytest.approx(2 * sizes.mean() + 0.5, rel=1e-5)
    assert table.loc["disk.yc", ("g", "value")] == 11.0
    for name in tied.images:
        drawn = tied.draws[f"noise.nu.{name}"]
        assert table.loc["noise.nu", (name, "value")] == pytest.approx(drawn.mean(), rel=1e-5)
        assert table.loc["disk.fraction", (name, "value")] == pytest.approx(
            np.mean(tied.of(name).observables["disk.fraction"].draws), rel=1e-5
        )


def test_bands_without_draws(fit: sl.JointFit) -> None:
    best = without_draws(fit)
    table, drawn = best.bands(), fit.bands()
    rows = ["galaxy.flux", "galaxy.r_eff", "galaxy.xc", "galaxy.mag", "sky.level"]
    for name in fit.images:
        assert table.loc["galaxy.r_eff", (name, "value")] == best.of(name).best["galaxy.r_eff"]
        ratio = table.loc[rows, (name, "sd")].astype(float) / drawn.loc[rows, (name, "sd")].astype(float)
        assert ratio.between(0.85, 1.15).all()
    assert without_draws(fit, covariance=False).bands().loc["galaxy.flux"].isna().sum() == 3


def test_units_of_images_that_differ(make: MakeJoint, images: sl.Images, model: sl.Model) -> None:
    units = {"g": "nmgy", "r": "Jy"}
    fit = make(model, sl.Images({name: dataclasses.replace(images[name], unit=unit) for name, unit in units.items()}))
    assert (fit.units["galaxy.flux.g"], fit.units["sky.level.r"]) == ("nmgy", "Jy/pixel")
    assert fit.bands().loc["galaxy.flux", ("unit", "")] == "image"
    assert fit.bands().loc["sky.level", ("unit", "")] == "image/pixel"
    assert str(fit.to_table()["galaxy_flux_r"].unit) == "Jy"


def test_colours_have_the_covariance_of_the_fluxes(fit: sl.JointFit) -> None:
    table = fit.colours()
    assert list(table.index) == [("galaxy", "g - r"), ("galaxy", "r - i")]
    zeropoints = {name: image.zeropoint or 0.0 for name, image in fit.images.items()}
    mags = {name: zeropoints[name] - 2.5 * np.log10(fit.draws[f"galaxy.flux.{name}"]) for name in fit.images}
    for one, other in (("g", "r"), ("r", "i")):
        drawn = mags[one] - mags[other]
        assert table.loc[("galaxy", f"{one} - {other}"), "value"] == pytest.approx(drawn.mean(), abs=1e-4)
        assert table.loc[("galaxy", f"{one} - {other}"), "sd"] == pytest.approx(drawn.std(ddof=1), rel=1e-3)
    independent = np.hypot(mags["g"].std(), mags["r"].std())
    assert table.loc[("galaxy", "g - r"), "sd"] < 0.97 * independent


def test_colours_without_draws(fit: sl.JointFit) -> None:
    table, drawn = without_draws(fit).colours(), fit.colours()
    assert (table["sd"] / drawn["sd"]).between(0.9, 1.1).all()
    covariance = np.asarray(fit.covariance)
    paths = list(fit.model.free)
    places = [paths.index(f"galaxy.flux.{name}") for name in "gr"]
    fluxes = np.array([fit.best[paths[i]] for i in places])
    # A log-uniform prior between a and b has ln x = ln a + ln(b / a) sigmoid(u).
    share = np.log(fluxes) / np.log(1e4)
    slope = np.log(1e4) * share * (1 - share) * np.array([1.0, -1.0]) * 2.5 / np.log(10)
    by_hand = np.sqrt(slope @ covariance[np.ix_(places, places)] @ slope)
    assert table.loc[("galaxy", "g - r"), "sd"] == pytest.approx(by_hand, rel=1e-4)
    assert without_draws(fit, covariance=False).colours()["sd"].isna().all()


def test_at_a_wavelength(fit: sl.JointFit, tied: sl.JointFit) -> None:
    at = fit.at_wavelength(0.6176)
    band = fit.bands()
    assert at.loc["galaxy.r_eff", "value"] == pytest.approx(band.loc["galaxy.r_eff", ("r", "value")], rel=1e-5)
    assert at.loc["galaxy.r_eff", "sd"] == pytest.approx(band.loc["galaxy.r_eff", ("r", "sd")], rel=1e-3)
    assert set(at.index) == {"galaxy.xc", "galaxy.yc", "galaxy.ellip", "galaxy.theta", "galaxy.r_eff"}
    both = tied.at_wavelength(0.55)
    assert set(both.index) == {"bulge.xc", "bulge.theta", "bulge.r_eff", "disk.xc", "disk.r_eff"}
    assert both.loc["disk.r_eff", "q50"] == pytest.approx(2 * both.loc["bulge.r_eff", "q50"] + 0.5)
    assert without_draws(fit).at_wavelength(0.6176).loc["galaxy.r_eff", "value"] == pytest.approx(
        fit.of("r").best["galaxy.r_eff"], rel=1e-5
    )


@pytest.mark.parametrize("wavelength", [0.3, 0.8])
def test_a_wavelength_outside_the_images(fit: sl.JointFit, wavelength: float) -> None:
    with pytest.raises(InputError, match=r"must lie in the range of the images, \[0.4702, 0.749\] micrometres"):
        fit.at_wavelength(wavelength)


def test_one_row_for_a_catalogue(fit: sl.JointFit, tied: sl.JointFit, tmp_path: Path) -> None:
    table = fit.to_table()
    assert float(table["galaxy_flux_g"][0]) == pytest.approx(fit.draws["galaxy.flux.g"].mean(), rel=1e-5)
    assert {
        "galaxy_xc",
        "galaxy_r_eff_at_0_47",
        "galaxy_r_eff_r",
        "galaxy_mag_i",
        "galaxy_axis_ratio",
        "chi2_r",
    } <= set(table.colnames)
    assert not {"galaxy_xc_g", "galaxy_axis_ratio_g", "galaxy_mag"} & set(table.colnames)
    assert table["galaxy_r_eff_arcsec_g"].unit == "arcsec"
    assert table["chi2_g"][0] + table["chi2_r"][0] + table["chi2_i"][0] == pytest.approx(fit.chi2)
    vstack([table, table]).write(tmp_path / "two.ecsv")
    assert len(QTable.read(tmp_path / "two.ecsv")) == 2
    row = tied.to_table()
    assert row["bulge_flux_g"][0] == 2.0
    assert row["bulge_flux_g_err"][0] == 0.0
    assert row["bulge_flux_i"][0] == pytest.approx(0.5 * row["bulge_flux_r"][0], rel=1e-5)
    assert {"disk_r_eff_g", "disk_r_eff_i", "noise_nu_r", "disk_xc", "disk_yc"} <= set(row.colnames)
    assert "disk_r_eff" not in row.colnames


def test_latex(fit: sl.JointFit) -> None:
    text = fit.to_latex(caption="Three bands")
    assert r"\caption{Three bands}" in text
    for path in (
        "galaxy.flux.g",
        r"galaxy.r\_eff.at\_0.47",
        r"galaxy.r\_eff.r",
        "galaxy.mag.i",
        r"galaxy.axis\_ratio ",
    ):
        assert f"{path.strip()} & $" in text
    assert "nan" not in without_draws(fit).to_latex()


def test_all_images_in_one_file(fit: sl.JointFit, tmp_path: Path) -> None:
    path = fit.write_fits(tmp_path / "bands.fits")
    for name, one in fit.each().items():
        again = sl.Image.read(f"{path}[SCI_{name}]", psf=f"{path}[PSF_{name}]")
        for plane in ("data", "sigma", "mask"):
            assert np.array_equal(getattr(again, plane), getattr(one.image, plane))
        assert again.band == name
        assert again.zeropoint == one.image.zeropoint
    with fits.open(path) as hdus:
        assert np.allclose(hdus["MODEL_r"].data + hdus["RESIDUAL_r"].data, fit.images["r"].data, atol=1e-6)
        assert np.allclose(hdus["COMP_GALAXY_g"].data + hdus["COMP_SKY_g"].data, hdus["MODEL_g"].data, atol=1e-6)
        assert hdus[0].header["DOF"] == fit.dof
    assert QTable.read(path, hdu="PARAMETERS")["galaxy_flux_r"][0] == fit.to_table()["galaxy_flux_r"][0]
    with pytest.raises(OSError, match="exists"):
        fit.write_fits(path)
    assert fit.write_fits(path, overwrite=True) == path


def test_names_that_differ_in_capitals_only(
    make: MakeJoint, images: sl.Images, model: sl.Model, tmp_path: Path
) -> None:
    both = sl.Images({"i": images["g"], "I": images["r"]})
    path = make(model, both).write_fits(tmp_path / "both.fits")
    for number, name in ((1, "i"), (2, "I")):
        assert np.array_equal(sl.Image.read(f"{path}[SCI_{name},{number}]").data, both[name].data)


def test_regions_of_every_image(fit: sl.JointFit, tmp_path: Path) -> None:
    paths = fit.write_regions(tmp_path / "new" / "regions")
    assert [path.name for path in paths.values()] == ["g.reg", "r.reg", "i.reg"]
    assert paths["r"].read_text() == fit.of("r").write_regions(tmp_path / "r.reg").read_text()
    with pytest.raises(FileExistsError):
        fit.write_regions(tmp_path / "new" / "regions")
    fit.write_regions(tmp_path / "new" / "regions", overwrite=True)
    with pytest.raises(InputError, match="folder must be a folder, in which every image has a file of its own"):
        fit.write_regions(tmp_path / "r.reg")
