"""FITS planes, written by astropy: the planes that `Image.read` finds, and its reports about bad files."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sersiclab.data.fits import read_plane
from sersiclab.data.image import Image


SHAPE = (5, 7)
DATA = np.arange(35.0).reshape(SHAPE)


def sky_header(scale=0.2):
    """A north-up tangent plane with square pixels of `scale` arcsec."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.0, 2.0
    wcs.wcs.crpix = 4.0, 3.0
    wcs.wcs.cdelt = -scale / 3600, scale / 3600
    return wcs.to_header()


@pytest.fixture
def several(tmp_path):
    """A file like a survey's: an empty primary, a catalogue, two images, errors, a mask and a cube."""
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.ones(3))], name="CAT")
    planes = [
        fits.PrimaryHDU(),
        table,
        fits.ImageHDU(DATA.astype(">f4"), sky_header(), name="SCI"),
        fits.ImageHDU(DATA + 100, name="SCI", ver=2),
        fits.ImageHDU(np.full(SHAPE, 4.0), name="INVVAR"),
        fits.ImageHDU((DATA == 3).astype("u1"), name="DQ"),
        fits.ImageHDU(DATA[None], name="SLICE"),
        fits.ImageHDU(np.ones((2, 5, 7)), name="CUBE"),
        fits.ImageHDU(np.ones(9), name="SPECTRUM"),
    ]
    path = tmp_path / "several.fits"
    fits.HDUList(planes).writeto(path)
    return path


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", ">i4", "u1", ">u2"])
def test_any_dtype_of_fits(tmp_path, dtype):
    fits.writeto(tmp_path / "a.fits", DATA.astype(dtype))
    image = Image.read(tmp_path / "a.fits", sigma=1.0)
    np.testing.assert_array_equal(image.data, DATA)
    assert image.data.dtype.isnative


def test_each_plane_is_a_file_or_an_array(tmp_path):
    psf = np.outer([1, 2, 1], [1, 2, 1]) / 16
    mask = DATA > 30
    for name, plane in {"sci": DATA, "rms": DATA + 1, "psf": psf, "mask": mask.astype("i2")}.items():
        fits.writeto(tmp_path / f"{name}.fits", plane)
    files = {"sigma": tmp_path / "rms.fits", "psf": str(tmp_path / "psf.fits"), "mask": tmp_path / "mask.fits"}
    image = Image.read(tmp_path / "sci.fits", **files, zeropoint=22.5, band="r")
    np.testing.assert_array_equal(image.sigma, DATA + 1)
    np.testing.assert_array_equal(image.psf, psf)
    np.testing.assert_array_equal(image.mask, mask)
    assert (image.zeropoint, image.band, image.wcs, image.pixel_scale) == (22.5, "r", None, None)
    mixed = Image.read(DATA, sigma=tmp_path / "rms.fits", mask=mask)
    np.testing.assert_array_equal(mixed.sigma, DATA + 1)


def test_extensions_by_name_number_and_version(several):
    def first(name):
        return read_plane("data", f"{several}{name}").array[0, 0]

    assert [first(name) for name in ("", "[SCI]", "[sci]", "[ SCI,1 ]", "[2]")] == [0] * 5
    assert [first("[SCI,2]"), first("[3]"), first("[INVVAR]")] == [100, 100, 4]


def test_one_file_holds_all(several):
    image = Image.read(f"{several}[SCI]", invvar=f"{several}[INVVAR]", mask=f"{several}[DQ]")
    assert image.sigma[0, 0] == 0.5
    assert np.argwhere(image.mask).tolist() == [[0, 3]]
    assert image.pixel_scale == pytest.approx(0.2, rel=1e-9)
    sky = image.wcs.pixel_to_world(3, 2)
    assert (sky.ra.deg, sky.dec.deg) == pytest.approx((150.0, 2.0))
    assert Image.read(several, weight=4.0).sigma[0, 0] == 0.5
    with pytest.warns(UserWarning, match=r"pixel_scale is 0\.3 arcsec, that of wcs 0\.2"):
        assert Image.read(several, sigma=1, pixel_scale=0.3).pixel_scale == 0.3
    assert Image.read(several, gain=1.0, read_noise=2.0).sigma[0, 4] == pytest.approx(np.sqrt(8))


def test_a_cube_of_one_plane_is_an_image(several, tmp_path):
    np.testing.assert_array_equal(read_plane("data", f"{several}[SLICE]").array, DATA)
    fits.writeto(tmp_path / "row.fits", np.ones((1, 7)))
    assert read_plane("data", tmp_path / "row.fits").array.shape == (1, 7)


