"""Several images from files: by name, in lists, and the bands of one file."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import sersiclab as sl


SHARED = Path(__file__).parents[3] / "shared" / "data"
DATA = np.arange(20.0).reshape(4, 5)
PSF = np.full((3, 3), 1 / 9)


@contextmanager
def recorded():
    """All warnings."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield heard


def write(path, data=None, *others, **cards):
    header = fits.Header()
    header.update(cards)
    fits.HDUList([fits.PrimaryHDU(data, header), *others]).writeto(path)
    return path


@pytest.fixture
def folder(tmp_path, rng):
    write(tmp_path / "g.fits", rng.normal(size=(20, 21)), FILTER="g", INSTRUME="DECam")
    write(tmp_path / "r.fits", rng.normal(size=(30, 31)), FILTER="HSC-R", MAGZERO=27.0)
    write(tmp_path / "plain.fits", rng.normal(size=(20, 21)))
    write(tmp_path / "nan.fits", np.full((20, 21), np.nan), FILTER="z", MAGZERO=25.0)
    return tmp_path


def test_files_by_name_with_options_by_name(folder):
    images = sl.Images.read(
        {"g": folder / "g.fits", "r": folder / "r.fits"},
        sigma={"g": np.full((20, 21), 2.0), "r": 3.0},
        psf={"r": PSF},
        zeropoint={"g": 22.5},
        gain=4.0,
        wavelengths={"r": 0.63},
    )
    assert (images["g"].sigma[0, 0], images["r"].sigma[0, 0]) == (2.0, 3.0)
    assert images["g"].psf is None
    assert images["r"].psf.shape == (3, 3)
    assert (images["g"].zeropoint, images["r"].zeropoint, images["g"].gain, images["r"].gain) == (22.5, 27.0, 4.0, 4.0)
    assert images.bands == {"g": "g", "r": "HSC-R"}
    assert images.wavelengths == {"g": 0.4826, "r": 0.63}


def test_a_header_given_as_wcs_is_one_value_for_all(folder):
    wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4})
    for value in (wcs, wcs.to_header()):
        images = sl.Images.read({"g": folder / "g.fits"}, sigma=1.0, wcs=value)
        assert images["g"].pixel_scale == pytest.approx(0.36)


def test_a_list_of_files(folder):
    images = sl.Images.read([folder / "g.fits", str(folder / "r.fits")], sigma={"g": 1.0, "HSC_R": 2.0})
    assert images.names == ("g", "HSC_R")
    assert images["HSC_R"].sigma[0, 0] == 2.0
    assert sl.Images.read(folder / "g.fits", sigma=1.0).names == ("g",)


def planes(rng, *names, **cards):
    return [fits.ImageHDU(rng.normal(size=(20, 21)), fits.Header(cards), name=name) for name in names]


def test_a_file_with_several_bands_in_its_headers(tmp_path, rng):
    hdus = []
    for number, band in enumerate(("g", "r"), start=1):
        hdus += planes(rng, "SCI", EXTVER=number, FILTER=band)
        hdus += [fits.ImageHDU(np.full((20, 21), float(number)), fits.Header({"EXTVER": number}), name="ERR")]
    path = write(tmp_path / "both.fits", None, *hdus)
    images = sl.Images.read(path)
    assert images.names == ("g", "r")
    assert (images["g"].sigma[0, 0], images["r"].sigma[0, 0]) == (1.0, 2.0)
    again = sl.Images.read({"r": path, "g": path})
    np.testing.assert_array_equal(again["g"].data, images["g"].data)
    np.testing.assert_array_equal(again.frame.data, images["r"].data)
    with pytest.raises(ValueError, match=r"^image 'x': data: '.*both.fits' has the bands g, r; choose with band=\{'x'"):
        sl.Images.read({"x": path})
    assert sl.Images.read({"x": path, "y": path}, band={"x": "r", "y": "g"}).bands == {"x": "r", "y": "g"}
    with fits.open(path) as file:
        assert sl.Images.read(file).names == ("g", "r")


def test_a_file_whose_extensions_are_named_after_bands(tmp_path, rng):
    errors = [fits.ImageHDU(np.full((20, 21), value), name=name) for value, name in ((1.0, "ERR_G"), (2.0, "ERR_R"))]
    path = write(tmp_path / "names.fits", None, *planes(rng, "SCI_G", "SCI_R"), *errors, *planes(rng, "PSF_G"))
    images = sl.Images.read(path)
    assert images.names == ("g", "r")
    assert (images["g"].sigma[0, 0], images["r"].sigma[0, 0]) == (1.0, 2.0)
    assert sl.Image.read(path, band="r").sigma[0, 0] == 2.0
    shared = write(tmp_path / "shared.fits", None, *planes(rng, "G", "R"), fits.ImageHDU(np.ones((20, 21)), name="ERR"))
    with recorded() as heard:
        sl.Images.read(shared)  # which of the two is it the error map of?
    said = [str(warning.message).partition(": sigma")[0] for warning in heard]
    assert said == ["image 'g': there is no error map", "image 'r': there is no error map"]


