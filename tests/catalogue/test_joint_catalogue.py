"""Catalogues of joint fits in several bands: a column for each band, and rows for galaxies that lack one."""

import pickle
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from sky_jobs import assert_same, many

import sersiclab as sl
from sersiclab.catalogue.image_identity import ImageIdentifier, image_difference
from sersiclab.catalogue.joint_measured import measured_together
from sersiclab.results.joint import JointFit


SHAPE = (60, 70)
ROWS = [{"id": f"s{k}", "x": 15.3 + 30 * (k % 2), "y": 16.2 + 26 * (k // 2)} for k in range(4)]
ROWS += [{"id": "outside", "x": 400.0, "y": 20.0}]
LEVELS = {"g": 1.0, "r": 2.0}


def sky_of(images: sl.Images) -> sl.Model:
    """A tilted sky: its level differs between bands, its slope does not."""
    sky = sl.TiltedSky(level=sl.PerBand(sl.Normal(0.0, 10.0)), slope_x=sl.Normal(0.0, 1.0), slope_y=0.0)
    return sl.Model({"sky": sky})


@pytest.fixture(scope="module")
def planes(tmp_path_factory) -> dict[str, Path]:
    """Mosaics of two bands; g has no data at the galaxy s1."""
    folder, rng = tmp_path_factory.mktemp("bands"), np.random.default_rng(1)
    paths = {}
    for band, level in LEVELS.items():
        data = rng.normal(level, 0.1, SHAPE)
        if band == "g":
            data[:30, 30:] = np.nan
        paths[band] = folder / f"{band}.fits"
        header = fits.Header({"BAND": band, "BUNIT": {"g": "nJy", "r": "uJy"}[band]})
        fits.writeto(paths[band], data, header)
    return paths


def jobs_of(planes, **options):
    options = {"sigma": {"g": 0.1, "r": 0.1}, "size": 24, "model": sky_of, "neighbours": "ignore"} | options
    return sl.jobs(ROWS, planes, **options)


@pytest.fixture(scope="module")
def whole(planes) -> sl.Catalogue:
    return many(jobs_of(planes), draws=True)


def test_a_row_is_that_of_one_joint_fit(whole, planes):
    row, images = whole.table[3], jobs_of(planes)["s2"].load_image()
    assert row["id"] == "s2"
    fit = sl.fit(sky_of(images), images, sl.Laplace(draws=50), seed=int(row["seed"]), progress=False)
    assert isinstance(fit, JointFit)
    for band in "gr":
        draws = fit.draws[f"sky.level.{band}"][0]
        np.testing.assert_allclose(row[f"sky_level_{band}_draws"].value, draws, rtol=1e-5)
        np.testing.assert_allclose(row[f"sky_level_{band}_err"].value, draws.std(ddof=1), rtol=1e-4)
        assert row[f"chi2_{band}"] == pytest.approx(fit.of(band).chi2, abs=1e-3)
    np.testing.assert_allclose(row["sky_slope_x"].value, fit.draws["sky.slope_x"].mean(), rtol=1e-4)
    assert row["chi2"] == pytest.approx(fit.chi2, abs=1e-3)
    assert row["dof"] == fit.dof == 2 * 24 * 24 - 3
    assert (row["verdict"], row["status"], row["bands"]) == (fit.verdict.level, "done", "g r")
    assert (row["x0"], row["y0"]) == (4, 31)
    assert str(row["sky_level_g"].unit) == "nJy / pix"
    assert str(row["sky_level_r"].unit) == "uJy / pix"
    again = whole.fit("s2")
    assert isinstance(again, JointFit)
    np.testing.assert_array_equal(again.draws["sky.level.r"][0], row["sky_level_r_draws"].value)


def test_a_band_that_a_galaxy_lacks_is_left_out_with_a_note(whole):
    table = whole.table
    assert table["id"].tolist() == ["outside", "s0", "s1", "s2", "s3"]
    assert table["status"].tolist() == ["failed", *["done"] * 4]
    assert table["bands"].tolist() == ["", "g r", "r", "g r", "g r"]
    assert np.isnan(table["sky_level_g"].value).tolist() == [True, False, True, False, False]
    assert np.isnan(table["chi2_g"]).tolist() == [True, False, True, False, False]
    assert np.isfinite(table["sky_level_r"][2])
    assert table["notes"][2].startswith("band 'g' is left out: mask excludes every pixel")
    assert table["message"][0].startswith("InputError: 'outside' has no usable pixel in any band: the stamp")
    assert (table["x0"][2], table["y0"][2]) == (34, 5)
    with pytest.warns(UserWarning, match="band 'g' is left out"):
        assert list(whole.fit("s1").images) == ["r"]


def test_a_run_that_is_resumed_is_the_same_and_its_parts_have_the_same_columns(whole, planes, tmp_path):
    jobs = list(jobs_of(planes))
    many(jobs[1:2], tmp_path / "run", draws=True)
    resumed = many(jobs, tmp_path / "run", chunk=2, draws=True)
    assert_same(resumed, whole)
    assert_same(sl.read_catalogue(tmp_path / "run"), whole)
    from pyarrow import parquet

    schemas = [parquet.read_schema(path) for path in sorted((tmp_path / "run").glob("part-*"))]
    done = [schema for schema in schemas if "sky_level_r_best" in schema.names]
    assert len(done) == 3
    assert all(set(schema.names) == set(done[0].names) for schema in done)
    read = QTable.read(resumed.to_ecsv(tmp_path / "c.ecsv"))
    assert read["bands"].filled("").tolist() == whole.table["bands"].tolist()
    read = QTable.read(resumed.to_fits(tmp_path / "c.fits"))
    np.testing.assert_array_equal(read["sky_level_g"].value, whole.table["sky_level_g"].value)
    assert "chi2_r" in parquet.read_schema(resumed.to_parquet(tmp_path / "c.parquet")).names


def test_a_changed_band_is_refused_by_name(whole, planes, tmp_path):
    many(jobs_of(planes)[:1], tmp_path / "run", draws=True)
    other = tmp_path / "r.fits"
    fits.writeto(other, fits.getdata(planes["r"]) + 1.0, fits.getheader(planes["r"]))
    with pytest.raises(ValueError, match="another image: its r data differs"):
        many(jobs_of({**planes, "r": other})[:1], tmp_path / "run", draws=True)


def test_galaxies_are_fitted_again(whole):
    better = whole.retry(["s0"], sl.MAP(), progress=False)
    row = better.table[1]
    assert (row["version"], row["method"], row["bands"]) == (2, "MAP()", "g r")
    assert row["sky_level_g"].value == pytest.approx(whole.table["sky_level_g_best"][1].value, abs=1e-4)


def test_jobs_of_images_in_memory_of_paths_and_of_functions(planes, tmp_path):
    for band, path in planes.items():
        data = fits.getdata(path)[32:56, 4:28]
        hdus = [
            fits.PrimaryHDU(),
            fits.ImageHDU(data, fits.getheader(path), name="SCI"),
            fits.ImageHDU(np.full((24, 24), 0.1), fits.getheader(path), name="RMS"),
        ]
        fits.HDUList(hdus).writeto(tmp_path / f"{band}.fits")
    paths = {band: tmp_path / f"{band}.fits" for band in planes}
    images = sl.Images({band: sl.Image.read(path) for band, path in paths.items()})
    jobs = [
        sl.Job("memory", images, sky_of),
        sl.Job("paths", paths, sky_of),
        sl.Job("function", lambda: images, sky_of),
        sl.Job("model", dict(images), sky_of(images)),
        sl.Job("missing", {"g": None, "r": paths["r"]}, sky_of),
        sl.Job("no file", {"g": tmp_path / "none.fits", "r": paths["r"]}, sky_of),
    ]
    table = many(jobs, method=sl.MAP()).table
    rows = {row["id"]: row for row in table}
    assert len({float(rows[name]["sky_level_g"].value) for name in ("memory", "paths", "function", "model")}) == 1
    assert (rows["missing"]["bands"], rows["missing"]["notes"]) == ("r", "image 'g' is None: it is left out")
    assert rows["no file"]["status"] == "failed"
    assert "none.fits" in rows["no file"]["message"]
    identify = ImageIdentifier()
    words = image_difference(identify(jobs[1]), identify(sl.Job("paths", {**paths, "g": paths["r"]}, sky_of)))
    assert words == "its g data differs"
    assert "it was several images, now it is an image" in image_difference(
        identify(jobs[0]), identify(sl.Job("a", images["g"], sky_of))
    )


def test_wavelengths_are_those_of_the_bands_and_part_of_the_identity(planes):
    job, plain = jobs_of(planes, wavelengths={"g": 0.5, "r": 7000 * u.AA})["s0"], jobs_of(planes)["s0"]
    assert job.load_image().wavelengths == {"g": 0.5, "r": pytest.approx(0.7)}
    assert pickle.loads(pickle.dumps(job)).image.wavelengths == job.image.wavelengths
    assert plain.load_image().wavelengths["g"] == pytest.approx(0.47, abs=0.02)
    identify = ImageIdentifier()
    assert image_difference(identify(plain), identify(job)).startswith("wavelengths was {}, now it is {'g': 0.5")


def test_stamps_of_mosaics_in_memory_reach_other_processes(planes):
    jobs = jobs_of({band: fits.getdata(path).astype(float) for band, path in planes.items()})
    copy, job = pickle.loads(pickle.dumps(jobs["s1"])), jobs["s1"]
    with pytest.warns(UserWarning, match="band 'g' is left out"):
        expected = job.load_image()
    with pytest.warns(UserWarning, match="band 'g' is left out"):
        found = copy.load_image()
    np.testing.assert_array_equal(found["r"].data, expected["r"].data)
    assert copy.image.origin == job.image.origin == (34, 5)
    with pytest.raises(ValueError, match="'outside' has no usable pixel in any band"):
        pickle.loads(pickle.dumps(jobs["outside"])).load_image()
    assert pickle.loads(pickle.dumps(jobs_of(planes)["s0"])).image.names == ("g", "r")
    assert repr(jobs_of(planes)) == (
        "Jobs(5 stamps of 24 x 24 pixels (x, y)\n  g: image: g.fits, sigma: 0.1\n  r: image: r.fits, sigma: 0.1\n"
        "  model: sky_of, neighbours ignored)"
    )


def sky(scale: float, centre: tuple[float, float]) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, 2.0], [centre[0] + 1, centre[1] + 1]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    return wcs


def test_mosaics_of_different_pixels_are_related_by_their_wcs():
    """The same piece of sky in both; a galaxy outside of the first mosaic keeps its pixels as the frame."""
    planes = {
        "g": sl.Image(np.ones((60, 70)), sigma=1.0, wcs=sky(0.2, (35.0, 30.0))),
        "r": sl.Image(np.ones((200, 240)), sigma=1.0, wcs=sky(0.1, (100.0, 100.0))),
    }
    rows = [{"id": "a", "x": 40.0, "y": 32.0}, {"id": "b", "x": 85.0, "y": 32.0}]
    by_pixels = sl.jobs(rows, planes, size=12, neighbours="ignore", model=sky_of)
    coordinates = planes["g"].wcs.pixel_to_world([40.0, 85.0], [32.0, 32.0])
    by_sky = sl.jobs({"id": ["a", "b"], "place": coordinates}, planes, size=12, neighbours="ignore", model=sky_of)
    for jobs in (by_pixels, by_sky):
        images = jobs["a"].load_image()
        assert {name: image.shape for name, image in images.items()} == {"g": (12, 12), "r": (24, 24)}
        middles = [
            image.wcs.pixel_to_world((n - 1) / 2, (n - 1) / 2)
            for image, n in zip(images.values(), (12, 24), strict=True)
        ]
        assert middles[0].separation(middles[1]).arcsec < 0.25
        with pytest.warns(UserWarning, match="band 'g' is left out: the stamp of 'b'"):
            images = jobs["b"].load_image()
        assert (list(images), images.used) == (["g", "r"], ("r",))
        x, y = images.frame.wcs.world_to_pixel(coordinates[1])
        np.testing.assert_allclose(
            [x + jobs["b"].image.origin[0], y + jobs["b"].image.origin[1]], [85.0, 32.0], atol=1e-6
        )
    with pytest.raises(ValueError, match=r"the mosaics of g and r have the shapes .* both need a WCS"):
        sl.jobs(rows, {**planes, "r": np.ones((50, 50))}, sigma={"r": 1.0}, size=12)


def test_one_segmentation_map_masks_the_others_in_all_bands(planes):
    labels = np.zeros(SHAPE, int)
    labels[36:48, 10:20], labels[50:54, 2:10] = 3, 4
    jobs = jobs_of(planes, segmentation=labels, neighbours="mask", size=None)
    images = jobs["s2"].load_image()
    assert {image.shape for image in images.values()} == {(48, 48)}
    np.testing.assert_array_equal(images["g"].mask[:, :20], images["r"].mask[:, :20])
    assert images["r"].mask.any()


def test_arguments_by_band_are_checked(planes):
    for options, words in {
        "sigma": ({"sigma": {"g": 0.1, "i": 0.1}}, "sigma has a value for 'i'; the bands of image are g, r"),
        "shape": ({"sigma": {"g": np.ones((3, 3)), "r": 0.1}}, "band g: sigma must have the shape of image"),
        "neighbours": ({"neighbours": "model"}, 'neighbours="model" needs one image'),
    }.values():
        with pytest.raises(ValueError, match=words):
            jobs_of(planes, **options)
    with pytest.raises(ValueError, match="wavelengths are those of several bands"):
        sl.jobs(ROWS, planes["g"], sigma=0.1, wavelengths={"g": 0.5})
    with pytest.raises(TypeError, match=r"wavelengths must be {name of the band: micrometres}, got 0.5"):
        jobs_of(planes, wavelengths=0.5)
    with pytest.raises(ValueError, match="must name at least one band"):
        jobs_of({})
    with pytest.raises(ValueError, match=r"a band must be an identifier, .* got 'HSC-g'"):
        jobs_of({"HSC-g": planes["g"]})
    with pytest.raises(ValueError, match="must hold at least one image"):
        sl.Job("a", {}, sky_of)
    with pytest.raises(TypeError, match=r"image of job 'a' must be an Image, .* got int for 'g'"):
        sl.Job("a", {"g": 3}, sky_of)


def test_quantities_that_differ_between_bands_have_a_column_for_each():
    """Magnitudes by each zero-point, a curve in every band, ties to what differs, and what is shared once."""
    names = {"g": 25.0, "r": 27.0, "i": 26.0}
    images = sl.Images(
        {
            name: sl.Image(np.zeros((8, 9)), sigma=1.0, band=name, zeropoint=z, pixel_scale=0.5)
            for name, z in names.items()
        }
    )
    bulge = sl.Sersic(
        xc=sl.Normal(4.0, 1.0),
        yc=3.0,
        flux=sl.PerBand(sl.LogUniform(1.0, 1e4)),
        r_eff=sl.Polynomial(sl.LogUniform(0.1, 10.0)),
        n=sl.Uniform(0.5, 8.0),
        ellip=0.2,
        theta=sl.Angle(),
    )
    disk = sl.Exponential(
        xc=sl.Tied("bulge.xc"), yc=3.0, flux=100.0, r_eff=sl.Tied("bulge.r_eff"), ellip=0.0, theta=0.0
    )
    model = sl.Model({"bulge": bulge, "disk": disk}).for_images(images)
    best = {path: 100.0 if "flux" in path else 2.0 for path in model.free}
    fit = JointFit(model=model, images=images, method=sl.MAP(), seed=0, draws={}, best=best)
    numbers = measured_together(fit, ("g", "r", "i", "z")).numbers
    assert numbers["bulge_mag_g_best"] == 20.0
    assert numbers["bulge_mag_r_best"] == 22.0
    assert numbers["bulge_r_eff_i_best"] == numbers["disk_r_eff_g_best"] == pytest.approx(2.0)
    assert numbers["bulge_fraction_r_best"] == 0.5
    assert numbers["bulge_n_best"] == 2.0
    assert numbers["disk_xc_best"] == 2.0
    assert numbers["disk_flux_best"] == 100.0
    assert numbers["bulge_r_eff_arcsec_g_best"] == pytest.approx(1.0)
    assert {"bulge_axis_ratio_best", "bulge_theta_best", "chi2_g"} <= numbers.keys()
    assert all(
        np.isnan(numbers[name]) for name in ("bulge_flux_z_best", "disk_r_eff_z_sd", "chi2_z", "bulge_mag_z_best")
    )
    assert not {"bulge_n_z_best", "bulge_n_g_best", "bulge_flux_best"} & numbers.keys()
