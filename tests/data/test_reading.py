"""Files as observatories and surveys write them: what `Image.read` takes from them, and says of it."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D, InverseVariance, NDData, StdDevUncertainty, VarianceUncertainty
from astropy.wcs import WCS

from sersiclab.data.image import Image


SHAPE = (40, 50)


def sky_header(scale=0.2, **cards):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.0, 2.0
    wcs.wcs.crpix = 25.0, 20.0
    wcs.wcs.cdelt = -scale / 3600, scale / 3600
    return fits.Header({**wcs.to_header(), **cards})


@pytest.fixture
def noise(rng):
    return rng.normal(10.0, 2.0, SHAPE)


def write(path, *planes, **primary):
    """A file of an empty primary with cards and of extensions (name, array, cards)."""
    first = fits.PrimaryHDU()
    first.header.update(primary)
    hdus = [first]
    for name, array, cards in planes:
        hdu = fits.ImageHDU(array, name=name)
        hdu.header.update(cards)
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path)
    return path


def test_jwst(tmp_path, noise):
    dq = np.zeros(SHAPE, "u4")
    dq[0, :3] = 1, 4, 5  # DO_NOT_USE, a jump that was mended, both
    noise[5, 5] = np.nan
    dq[5, 5] = 1
    cards = sky_header(0.063, BUNIT="MJy/sr", PIXAR_SR=9.31e-14, PHOTMJSR=3.1)
    path = write(
        tmp_path / "i2d.fits",
        ("SCI", noise, cards),
        ("ERR", np.full(SHAPE, 2.0, "f4"), {"BUNIT": "MJy/sr"}),
        ("DQ", dq, {}),
        ("WHT", np.ones(SHAPE), {}),
        TELESCOP="JWST",
        FILTER="F277W",
    )
    image = Image.read(path)
    assert np.argwhere(image.mask).tolist() == [[0, 0], [0, 2], [5, 5]]
    assert (image.sigma[9, 9], image.band, image.unit) == (2.0, "F277W", "MJy / sr")
    assert image.zeropoint == pytest.approx((9.31e-14 * u.MJy).to_value(u.ABmag))
    assert image.pixel_scale == pytest.approx(0.063)
    said = repr(image)
    for expected in ("40 x 50 pixels", "F277W", "i2d.fits[2]", "i2d.fits[3]: DO_NOT_USE", "PIXAR_SR"):
        assert expected in said


def test_hst_flat_fielded_frames_pair_by_version(tmp_path, noise):
    planes = []
    for version in (1, 2):
        cards = {"EXTVER": version, "BUNIT": "ELECTRONS"}
        planes += [("SCI", noise + version, cards), ("ERR", np.full(SHAPE, float(version)), cards)]
        planes += [("DQ", np.full(SHAPE, 0, "i2"), {"EXTVER": version})]
    planes[-1][1][3, 4] = 64
    path = write(tmp_path / "flt.fits", *planes, TELESCOP="HST", FILTER1="CLEAR1L", FILTER2="F814W", EXPTIME=500.0)
    assert Image.read(path).sigma[0, 0] == 1.0
    second = Image.read(f"{path}[SCI,2]")
    assert (second.sigma[0, 0], second.band, second.gain) == (2.0, "F814W", 1.0)
    assert np.argwhere(second.mask).tolist() == [[3, 4]]


def test_weights_that_are_exposure_times_are_reported_and_scaled(tmp_path, noise):
    exposure = np.full(SHAPE, 900.0)
    exposure[:, :10] = 450.0
    noise[:, :10] = 10.0 + (noise[:, :10] - 10.0) * np.sqrt(2.0)
    path = write(tmp_path / "drz.fits", ("SCI", noise, {"BUNIT": "ELECTRONS/S"}), ("WHT", exposure, {}), EXPTIME=900.0)
    with pytest.warns(
        UserWarning, match=r"^weight: .*drz.fits\[2\] is not an inverse variance: the sky scatters (59|60)\."
    ):
        image = Image.read(path)
    assert image.sigma[0, 20] == pytest.approx(2.0, rel=0.05)
    assert image.sigma[0, 5] == pytest.approx(2.0 * np.sqrt(2.0), rel=0.05)
    assert image.gain == 900.0


def test_weights_that_are_inverse_variances_are_taken_as_they_are(tmp_path, noise):
    path = write(tmp_path / "drz.fits", ("SCI", noise, {}), ("WHT", np.full(SHAPE, 0.25), {}))
    assert Image.read(path).sigma[0, 0] == 2.0
    assert Image.read(path, weight=1.0).sigma[0, 0] == 1.0  # an explicit argument wins


def test_hsc(tmp_path, noise):
    flags = np.zeros(SHAPE, "i4")
    flags[1, :4] = 1, 2, 32, 34  # BAD, SAT, DETECTED, SAT and DETECTED
    bits = {"MP_BAD": 0, "MP_SAT": 1, "MP_CR": 3, "MP_EDGE": 4, "HIERARCH MP_DETECTED": 5, "HIERARCH MP_NO_DATA": 8}
    path = write(
        tmp_path / "hsc.fits",
        ("IMAGE", noise, sky_header(0.168)),
        ("MASK", flags, bits),
        ("VARIANCE", np.full(SHAPE, 4.0), {}),
        FLUXMAG0=63095734448.0194,
    )
    image = Image.read(path)
    assert image.zeropoint == pytest.approx(27.0)
    assert np.argwhere(image.mask).tolist() == [[1, 0], [1, 1], [1, 3]]
    assert image.sigma[0, 0] == 2.0
    assert Image.read(path, mask=f"{path}[MASK]").mask.sum() == 3
    assert Image.read(path, mask=np.zeros(SHAPE)).mask.sum() == 0
    assert Image.read(path, zeropoint=30.0).zeropoint == 30.0


def test_legacy_pairs_by_band(tmp_path, noise):
    planes = []
    for i, band in enumerate("grz", start=1):
        cards = {"BAND": band, "SURVEY": "DECaLS", "VERSION": "DR9-south"}
        planes += [("", noise + i, cards | {"IMAGETYP": "image"})]
        planes += [("", np.full(SHAPE, 1 / i**2), cards | {"IMAGETYP": "invvar"})]
    path = write(tmp_path / "legacy.fits", *planes)
    for i, band in enumerate("grz", start=1):
        image = Image.read(path, band=band)
        np.testing.assert_array_equal(image.data, noise + i)
        assert (image.sigma[0, 0], image.band, image.zeropoint, image.unit) == (i, band, 22.5, "nmgy")
    with pytest.raises(ValueError, match=r"^data: '.*legacy.fits' has no band 'i'; it has (g|r|z), "):
        Image.read(path, band="i")
    assert Image.read(f"{path}[3]").band == "r"


def test_a_cube_that_names_its_bands(tmp_path, noise):
    cube = np.stack([noise, noise + 1, noise + 2])
    fits.writeto(tmp_path / "cube.fits", cube, fits.Header({"BANDS": "grz"}))
    np.testing.assert_array_equal(Image.read(tmp_path / "cube.fits", band="r", sigma=1).data, noise + 1)
    with pytest.raises(ValueError, match=r"has the shape \(3, 40, 50\); .* \(give band=, one of g, r, z\)$"):
        Image.read(tmp_path / "cube.fits", sigma=1)


@pytest.mark.parametrize("named", [True, False])
def test_legacy_cutouts_of_several_bands_bring_their_companions(tmp_path, rng, named):
    """As the viewer writes them with invvar and maskbits: cubes of all bands, and one plane of flags."""
    cube = rng.normal(10.0, 2.0, (4, *SHAPE)).astype("f4")
    inverse = np.arange(1.0, 5.0)[:, None, None] * np.ones((4, *SHAPE))
    flags = np.zeros(SHAPE, "i4")
    flags[0, :6] = 2**3, 2**6, 2**2, 2**12, 2**1, 2**14  # SATUR_R, ALLMASK_R, SATUR_G, GALAXY, BRIGHT, SATUR_I
    cards = {**sky_header(0.262), "SURVEY": "LegacySurvey", "VERSION": "DR10", "BANDS": "griz"}
    cards |= {f"BAND{i}": band for i, band in enumerate("griz")} if named else {}
    kinds = {"IMAGE": cube, "INVVAR": inverse, "MASKBITS": flags}
    hdus = [(fits.ImageHDU if i else fits.PrimaryHDU)(plane) for i, plane in enumerate(kinds.values())]
    for kind, hdu in zip(kinds, hdus, strict=True):
        hdu.header.update({**cards, "IMAGETYP": kind})
    if not named:
        del hdus[1].header["BANDS"]  # companions may leave it to the image
    fits.HDUList(hdus).writeto(tmp_path / "cutout.fits")
    for i, band in enumerate("griz"):
        image = Image.read(tmp_path / "cutout.fits", band=band)
        np.testing.assert_array_equal(image.data, cube[i])
        np.testing.assert_allclose(image.sigma, (i + 1) ** -0.5)
        assert (image.band, image.zeropoint, image.unit) == (band, 22.5, "nmgy")
        expected = {"g": [[0, 2]], "r": [[0, 0], [0, 1]], "i": [[0, 5]], "z": []}[band]
        assert np.argwhere(image.mask).tolist() == expected
    part = Image.read(f"{tmp_path / 'cutout.fits'}[2:30,1:20]", band="R")
    np.testing.assert_array_equal(part.data, cube[1, :20, 1:30])
    assert part.sigma[0, 0] == pytest.approx(0.5**0.5)
    explicit = Image.read(f"{tmp_path}/cutout.fits[0]", mask=f"{tmp_path}/cutout.fits[2]", band="r")
    assert np.argwhere(explicit.mask).tolist() == [[0, 0], [0, 1]]
    with pytest.raises(ValueError, match=r"\(give band=, one of g, r, i, z\)$"):
        Image.read(tmp_path / "cutout.fits")


def test_galfits_imgblock_with_a_constant_first_plane(tmp_path, noise):
    planes = [fits.PrimaryHDU(np.zeros(SHAPE))]
    planes += [fits.ImageHDU(plane) for plane in (noise, noise - 1.0, np.ones(SHAPE))]
    fits.HDUList(planes).writeto(tmp_path / "imgblock.fits")
    with pytest.warns(UserWarning, match=r"^data: .*\[0\] has one value in every pixel; .*\[1\] is read instead"):
        image = Image.read(tmp_path / "imgblock.fits", sigma=2.0)
    np.testing.assert_array_equal(image.data, noise)
    np.testing.assert_array_equal(Image.read(f"{tmp_path}/imgblock.fits[2]", sigma=2.0).data, noise - 1.0)
    assert Image.read(f"{tmp_path}/imgblock.fits[0]", sigma=2.0).data.max() == 0.0
    # a constant error map or mask is as it should be
    assert Image.read(noise, sigma=f"{tmp_path}/imgblock.fits[3]", mask=tmp_path / "imgblock.fits").sigma[0, 0] == 1.0


def test_euclid_extensions_share_a_prefix(tmp_path, noise):
    planes = []
    for i, ccd in enumerate(("1-1.E", "1-1.F"), start=1):
        planes += [(f"{ccd}.SCI", noise, {"MAGZEROP": 24.6}), (f"{ccd}.RMS", np.full(SHAPE, float(i)), {})]
        planes += [(f"{ccd}.FLG", np.full(SHAPE, i - 1, "i4") * (noise > 12), {})]
    path = write(tmp_path / "vis.fits", *planes)
    image = Image.read(f"{path}[1-1.F.SCI]")
    assert image.sigma[0, 0] == 2.0
    np.testing.assert_array_equal(image.mask, noise > 12)
    assert Image.read(path).mask.sum() == 0


def test_bricks_and_tiles_have_their_planes_in_files_of_their_own(tmp_path, noise, rng):
    """Compressed: Legacy Surveys' bricks (fpack) and Euclid's tiles (gzip)."""
    compressed = fits.CompImageHDU(noise.astype("f4"), sky_header(0.262, FILTER="r", MAGZERO=22.5))
    fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(tmp_path / "image-r.fits.fz")
    inverse = fits.CompImageHDU(rng.normal(0.25, 0.001, SHAPE).astype("f4"))
    fits.HDUList([fits.PrimaryHDU(), inverse]).writeto(tmp_path / "invvar-r.fits.fz")
    image = Image.read(tmp_path / "image-r.fits.fz", invvar=tmp_path / "invvar-r.fits.fz")
    np.testing.assert_allclose(image.data, noise, atol=0.2)  # quantised in steps of the noise
    np.testing.assert_allclose(image.sigma, 2.0, rtol=0.02)
    assert (image.zeropoint, image.band) == (22.5, "r")
    assert image.pixel_scale == pytest.approx(0.262)

    flags = np.zeros(SHAPE, "i4")
    flags[2, 3] = 512
    for name, plane, cards in (
        ("vis", noise, sky_header(0.1, FILTER="VIS", MAGZERO=23.9)),
        ("rms", np.full(SHAPE, 2.0), None),
        ("flag", flags, None),
    ):
        fits.writeto(tmp_path / f"{name}.fits.gz", plane, cards)
    image = Image.read(tmp_path / "vis.fits.gz", sigma=tmp_path / "rms.fits.gz", mask=tmp_path / "flag.fits.gz")
    assert (image.zeropoint, image.band, image.sigma[0, 0]) == (23.9, "VIS", 2.0)
    assert np.argwhere(image.mask).tolist() == [[2, 3]]


def test_what_is_no_image_is_explained(tmp_path, noise):
    (tmp_path / "page.fits").write_text("<html>404: no such cutout</html>")
    with pytest.raises(ValueError, match=r"^data: '.*page.fits' is not a FITS file \("):
        Image.read(tmp_path / "page.fits")
    (tmp_path / "empty.fits").touch()
    with pytest.raises(ValueError, match=r"^data: '.*empty.fits' is not a FITS file \("):
        Image.read(tmp_path / "empty.fits")
    path = write(tmp_path / "whole.fits", ("SCI", noise, {}))
    cut = tmp_path / "cut.fits"
    cut.write_bytes(path.read_bytes()[:9000])
    with (
        pytest.warns(UserWarning, match="File may have been truncated"),  # astropy's
        pytest.raises(ValueError, match=r"^data: the pixels of .*cut.fits\[1\] can't be read \("),
    ):
        Image.read(cut)
    with pytest.raises(ValueError, match=r"^sigma must have the shape of data, \(40, 50\), got \(3, 3\) \(data: "):
        Image.read(path, sigma=np.ones((3, 3)))


def test_sdss_frames_have_no_errors_but_a_calibration_and_a_sky(tmp_path, noise):
    hdus = [fits.PrimaryHDU(noise.astype("f4"), sky_header(0.396, BUNIT="nanomaggy", FILTER="r"))]
    hdus += [fits.ImageHDU(np.ones(50)), fits.BinTableHDU.from_columns([fits.Column("ALLSKY", "E", array=[1.0])])]
    fits.HDUList(hdus).writeto(tmp_path / "frame.fits.gz")
    with pytest.warns(
        UserWarning, match=r"^there is no error map: sigma is measured: sky (9\.9|10).* \+- [12]\.\d+; give sigma"
    ):
        image = Image.read(tmp_path / "frame.fits.gz")
    assert (image.zeropoint, image.band, image.unit) == (22.5, "r", "nmgy")
    assert np.ptp(image.sigma) == 0
    assert image.sigma[0, 0] == pytest.approx(2.0, rel=0.05)


def test_measured_noise_has_the_photons_of_the_header(tmp_path, noise):
    noise[20, 20] = 10010.0
    noise[0, 0] = np.nan
    cards = {"BUNIT": "ADU", "GAIN": 2.0, "NCOMBINE": 4}
    path = write(tmp_path / "ccd.fits", ("SCI", noise, cards))
    with pytest.warns(UserWarning, match="data are not finite|there is no error map") as caught:
        image = Image.read(path)
    assert sorted(str(w.message)[:24] for w in caught) == ["data are not finite in 1", "there is no error map: s"]
    assert image.sigma[20, 20] == pytest.approx(np.sqrt(4.0 + 10000 / 8), rel=0.01)
    assert image.gain == 8.0
    explicit = Image.read(path, gain=1.0, read_noise=3.0, mask=~np.isfinite(noise))
    assert explicit.sigma[20, 20] == pytest.approx(np.sqrt(10010 + 9))
    assert explicit.gain == 1.0


def test_a_galaxy_that_fills_the_image_does_not_widen_the_measured_noise(tmp_path, rng):
    y, x = np.indices((240, 250))
    galaxy = 150.0 * np.exp(-np.hypot(x - 120, y - 125) / 50.0)  # half the light of the brightest pixel at 35
    data = galaxy + rng.normal(10.0, 2.0, galaxy.shape)
    data[200:, :60] = np.nan
    fits.writeto(tmp_path / "a.fits", data)
    with pytest.warns(UserWarning, match="there is no error map"):
        sigma = Image.read(tmp_path / "a.fits", mask=np.isnan(data)).sigma
    assert np.median(sigma) == pytest.approx(2.0, rel=0.1)


def test_measured_noise_does_not_make_the_sky_fainter(tmp_path, rng):
    """A mean weighted by each pixel's own photons would come out half a count too low."""
    y, x = np.indices((120, 120))
    galaxy = 300.0 * np.exp(-np.hypot(x - 60.3, y - 57.1) / 4.0)
    counts = rng.poisson(galaxy + 40.0) - 40.0
    path = write(tmp_path / "ccd.fits", ("SCI", counts, {"BUNIT": "ELECTRONS"}))
    with pytest.warns(UserWarning, match="photons by gain 1"):
        image = Image.read(path)
    left = (image.data - galaxy) / image.sigma
    blank = np.hypot(x - 60, y - 57) > 30
    error = np.sqrt((image.sigma[blank] ** -2).sum()) ** -1
    assert (left[blank] / image.sigma[blank]).sum() * error**2 == pytest.approx(0.0, abs=3 * error)
    assert left[~blank].std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("kind", ["array", "quantity", "masked", "list", "integers"])
