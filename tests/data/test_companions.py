"""Which extensions of a file are an image's errors and flags, by the names that surveys give them."""

import warnings

import numpy as np
import pytest
from astropy.io import fits

from sersiclab.data.image import Image


SHAPE = (40, 50)
SIGMA = 3.0  # half as much again as the scatter of the pixels, so that it can't have been measured
# What observatories call each plane, and what it holds where an error is SIGMA.
NOISES = {
    SIGMA: "ERR error ERRORS ERR_MAP SIGMA SIG SIGMA_MAP STD STDEV STD_DEV RMS rms_map NOISE UNCERT UNC UNCERTAINTY",
    SIGMA**2: "VAR Variance VARIANCES VAR_MAP STAT",
    SIGMA**-2: "IVAR INVVAR INV_VAR IVM INVERSE_VARIANCE WHT WGT WEIGHT WEIGHTS WEIGHT_MAP",
}
FLAGS = "DQ DATA_QUALITY QUALITY QUAL MASK MSK FLAG FLG BPM BADPIX BAD_PIXELS BADPIXELMASK bp_mask"


@pytest.fixture
def noise(rng):
    return rng.normal(10.0, 2.0, SHAPE)


def write(path, *planes):
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(array, name=name) for name, array in planes)]).writeto(path)
    return path


@pytest.mark.parametrize(("value", "name"), [(value, name) for value in NOISES for name in NOISES[value].split()])
def test_the_noise_of_any_name(tmp_path, noise, value, name):
    path = write(tmp_path / "a.fits", ("SCI", noise), (name, np.full(SHAPE, value)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.read(path)
    np.testing.assert_allclose(image.sigma, SIGMA, rtol=1e-6)
    assert not any("not used" in note for note in image.provenance)


@pytest.mark.parametrize("name", FLAGS.split())
def test_the_flags_of_any_name(tmp_path, noise, name):
    flags = np.zeros(SHAPE, "i4")
    flags[3, 4] = 16
    image = Image.read(write(tmp_path / "a.fits", ("SCI", noise), ("ERR", np.full(SHAPE, 2.0)), (name, flags)))
    assert np.argwhere(image.mask).tolist() == [[3, 4]]


def test_planes_of_unknown_names_are_listed(tmp_path, noise):
    """A part of the variance is not the variance, and is not taken for it; nor are other sizes or versions listed."""
    planes = [("VAR_POISSON", np.ones(SHAPE)), ("CTX", np.ones(SHAPE, "i4")), ("SMALL", np.ones((3, 4)))]
    with pytest.warns(UserWarning, match="there is no error map"):
        image = Image.read(write(tmp_path / "a.fits", ("SCI", noise), *planes))
    assert "not used: [2] VAR_POISSON, [3] CTX, of the image's shape" in image.provenance
    assert image.sigma[0, 0] == pytest.approx(2.0, rel=0.1)
