"""What a PSF's samples show: its centre, its width, and what is likely to be wrong with it."""

import warnings

import galsim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.data.image import Image
from sersiclab.data.psf_shape import origin_of, smooth_psf
from sersiclab.model import Model, render
from sersiclab.profiles import Sersic


SHAPE = (33, 38)
GALAXY = Model({"galaxy": Sersic(xc=17.3, yc=15.8, flux=100.0, r_eff=4.0, n=2.0, ellip=0.3, theta=0.6)})


def gaussian(side, fwhm, dx=0.0, dy=0.0, fine=1):
    """A Gaussian PSF on samples of 1/fine pixel, its centre off the middle of the array by (dx, dy) samples."""
    rows, columns = side if isinstance(side, tuple) else (side, side)
    y, x = np.indices((rows, columns))
    r2 = (y - (rows - 1) / 2 - dy) ** 2 + (x - (columns - 1) / 2 - dx) ** 2
    psf = np.exp(-4 * np.log(2) * r2 / (fine * fwhm) ** 2)
    return psf / psf.sum()


def moffat(side, fwhm, dx=0.0, dy=0.0, beta=2.5):
    y, x = np.indices((side, side)) - (side - 1) / 2
    psf = (1 + (2 ** (1 / beta) - 1) * ((y - dy) ** 2 + (x - dx) ** 2) * 4 / fwhm**2) ** -beta
    return psf / psf.sum()


def image(psf, **options):
    return Image(np.zeros(SHAPE), sigma=1.0, psf=psf, **options)


def complaints(psf, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image(psf, **options)
    return [str(warning.message) for warning in caught]


# Centres

OFFSETS = {
    "even": (gaussian(30, 3.0, 0.5, 0.5), 1, (0.5, 0.5)),
    "even and odd": (gaussian((30, 31), 3.0, 0.0, 0.5), 1, (0.0, 0.5)),
    "odd, off by one": (gaussian(31, 3.0, -1.0, 0.0), 1, (-1.0, 0.0)),
    "odd, off by a fraction": (gaussian(31, 4.0, 0.3, -0.2), 1, (0.3, -0.2)),
    "even and oversampled": (gaussian(60, 3.0, 0.5, 0.5, 3), 3, (1 / 6, 1 / 6)),
    "even, wings": (moffat(40, 3.0, 0.5, 0.5), 1, (0.5, 0.5)),
    "odd, finely oversampled": (gaussian(101, 3.0, 1.0, 0.0, 8), 8, (0.125, 0.0)),
}


@pytest.mark.parametrize("name", OFFSETS)
def test_a_psf_off_its_centre_is_reported_with_the_offset(name):
    psf, fine, (dx, dy) = OFFSETS[name]
    (text,) = complaints(psf, psf_oversampling=fine)
    assert text.startswith("the psf is not centred in its array")
    words = text.replace(",", "").split()
    found = [float(word) for word in words if word[0] in "+-"]
    np.testing.assert_allclose(found, (dx, dy), atol=0.01)
    assert 'give psf_centre="peak" or "centroid"' in text
    for way in ("peak", "centroid"):
        assert not complaints(psf, psf_oversampling=fine, psf_centre=way)


@pytest.mark.parametrize("way", ["peak", "centroid"])
@pytest.mark.parametrize("name", OFFSETS)
def test_recentred_psfs_move_nothing(name, way):
    psf, fine, _ = OFFSETS[name]
    width = 4.0 if name == "odd, off by a fraction" else 3.0
    profile = moffat(61, 3.0) if name == "even, wings" else gaussian(101, width, fine=fine)
    expected = render(GALAXY, image(profile, psf_oversampling=fine))
    drawn = render(GALAXY, image(psf, psf_oversampling=fine, psf_centre=way))
    # Wings that the array cuts off are all that differs.
    np.testing.assert_allclose(drawn, expected, atol=(2e-3 if name == "even, wings" else 1e-5) * expected.max())
    if name == "even, wings":
        y, x = np.indices(SHAPE)
        moments = [[np.sum(a * axis) / np.sum(a) for axis in (x, y)] for a in (drawn, expected)]
        np.testing.assert_allclose(moments[0], moments[1], atol=0.02)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-2.0, 2.0),
    st.floats(-2.0, 2.0),
    st.sampled_from([(30, 30), (31, 31), (30, 33)]),
    st.sampled_from([1, 2, 3]),
    st.floats(2.5, 4.0),
)
def test_centres_of_any_offset_are_found(dx, dy, shape, fine, fwhm):
    psf = gaussian(shape, fwhm, dx, dy, 1 if fine == 1 else fine / 2)
    expected = np.array([(shape[0] - 1) / 2 + dy, (shape[1] - 1) / 2 + dx])
    np.testing.assert_allclose(origin_of(psf, "centroid"), expected, atol=2e-3)
    np.testing.assert_allclose(origin_of(psf, "peak"), expected, atol=0.02)
    offset = np.hypot(dx, dy) / fine
    if offset > 0.13 or offset < 0.01:
        assert bool(complaints(psf, psf_oversampling=fine)) == (offset > 0.1)