def test_the_noise_of_an_array_alone_is_measured(noise, kind):
    data = {
        "array": noise,
        "quantity": noise * u.nJy,
        "masked": np.ma.masked_where(noise > noise.max() - 1e-9, noise),
        "list": noise.tolist(),
        "integers": np.round(10 * noise).astype(">i2"),
    }[kind]
    with pytest.warns(UserWarning, match=r"^there is no error map: sigma is measured"):
        image = Image.read(data, psf=np.ones((3, 3)) / 9)
    np.testing.assert_allclose(image.sigma, np.std(noise) * (10 if kind == "integers" else 1), rtol=0.05)
    assert image.unit == ("nJy" if kind == "quantity" else None)
    assert image.mask.sum() == (kind == "masked")


@pytest.mark.parametrize("data", [np.ones(5), np.ones((2, 3, 4)), np.full((3, 3), "a"), [[1, 2], [3]], np.ones((0, 2))])
def test_anything_but_an_image_is_refused_before_it_is_measured(data):
    with pytest.raises((TypeError, ValueError), match=r"^data must be "):
        Image.read(data)


def test_an_image_without_scatter_needs_an_error_map():
    with pytest.raises(ValueError, match=r"^the image needs an error map"):
        Image.read(np.ones((20, 20)))


@pytest.mark.parametrize(
    "kind",
    [
        StdDevUncertainty(2.0 * np.ones(SHAPE)),
        VarianceUncertainty(4.0 * np.ones(SHAPE)),
        InverseVariance(0.25 * np.ones(SHAPE)),
    ],
)
def test_nddata_brings_all_it_holds(tmp_path, noise, kind):
    header = sky_header(0.2, FILTER="i")
    ccd = CCDData(noise, unit="nJy", uncertainty=kind, mask=noise > 14, meta=dict(header), wcs=WCS(header))
    image = Image.read(ccd)
    np.testing.assert_array_equal(image.mask, noise > 14)
    np.testing.assert_allclose(image.sigma, 2.0)
    assert image.zeropoint == pytest.approx(31.4, abs=1e-3)
    assert (image.band, image.unit) == ("i", "nJy")
    assert image.pixel_scale == pytest.approx(0.2)
    ccd.write(tmp_path / "ccd.fits")
    again = Image.read(tmp_path / "ccd.fits")
    np.testing.assert_allclose(again.sigma, 2.0)
    np.testing.assert_array_equal(again.mask, image.mask)
    with pytest.raises(
        TypeError, match=r"^data must be an array, got CCDData; Image.read accepts it, with its mask and uncertainty$"
    ):
        Image(ccd, sigma=1.0)