def test_scaled_and_compressed_pixels(tmp_path):
    scaled = fits.ImageHDU(DATA.copy())  # astropy scales in place
    scaled.scale("int16", bscale=0.5, bzero=10.0)
    scaled.writeto(tmp_path / "scaled.fits")
    np.testing.assert_array_equal(read_plane("data", tmp_path / "scaled.fits").array, DATA)
    packed = fits.CompImageHDU(DATA.astype("i4"), sky_header(), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "packed.fits.fz")
    image = Image.read(tmp_path / "packed.fits.fz", sigma=1)
    np.testing.assert_array_equal(image.data, DATA)
    assert image.pixel_scale == pytest.approx(0.2)
    fits.writeto(tmp_path / "zipped.fits.gz", DATA)
    np.testing.assert_array_equal(Image.read(tmp_path / "zipped.fits.gz", sigma=1).data, DATA)


def test_pixels_of_a_file_without_a_number_are_excluded(tmp_path):
    hdu = fits.PrimaryHDU(DATA.astype("i2"))
    hdu.header["BLANK"] = 3
    hdu.writeto(tmp_path / "blank.fits")
    with pytest.warns(UserWarning, match=r"^data are not finite in 1 pixels: they are excluded from the fit$"):
        image = Image.read(tmp_path / "blank.fits", sigma=1)
    assert np.argwhere(image.mask).tolist() == [[0, 3]]
    assert Image.read(tmp_path / "blank.fits", sigma=1, mask=DATA == 3).mask.sum() == 1


def test_unequal_pixels_have_a_mean_scale(tmp_path):
    header = sky_header()
    header["CDELT1"] *= 4
    fits.writeto(tmp_path / "a.fits", DATA, header)
    assert Image.read(tmp_path / "a.fits", sigma=1).pixel_scale == pytest.approx(0.4)


def test_a_bad_wcs_is_left_out(tmp_path):
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "RA---TAN"})
    fits.writeto(tmp_path / "a.fits", DATA, header)
    with pytest.warns(UserWarning, match=r"^data: the WCS of .*a.fits\[0\] is ignored \(it can't be read: "):
        image = Image.read(tmp_path / "a.fits", sigma=1)
    assert image.wcs is None


def test_brackets_in_a_files_own_name(tmp_path):
    fits.writeto(tmp_path / "a[1].fits", DATA)
    fits.writeto(tmp_path / "b.fits[1]", DATA + 1)
    assert read_plane("data", tmp_path / "a[1].fits").array[0, 0] == 0
    assert read_plane("data", tmp_path / "b.fits[1]").array[0, 0] == 1


# extension -> message
WRONG_EXTENSIONS = {
    "[RMS]": r"^sigma: '.*several.fits' has no extension \[RMS\]; it has \[0\] PRIMARY \(empty\), "
    r"\[1\] CAT \(a table\), \[2\] SCI 5 x 7, .*\[7\] CUBE 2 x 5 x 7",
    "[99]": r"has no extension \[99\]; it has",
    "[]": r"has no extension \[\]; it has",
    "[SCI,3]": r"has no extension \[SCI,3\]; it has",
    "[0]": r"^sigma: .*several.fits\[0\] has no pixels; expected a 2-d image$",
    "[CAT]": r"^sigma: .*several.fits\[1\] is a table; expected a 2-d image$",
    "[CUBE]": r"^sigma: .*several.fits\[7\] \(CUBE\) has the shape \(2, 5, 7\); expected a 2-d image \[y, x\] \(give",
    "[SPECTRUM]": r"^sigma: .*several.fits\[8\] \(SPECTRUM\) has the shape \(9,\); expected",
}


@pytest.mark.parametrize("extension", WRONG_EXTENSIONS)
def test_a_wrong_extension_is_reported(several, extension):
    with pytest.raises(ValueError, match=WRONG_EXTENSIONS[extension]):
        Image.read(several, sigma=f"{several}{extension}")


def test_a_wrong_file_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^mask: there is no file '.*none.fits'$"):
        Image.read(DATA, sigma=1, mask=tmp_path / "none.fits")
    (tmp_path / "text.fits").write_text("no image at all")
    with pytest.raises(ValueError, match=r"^psf: '.*text.fits' is not a FITS file \("):
        Image.read(DATA, sigma=1, psf=tmp_path / "text.fits")
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "empty.fits")
    with pytest.raises(ValueError, match=r"^data: '.*empty.fits' has no 2-d image; it has \[0\] PRIMARY \(empty\)$"):
        Image.read(tmp_path / "empty.fits", sigma=1)


def test_a_truncated_file_is_reported(tmp_path):
    path = tmp_path / "cut.fits"
    fits.writeto(path, np.ones((100, 100)))
    path.write_bytes(path.read_bytes()[:20000])
    with (
        pytest.warns(UserWarning, match="truncated"),
        pytest.raises(ValueError, match=r"^data: the pixels of .*cut.fits\[0\] can't be read \("),
    ):
        Image.read(path, sigma=1)


