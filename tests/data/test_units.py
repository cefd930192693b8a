"""Units in the spellings of headers: what astropy alone reads otherwise, or not at all."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from sersiclab.data.headers import Header
from sersiclab.data.image import Image
from sersiclab.data.photometry import read_gain, read_unit, read_zeropoint
from sersiclab.data.units import parse_unit


FLAM = u.erg / u.s / u.cm**2 / u.AA
UNITS = {
    "erg/s/cm2/A": FLAM,
    "ERG/S/CM2/A": FLAM,
    "erg s-1 cm-2 A-1": FLAM,
    "erg/s/cm^2/\u00c5": FLAM,
    "ergs/cm**2/s/Angstroms": FLAM,
    "erg/(s cm2 A)": FLAM,
    "erg s^-1 cm^-2 AA^-1": FLAM,
    "1E-17 erg/s/cm^2/Ang": 1e-17 * FLAM,
    "10**-17 erg/s/cm**2/A": 1e-17 * FLAM,
    "10^-17 erg/s/cm^2/Ang": 1e-17 * FLAM,
    "erg/cm2/s/Hz": u.erg / u.cm**2 / u.s / u.Hz,
    "W m-2 Hz-1": u.W / u.m**2 / u.Hz,
    "W/M^2/UM": u.W / u.m**2 / u.um,
    "e": u.electron,
    "E/S": u.electron / u.s,
    "e-": u.electron,
    "(e-)/s": u.electron / u.s,
    "electrons/sec": u.electron / u.s,
    "counts/s": u.ct / u.s,
    "counts per second": u.ct / u.s,
    "cps": u.ct / u.s,
    "ADU/S": u.adu / u.s,
    "DN/s": u.adu / u.s,
    "[ADU]": u.adu,
    "photons/s": u.ph / u.s,
    "ct/min": u.ct / u.min,
    "MJY/SR": u.MJy / u.sr,
    "MJy/str": u.MJy / u.sr,
    "JY/PIXEL": u.Jy / u.pix,
    "nanomaggies/arcsec^2": u.nmgy / u.arcsec**2,
    "3.631 uJy": 3.631 * u.uJy,
    "\u00b5Jy": u.uJy,
}


@pytest.mark.parametrize("text", UNITS)
def test_spellings_of_headers(text):
    parsed = parse_unit(text)
    assert parsed is not None
    unit = u.Unit(parsed)
    expected = u.Quantity(1.0, UNITS[text])
    assert unit.is_equivalent(expected.unit)
    assert unit.to(expected.unit) == pytest.approx(expected.value)
    assert parse_unit(parsed) == parsed


@pytest.mark.parametrize("text", ["A", "S", "C", "G", "V", "D", "H", "s", "m", "MJY", "unknown", "data number"])
def test_letters_that_no_image_counts_in_are_unknown(text):
    assert parse_unit(text) is None


MEANT = {"erg": u.erg, "ergs": u.erg, "s": u.s, "S": u.s, "sec": u.s, "cm2": u.cm**2, "cm^2": u.cm**2, "cm**2": u.cm**2}
MEANT |= {"A": u.AA, "Ang": u.AA, "angstrom": u.AA, "Angstroms": u.AA, "Hz": u.Hz, "hz": u.Hz, "arcsec2": u.arcsec**2}
MEANT |= {"sr": u.sr, "STR": u.sr, "pix": u.pix, "pixel": u.pix, "um": u.um, "micron": u.um, "m2": u.m**2}
LIGHT = {"erg": u.erg, "ERG": u.erg, "W": u.W, "electrons": u.electron, "e-": u.electron, "ADU": u.adu, "DN": u.adu}
LIGHT |= {"counts": u.ct, "Jy": u.Jy, "mJy": u.mJy, "MJy": u.MJy, "nmgy": u.nmgy, "nanomaggies": u.nmgy}


@given(
    light=st.sampled_from(sorted(LIGHT)),
    per=st.lists(st.sampled_from(sorted(MEANT.keys() - {"erg", "ergs"})), max_size=4),
    slash=st.sampled_from(["/", " / ", " per "]),
)
def test_any_unit_is_the_product_of_what_its_words_mean(light, per, slash):
    parsed = parse_unit(slash.join([light, *per]))
    assert parsed is not None
    expected = LIGHT[light]
    for word in per:
        expected = expected / MEANT[word]
    assert u.Unit(parsed).is_equivalent(expected)
    assert u.Unit(parsed).to(expected) == pytest.approx(1.0)


def zeropoint(scale=None, **cards):
    found = Header((fits.Header(cards),))
    return read_zeropoint(found, read_unit(found), scale)


def test_flux_densities_are_ab_whatever_their_power_of_ten():
    pivot = 6000.0
    expected = u.Quantity(1.0, FLAM).to_value(u.ABmag, u.spectral_density(pivot * u.AA))
    for power in (-30, -17, 0, 12):
        value, _ = zeropoint(BUNIT=f"1E{power} erg/s/cm2/A", PHOTPLAM=pivot)
        assert value == pytest.approx(expected - 2.5 * power)
        assert zeropoint(BUNIT=f"1E{power} Jy/pixel")[0] == pytest.approx(8.9 - 2.5 * power, abs=1e-3)
    assert zeropoint(BUNIT="erg/s/cm2/A") is None  # at what wavelength?


def test_a_surface_brightness_of_any_unit_takes_the_area_of_the_pixel():
    assert zeropoint(0.2, BUNIT="nanomaggies/arcsec^2")[0] == pytest.approx(22.5 - 2.5 * np.log10(0.04))
    value, _ = zeropoint(0.2, BUNIT="erg/s/cm2/A/arcsec2", PHOTPLAM=6000.0)
    assert value == pytest.approx(zeropoint(BUNIT="erg/s/cm2/A", PHOTPLAM=6000.0)[0] - 2.5 * np.log10(0.04))


def test_rates_are_per_second_whatever_their_unit_of_time():
    def gain(unit):
        return read_gain(Header((fits.Header({"EXPTIME": 600.0}),)), parse_unit(unit))[0]

    assert gain("electron/s") == 600.0
    assert gain("electron/min") == pytest.approx(10.0)
    hst = {"PHOTFLAM": 7e-20, "PHOTPLAM": 5921.0}
    slow, fast = zeropoint(BUNIT="electron/min", **hst)[0], zeropoint(BUNIT="electron/s", **hst)[0]
    assert slow == pytest.approx(fast + 2.5 * np.log10(60.0))


SYSTEMS = {
    "vista": ({"PHOTZP": 23.0, "PHOTSYS": "VEGA"}, "PHOTZP, Vega magnitudes"),
    "magsys": ({"MAGZP": 25.0, "MAGSYS": "Vega"}, "MAGZP, Vega magnitudes"),
    "2mass": ({"MAGZP": 20.5, "ORIGIN": "2MASS"}, "MAGZP, Vega magnitudes"),
    "wise": ({"MAGZP": 20.5, "TELESCOP": "WISE"}, "MAGZP, Vega magnitudes"),
    "st": ({"MAGZERO": 25.0, "MAGSYS": "STMAG"}, "MAGZERO, ST magnitudes"),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_zeropoint_that_is_not_ab_is_reported(tmp_path, name):
    cards, origin = SYSTEMS[name]
    fits.writeto(tmp_path / "a.fits", np.ones((9, 9)), fits.Header(cards))
    system = origin.split()[1]
    with pytest.warns(UserWarning, match=rf"^zero-point .* is in the {system} system \({origin}\): this image's"):
        image = Image.read(tmp_path / "a.fits", sigma=1.0)
    assert image.zeropoint in cards.values()
    assert any(origin in note for note in image.provenance)
    assert Image.read(tmp_path / "a.fits", sigma=1.0, zeropoint=27.0).zeropoint == 27.0


def test_a_zeropoint_of_ab_or_of_no_stated_system_is_noted(tmp_path):
    fits.writeto(tmp_path / "a.fits", np.ones((9, 9)), fits.Header({"MAGZERO": 23.9, "MAGSYS": "AB"}))
    fits.writeto(tmp_path / "b.fits", np.ones((9, 9)), fits.Header({"MAGZP": 26.2}))
    assert "zeropoint 23.9 (MAGZERO, AB magnitudes)" in Image.read(tmp_path / "a.fits", sigma=1.0).provenance
    notes = Image.read(tmp_path / "b.fits", sigma=1.0).provenance
    assert "zeropoint 26.2 (MAGZP; the header does not name AB or Vega)" in notes


@pytest.mark.parametrize("unit", ["mag/arcsec2", "ABmag", "mag", "dex"])
def test_images_of_logarithms_are_reported(tmp_path, unit):
    fits.writeto(tmp_path / "a.fits", np.ones((9, 9)), fits.Header({"BUNIT": unit}))
    with pytest.warns(UserWarning, match=r"^data seem to be magnitudes \(unit .*\); an image must be linear$"):
        Image.read(tmp_path / "a.fits", sigma=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fits.writeto(tmp_path / "b.fits", np.ones((9, 9)), fits.Header({"BUNIT": "nanomaggies"}))
        Image.read(tmp_path / "b.fits", sigma=1.0)


@pytest.mark.parametrize("card", ["MAGZPT", "MAGZEROP", "ZPT"])
def test_a_zeropoint_whose_exposure_is_not_stated_is_noted(tmp_path, card):
    fits.writeto(tmp_path / "a.fits", np.ones((9, 9)), fits.Header({card: 24.5, "BUNIT": "adu"}))
    image = Image.read(tmp_path / "a.fits", sigma=1.0)
    assert image.zeropoint is None
    note = f"zeropoint unknown ({card} = 24.5 may be for one second, and is not used: give zeropoint=)"
    assert note in image.provenance
    assert note not in Image.read(tmp_path / "a.fits", sigma=1.0, zeropoint=25.0).provenance
