"""A run that is resumed with other images is refused, and the message names the difference; files may be moved."""

import json
import os
from functools import partial
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow.parquet as pq
import pytest
import sky_jobs
from astropy.io import fits
from sky_jobs import MODEL

import sersiclab as sl
from sersiclab.catalogue import image_digests, image_identity
from sersiclab.catalogue.image_identity import ImageIdentifier
from sersiclab.catalogue.stamps import Stamp


many = partial(sky_jobs.many, method=sl.MAP())
RNG = np.random.default_rng(2)
DATA, SIGMA, PSF = RNG.normal(2.0, 1.0, (20, 22)), RNG.uniform(0.9, 1.1, (20, 22)), np.eye(3) / 3
LARGE = RNG.normal(2.0, 1.0, (90, 100))


def spotted(array):
    """The array with another value in one of its pixels."""
    return np.where(np.arange(array.size).reshape(array.shape) == array.size // 2, 9.0, array)


def image(**changed):
    return sl.Image(**{"data": DATA, "sigma": SIGMA, "psf": PSF, "mask": DATA > 4, **changed})


def resumed(folder, first, then, **options):
    """Fit a job, then another of the same name in the same folder."""
    many([sl.Job("a", first, MODEL)], folder)
    return many([sl.Job("a", then, MODEL), sl.Job("b", image(), MODEL)], folder, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": spotted(DATA)}, "its data differs"),
        ({"data": spotted(DATA), "sigma": spotted(SIGMA)}, "its data and sigma differ"),
        ({"mask": DATA > 3.9}, "its mask differs"),
        ({"psf": PSF[::-1]}, "its psf differs"),
        ({"psf": None}, "psf was given, now it is none"),
        ({"psf_centre": "peak"}, "its psf differs"),
        ({"zeropoint": 25.0}, r"zeropoint was none, now it is 25\.0"),
        ({"unit": "nJy"}, "unit was none, now it is 'nJy'"),
    ],
)
def test_another_image_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=f"the folder holds job 'a' with another image: {message}"):
        resumed(tmp_path, image(), image(**change))
    assert sl.read_catalogue(tmp_path).ids == ["a"]
    with pytest.raises(ValueError, match=message):
        many(iter([sl.Job("a", image(**change), MODEL)]), tmp_path)


def test_the_same_numbers_of_another_type_are_the_same_image(tmp_path):
    single = DATA.astype(np.float32)
    found = resumed(tmp_path, image(data=single), image(data=single.astype(">f8"), mask=(DATA > 4).astype(int)))
    assert found.ids == ["a", "b"]


def test_images_that_functions_return_are_not_looked_at(tmp_path):
    assert resumed(tmp_path, partial(sky_jobs.sky, 1), partial(sky_jobs.sky, 2)).ids == ["a", "b"]


def test_a_file_and_an_image_in_memory_cannot_be_compared(tmp_path):
    fits.writeto(tmp_path / "a.fits", DATA)
    with pytest.raises(ValueError, match="it was a file, now it is an image in memory, and the two can't be compared"):
        resumed(tmp_path / "run", partial(sl.Image.read, tmp_path / "a.fits", sigma=1.0), image())