def test_plain_nddata_cutouts_and_open_files(tmp_path, noise):
    np.testing.assert_array_equal(Image.read(NDData(noise), sigma=1.0).data, noise)
    part = Cutout2D(noise, (25, 20), (10, 12), wcs=WCS(sky_header()))
    image = Image.read(part, sigma=2.0)
    assert image.shape == (10, 12)
    assert image.pixel_scale == pytest.approx(0.2)
    path = write(tmp_path / "a.fits", ("SCI", noise, {}), ("ERR", np.full(SHAPE, 2.0), {}))
    with fits.open(path) as file:
        assert Image.read(file).sigma[0, 0] == 2.0
        assert Image.read(file["SCI"], sigma=file["ERR"]).sigma[0, 0] == 2.0


def test_arrays_with_units(noise):
    image = Image.read(noise * u.nJy, sigma=0.002 * np.ones(SHAPE) * u.uJy)
    assert (image.unit, image.sigma[0, 0]) == ("nJy", pytest.approx(2.0))
    assert image.zeropoint == pytest.approx(31.4, abs=1e-3)
    assert Image.read(noise * u.nJy, invvar=0.25 * np.ones(SHAPE) / u.nJy**2).sigma[0, 0] == 2.0
    kind = StdDevUncertainty(0.002 * np.ones(SHAPE), unit=u.uJy)
    assert Image.read(CCDData(noise, unit="nJy", uncertainty=kind)).sigma[0, 0] == pytest.approx(2.0)
    with pytest.raises(ValueError, match=r"^sigma must have the unit nJy, got pix$"):
        Image.read(noise * u.nJy, sigma=np.ones(SHAPE) * u.pix)
    with pytest.raises(ValueError, match=r"^sigma has the unit nJy and data have none; give both with their units"):
        Image.read(noise, sigma=np.ones(SHAPE) * u.nJy)


