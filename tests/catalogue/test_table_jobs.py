"""Jobs from a table and a mosaic: stamps against plain slices and astropy's cutouts; what is said of bad arguments."""

import pickle
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D

import sersiclab as sl
from sersiclab.catalogue import mosaics, psf_fields
from sersiclab.catalogue.job_list import Jobs


@pytest.fixture
def jobs(mosaic: Any) -> Jobs:
    return sl.jobs(mosaic.table, mosaic.image_path, sigma=mosaic.sigma_path, size=(31, 40), neighbours="ignore")


def test_a_stamp_is_a_plain_slice(mosaic: Any, jobs: Jobs) -> None:
    image = jobs["g1"].load_image()
    # The middle of 40 pixels lies between two: 128 is half a pixel from it.
    rows, columns = slice(85, 116), slice(109, 149)
    np.testing.assert_array_equal(image.data, mosaic.data[rows, columns])
    np.testing.assert_array_equal(image.sigma, mosaic.sigma[rows, columns])
    assert not image.mask.any()
    assert (image.band, image.unit, image.zeropoint) == ("r", "adu", 24.5)
    assert "stamp [110:149,86:116]" in image.provenance[-1]
    same = sl.Image.read(f"{mosaic.image_path}[110:149,86:116]", sigma=f"{mosaic.sigma_path}[110:149,86:116]")
    np.testing.assert_array_equal(same.data, image.data)
    assert same.pixel_scale == pytest.approx(image.pixel_scale, rel=1e-4)
    assert same.provenance[1:] == image.provenance[1:-1]


@pytest.mark.parametrize("size", [20, 21, (33, 26)])
@pytest.mark.parametrize("number", range(5))
def test_stamps_are_centred_to_half_a_pixel_and_have_the_wcs_of_cutouts(mosaic: Any, size, number: int) -> None:
    job = sl.jobs(mosaic.table, mosaic.image_path, sigma=mosaic.sigma_path, size=size, neighbours="ignore")[number]
    image = job.load_image()
    place = mosaic.places[number]
    ny, nx = (size, size) if isinstance(size, int) else size
    x0, y0 = job.image.cut().window.x0, job.image.cut().window.y0
    assert image.shape == (ny, nx)
    assert np.abs(place - (x0, y0) - ((nx - 1) / 2, (ny - 1) / 2)).max() <= 0.5
    corners = np.array([(0, 0), (nx - 1, 0), (3.3, ny - 1), (nx - 1, ny - 1)])
    expected = mosaic.wcs.all_pix2world(corners + np.array([x0, y0]), 0)
    np.testing.assert_allclose(image.wcs.all_pix2world(corners, 0), expected, rtol=0, atol=1e-11)
    cutout = Cutout2D(mosaic.data, (x0 + (nx - 1) / 2, y0 + (ny - 1) / 2), (ny, nx), wcs=mosaic.wcs, mode="partial")
    np.testing.assert_allclose(image.wcs.all_pix2world(corners, 0), cutout.wcs.all_pix2world(corners, 0), atol=1e-11)
    inside = np.isfinite(cutout.data)
    np.testing.assert_array_equal(image.data[inside], cutout.data[inside])
    np.testing.assert_array_equal(image.mask, ~inside)


def test_pixels_beyond_the_edges_stay_masked(mosaic: Any) -> None:
    job = sl.jobs(mosaic.table, mosaic.image_path, sigma=mosaic.sigma_path, size=64, neighbours="ignore")["g4"]
    image = job.load_image()
    assert 0.6 < image.mask.mean() < 0.8
    np.testing.assert_array_equal(image.with_mask(np.zeros(image.shape)).mask, image.mask)


