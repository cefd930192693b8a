"""The files that a GALFIT menu names: absent ones, extensions and sections, and files of other programs."""

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl

from .galfit_menus import HEADER, SERSIC, read, write_image


# letter -> what the warning says
COMPANIONS = {
    "C": "line 2: C) the sigma image is missing",
    "D": "line 3: D) the PSF is missing",
    "F": "line 5: F) the mask is missing",
    "G": "line 6: G) the constraint file is missing",
}


@pytest.mark.parametrize("letter", COMPANIONS)
def test_an_absent_companion_is_listed_and_done_without(tmp_path, rng, letter):
    """As GALFIT itself does: the model and the image are those of a menu that says none."""
    data = write_image(tmp_path, rng)
    expected, plain, _ = read(tmp_path, HEADER + SERSIC)
    model, image, told = read(tmp_path, HEADER.replace(f"{letter}) none", f"{letter}) away/none.x") + SERSIC)
    assert COMPANIONS[letter] in told
    assert "away/none.x" in told
    assert model.initial == expected.initial
    np.testing.assert_array_equal(image.data, data)
    np.testing.assert_array_equal(image.sigma, plain.sigma)
    assert (image.psf, image.mask.any()) == (None, False)


def test_absent_constraints_do_not_matter_where_the_image_is_given(tmp_path):
    blank = sl.Image(np.zeros((30, 40)), sigma=1.0, zeropoint=20.0, pixel_scale=0.1)
    model, _, told = read(tmp_path, HEADER.replace("G) none", "G) c.txt") + SERSIC, image=blank)
    assert COMPANIONS["G"] in told
    assert list(model.components) == ["sersic_1"]


def test_an_absent_image_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a.feedme, line 1: A\): there is no file '.*gal.fits'"):
        read(tmp_path, HEADER + SERSIC)


def write_extensions(path, planes):
    hdus = [fits.ImageHDU(plane, name="SCI", ver=version) for version, plane in enumerate(planes, start=1)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


NAMES = {
    "[1]": np.s_[0, :, :],
    "[sci]": np.s_[0, :, :],
    "[SCI,2]": np.s_[1, :, :],
    "[SCI,2][11:30,6:25]": np.s_[1, 5:25, 10:30],
    "[1][*,-*]": np.s_[0, ::-1, :],
    "[11:30,6:25]": np.s_[0, 5:25, 10:30],
}


@pytest.mark.parametrize("brackets", NAMES)
def test_extensions_and_sections(tmp_path, rng, brackets):
    planes = rng.normal(100.0, 2.0, (2, 30, 40))
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(plane, name="SCI", ver=i + 1) for i, plane in enumerate(planes))]
    fits.HDUList(hdus).writeto(tmp_path / "drz.fits")
    sigmas = [
        fits.PrimaryHDU(),
        *(fits.ImageHDU(1.0 + abs(plane), name="SCI", ver=i + 1) for i, plane in enumerate(planes)),
    ]
    fits.HDUList(sigmas).writeto(tmp_path / "rms.fits")
    menu = HEADER.replace("gal.fits", f"drz.fits{brackets}").replace("C) none", f"C) rms.fits{brackets}")
    expected = planes[NAMES[brackets]]
    ny, nx = expected.shape
    _, image, told = read(tmp_path, menu.replace("1 40 1 30", f"1 {nx} 1 {ny}") + SERSIC)
    np.testing.assert_array_equal(image.data, expected)
    np.testing.assert_array_equal(image.sigma, 1.0 + abs(expected))
    assert told == ""


def test_bands_of_files_with_extensions(tmp_path, rng):
    planes = rng.normal(100.0, 2.0, (2, 30, 40))
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(plane, name="SCI") for plane in planes)]).writeto(
        tmp_path / "d.fits"
    )
    menu = HEADER.replace("A) gal.fits", "A) d.fits[SCI,1],d.fits[2]\nA1) g,r")
    _, image, _ = read(tmp_path, menu + SERSIC, band="r")
    np.testing.assert_array_equal(image.data, planes[1])