def test_a_wcs_without_a_scale_is_left_out(tmp_path, noise):
    fits.writeto(tmp_path / "a.fits", noise, fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "PIXSCALE": 0.2}))
    with pytest.warns(UserWarning, match=r"the WCS of .*a.fits\[0\] is ignored \(its pixels are 60 arcmin wide: CDELT"):
        image = Image.read(tmp_path / "a.fits", sigma=2.0)
    assert (image.wcs, image.pixel_scale) == (None, 0.2)


def test_npy_files(tmp_path, noise):
    np.save(tmp_path / "a.npy", noise)
    np.save(tmp_path / "s.npy", np.full(SHAPE, 2.0))
    image = Image.read(tmp_path / "a.npy", sigma=tmp_path / "s.npy", psf=np.ones((3, 3)) / 9)
    assert image.sigma[0, 0] == 2.0
    with pytest.raises(FileNotFoundError, match=r"^mask: there is no file"):
        Image.read(tmp_path / "a.npy", sigma=1.0, mask=tmp_path / "m.npy")
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(ValueError, match=r"^mask: '.*text.npy' is not a file of a numpy array"):
        Image.read(tmp_path / "a.npy", sigma=1.0, mask=str(tmp_path / "text.npy"))


def test_broken_cards_do_not_stop_the_reading(tmp_path, noise):
    path = write(tmp_path / "bad.fits", ("SCI", noise, {"BUNIT": "furlongs", "GAIN": 1.0}), ("ERR", noise * 0 + 2, {}))
    raw = path.read_bytes().replace(b"GAIN    =                  1.0", b"GAIN    = 1.2.3 '".ljust(30))
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.read(path)
    assert image.gain is None
    assert "unit unknown (BUNIT = furlongs)" in image.provenance