def test_every_kind_of_mosaic_gives_the_same_stamps(mosaic: Any, jobs: Jobs, tmp_path: Path) -> None:
    header = fits.getheader(mosaic.image_path)
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.ImageHDU(mosaic.data, header, name="SCI"),
            fits.ImageHDU(mosaic.sigma, header, name="ERR"),
        ]
    ).writeto(tmp_path / "two.fits")
    fits.writeto(tmp_path / "z.fits.gz", mosaic.data, header)
    np.save(tmp_path / "a.npy", mosaic.data)
    tiles = fits.CompImageHDU(mosaic.data, header, compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "a.fits.fz")
    numbers = {"sigma": mosaic.sigma, "wcs": mosaic.wcs, "zeropoint": 24.5, "unit": "adu", "band": "r"}
    read = partial(sl.jobs, mosaic.table, size=(31, 40), neighbours="ignore")
    kinds = {
        "array": read(mosaic.data, **numbers),
        "quantity": read(mosaic.data * u.adu, **{**numbers, "sigma": mosaic.sigma * u.adu}),
        "big endian": read(mosaic.data.astype(">f4"), **numbers),
        "npy": read(tmp_path / "a.npy", **numbers),
        "image": read(sl.Image(mosaic.data, **numbers)),
        "ccd": read(CCDData(mosaic.data, unit="adu", wcs=mosaic.wcs), **{**numbers, "unit": None}),
        "hdu": read(fits.PrimaryHDU(mosaic.data, header), sigma=mosaic.sigma),
        "extensions": read(f"{tmp_path}/two.fits"),
        "gz": read(tmp_path / "z.fits.gz", sigma=mosaic.sigma_path),
        "tiles": read(tmp_path / "a.fits.fz", sigma=mosaic.sigma_path),
        "weight": read(mosaic.image_path, weight=mosaic.sigma.astype(float) ** -2),
    }
    for name, found in kinds.items():
        for one, other in zip(found, jobs, strict=True):
            image, expected = one.load_image(), other.load_image()
            np.testing.assert_array_equal(image.data, expected.data, err_msg=name)
            np.testing.assert_allclose(image.sigma[~expected.mask], expected.sigma[~expected.mask], rtol=1e-6)
            np.testing.assert_array_equal(image.mask, expected.mask, err_msg=name)
            assert (image.band, image.unit, image.zeropoint) == ("r", "adu", 24.5) or name == "ccd"
            assert image.wcs.wcs.crpix.tolist() == pytest.approx(expected.wcs.wcs.crpix.tolist()), name


def test_integers_scaled_in_the_file_are_read_as_astropy_reads_them(tmp_path: Path) -> None:
    counts = np.arange(80 * 90, dtype=np.uint16).reshape(80, 90)
    fits.writeto(tmp_path / "u.fits", counts)
    scaled = fits.PrimaryHDU(np.linspace(0, 9, 7200).reshape(80, 90))
    scaled.scale("int16", bscale=0.001, bzero=4.5)
    scaled.writeto(tmp_path / "s.fits")
    for name in ("u.fits", "s.fits"):
        jobs = sl.jobs([{"x": 40, "y": 30}], tmp_path / name, sigma=1.0, size=9, neighbours="ignore")
        image = jobs[0].load_image()
        np.testing.assert_array_equal(image.data, fits.getdata(tmp_path / name)[26:35, 36:45])


def test_a_section_of_a_file_is_a_mosaic_of_its_own(mosaic: Any, jobs: Jobs) -> None:
    table = [{"x": mosaic.places[1, 0] - 50, "y": mosaic.places[1, 1] - 20}]
    names = [f"{path}[51:230,21:220]" for path in (mosaic.image_path, mosaic.sigma_path)]
    image = sl.jobs(table, names[0], sigma=names[1], size=(31, 40), neighbours="ignore")[0].load_image()
    np.testing.assert_array_equal(image.data, jobs["g1"].load_image().data)
    np.testing.assert_allclose(image.wcs.wcs.crpix, jobs["g1"].load_image().wcs.wcs.crpix)
    with pytest.raises(sl.InputError, match="can't flip or skip"):
        sl.jobs(table, f"{mosaic.image_path}[-*,*]", sigma=1.0)


def test_masks_blank_pixels_and_those_without_an_error_are_excluded_silently(mosaic: Any, tmp_path: Path) -> None:
    data, sigma, mask = mosaic.data.copy(), mosaic.sigma.copy(), np.zeros(mosaic.data.shape, np.int16)
    data[100, 130], sigma[95, 125], sigma[96, 125], mask[101, 120] = np.nan, 0.0, np.inf, 4
    planes = {"image": data, "sigma": sigma, "mask": mask}
    for name, array in planes.items():
        fits.writeto(tmp_path / f"{name}.fits", array)
    from_files = sl.jobs(mosaic.table, **{name: tmp_path / f"{name}.fits" for name in planes}, neighbours="ignore")
    for jobs in (from_files, sl.jobs(mosaic.table, **planes, neighbours="ignore")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = jobs["g1"].load_image()
        y0, x0 = 100 - 32 + 1, 128 - 32 + 1
        assert {tuple(place) for place in np.argwhere(image.mask) + np.array([y0, x0])} == {
            (100, 130),
            (95, 125),
            (96, 125),
            (101, 120),
        }


def test_noise_is_measured_around_the_galaxy_if_there_is_no_error_map(mosaic: Any) -> None:
    with pytest.warns(UserWarning, match="no error map: sigma is measured around each galaxy") as said:
        jobs = sl.jobs(mosaic.table, mosaic.image_path, size=24, neighbours="ignore")
    assert len(said) == 1
    image = jobs["g1"].load_image()
    assert image.sigma[0, 0] == pytest.approx(1.0, rel=0.05)
    assert any("measured" in note for note in image.provenance)


def test_weights_that_are_exposure_times_are_scaled_once_for_the_mosaic(mosaic: Any, tmp_path: Path) -> None:
    weight = np.full(mosaic.data.shape, 900.0, np.float32)
    weight[:, 130:] = 400.0
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(mosaic.data, name="SCI"), fits.ImageHDU(weight, name="WHT")]
    fits.HDUList(hdus).writeto(tmp_path / "drz.fits")
    with pytest.warns(UserWarning, match="not an inverse variance") as said:
        jobs = sl.jobs(mosaic.table, tmp_path / "drz.fits", neighbours="ignore")
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        left, right = (pickle.loads(pickle.dumps(jobs[name])).load_image() for name in ("g0", "g2"))
    assert right.sigma[32, 32] / left.sigma[32, 32] == pytest.approx(1.5)
    assert 0.75 < left.sigma[32, 32] < 1.35


