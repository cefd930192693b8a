"""Menus of several bands, GALFITM's, as a model and images."""

import math
import re

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import HealthCheck, given, settings
from numpy.polynomial import chebyshev

import sersiclab as sl
from sersiclab.data.image_set import Images
from sersiclab.parameters import parameters
from sersiclab.parameters.varying import PerBand, Polynomial

from .damage import damaged
from .galfitm_menus import BANDS, GALAXY, LENGTHS, LINE_OF_GALAXY, MENU, blank, blanks, read, with_line


def nodes(value):
    """The numbers, or starts, of the nodes that were given, by name."""
    return {name: getattr(node, "init", node) for name, node in value.given.items()}


def in_bands(model, images, path):
    """A parameter's starting value in each image."""
    found = [model.for_images(images).of(name) for name in images]
    return [float(parameters(each.at(each.initial).owners)[path]) for each in found]


def test_a_menu_of_several_bands(tmp_path):
    model, images, told = read(tmp_path, MENU + GALAXY)
    assert told == ""
    assert (tuple(images), tuple(images.bands.values())) == (BANDS, BANDS)
    assert tuple(images.wavelengths.values()) == pytest.approx(LENGTHS)
    galaxy = model.components["sersic_1"]
    assert (galaxy.xc.init, galaxy.yc.init, galaxy.r_eff.init) == pytest.approx((19.5, 14.2, 5.0))
    assert isinstance(galaxy.flux, PerBand)
    assert nodes(galaxy.flux) == pytest.approx(
        {band: 10 ** (0.4 * (25.0 - mag)) for band, mag in zip(BANDS, (18.0, 17.5, 17.2, 17.0), strict=True)}, rel=1e-5
    )
    assert "sersic_1.flux.i" in model.for_images(images).free


# the line of R_e -> the values in the bands, and the free parameters
FREEDOM = {
    "5.0 0": ([5.0] * 4, 0),
    "5.0,5.0,5.0,5.0 0 band": ([5.0] * 4, 0),
    "5.0,4.0,3.0,2.5 0": ([5.0, 4.0, 3.0, 2.5], 0),
    "5.0 1": ([5.0] * 4, 1),
    "5.0,4.0,3.0,2.5 1": ([5.0, 4.0, 3.0, 2.5], 1),
    "5.0,4.0,3.0,2.5 4 bands": ([5.0, 4.0, 3.0, 2.5], 4),
    "5.0,4.0,3.0,2.5 1,1,1,1": ([5.0, 4.0, 3.0, 2.5], 4),
    "5.0 0,0,0 cheb": ([5.0] * 4, 0),
    "5.0,0,0,0 1,0,0,0 cheb": ([5.0] * 4, 1),
    "5.0 3": ([5.0] * 4, 3),
    "5.0 2": ([5.0] * 4, 2),
}


@pytest.mark.parametrize("line", FREEDOM)
def test_degrees_of_freedom(tmp_path, line):
    values, free = FREEDOM[line]
    model, images, told = read(tmp_path, with_line(" 4) 5.0 1", f" 4) {line}"))
    assert told == ""
    assert in_bands(model, images, "sersic_1.r_eff") == pytest.approx(values, rel=1e-5)
    assert sum(path.startswith("sersic_1.r_eff") for path in model.for_images(images).free) == free
    kinds = {0: float | PerBand, 1: sl.LogUniform | PerBand, 4: PerBand}
    assert isinstance(model.components["sersic_1"].r_eff, kinds.get(free, Polynomial))


def test_one_free_coefficient_keeps_the_differences(tmp_path):
    """Those of the numbers in the file: of magnitudes, which are ratios of fluxes, and of lengths."""
    text = with_line(" 3) 18.0,17.5,17.2,17.0 4", " 3) 18.0,17.5,17.2,17.0 1").replace(" 5) 2.5 1", " 5) 2,3,1,2 1")
    model, images, told = read(tmp_path, text)
    bound = model.for_images(images)
    assert [path for path in bound.free if "flux" in path or ".n" in path] == ["sersic_1.flux.g", "sersic_1.n.g"]
    brighter = bound.at(bound.initial | {"sersic_1.flux.g": 5.0, "sersic_1.n.g": 3.5})
    assert in_bands(brighter, images, "sersic_1.flux") == pytest.approx(
        [5.0 * 10 ** (0.4 * d) for d in (0, 0.5, 0.8, 1)]
    )
    assert in_bands(brighter, images, "sersic_1.n") == pytest.approx([3.5, 4.5, 2.5, 3.5])
    low, high = model.components["sersic_1"].n.given["g"].support()
    assert (low - 1.0, high + 1.0) >= (0.1, 8.0)  # no band leaves the range of an index
    assert told == ""