def test_the_unit_is_checked_and_kept():
    image = Image(np.ones((3, 3)), sigma=1.0, unit=u.electron / u.s)
    assert image.unit == "electron / s"
    with pytest.raises(
        ValueError, match=r"^unit must be a unit of light that astropy knows, such as 'nmgy' .*, got 'furlongs'$"
    ):
        Image(np.ones((3, 3)), sigma=1.0, unit="furlongs")


def test_a_cutout_carries_everything(noise):
    wcs = WCS(sky_header())
    psf = np.full((3, 3), 1 / 9)
    image = Image(
        noise,
        sigma=1 + noise**2,
        psf=psf,
        mask=noise > 12,
        wcs=wcs,
        pixel_scale=0.2,
        zeropoint=25,
        band="r",
        unit="adu",
    )
    part = image.cutout((30, 12), (11, 7))
    rows, columns = slice(7, 18), slice(27, 34)
    np.testing.assert_array_equal(part.data, image.data[rows, columns])
    np.testing.assert_array_equal(part.sigma, image.sigma[rows, columns])
    np.testing.assert_array_equal(part.mask, image.mask[rows, columns])
    np.testing.assert_allclose(part.psf, psf)
    assert (part.zeropoint, part.pixel_scale, part.band, part.unit) == (25, 0.2, "r", "adu")
    there, here = wcs.pixel_to_world(30, 12), part.wcs.pixel_to_world(3, 5)
    assert there.separation(here).arcsec < 1e-6
    by_sky = image.cutout(there, (11, 7))
    np.testing.assert_array_equal(by_sky.data, part.data)
    assert image.cutout(there, 2.2 * u.arcsec).shape == (11, 11)


def test_a_cutout_at_the_edge_is_smaller_and_one_outside_is_an_error(noise):
    image = Image(noise, sigma=1.0)
    assert image.cutout((0, 0), 11).shape == (6, 6)
    with pytest.raises(ValueError, match=r"^position must lie in the image of shape \(40, 50\), got \(500, 0\)$"):
        image.cutout((500, 0), 11)
    with pytest.raises(ValueError, match=r"^position is a SkyCoord and the image has no WCS"):
        image.cutout(SkyCoord(150.0, 2.0, unit="deg"), 11)