def test_lopsided_psfs_have_a_peak_and_a_centroid():
    psf = gaussian(31, 3.0) + 0.4 * gaussian(31, 4.0, 2.0)
    peak, centroid = (np.array(origin_of(psf / psf.sum(), way)) - 15 for way in ("peak", "centroid"))
    assert 0.1 < peak[1] < centroid[1] < 0.6
    assert abs(peak[0]) < 1e-6
    assert abs(centroid[0]) < 1e-6


def test_a_lopsided_psf_may_have_its_middle_anywhere_between():
    psf = gaussian(31, 4.0) + 0.25 * gaussian(31, 5.0, 1.4, -0.8)
    assert np.hypot(*(np.array(origin_of(psf, "peak")) - 15)) > 0.1
    assert not complaints(psf / psf.sum())
    assert complaints(np.roll(psf, -1, axis=0) / psf.sum())
    assert complaints(np.roll(psf, 1, axis=1) / psf.sum())


def test_an_fft_ordered_psf_is_reported():
    (text,) = complaints(np.fft.ifftshift(gaussian(31, 3.0)))
    assert "np.fft.fftshift" in text


def test_an_array_without_a_peak_has_no_centre(rng):
    psf = rng.uniform(size=(15, 15))
    assert not complaints(psf / psf.sum())


@pytest.mark.parametrize("way", ["middle", None, 3, ("x", "y")])
def test_other_ways_are_refused(way):
    with pytest.raises(ValueError, match=r"^psf_centre must be one of 'array', 'peak', 'centroid', got"):
        image(gaussian(31, 3.0), psf_centre=way)


def test_the_centre_is_kept(tmp_path):
    off = image(gaussian(30, 3.0, 0.5, 0.5), psf_centre="peak")
    assert off.cutout((15, 15), 12).psf_centre == "peak"
    assert off.with_mask(np.eye(*SHAPE)).psf_centre == "peak"
    assert off.psf_origin == pytest.approx((15.0, 15.0))
    read = Image.read(np.zeros(SHAPE), sigma=1.0, psf=off.psf, psf_centre="centroid")
    assert read.psf_origin == pytest.approx((15.0, 15.0), abs=1e-6)


# Samples


@pytest.mark.parametrize("fwhm", [1.0, 1.3, 1.8])
@pytest.mark.parametrize("way", [gaussian, moffat])
def test_the_width_is_found(way, fwhm):
    assert smooth_psf(way(41, fwhm, 0.2, -0.1)).fwhm == pytest.approx(fwhm, rel=0.01)


@pytest.mark.parametrize("fwhm", [1.0, 1.3, 1.6])
def test_samples_too_coarse_are_reported(fwhm):
    (text,) = complaints(gaussian(31, fwhm))
    assert text.startswith(f"the psf has a FWHM of {fwhm:.2g} pixels, sampled once per pixel")
    assert "psf_oversampling=" in text
    assert not complaints(gaussian(61, fwhm, fine=3), psf_oversampling=3)
    (text,) = complaints(gaussian(31, fwhm), psf_oversampling=3, psf_includes_pixel=False)
    assert f"FWHM of {fwhm / 3:.2g} pixels, or {fwhm:.2g} of its samples" in text


@pytest.mark.parametrize("side", [30, 31])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("fwhm", [1.0, 1.6])
def test_they_are_wherever_the_centre_is(side, offset, fwhm):
    assert any("can't represent it" in text for text in complaints(gaussian(side, fwhm, offset), psf_centre="peak"))


@pytest.mark.parametrize("side", [30, 31])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_nor_do_those_that_will_do_depend_on_it(side, offset):
    assert not complaints(gaussian(side, 2.0, offset), psf_centre="peak")


@pytest.mark.parametrize("fwhm", [2.0, 2.5, 4.0])
def test_samples_that_will_do_are_not(fwhm):
    assert not complaints(gaussian(31, fwhm))
    assert not complaints(moffat(41, fwhm))


# The pixel's response