def test_a_cube_that_names_its_bands(tmp_path, rng):
    path = write(tmp_path / "cube.fits", rng.normal(size=(3, 20, 21)), BANDS="grz")
    images = sl.Images.read(path, sigma=1.0)
    assert images.names == ("g", "r", "z")
    np.testing.assert_array_equal(images["z"].data, fits.getdata(path)[2])


def test_extensions_that_are_no_bands_are_not_taken_for_bands(tmp_path, rng):
    path = write(tmp_path / "galfit.fits", None, *planes(rng, "IMAGE", "MODEL", "RESIDUAL"))
    with pytest.raises(ValueError, match=r"^data: '.*galfit.fits' does not name its band; give \{\"g\": source"):
        sl.Images.read(path)


def test_blank_and_missing_files_are_kept_and_left_out(folder):
    names = {"z": folder / "nan.fits", "g": folder / "g.fits", "y": None}
    with recorded() as heard:
        images = sl.Images.read(names, sigma=1.0, psf=PSF)
    assert {warning.filename for warning in heard} == {__file__}
    said = [str(warning.message) for warning in heard]
    assert said == ["image 'y' is None: it is left out", "image 'z' has no usable pixel: it is not fitted"]
    assert (images.names, images.used, images.missing) == (("z", "g"), ("g",), ("y",))
    assert (images.frame.shape, images.frame.zeropoint, images.frame.band) == ((20, 21), 25.0, "z")
    assert images.frame.psf is not None
    for noise in ({}, {"weight": {"z": np.zeros((20, 21)), "g": 1.0}}):
        with recorded() as heard:
            assert sl.Images.read({"z": folder / "nan.fits", "g": folder / "g.fits"}, **noise).used == ("g",)
        assert "image 'z' has no usable pixel: it is not fitted" in [str(warning.message) for warning in heard]


def test_errors_name_the_image_and_the_file(folder):
    good, none = folder / "g.fits", folder / "none.fits"
    for data, options, error, message in (
        ({"g": none}, {}, FileNotFoundError, r"^image 'g': data: there is no file '.*none\.fits'$"),
        ({"g": good}, {"sigma": -1.0}, ValueError, r"^image 'g': sigma must be positive, .*g\.fits"),
        ({"g": good}, {"sigma": {"g": "no.fits"}}, FileNotFoundError, r"^image 'g': sigma: .*no\.fits"),
        ({"g": good}, {"psf": "x.fits"}, FileNotFoundError, r"^image 'g': psf: .*x\.fits"),
        ({"g": good}, {"unit": "furlong"}, ValueError, r"^image 'g': unit .*g\.fits"),
        ({"g": good}, {"psf": {"r": None}}, ValueError, r"^psf has no image 'r'; the images are g$"),
        ({"g-": good}, {}, ValueError, r"^images: a name must be an identifier, .*'g' would do$"),
        ([good, good], {}, ValueError, r"^data\[1\]: '.*g\.fits' has the band 'g', as another image"),
        ([folder / "plain.fits"], {}, ValueError, r"^data\[0\]: '.*plain\.fits' does not name its band"),
        (folder / "plain.fits", {}, ValueError, r"^data: '.*plain\.fits' does not name its band"),
        ([DATA], {}, ValueError, r"^data\[0\]: this ndarray does not name its band"),
        ([], {}, ValueError, r"^images must hold an image"),
        ([sl.Image(DATA, sigma=1.0)], {}, TypeError, r"^data\[0\] is an Image, which needs no reading"),
        ({"g": sl.Image(DATA, sigma=1.0)}, {}, TypeError, r"^data\['g'\] is an Image, .* give it to sl\.Images$"),
    ):
        with pytest.raises(error, match=message):
            sl.Images.read(data, **{"sigma": 1.0, **options} if "sigma" not in options else options)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
def test_a_cutout_of_the_legacy_surveys():
    image, psf = (SHARED / "legacy" / f"{name}_59.1067_-30.4848.fits" for name in ("cutout", "copsf"))
    images = sl.Images.read(image, psf=psf)
    assert images.names == ("g", "r", "z")
    assert images.wavelengths == {"g": 0.4826, "r": 0.6432, "z": 0.9178}  # by SURVEY = DECaLS
    assert len({tuple(each.psf[31]) for each in images.values()}) == 3
    assert len({each.sigma[0, 0] for each in images.values()}) == 3