def test_a_wrong_array_names_its_file(tmp_path):
    fits.writeto(tmp_path / "sci.fits", DATA)
    fits.writeto(tmp_path / "rms.fits", np.ones((7, 5)))
    message = (
        r"^sigma must have the shape of data, \(5, 7\), got \(7, 5\) \(data: .*sci.fits\[0\], sigma: .*rms.fits\[0\]\)$"
    )
    with pytest.raises(ValueError, match=message):
        Image.read(tmp_path / "sci.fits", sigma=tmp_path / "rms.fits")


def test_zero_sigma_and_nan_of_a_file(tmp_path):
    fits.writeto(tmp_path / "rms.fits", DATA)
    with pytest.warns(UserWarning, match="zero or not finite in 1 pixels"):
        assert Image.read(DATA, sigma=tmp_path / "rms.fits").mask.sum() == 1


def test_the_galfit_examples_malformed_header(shared_data):
    folder = shared_data / "galfit_example"
    with pytest.warns(UserWarning, match=r"^psf sums to 12507"):
        image = Image.read(folder / "gal.fits", psf=folder / "psf.fits", gain=1.0, read_noise=5.0)
    assert image.shape == (93, 93)
    assert image.pixel_scale == pytest.approx(0.05, rel=1e-3)  # HST/ACS


def test_a_survey_cutout_with_inverse_variance(shared_data):
    folder = shared_data / "legacy"
    cutout, psf = folder / "cutout_59.1067_-30.4848.fits", folder / "copsf_59.1067_-30.4848.fits"
    image = Image.read(f"{cutout}[3]", invvar=f"{cutout}[4]", psf=f"{psf}[1]", zeropoint=22.5, band="r")
    assert image.pixel_scale == pytest.approx(0.262, rel=1e-6)
    sky = image.wcs.pixel_to_world(127.5, 127.5)
    assert (sky.ra.deg, sky.dec.deg) == pytest.approx((59.1067, -30.4848), abs=0.01)


def test_kids_planes(shared_data):
    files = {name: shared_data / "kids" / f"G265940{name}.fits" for name in ("fitim", "sigma", "psfim", "mskim")}
    with pytest.warns(UserWarning, match="psf sums to 1.39"):
        image = Image.read(files["fitim"], sigma=files["sigma"], psf=files["psfim"], mask=files["mskim"])
    assert image.shape == (103, 161)
    assert 0 < image.sigma[image.valid].max() < 1e-9


def test_imfit_planes(shared_data):
    folder = shared_data / "imfit"
    detector = {"gain": 4.725, "read_noise": 4.3, "sky_level": 130.14}
    with pytest.warns(UserWarning, match="psf sums to 10"):
        image = Image.read(
            folder / "ic3478rss_256.fits",
            psf=folder / "psf_moffat_51.fits",
            mask=folder / "ic3478rss_256_mask.fits",
            **detector,
        )
    assert image.pixel_scale == pytest.approx(0.396, rel=1e-3)
    assert 0 < image.mask.sum() < image.mask.size / 2


@pytest.mark.parametrize("scaled", [{"BZERO": 32768, "BSCALE": 1}, {"BZERO": 7.0, "BSCALE": 0.5}, {}])
def test_blank_integers_are_excluded(tmp_path, scaled):
    """Unsigned integers, which are signed ones with an offset, as well as scaled and plain ones."""
    stored = DATA.astype("i2")
    stored[1, 2] = -32768
    fits.writeto(tmp_path / "a.fits", stored)
    with fits.open(tmp_path / "a.fits", do_not_scale_image_data=True, mode="update") as hdus:
        hdus[0].header.update({**scaled, "BLANK": -32768})
    with pytest.warns(UserWarning, match="data are not finite in 1 pixels"):
        image = Image.read(tmp_path / "a.fits", sigma=1.0)
    assert np.argwhere(image.mask).tolist() == [[1, 2]]
    expected = scaled.get("BSCALE", 1) * DATA + scaled.get("BZERO", 0)
    np.testing.assert_allclose(image.data[image.valid], expected[image.valid])


@pytest.mark.parametrize("value", ["NaN", "Inf", "'150.0'", "1.2.3"])
@pytest.mark.parametrize("card", ["CRVAL1", "CRPIX2", "CDELT1"])
def test_a_wcs_with_a_card_that_is_no_number_is_left_out(tmp_path, card, value):
    """astropy would read another place on the sky."""
    path = tmp_path / "a.fits"
    fits.writeto(path, DATA, sky_header())
    raw = path.read_bytes()
    at = raw.index(f"{card:<8}=".encode())
    path.write_bytes(raw[:at] + f"{card:<8}= {value:>20}".ljust(80).encode() + raw[at + 80 :])
    with pytest.warns(UserWarning, match=rf"the WCS of .*a.fits\[0\] is ignored \({card} is not a finite number\)"):
        image = Image.read(path, sigma=1.0)
    assert image.wcs is None