@pytest.mark.parametrize("sigma", [0.1, 0.15, 0.2, 0.28])
@pytest.mark.parametrize("fine", [1, 5])
def test_a_psf_without_room_for_a_pixel_is_reported(sigma, fine):
    psf = gaussian(20 * fine + 1, 2.3548 * sigma, fine=fine)
    (text,) = complaints(psf, psf_oversampling=fine)
    assert "is narrower than a pixel's own response" in text
    assert "psf_includes_pixel=False" in text
    assert not any("narrower" in text for text in complaints(psf, psf_oversampling=fine, psf_includes_pixel=False))


def test_its_wings_do_not_hide_it():
    psf = gaussian(201, 0.5, fine=5) + 0.1 * gaussian(201, 12.0, fine=5)
    assert any("narrower than a pixel" in text for text in complaints(psf / psf.sum(), psf_oversampling=5))


@pytest.mark.parametrize("optics", [0.05, 0.5, 1.5])
def test_a_psf_with_the_pixel_is_not(optics):
    """GalSim's image of a star in a fine grid: the optics and the pixel."""
    star = galsim.Convolve(galsim.Gaussian(fwhm=optics), galsim.Pixel(1.0))
    psf = star.drawImage(nx=75, ny=75, scale=0.2, method="no_pixel").array
    assert not complaints(psf / psf.sum(), psf_oversampling=5)


def test_light_is_lost_or_won_by_the_wrong_choice():
    """What the warning is about: the light of a galaxy of flux 1 in the image, with the flag right and wrong."""
    psf = gaussian(101, 2.3548 * 0.15, fine=7)
    cusp = Model({"g": Sersic(xc=18.0, yc=16.0, flux=1.0, r_eff=3.0, n=4.0, ellip=0.0, theta=0.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = render(cusp, image(psf, psf_oversampling=7)).sum()
    right = render(cusp, image(psf, psf_oversampling=7, psf_includes_pixel=False)).sum()
    assert wrong > 1.05 > 1.0 > right


# Others


def test_masked_samples_count_as_zero():
    psf = np.ma.array(gaussian(31, 3.0))
    psf[0, 0] = 1e6
    psf[0, 0] = np.ma.masked
    with pytest.warns(UserWarning, match=r"^psf has 1 masked samples: they count as zero$"):
        held = image(psf).psf
    np.testing.assert_allclose(held, np.where(np.ma.getmaskarray(psf), 0.0, gaussian(31, 3.0)), atol=1e-12)


def test_real_psfs_are_fine(shared_data):
    from astropy.io import fits

    psfs = [np.load(path) for path in sorted((shared_data / "hsc").glob("*_psf.npy"))]
    psfs += [fits.getdata(path) for path in sorted((shared_data / "kids").glob("*psfim.fits"))]
    with fits.open(next((shared_data / "legacy").glob("copsf*"))) as file:
        psfs += [hdu.data.copy() for hdu in file if hdu.data is not None]
    psfs += [fits.getdata(shared_data / "galfit_example" / "psf.fits")]
    psfs += [fits.getdata(shared_data / "imfit" / "psf_moffat_51.fits")]
    for psf in psfs:
        assert not complaints(np.asarray(psf, float) / np.sum(psf))
    assert len(psfs) == 9


@pytest.mark.parametrize("way", ["array", "peak", "centroid"])
@pytest.mark.parametrize("shape", [(30, 31), (31, 31), (24, 40)])
def test_galfit_gets_the_psf_on_its_own_centre(tmp_path, shape, way):
    """Which is the sample N//2; an even side whose centre is that of its array can't be there, and is listed."""
    psf = gaussian(shape, 3.0, *((0.0, 0.0) if way == "array" else [0.5 * (side % 2 == 0) for side in shape[::-1]]))
    given = image(psf, psf_centre=way, psf_includes_pixel=False, zeropoint=25.0, pixel_scale=0.2)
    halves = way == "array" and any(side % 2 == 0 for side in shape)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sl.io.write_galfit(GALAXY, given, tmp_path / "g.feedme")
        _, back = sl.io.read_galfit(tmp_path / "g.feedme")
    assert any("not centred in its array" in str(warning.message) for warning in caught) == halves
    assert any("moves every source by as much" in str(warning.message) for warning in caught) == halves
    assert all(side % 2 for side in back.psf.shape)
    if not halves:
        drawn = [render(GALAXY, seen) for seen in (given, back)]
        np.testing.assert_allclose(drawn[1], drawn[0], atol=1e-5 * drawn[0].max())