def test_the_fineness_of_bands(tmp_path, rng):
    write_extensions(tmp_path / "d.fits", rng.normal(100.0, 2.0, (2, 30, 40)))
    fits.writeto(tmp_path / "psf.fits", np.ones((5, 5)) / 25)
    menu = HEADER.replace("A) gal.fits", "A) d.fits[1],d.fits[2]\nA1) g,r").replace("D) none", "D) psf.fits,psf.fits")
    for band, factor in (("g", 1), ("r", 3)):
        _, image, _ = read(tmp_path, menu.replace("E) 1", "E) 1,3") + SERSIC, band=band)
        assert image.psf_oversampling == factor
    with pytest.raises(ValueError, match=r"line 5: E\) must hold a positive whole number, got '1,0'"):
        read(tmp_path, menu.replace("E) 1", "E) 1,0") + SERSIC)


def test_the_minimum_sigma(tmp_path, rng):
    """GALFITM: not below that part of the light above the sky, in sigma images that it makes."""
    data = write_image(tmp_path, rng)
    _, plain, _ = read(tmp_path, HEADER + SERSIC)
    _, image, told = read(tmp_path, HEADER.replace("C) none", "C) none 0.1   # at least 10 %") + SERSIC)
    np.testing.assert_allclose(image.sigma[14, 18], 0.1 * (data[14, 18] - 100.0), rtol=2e-3)
    faint = data < 110.0
    np.testing.assert_array_equal(image.sigma[faint], plain.sigma[faint])
    assert "line 2: C) sigma is at least 0.1 times the light above the sky of" in told
    fits.writeto(tmp_path / "rms.fits", np.full(data.shape, 3.0))
    _, image, told = read(tmp_path, HEADER.replace("C) none", "C) rms.fits 0.1") + SERSIC)
    assert (image.sigma == 3.0).all()
    assert "line 2: C) the minimum sigma 0.1 is left out: it is for sigma images that GALFITM makes" in told
    _, _, told = read(tmp_path, HEADER.replace("C) none", "C) none 0.1") + SERSIC, image=image)
    assert "line 2: C) the minimum sigma 0.1 is left out" in told
    with pytest.raises(ValueError, match=r"line 2: C\) the minimum sigma must not be negative, got '-0.1'"):
        read(tmp_path, HEADER.replace("C) none", "C) none -0.1") + SERSIC)


# line -> (old text, new text)
PLACEHOLDERS = {
    7: ("1 40 1 30", "1 {xmax} 1 30"),
    8: ("20.0", "{xmax}"),
    9: ("0.1 0.1", "{xmax} 0.1"),
    11: ("19.5 15.2 1 1", "19.5 15.2 {xmax} 1"),
    13: ("5.1", "{xmax}"),
}


@pytest.mark.parametrize("line", PLACEHOLDERS)
def test_a_placeholder_of_a_template_is_named_with_its_line(tmp_path, rng, line):
    write_image(tmp_path, rng)
    text = (HEADER + SERSIC).replace(*PLACEHOLDERS[line])
    with pytest.raises(ValueError, match=rf"a.feedme, line {line}: .*\({{xmax}} is a placeholder of a template"):
        read(tmp_path, text)


OTHERS = {
    "galfits": ("R1) M31\nIa1) [g.fits,0]\nPa1) bulge\nPa2) sersic\n", "is a configuration of GalfitS"),
    "imfit": ("X0 1\nY0 2\nFUNCTION Sersic\nPA 3\n", "is a configuration of imfit; read_imfit reads it"),
    "multimfit": ("IMAGE_START\nDATA a.fits\nPIXEL_SCALE 1.0 fixed\n", "is multimfit's description of several images"),
    "galfit": (HEADER + SERSIC, "is a menu of GALFIT; read_galfit reads it"),
}


@pytest.mark.parametrize("program", OTHERS)
def test_files_of_other_programs_are_recognised(tmp_path, program):
    text, message = OTHERS[program]
    (tmp_path / "a.txt").write_text(text)
    for own, reader in (("galfit", sl.io.read_galfit), ("imfit", sl.io.read_imfit)):
        if own != program:
            with pytest.raises(ValueError, match=rf"a.txt {message}"):
                reader(tmp_path / "a.txt")


def test_an_image_of_another_kind_is_refused(tmp_path, rng):
    data = write_image(tmp_path, rng)
    with pytest.raises(TypeError, match=r"^image must be an Image, such as Image.read returns, got ndarray"):
        read(tmp_path, HEADER + SERSIC, image=data)