def test_polynomials_are_those_of_the_file_at_their_nodes(tmp_path):
    """Before a fit GALFITM fits the values of the bands by a polynomial."""
    model, _, _ = read(tmp_path, with_line(" 4) 5.0 1", " 4) 6.0,4.5,4.2,3.0 2").replace(" 5) 2.5 1", " 5) 2,3,4,4 3"))
    galaxy = model.components["sersic_1"]
    line = np.polynomial.Polynomial.fit(LENGTHS, (6.0, 4.5, 4.2, 3.0), 1)
    assert (galaxy.r_eff.degree, galaxy.n.degree) == (1, 2)
    assert nodes(galaxy.r_eff) == pytest.approx({"at_0.48": line(0.4770), "at_0.91": line(0.9134)}, rel=1e-5)
    parabola = np.polynomial.Polynomial.fit(LENGTHS, (2, 3, 4, 4), 2)
    middle = 0.5 * (LENGTHS[0] + LENGTHS[3])
    assert nodes(galaxy.n)["at_0.70"] == pytest.approx(parabola(middle), rel=1e-5)


def test_magnitudes_are_the_same_polynomial_everywhere(tmp_path):
    """The flux is interpolated in its logarithm, which is what magnitudes are."""
    model, images, _ = read(tmp_path, with_line(" 3) 18.0,17.5,17.2,17.0 4", " 3) 18.0,17.5,17.2,17.0 3"))
    x = 2.0 * (np.array(LENGTHS) - LENGTHS[0]) / (LENGTHS[3] - LENGTHS[0]) - 1.0
    fitted = chebyshev.chebval(x, chebyshev.chebfit(x, (18.0, 17.5, 17.2, 17.0), 2))
    magnitudes = 25.0 - 2.5 * np.log10(in_bands(model, images, "sersic_1.flux"))
    np.testing.assert_allclose(magnitudes, fitted, atol=1e-5)


def test_chebyshev_series_are_galfitm_s(tmp_path):
    """The sky levels that were given to GALFITM, and the coefficients that it wrote for them."""
    levels = "1.3,1.2,1.5,1.3,1.2,1.5,1.3,1.2,1.5"
    coefficients = "1.377,0.137,7.714e-02,1.000e-01,6.000e-02,-9.129e-16,2.286e-02,-0.137,-0.137"
    names = [f"img0{i}" for i in range(1, 10)]
    menu = MENU.replace("g.fits,r.fits,i.fits,z.fits", ",".join(["a.fits"] * 9)).replace("g,r,i,z", ",".join(names))
    menu = menu.replace("4770,6231,7625,9134", "0100,0200,0300,0400,0500,0600,0700,0800,0900")
    menu = menu.replace("25.0,25.0,25.0,25.0", "25.0") + " 0) sky\n"
    images = Images({name: blank(name) for name in names})
    given = in_bands(*read(tmp_path, f"{menu} 1) {levels} 9 band\n", image=images)[:2], "sky.level")
    series = in_bands(*read(tmp_path, f"{menu} 1) {coefficients} 9 cheb\n", image=images)[:2], "sky.level")
    np.testing.assert_allclose(given, [float(level) for level in levels.split(",")], rtol=1e-5)
    np.testing.assert_allclose(series, given, atol=5e-4)


def test_a_series_and_its_values_are_the_same(tmp_path):
    x = 2.0 * (np.array(LENGTHS) - LENGTHS[0]) / (LENGTHS[3] - LENGTHS[0]) - 1.0
    values = ",".join(f"{value:.12g}" for value in chebyshev.chebval(x, (5.0, -0.6, 0.2)))
    series, _, _ = read(tmp_path, with_line(" 4) 5.0 1", " 4) 5.0,-0.6,0.2 3 cheb"))
    banded, _, _ = read(tmp_path, with_line(" 4) 5.0 1", f" 4) {values} 3 band"))
    assert nodes(series.components["sersic_1"].r_eff) == pytest.approx(nodes(banded.components["sersic_1"].r_eff))
    for band, value in zip(BANDS, values.split(","), strict=True):
        one, _, _ = read(tmp_path, with_line(" 4) 5.0 1", " 4) 5.0,-0.6,0.2 1,1,1 cheb"), image=blank(band), band=band)
        assert one.components["sersic_1"].r_eff.init == pytest.approx(float(value), rel=1e-5)


