"""Stacks of Pan-STARRS, compressed here by the inverse of the archive's formula."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from sersiclab.data.image import Image


OFFSET, SOFTENING, EXPOSURE = 7.17, 221.9, 912.0
CARDS = {"PSCAMERA": "GPC1", "HIERARCH FPA.ZP": 25.0, "HIERARCH FPA.FILTER": "i.00000", "EXPTIME": EXPOSURE}
ASINH = {"BSOFTEN": SOFTENING, "BOFFSET": OFFSET}
POGSON = 1.0857362  # as the archive's page has it


def compressed(flux):
    return POGSON * np.arcsinh((flux - OFFSET) / (2.0 * SOFTENING))


@pytest.fixture
def flux(rng):
    y, x = np.indices((60, 70))
    return 3e5 * np.exp(-np.hypot(x - 33, y - 28) / 3.0) + rng.normal(0.0, 25.0, (60, 70))


def write(path, array, **cards):
    fits.writeto(path, array, fits.Header(CARDS | cards))
    return path


def test_the_flux_of_a_stack_is_linear(tmp_path, flux):
    path = write(tmp_path / "stack.unconv.fits", compressed(flux), **ASINH)
    image = Image.read(path, sigma=25.0)
    np.testing.assert_allclose(image.data, flux, rtol=1e-7, atol=1e-4)
    assert image.zeropoint == pytest.approx(25.0 + 2.5 * np.log10(EXPOSURE))
    assert image.band == "i"
    notes = " ".join(image.provenance)
    assert "stack.unconv.fits[0]: asinh compression undone (BSOFTEN, BOFFSET)" in notes
    assert "FPA.ZP + 2.5 log10(EXPTIME), AB magnitudes" in notes


def test_scaled_integers_sections_and_tiles(tmp_path, flux):
    """As the archive's files are: 16-bit integers with BSCALE and BZERO, compressed."""
    values = compressed(flux)
    values[0, 0] = np.nan
    path = tmp_path / "stack.fits"
    packed = fits.CompImageHDU(values.astype("f4"), fits.Header(CARDS | ASINH), quantize_level=256.0)
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
    with pytest.warns(UserWarning, match="data are not finite"):
        whole = Image.read(path, sigma=25.0)
    np.testing.assert_allclose(whole.data[1:], flux[1:], rtol=1e-3, atol=3.0)
    part = Image.read(f"{path}[21:40,11:50]", sigma=25.0)
    np.testing.assert_array_equal(part.data, whole.data[10:50, 20:40])
    with fits.open(path) as hdus, pytest.warns(UserWarning, match="data are not finite"):
        np.testing.assert_array_equal(Image.read(hdus[1], sigma=25.0).data, whole.data)


def test_cutouts_and_warps_are_linear_already(tmp_path, flux):
    image = Image.read(write(tmp_path / "cutout.fits", flux), sigma=25.0)
    np.testing.assert_array_equal(image.data, flux)
    assert image.zeropoint == pytest.approx(25.0 + 2.5 * np.log10(EXPOSURE))
    assert not any("asinh" in note for note in image.provenance)


@pytest.mark.parametrize("squeezed", [False, True])
def test_weights_are_variances(tmp_path, flux, squeezed):
    path = write(tmp_path / "stack.fits", compressed(flux), **ASINH)
    variance = np.full(flux.shape, 625.0)
    variance[3, 4] = 2500.0
    cards = ASINH if squeezed else {}
    weight = write(tmp_path / "stack.wt.fits", compressed(variance) if squeezed else variance, **cards)
    for name in ("weight", "invvar", "sigma"):
        with pytest.warns(UserWarning, match=rf"^{name}: .*stack.wt.fits\[0\] is read as variances, which Pan-STARRS"):
            image = Image.read(path, **{name: weight})
        np.testing.assert_allclose(image.sigma, np.sqrt(variance), rtol=1e-6)


def test_the_masks_bits_are_those_that_hold_no_light(tmp_path, flux):
    path = write(tmp_path / "stack.fits", compressed(flux), **ASINH)
    bits = {"MSKNUM": 4, "MSKNAM00": "DETECTOR", "MSKVAL00": 1, "MSKNAM01": "SAT", "MSKVAL01": 32}
    bits |= {"MSKNAM02": "STARCORE", "MSKVAL02": 4096, "MSKNAM03": "CR", "MSKVAL03": 256}
    flags = np.zeros(flux.shape, "u2")
    flags[0, :5] = 1, 32, 4096, 256, 4096 + 32
    mask = write(tmp_path / "stack.mask.fits", flags, **bits)
    image = Image.read(path, sigma=25.0, mask=mask)
    assert np.argwhere(image.mask).tolist() == [[0, 0], [0, 1], [0, 3], [0, 4]]


def test_an_array_with_the_cards_of_a_stack_is_reported(tmp_path, flux):
    """Its values may have been made linear, or not."""
    write(tmp_path / "stack.fits", compressed(flux), **ASINH)
    with pytest.warns(
        UserWarning,
        match=r"^the header of this CCDData has Pan-STARRS's BSOFTEN and BOFFSET; .* assumed to be linear; if",
    ):
        image = Image.read(CCDData.read(tmp_path / "stack.fits", unit="adu"), sigma=25.0)
    np.testing.assert_allclose(image.data, compressed(flux))