def test_jobs_are_small_and_load_in_another_process(mosaic: Any, jobs: Jobs, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(mosaic.image_path.parent)
    relative = sl.jobs(mosaic.table, "mosaic.fits", sigma="rms.fits", size=(31, 40), neighbours="ignore")
    monkeypatch.chdir(tmp_path)
    text = pickle.dumps(relative["g1"])
    assert len(text) < 2000
    np.testing.assert_array_equal(pickle.loads(text).load_image().data, jobs["g1"].load_image().data)


def test_a_stamp_of_a_mosaic_in_memory_is_cut_when_it_is_pickled(mosaic: Any) -> None:
    table = [{"x": 60, "y": 70}, {"x": np.nan, "y": 3.0}]
    jobs = sl.jobs(table, mosaic.data, sigma=mosaic.sigma, size=32, neighbours="ignore")
    good, bad = pickle.loads(pickle.dumps([*jobs]))
    assert len(pickle.dumps(jobs[0])) < 40_000 < mosaic.data.nbytes
    np.testing.assert_array_equal(good.load_image().data, jobs[0].load_image().data)
    with pytest.raises(sl.InputError, match="'1' has no position"):
        bad.load_image()
    again = pickle.loads(pickle.dumps(jobs))
    np.testing.assert_array_equal(again[0].load_image().data, jobs[0].load_image().data)


def test_files_that_change_are_opened_again(mosaic: Any, tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", mosaic.data)
    job = sl.jobs(mosaic.table, tmp_path / "a.fits", sigma=1.0, size=9, neighbours="ignore")["g1"]
    before = job.load_image().data
    fits.writeto(tmp_path / "a.fits", 2 * np.pad(mosaic.data, ((0, 5), (0, 0))), overwrite=True)
    np.testing.assert_array_equal(job.load_image().data, 2 * before)


def test_a_bad_row_fails_alone_and_says_why(mosaic: Any) -> None:
    table = [{"id": "far", "x": 500, "y": 3}, {"id": "none", "x": 5, "y": np.nan}, {"id": "good", "x": 128, "y": 100}]
    jobs = sl.jobs(table, mosaic.image_path, sigma=mosaic.sigma_path, size=32, neighbours="ignore")
    with pytest.raises(
        sl.InputError, match=r"stamp of 'far' at x = 500, y = 3 lies outside of the mosaic of 260 x 230"
    ):
        jobs["far"].load_image()
    with pytest.raises(sl.InputError, match="'none' has no position in the mosaic: x is 5 and y is nan"):
        jobs["none"].load_image()
    assert jobs["good"].load_image().shape == (32, 32)


def test_jobs_are_a_sequence_that_says_what_it_holds(mosaic: Any, jobs: Jobs) -> None:
    assert len(jobs) == len([*jobs]) == len([*jobs]) == 5
    assert [job.id for job in jobs[1:3]] == ["g1", "g2"]
    assert jobs[-1].id == "g4"
    assert repr(jobs).splitlines() == [
        "Jobs(5 stamps of 40 x 31 pixels (x, y)",
        "  image: mosaic.fits, sigma: rms.fits",
        "  model: guess, neighbours ignored)",
    ]
    np.testing.assert_array_equal(jobs.positions, mosaic.places)
    with pytest.raises(sl.InputKeyError, match="no job 'g9'"):
        jobs["g9"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": "no.fits"}, r"sigma: there is no file '.*no\.fits'"),
        ({"sigma": np.ones((3, 3))}, r"sigma must have the shape of image, \(230, 260\), got \(3, 3\)"),
        ({"segmentation": np.ones((3, 3), int)}, "segmentation must have the shape of image"),
        ({"segmentation": np.ones((230, 260))}, "segmentation must hold whole numbers, got float64"),
        ({"mask": np.ones((3, 3), int)}, "mask must have the shape of image"),
        ({"weight": 1.0}, "give one of sigma, weight"),
        ({"read_noise": -1.0}, "read_noise must not be negative"),
        ({"zeropoint": "high"}, "zeropoint must be a finite number"),
        ({"size": 0}, "size must be"),
        ({"size": 2.5}, "size must be a positive integer"),
        ({"size": "SIZE"}, "size must name a column of table, one of id, x, y; got 'SIZE'"),
        ({"model": "galaxy"}, "model: what must be a profile"),
        ({"model": 3}, "model must be a Model"),
        ({"neighbours": "all"}, 'neighbours must be "mask", "model" or "ignore"'),
        ({"id": "NAME"}, "id must name a column of table"),
        ({"x": "X"}, "give both x and y"),
        ({"psf": "no.psf"}, r"psf: there is no file '.*no\.psf'"),
        ({"psf": np.zeros((5, 5))}, "psf must have a positive sum"),
        ({"psf": [np.ones((5, 5))] * 2}, "psf must be one PSF, or one for each of the 5 rows of table, got 2"),
        ({"psf_oversampling": 0, "psf": np.full((5, 5), 0.04)}, "psf_oversampling must be a positive integer"),
        ({"wcs": 3}, "wcs must be an astropy WCS"),
        ({"origin": 2}, "origin must be 0 or 1"),
    ],
)
def test_bad_arguments_are_named_at_once(mosaic: Any, arguments: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=message):
        sl.jobs(mosaic.table, mosaic.image_path, **{"sigma": mosaic.sigma_path, **arguments})


def test_an_image_keeps_its_own_planes(mosaic: Any) -> None:
    psf = np.outer(*[np.exp(-0.5 * np.arange(-8, 9) ** 2 / 4.0)] * 2)
    image = sl.Image(mosaic.data, sigma=mosaic.sigma, psf=psf / psf.sum(), zeropoint=25.0, gain=2.0)
    stamp = sl.jobs(mosaic.table, image, neighbours="ignore")["g1"].load_image()
    np.testing.assert_array_equal(stamp.psf, image.psf)
    assert (stamp.zeropoint, stamp.gain) == (25.0, 2.0)
    with pytest.raises(sl.InputError, match="image is an Image, which has its own sigma"):
        sl.jobs(mosaic.table, image, sigma=1.0)
    with pytest.raises(sl.InputError, match="image is an Image, which has its own zeropoint"):
        sl.jobs(mosaic.table, image, zeropoint=3.0)


def test_models_are_what_guess_accepts(mosaic: Any) -> None:
    image = {"image": mosaic.image_path, "sigma": mosaic.sigma_path, "size": 32, "neighbours": "ignore"}
    job = sl.jobs(mosaic.table, **image, model={"core": "point_source", "disk": "exponential"})["g1"]
    model, _ = pickle.loads(pickle.dumps(job)).load()
    assert list(model.components) == ["core", "disk"]
    model, _ = sl.jobs(mosaic.table, **image, model=sl.Exponential)["g1"].load()
    assert isinstance(model.components["galaxy"], sl.Exponential)
    fixed = sl.Model({"sky": sl.FlatSky(0.0)})
    assert sl.jobs(mosaic.table, **image, model=fixed)["g1"].load()[0] is fixed


def test_sizes_come_from_a_column_an_angle_or_a_pair(mosaic: Any) -> None:
    table = mosaic.table.copy()
    table["stamp_size"] = [20, 21, 22, 23, 24]
    image = {"image": mosaic.image_path, "sigma": mosaic.sigma_path, "neighbours": "ignore"}
    assert [job.load_image().shape[0] for job in sl.jobs(table, **image)] == [20, 21, 22, 23, 24]
    assert sl.jobs(table, **image, size=6 * u.arcsec)["g1"].load_image().shape == (30, 30)
    assert sl.jobs(mosaic.table, **image)["g1"].load_image().shape == (64, 64)


def test_headers_mean_what_they_mean_to_image_read(mosaic: Any, tmp_path: Path) -> None:
    header = fits.getheader(mosaic.image_path)
    header["BUNIT"], header["PIXAR_SR"], header["TELESCOP"] = "MJy/sr", 9.4e-13, "JWST"
    flags = np.random.default_rng(0).integers(0, 4, mosaic.data.shape).astype(np.uint32)
    arrays = {"SCI": mosaic.data, "ERR": mosaic.sigma, "DQ": flags}
    hdus = [fits.ImageHDU(array, header, name=name) for name, array in arrays.items()]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "jwst.fits")
    stamp = sl.jobs(mosaic.table, tmp_path / "jwst.fits", size=(31, 40), neighbours="ignore")["g1"].load_image()
    # The section of the image alone: those of its other extensions are not found by a section.
    expected = sl.Image.read(tmp_path / "jwst.fits").cutout((128.0, 100.0), (31, 39))
    for name in ("zeropoint", "unit", "band", "gain"):
        assert getattr(stamp, name) == getattr(expected, name), name
    assert stamp.pixel_scale == pytest.approx(expected.pixel_scale, rel=1e-3)
    for name in ("data", "sigma", "mask"):
        np.testing.assert_array_equal(getattr(stamp, name)[:, :39], getattr(expected, name))
    assert 0.4 < stamp.mask.mean() < 0.6