def test_coefficients_that_are_fixed_are_listed(tmp_path):
    told = read(tmp_path, with_line(" 4) 5.0 1", " 4) 5.0,-0.6,0.2 1,1,0 cheb").replace(" 5) 2.5 1", " 5) 2.5 0,1"))[2]
    assert f"line {LINE_OF_GALAXY + 4}: 4) has fixed coefficients above its free ones; they are left out" in told
    assert f"line {LINE_OF_GALAXY + 5}: 5) has fixed coefficients below a free one; all up to that of order 1" in told


# A2) -> wavelengths in micrometres, and the note
UNITS = {
    "4770,6231,7625,9134": (LENGTHS, ""),
    "477,623.1,762.5,913.4": (LENGTHS, "line 3: A2) the wavelengths are read as nanometres"),
    "0.477,0.6231,0.7625,0.9134": (LENGTHS, "line 3: A2) the wavelengths are read as micrometres"),
    "100,200,300,400": ((0.01, 0.02, 0.03, 0.04), ""),
}


@pytest.mark.parametrize("text", UNITS)
def test_units_of_wavelengths(tmp_path, text):
    _, images, told = read(tmp_path, (MENU + GALAXY).replace("4770,6231,7625,9134", text))
    assert tuple(images.wavelengths.values()) == pytest.approx(UNITS[text][0])
    assert UNITS[text][1] in told
    assert told.count("A2)") == bool(UNITS[text][1])


def test_wavelengths_that_are_missing_are_those_of_known_filters(tmp_path):
    text = with_line(" 4) 5.0 1", " 4) 5.0 2").replace("A2) 4770,6231,7625,9134\n", "")
    _, images, _ = read(tmp_path, text)
    assert tuple(images.wavelengths.values()) == pytest.approx((0.4702, 0.6176, 0.7490, 0.8947))
    others = Images({name: blank(name) for name in ("aa", "bb", "cc", "dd")})
    with pytest.raises(
        ValueError, match=rf"line {LINE_OF_GALAXY + 3}: 4\) changes with wavelength, and A2\), .*, is missing"
    ):
        read(tmp_path, text.replace("g,r,i,z", "aa,bb,cc,dd"), image=others)
    _, images, told = read(tmp_path, text.replace("g,r,i,z", "aa,bb,cc,dd").replace("5.0 2", "5.0 1"), image=others)
    assert (set(images.wavelengths.values()), told) == ({None}, "")


def test_labels_become_names(tmp_path):
    names = ("HSC_G", "band_814", "i", "z")
    model, images, told = read(
        tmp_path, (MENU + GALAXY).replace("g,r,i,z", "HSC-G,814,i,z"), image=Images({n: blank(n) for n in names})
    )
    assert (tuple(images), told) == (names, "")
    assert set(model.components["sersic_1"].flux.given) == set(names)