@pytest.mark.parametrize("whole", [image_digests.WHOLE_FILE, 100])
def test_a_changed_file_is_refused_and_a_moved_one_is_not(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(image_digests, "WHOLE_FILE", whole)
    names = [tmp_path / f"{name}.fits" for name in ("data", "sigma", "other", "moved")]
    for name, array in zip(names, (DATA, SIGMA, DATA + 1.0, DATA), strict=True):
        fits.writeto(name, array)
    os.utime(names[3], (1e9, 1e9))
    read = partial(sl.Image.read, sigma=names[1], psf=PSF)
    assert resumed(tmp_path / "run", partial(read, names[0]), partial(read, data=str(names[3]))).ids == ["a", "b"]
    for change, message in {
        partial(read, names[2]): "its data differs",
        partial(read, names[0], sigma=names[0]): "its sigma differs",
        partial(read, names[0], sigma=1.0): r"sigma was given, now it is 1\.0",
        partial(read, names[0], psf=PSF[::-1]): "its psf differs",
        partial(read, names[0], gain=2.0): r"gain was none, now it is 2\.0",
        partial(read, f"{names[0]}[0]"): "its data differs",
    }.items():
        with pytest.raises(ValueError, match=f"another image: {message}"):
            many([sl.Job("a", change, MODEL)], tmp_path / "run")
    assert many([sl.Job("a", tmp_path / "gone.fits", MODEL)], tmp_path / "run").ids == ["a", "b"]


ROW = {"id": "a", "x": 50.25, "y": 40.0}


@pytest.fixture
def mosaic(tmp_path) -> Path:
    for name, array in {"sci": LARGE, "rms": np.ones_like(LARGE), "psf": np.eye(3)}.items():
        fits.writeto(tmp_path / f"{name}.fits", array)
    return tmp_path


def stamps(folder, *, row=ROW, sci="sci.fits", **changed):
    """The jobs of a table of one galaxy, in a mosaic in files."""
    planes = {"sigma": folder / "rms.fits", "psf": folder / "psf.fits"}
    sky = {"size": 24, "model": MODEL, "neighbours": "ignore"}
    return sl.jobs([row], folder / sci, **{**planes, **sky, **changed})


@pytest.mark.filterwarnings("ignore:psf sums to")
def test_a_stamp_of_another_mosaic_or_place_is_refused(mosaic):
    fits.writeto(mosaic / "other.fits", LARGE - 0.1)
    first = many(stamps(mosaic), mosaic / "run")
    for change, message in {
        "sci": ({"sci": "other.fits"}, "its data differs"),
        "sigma": ({"sigma": mosaic / "other.fits"}, "its sigma differs"),
        "one sigma": ({"sigma": 2.0}, r"sigma was given, now it is 2\.0"),
        "psf": ({"psf": np.eye(3) + 0.1}, "its psf differs"),
        "place": ({"row": {**ROW, "x": 50.0}}, r"x was 50\.2500, now it is 50\.0000"),
        "size": ({"size": 30}, r"shape was 24 x 24 pixels \(x, y\), now it is 30 x 30"),
        "neighbours": ({"neighbours": "mask"}, "neighbours was ignore, now it is mask"),
        "zeropoint": ({"zeropoint": 25.0}, r"zeropoint was none, now it is 25\.0"),
        "mask": ({"mask": LARGE > 4.5}, "mask was none, now it is given"),
    }.values():
        with pytest.raises(ValueError, match=f"the folder holds job 'a' with another image: .*{message}"):
            many(stamps(mosaic, **change), mosaic / "run")
    assert sl.read_catalogue(mosaic / "run", jobs=stamps(mosaic)).fit("a").best == first.fit("a").best


@pytest.mark.filterwarnings("ignore:psf sums to")
def test_a_mosaic_that_was_moved_is_the_same_and_is_not_read_again(mosaic, monkeypatch):
    many(stamps(mosaic), mosaic / "run")
    (mosaic / "new").mkdir()
    for name in ("rms", "psf"):
        (mosaic / f"{name}.fits").rename(mosaic / "new" / f"{name}.fits")
    monkeypatch.setattr(Stamp, "cut", lambda self: pytest.fail("a stamp that is done was cut"))
    fits.writeto(mosaic / "new" / "sci.fits", LARGE, fits.Header({"HISTORY": "copied"}))
    assert many(stamps(mosaic / "new"), mosaic / "run").ids == ["a"]
    np.save(mosaic / "new" / "sci.npy", LARGE)
    assert many(stamps(mosaic / "new", sci="sci.npy"), mosaic / "run").ids == ["a"]
    tiles = fits.CompImageHDU(LARGE, compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(mosaic / "new" / "sci.fits.fz")
    assert many(stamps(mosaic / "new", sci="sci.fits.fz"), mosaic / "run").ids == ["a"]


def test_neighbours_that_are_modelled_belong_to_a_stamp():
    near, far = {"id": "b", "x": 60.0, "y": 44.0}, {"id": "c", "x": 5.0, "y": 5.0}
    options = {"size": 40, "model": MODEL, "neighbours": "model"}
    alone, pair, three = (
        sl.jobs(rows, sl.Image(LARGE, sigma=1.0), **options) for rows in ([ROW, far], [ROW, near], [ROW, near, far])
    )
    identify = ImageIdentifier()
    assert identify(pair["a"]) == identify(three["a"])
    assert "its other sources differ" in image_identity.image_difference(identify(alone["a"]), identify(pair["a"]))


def test_every_kind_of_psf_has_an_identity():
    from photutils.psf import ImagePSF

    psfs = [np.eye(3), np.eye(3) + 1.0, ImagePSF(np.eye(5)), ImagePSF(np.eye(5) + 1.0)]
    rows = [{**ROW, "id": str(number)} for number in range(5)]
    jobs = sl.jobs(rows, LARGE * u.adu, sigma=1.0 * u.adu, size=24, model=MODEL, psf=[*psfs, np.eye(3)])
    identify = ImageIdentifier()
    found = [json.loads(identify(job))["psf"] for job in jobs]
    assert len(set(found)) == 4
    assert found[4] == found[0]


def test_a_retry_and_a_fit_need_the_same_image(tmp_path):
    broken = sl.Job("broken", sky_jobs.of_masked, MODEL)
    catalogue = many([sl.Job("a", image(), MODEL), broken], tmp_path)
    other = [sl.Job("a", image(data=spotted(DATA)), MODEL), sl.Job("broken", image(), MODEL)]
    with pytest.raises(ValueError, match="job 'a' has another image than its row: its data differs"):
        catalogue.retry("a", jobs=other, progress=False)
    with pytest.raises(ValueError, match=r"the fit of 'a' can't be computed again.*: its data differs"):
        sl.read_catalogue(tmp_path, jobs=other).fit("a")
    assert catalogue.retry("a", progress=False).table["version"].tolist() == [2, 1]


def test_an_image_that_was_repaired_is_fitted_by_a_retry(tmp_path):
    path, good = tmp_path / "a.fits", sl.Job("b", image(), MODEL)
    fits.writeto(path, np.full((9, 9), np.nan))
    jobs = [sl.Job("a", partial(sl.Image.read, path, sigma=1.0), MODEL), good]
    assert many(jobs, tmp_path / "run").failed == ["a"]
    fits.writeto(path, DATA, overwrite=True)
    again = many(jobs, tmp_path / "run")
    assert again.failed == ["a"]
    assert again.retry(progress=False).failed == []
    assert many(jobs, tmp_path / "run").failed == []


def test_runs_of_before_are_resumed(tmp_path):
    many([sl.Job("a", image(), MODEL)], tmp_path)
    part = tmp_path / "part-000001.parquet"
    table = pq.read_table(part)
    about = json.loads(table.schema.metadata[b"sersiclab"]) | {"format": 1}
    pq.write_table(table.drop_columns("image").replace_schema_metadata({"sersiclab": json.dumps(about)}), part)
    jobs = [sl.Job("a", image(data=spotted(DATA)), MODEL), sl.Job("b", image(), MODEL)]
    assert many(jobs, tmp_path).ids == ["a", "b"]
