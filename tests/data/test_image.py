"""The image: how it converts a user's arrays, and how it reports bad ones."""

import astropy.units as u
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.wcs import WCS
from astropy.wcs.wcsapi import SlicedLowLevelWCS

from sersiclab.data.image import Image


SHAPE = (5, 7)
DATA = np.arange(35.0).reshape(SHAPE)
PSF = np.full((3, 5), 1 / 15)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8", "f2", "g", ">i2", "i4", "u1", "?"])
def test_any_real_dtype_and_byte_order(dtype):
    data = (DATA % 2).astype(dtype)
    image = Image(data, sigma=data + data.dtype.type(1))
    assert image.data.dtype in (np.float32, np.float64)
    assert image.data.dtype.isnative
    np.testing.assert_array_equal(image.data, DATA % 2)
    assert image.shape == SHAPE
    jnp.asarray(image.data)


def test_other_kinds_of_array():
    for data in (DATA.tolist(), jnp.asarray(DATA), DATA * u.Jy, np.asfortranarray(DATA), DATA[::-1][::-1]):
        np.testing.assert_array_equal(Image(data, sigma=2).data, DATA)


def test_units_of_arrays_are_kept_and_must_agree():
    image = Image(DATA * u.nJy, sigma=0.002 * u.uJy)
    assert image.unit == "nJy"
    np.testing.assert_allclose(image.sigma, 2.0)
    np.testing.assert_allclose(Image(DATA * u.nJy, invvar=np.full(SHAPE, 0.25e6) / u.uJy**2).sigma, 2.0)
    assert Image(DATA * u.nJy, sigma=2.0, unit="nJy").sigma[0, 0] == 2.0
    with pytest.raises(ValueError, match=r"^sigma has the unit nJy and data have none"):
        Image(DATA, sigma=2.0 * u.nJy)
    with pytest.raises(ValueError, match=r"^sigma must have the unit nJy, got pix$"):
        Image(DATA * u.nJy, sigma=2.0 * u.pix)
    with pytest.raises(ValueError, match=r"^unit must be that of data, nJy, got uJy$"):
        Image(DATA * u.nJy, sigma=2.0, unit="uJy")