def test_a_catalogue_of_stamps(mosaic: Any) -> None:
    table = [{"id": "in", "x": 128, "y": 100}, {"id": "out", "x": 999, "y": 5}, {"id": "edge", "x": 250, "y": 226}]
    planes = {"segmentation": np.zeros(mosaic.data.shape, int), "size": 16, "model": {"sky": "flat_sky"}}
    from_files = sl.jobs(table, mosaic.image_path, sigma=mosaic.sigma_path, **planes)
    in_memory = sl.jobs(table, mosaic.data, sigma=mosaic.sigma, wcs=mosaic.wcs, **planes)
    found = [sl.fit_many(jobs, sl.MAP(), progress=False).table for jobs in (from_files, in_memory)]
    rows = [{row["id"]: row for row in each} for each in found]
    assert {name: row["status"] for name, row in rows[0].items()} == {"in": "done", "out": "failed", "edge": "done"}
    assert "stamp of 'out' at x = 999, y = 5 lies outside" in rows[0]["out"]["message"]
    for name in ("in", "edge"):
        assert rows[0][name]["sky_level_best"].value == rows[1][name]["sky_level_best"].value


def test_what_is_doubtful_about_the_mosaic_is_said_once_and_not_by_its_stamps(mosaic: Any, tmp_path: Path) -> None:
    header = fits.Header([("MAGZERO", 25.0), ("MAGSYS", "Vega")])
    fits.writeto(tmp_path / "vega.fits", mosaic.data, header)
    fits.writeto(tmp_path / "psf.fits", np.outer(*[np.exp(-0.5 * (np.arange(-9, 10) / 1.5) ** 2)] * 2))
    given = {"sigma": 1.0, "psf": tmp_path / "psf.fits", "neighbours": "ignore"}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        jobs = sl.jobs(mosaic.table, tmp_path / "vega.fits", **given)
    texts = [str(warning.message) for warning in said]
    assert [text[:9] for text in texts] == ["zero-poin", "psf sums "]
    mosaics._opened.cache_clear()  # as in another process
    psf_fields._kept.cache_clear()
    assert pickle.loads(pickle.dumps(jobs[0])).load_image().zeropoint == 25.0


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("legacy/cutout_59.1067_-30.4848.fits", {"band": "r"}),
        ("panstarrs/slice.fits", {}),
        ("imfit/ic3478rss_256.fits", {"mask": "imfit/ic3478rss_256_mask.fits"}),
        ("kids/G265940fitim.fits", {"sigma": "kids/G265940sigma.fits", "mask": "kids/G265940mskim.fits"}),
        ("galfit_example/gal.fits", {"sigma": 1.0}),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_images_are_those_of_image_read(shared_data: Path, path: str, given: dict[str, Any]) -> None:
    planes = {name: str(shared_data / value) if ".fits" in str(value) else value for name, value in given.items()}
    whole = sl.Image.read(shared_data / path, **planes)
    ny, nx = whole.shape
    table = [{"x": (nx - 1) / 2, "y": (ny - 1) / 2}]
    stamp = sl.jobs(table, shared_data / path, size=whole.shape, neighbours="ignore", **planes)[0].load_image()
    used = ~whole.mask
    np.testing.assert_array_equal(stamp.mask, whole.mask)
    np.testing.assert_array_equal(stamp.data[used], whole.data[used])
    np.testing.assert_allclose(stamp.sigma[used], whole.sigma[used], rtol=1e-6)
    for name in ("zeropoint", "unit", "band", "gain", "pixel_scale"):
        assert getattr(stamp, name) == getattr(whole, name), name