# what -> (old, new, message)
MISTAKES = {
    "too few values": ("5.0 1", "5.0,4.0 1", r"line 16: 4\) has 2 values for 4 bands"),
    "too many values": ("5.0 1", "5,5,5,5,5 1", r"line 16: 4\) has 5 values for 4 bands"),
    "too much freedom": ("5.0 1", "5.0 5", r"line 16: 4\) has 5 free coefficients for 4 bands"),
    "too many toggles": ("5.0 1", "5.0 1,1,1,1,1", r"line 16: 4\) must have a toggle, 0 or 1, for each .* 4 coeff"),
    "toggles above one": ("5.0 1", "5.0 2,1", r"line 16: 4\) must have a toggle, 0 or 1, .*, got 2,1"),
    "too many coefficients": ("5.0 1", "5,0,0,0,1 1 cheb", r"line 16: 4\) has 5 coefficients for 4 bands"),
    "a text in a list": ("5.0 1", "5.0,x,4,4 1", r"line 16: 4\) must hold a value and its toggle"),
    "labels": ("g,r,i,z", "g,r,i", r"line 2: A1\) must name 4 bands, as many as images, got 'g,r,i'"),
    "the same label": ("g,r,i,z", "g,r,i,G", r"line 2: A1\) must name different bands, got 'g,r,i,G'"),
    "wavelengths": ("4770,6231", "4770", r"line 3: A2\) must hold 4 numbers, got '4770,7625,9134'"),
    "no wavelength": ("4770,", "0,", r"line 3: A2\) must hold positive wavelengths, got '0,6231,7625,9134'"),
    "the same wavelength": ("2.5 1", "2.5 3", r"line 17: 5\) has 3 free coefficients for fewer different wavelengths"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_their_line(tmp_path, name):
    old, new, message = MISTAKES[name]
    text = (MENU + GALAXY).replace(old, new)
    text = text.replace("6231,7625", "4770,4770") if name == "the same wavelength" else text
    with pytest.raises(ValueError, match=rf"^.*a\.feedme, {message}"):
        read(tmp_path, text)


def test_images_of_the_user(tmp_path):
    model, image, _ = read(tmp_path, MENU + GALAXY, image=blank("g"))
    assert isinstance(image, sl.Image)
    assert not model.varies
    with pytest.raises(ValueError, match=r"^image must hold the bands of .*a\.feedme, g, r, i, z, got g, r$"):
        read(tmp_path, MENU + GALAXY, image=Images({"g": blank("g"), "r": blank("r")}))
    with pytest.raises(TypeError, match=r"^image must be an Image, .* since band= chooses one, got Images$"):
        read(tmp_path, MENU + GALAXY, band="g")
    with pytest.raises(TypeError, match=r"^image must be an Image, .* since .*a\.feedme has one band, got Images$"):
        read(tmp_path, MENU.replace("g.fits,r.fits,i.fits,z.fits", "g.fits").replace("g,r,i,z", "g") + GALAXY)


LISTS = GALAXY.replace(" 4) 5.0 1", " 4) 5.0,0.5,0,0 1,1,0,0 cheb").replace(" 5) 2.5 1", " 5) 2.5,3.0,3.5,3.2 3")
RULES = "1 re factor 5\n1 n_g 0.5 to 6\n1_2 x_0 offset\n1_2 mag_r ratio\n1_2 re ratio\n1 x -2 ref 2\n"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(text=damaged(MENU + LISTS + LISTS), rules=damaged(RULES))
def test_a_damaged_menu_is_read_or_told_with_its_file(tmp_path, text, rules):
    said, free = "", {}
    try:
        model, images, _ = read(tmp_path, text, rules)
        free = model.for_images(images).initial
    except (ValueError, TypeError) as error:
        said = str(error)
    assert free or re.search(r"a\.feedme|c\.txt|^image must hold the bands", said)
    assert all(map(math.isfinite, free.values()))


def write_bands(folder, rng, **planes):
    for band in BANDS:
        fits.writeto(folder / f"{band}.fits", rng.normal(100.0, 2.0, (30, 40)), overwrite=True)
    for name, array in planes.items():
        fits.writeto(folder / f"{name}.fits", array)


def test_files_of_several_bands(tmp_path, rng):
    sigma, mask = np.full((30, 40), 3.0), np.zeros((30, 40), "uint8")
    mask[2, 3] = 1
    write_bands(tmp_path, rng, sigma=sigma, mask=mask, psf=np.ones((5, 5)) / 25, other=np.ones((3, 3)) / 9)
    text = MENU.replace("C) none", "C) none,sigma.fits,none,sigma.fits").replace("H) 1 40 1 30", "H) 3 32 2 21")
    text = text.replace("F) none", "F) none,none,mask.fits,none").replace("J) 25.0,25.0,25.0,25.0", "J) 25,26,27,28")
    text = text.replace("D) none", "D) psf.fits,psf.fits,other.fits,psf.fits") + GALAXY
    model, images, told = read(tmp_path, text, image=None)
    assert told == ""
    assert [image.shape for image in images.values()] == [(20, 30)] * 4
    assert [float(image.sigma[0, 0]) == 3.0 for image in images.values()] == [False, True, False, True]
    assert [int(image.mask.sum()) for image in images.values()] == [0, 0, 1, 0]
    assert [image.psf.shape for image in images.values()] == [(5, 5), (5, 5), (3, 3), (5, 5)]
    assert [image.zeropoint for image in images.values()] == [25.0, 26.0, 27.0, 28.0]
    np.testing.assert_array_equal(images["i"].data, fits.getdata(tmp_path / "i.fits")[1:21, 2:32])
    assert model.components["sersic_1"].xc.init == pytest.approx(17.5)
    for old, new, message in (
        ("C) none,sigma.fits,none,sigma.fits", "C) sigma.fits,none", r"line 4: C\) names 2 sigma images for 4 bands"),
        ("D) psf.fits,psf.fits,other.fits,psf.fits", "D) psf.fits,psf.fits", r"line 5: D\) names 2 PSFs for 4 bands"),
        ("J) 25,26,27,28", "J) 25,26", r"line 10: J\) has 2 zero-points for 4 bands"),
    ):
        with pytest.raises(ValueError, match=message):
            read(tmp_path, text.replace(old, new), image=None)
    fits.writeto(tmp_path / "i.fits", rng.normal(100.0, 2.0, (31, 40)), overwrite=True)
    with pytest.raises(ValueError, match=r"line 1: A\) the images must have the same pixels, got 40 x 30, 40 x 31"):
        read(tmp_path, text.replace("none,none,mask.fits,none", "none"), image=None)


def test_a_polynomial_of_magnitudes_needs_one_zero_point(tmp_path):
    """The images are scaled, and so is the sky; a value for each band needs no scaling."""
    text = with_line(" 3) 18.0,17.5,17.2,17.0 4", " 3) 18.0 2") + " 0) sky\n 1) 10.0,10.0,10.0,10.0 4\n"
    text = text.replace("J) 25.0,25.0,25.0,25.0", "J) 25.0,26.0,25.0,27.5")
    model, images, told = read(tmp_path, text, image=blanks(25.0, 26.0, 25.0, 27.5))
    factors = [1.0, 10**-0.4, 1.0, 0.1]
    assert [image.zeropoint for image in images.values()] == [25.0] * 4
    assert [float(image.sigma[0, 0]) for image in images.values()] == pytest.approx(factors, rel=1e-6)
    assert in_bands(model, images, "sersic_1.flux") == pytest.approx([10**2.8] * 4, rel=1e-5)
    assert in_bands(model, images, "sky.level") == pytest.approx([10.0 * factor for factor in factors])
    assert "line 10: J) the images are scaled to the zero-point 25 of the first" in told
    model, images, told = read(tmp_path, text.replace("18.0 2", "18.0 1"), image=blanks(25.0, 26.0, 25.0, 27.5))
    assert [image.zeropoint for image in images.values()] == [25.0, 26.0, 25.0, 27.5]
    assert in_bands(model, images, "sersic_1.flux") == pytest.approx([10**2.8, 10**3.2, 10**2.8, 10**3.8], rel=1e-5)
    assert (told, sum("flux" in path for path in model.for_images(images).free)) == ("", 1)


def test_bands_share_pixels_whatever_their_wcs(tmp_path):
    wcs = [WCS(naxis=2), WCS(naxis=2)]
    for i, each in enumerate(wcs):
        each.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        each.wcs.crval, each.wcs.crpix, each.wcs.cdelt = [150.0, 2.0], [20.0 + 3 * i, 15.0], [-0.2 / 3600, 0.2 / 3600]
    fields = {"sigma": 1.0, "zeropoint": 25.0}
    given = {band: sl.Image(np.zeros((30, 40)), wcs=wcs[band == "z"], **fields) for band in BANDS}
    _, images, told = read(tmp_path, MENU + GALAXY, image=Images(given))
    assert "the WCS of a band differs from that of the first" in told
    assert {tuple(image.wcs.wcs.crpix) for image in images.values()} == {(20.0, 15.0)}


def test_an_axis_ratio_above_one_in_every_band(tmp_path):
    model, images, told = read(tmp_path, with_line(" 9) 0.8 1", " 9) 1.25,2.0,1.25,2.0 4"))
    assert in_bands(model, images, "sersic_1.ellip") == pytest.approx([0.2, 0.5, 0.2, 0.5], rel=1e-5)
    assert in_bands(model, images, "sersic_1.theta") == pytest.approx([math.radians(120.0)] * 4, rel=1e-5)
    assert "with the axes exchanged" in told


def test_what_has_no_counterpart_is_listed_by_line(tmp_path):
    text = MENU + GALAXY + "R0) log\nC0) 0.1,0.2,0.3,0.2 4\n 77) 1 1\n"
    model, images, told = read(tmp_path, text)
    assert f"line {LINE_OF_GALAXY}: R0) log of sersic has no counterpart" in told
    assert f"line {LINE_OF_GALAXY + 10}: 77) of sersic has no counterpart" in told
    assert in_bands(model, images, "sersic_1.c0") == pytest.approx([0.1, 0.2, 0.3, 0.2], rel=1e-5)
    assert all(path.startswith("sersic_1.") for path in model.for_images(images).free)