def test_the_image_keeps_its_own_copy():
    data, sigma = DATA.copy(), np.ones(SHAPE)
    image = Image(data, sigma=sigma, psf=PSF)
    data[0, 0] = sigma[0, 0] = 99
    assert image.data[0, 0] == 0
    assert image.sigma[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        image.data[0, 0] = 1


def test_tiny_fluxes_keep_their_digits():
    image = Image(DATA * 1e-9, invvar=np.full(SHAPE, 1e26), psf=PSF)
    np.testing.assert_allclose(image.data, DATA * 1e-9, rtol=1e-15)
    np.testing.assert_allclose(image.sigma, 1e-13, rtol=1e-12)


def test_a_scalar_sigma_is_spread():
    np.testing.assert_array_equal(Image(DATA, sigma=2.0).sigma, np.full(SHAPE, 2.0))


@pytest.mark.parametrize("name", ["weight", "invvar"])
def test_inverse_variance(name):
    invvar = np.full(SHAPE, 4.0)
    invvar[1, 2] = 0
    with pytest.warns(UserWarning, match=r"^sigma is zero or not finite in 1 pixels: they are excluded from the fit$"):
        image = Image(DATA, **{name: invvar})
    assert image.sigma[0, 0] == 0.5
    assert np.argwhere(image.mask).tolist() == [[1, 2]]


def test_detector_noise_is_photons_and_read_noise():
    image = Image(DATA, gain=2.0, read_noise=3.0, sky_level=100.0)
    electrons = 2.0 * (DATA + 100.0)
    np.testing.assert_allclose(image.sigma, np.sqrt(electrons + 3.0**2) / 2.0)
    assert image.gain == 2.0


def test_gain_beside_a_sigma_is_only_kept():
    image = Image(DATA, sigma=1.0, gain=2.0)
    assert (image.sigma[0, 0], image.gain) == (1.0, 2.0)


def test_mask_is_true_where_excluded():
    mask = np.zeros(SHAPE, ">i4")
    mask[1, 2] = 4
    image = Image(DATA, sigma=1, mask=mask)
    assert np.argwhere(image.mask).tolist() == [[1, 2]]
    assert not image.valid[1, 2]
    assert image.valid.sum() == 34


def test_unusable_sigma_is_masked_and_counted():
    sigma = np.ones(SHAPE)
    sigma[0, :3] = 0, np.inf, np.nan
    sigma[4, 6] = 0  # excluded by the user: no news
    mask = np.zeros(SHAPE)
    mask[4, 6] = 1
    with pytest.warns(UserWarning, match=r"not finite in 3 pixels"):
        image = Image(DATA, sigma=sigma, mask=mask)
    assert image.mask.sum() == 4


def test_masked_arrays_exclude_their_pixels():
    data = np.ma.masked_equal(DATA, 3.0)
    sigma = np.ma.masked_array(np.ones(SHAPE), DATA == 4.0)
    mask = np.ma.masked_array(np.zeros(SHAPE), DATA == 5.0)
    assert np.argwhere(Image(data, sigma=sigma, mask=mask).mask).tolist() == [[0, 3], [0, 4], [0, 5]]


def test_masked_pixels_may_hold_anything():
    data, sigma, mask = DATA.copy(), np.ones(SHAPE), DATA == 3
    data[0, 3], sigma[0, 3] = np.nan, -1
    assert Image(data, sigma=sigma, mask=mask).mask.sum() == 1


def test_psf_is_normalised():
    assert Image(DATA, sigma=1, psf=PSF.astype("f4")).psf.dtype == np.float32
    with pytest.warns(UserWarning, match=r"^psf sums to 15; it is normalised to 1$"):
        image = Image(DATA, sigma=1, psf=15 * PSF)
    np.testing.assert_allclose(image.psf, PSF)
    assert Image(DATA, sigma=1).psf is None


def test_metadata_are_kept():
    image = Image(DATA, sigma=1, psf_oversampling=3.0, zeropoint=22.5, pixel_scale=np.float32(0.25), band="r")
    assert (image.psf_oversampling, image.zeropoint, image.pixel_scale, image.band) == (3, 22.5, 0.25, "r")
    assert image.psf_includes_pixel


def spectral_wcs():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "WAVE", "FREQ"
    return wcs


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_whether_the_psf_holds_the_pixel_is_a_bool(value):
    assert Image(DATA, sigma=1, psf_includes_pixel=value).psf_includes_pixel is bool(value)


def nan_at(y, x):
    data = DATA.copy()
    data[y, x] = np.nan
    return data


# name -> (arguments, error, message)
MISTAKES = {
    "no noise": ({}, ValueError, r"^the image needs an error map: give sigma, weight, invvar, or the detector's gain$"),
    "two noises": ({"sigma": 1, "invvar": 1}, ValueError, r"^give one of sigma, weight and invvar, got sigma and inv"),
    "noise and detector": (
        {"sigma": 1, "read_noise": 3},
        ValueError,
        r"^give sigma, or the detector's gain, read_noise and sky_level, not both$",
    ),
    "1-d data": ({"data": np.ones(3)}, ValueError, r"^data must be a 2-d array \[y, x\], got shape \(3,\)$"),
    "cube": ({"data": np.ones((2, 3, 4))}, ValueError, r"^data must be a 2-d array \[y, x\], got shape \(2, 3, 4\)$"),
    "empty": ({"data": np.ones((0, 3))}, ValueError, r"^data must be a 2-d array \[y, x\], got shape \(0, 3\)$"),
    "complex": ({"data": DATA + 1j}, TypeError, r"^data must be an array of real numbers, got dtype complex128$"),
    "file name": ({"data": "sci.fits"}, TypeError, r"^data must be an array, got 'sci.fits'; Image.read reads files$"),
    "ragged": ({"data": [[1, 2], [3]]}, TypeError, r"^data must be a 2-d array of real numbers, got a list \("),
    "nan in data": (
        {"data": nan_at(1, 2)},
        ValueError,
        r"^data must be finite where it is not masked, got 1 bad pixels, the first at \[1, 2\]; exclude .*isfinite",
    ),
    "transposed sigma": (
        {"sigma": np.ones((7, 5))},
        ValueError,
        r"^sigma must have the shape of data, \(5, 7\), got \(7, 5\)$",
    ),
    "negative sigma": (
        {"sigma": 3 - DATA},
        ValueError,
        r"^sigma must be positive, got 31 negative pixels, the first -1 at \[0, 4\]$",
    ),
    "negative invvar": (
        {"sigma": None, "invvar": 3 - DATA},
        ValueError,
        r"^invvar must not be negative \(it is 1/sigma²\), got -31$",
    ),
    "mask's shape": (
        {"mask": np.ones((7, 5))},
        ValueError,
        r"^mask must have the shape of data, \(5, 7\), got \(7, 5\)",
    ),
    "nan in mask": ({"mask": nan_at(0, 0)}, ValueError, r"^mask must hold 0 \(use\) and 1 \(exclude\), got NaN$"),
    "text in mask": (
        {"mask": np.full(SHAPE, "T")},
        TypeError,
        r"^mask must be an array of real numbers, got dtype <U1$",
    ),
    "all masked": ({"mask": np.ones(SHAPE)}, ValueError, r"^mask excludes every pixel: nothing is left to fit"),
    "nan in psf": ({"psf": nan_at(0, 0)}, ValueError, r"^psf must be finite, got 1 bad pixels$"),
    "psf without light": ({"psf": np.zeros((3, 3))}, ValueError, r"^psf must have a positive sum, got 0$"),
    "oversampling": ({"psf_oversampling": 1.5}, ValueError, r"^psf_oversampling must be a positive integer, got 1.5$"),
    "no oversampling": ({"psf_oversampling": None}, ValueError, r"^psf_oversampling must be a positive .*, got None$"),
    "pixel scale": ({"pixel_scale": 0}, ValueError, r"^pixel_scale must be a positive finite number, got 0$"),
    "zeropoint": ({"zeropoint": "AB"}, TypeError, r"^zeropoint must be a finite number, got 'AB'$"),
    "gain of a subtracted sky": (
        {"sigma": None, "gain": 2.0, "data": np.where(DATA.max() == DATA, -1.0, 1.0)},
        ValueError,
        r"^gain gives no noise to the 1 pixels where data \+ sky_level is not positive; give sky_level",
    ),
    "gain": ({"sigma": None, "gain": -1}, ValueError, r"^gain must be a positive finite number, got -1$"),
    "read noise": (
        {"sigma": None, "gain": 1, "read_noise": -2},
        ValueError,
        r"^read_noise must not be negative, got -2$",
    ),
    "a text for a number": ({"zeropoint": "25"}, TypeError, r"^zeropoint must be a finite number, got '25'$"),
    "a truth value for a number": ({"gain": True}, TypeError, r"^gain must be a positive finite number, got True$"),
    "gain without end": ({"gain": np.inf}, ValueError, r"^gain must be a positive finite number, got inf$"),
    "an array for a number": ({"pixel_scale": [0.2, 0.2]}, TypeError, r"^pixel_scale must be a positive finite num"),
    "read noise, not a number": (
        {"sigma": None, "gain": 1, "read_noise": np.nan},
        ValueError,
        r"^read_noise must be a finite number, got nan$",
    ),
    "no sky level": ({"sky_level": None}, TypeError, r"^sky_level must be a finite number, got None$"),
    "pixel response, text": (
        {"psf_includes_pixel": "no"},
        TypeError,
        r"^psf_includes_pixel must be True or False, got 'no'$",
    ),
    "pixel response, number": ({"psf_includes_pixel": 0}, TypeError, r"^psf_includes_pixel must be True or False, got"),
    "pixel response, not a number": ({"psf_includes_pixel": np.nan}, TypeError, r"^psf_includes_pixel must be True or"),
    "wcs, text": ({"wcs": "RA---TAN"}, TypeError, r"^wcs must be an astropy WCS, or .*, got 'RA---TAN'$"),
    "wcs, number": ({"wcs": 3}, TypeError, r"^wcs must be an astropy WCS, or another object of its shared .*, got 3$"),
    "wcs, anything": ({"wcs": object()}, TypeError, r"^wcs must be an astropy WCS, or .*, got <object"),
    "wcs of a spectrum": (
        {"wcs": SlicedLowLevelWCS(spectral_wcs(), (0,))},
        TypeError,
        r"^wcs must have celestial axes, got SlicedLowLevelWCS without any$",
    ),
    "provenance, text": (
        {"provenance": "a note"},
        TypeError,
        r"^provenance must be a sequence of strings, got 'a",
    ),
    "provenance, numbers": (
        {"provenance": [1, 2]},
        TypeError,
        r"^provenance must be a sequence of strings, got \[1",
    ),
    "band": ({"band": 3}, TypeError, r"^band must be a name such as 'r', got 3$"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
def test_a_bad_argument_is_reported(mistake):
    changes, error, message = mistake
    arguments = {"data": DATA, "sigma": None if mistake is MISTAKES["no noise"] else 1.0, **changes}
    with pytest.raises(error, match=message):
        Image(arguments.pop("data"), **arguments)


def test_with_mask_replaces_the_mask_alone():
    sigma = np.ones(SHAPE)
    sigma[0, 1] = np.inf
    with pytest.warns(UserWarning, match="1 pixels"):
        image = Image(DATA, sigma=sigma, mask=np.eye(*SHAPE), psf=np.ones((3, 3)) / 9, zeropoint=25.0, gain=2.0)
    mask = np.zeros(SHAPE, bool)
    mask[3, 4] = True
    other = image.with_mask(mask)
    mask[0, 1] = True  # it has no error: nothing can include it
    np.testing.assert_array_equal(other.mask, mask)
    np.testing.assert_array_equal(other.data, image.data)
    np.testing.assert_array_equal(other.psf, image.psf)
    assert (other.zeropoint, other.gain) == (25.0, 2.0)
    assert image.mask.sum() == 6
    with pytest.raises(ValueError, match=r"^mask must have the shape of data, \(5, 7\), got \(7, 5\)"):
        image.with_mask(mask.T)
    with pytest.raises(ValueError, match=r"^mask excludes every pixel"):
        image.with_mask(np.ones(SHAPE))


def test_an_error_map_without_a_usable_pixel_is_named():
    with (
        pytest.warns(UserWarning, match="sigma is zero"),
        pytest.raises(ValueError, match=r"^sigma is usable in no pix"),
    ):
        Image(DATA, sigma=0.0)
