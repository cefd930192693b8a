"""Units and zero-points of headers, against astropy and the surveys' own numbers."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from sersiclab.data.headers import Header
from sersiclab.data.photometry import parse_unit, read_band, read_gain, read_unit, read_zeropoint


UNITS = {
    "nanomaggy": u.nmgy,
    "NANOMAGGIES": u.nmgy,
    "MJy/sr": u.MJy / u.sr,
    "ELECTRONS/S": u.electron / u.s,
    "ELECTRON": u.electron,
    "e-/sec": u.electron / u.s,
    "DNs": u.adu,
    "ADU": u.adu,
    "counts/sec": u.ct / u.s,
    "electron s-1": u.electron / u.s,
    "nJy": u.nJy,
    "mJy": u.mJy,
    "uJy/arcsec^2": u.uJy / u.arcsec**2,
    "erg/s/cm2/Angstrom": u.erg / u.s / u.cm**2 / u.AA,
}


def header(**cards):
    return Header((fits.Header(cards),))


@pytest.mark.parametrize("text", UNITS)
def test_units_in_any_spelling(text):
    assert u.Unit(parse_unit(text)) == UNITS[text]
    assert parse_unit(parse_unit(text)) == parse_unit(text)


@pytest.mark.parametrize("text", ["furlongs", "a//b", ""])
def test_unknown_units_are_none(text):
    assert parse_unit(text) is None


def zeropoint(scale=None, **cards):
    found = header(**cards)
    return read_zeropoint(found, read_unit(found), scale)


HST = {"PHOTFLAM": 7.0e-20, "PHOTPLAM": 5921.0, "EXPTIME": 1000.0}
# f_nu of one count per second, in the AB system (Oke & Gunn 1983, ApJ 266, 713)
HST_AB = -2.5 * np.log10(7.0e-20 * 5921.0**2 / 2.99792458e18) - 48.6
# keywords -> zero-point
ZEROPOINTS = {
    "nanomaggies": ({"BUNIT": "nanomaggy"}, 22.5),
    "legacy cutout": ({"SURVEY": "DECaLS", "VERSION": "DR9-south"}, 22.5),
    "nanojansky": ({"BUNIT": "nJy"}, 31.4),
    "microjansky": ({"BUNIT": "uJy"}, 23.9),
    "hsc": ({"FLUXMAG0": 63095734448.0194}, 27.0),
    "euclid": ({"MAGZERO": 23.9, "BUNIT": "ADU"}, 23.9),
    "hst counts per second": ({**HST, "BUNIT": "ELECTRONS/S"}, HST_AB),
    "hst electrons": ({**HST, "BUNIT": "ELECTRONS"}, HST_AB + 7.5),
    "exposure as text": ({**HST, "BUNIT": "ELECTRONS", "EXPTIME": "1000.0"}, HST_AB + 7.5),
    "jwst": ({"BUNIT": "MJy/sr", "PIXAR_SR": 2.1e-14}, -2.5 * np.log10(2.1e-8 / 3631)),
}


@pytest.mark.parametrize("name", ZEROPOINTS)
def test_zeropoints(name):
    cards, expected = ZEROPOINTS[name]
    assert zeropoint(**cards)[0] == pytest.approx(expected, abs=2e-3)


def test_a_surface_brightness_takes_the_area_of_the_pixel():
    area = (0.031 * u.arcsec).to_value(u.rad) ** 2
    by_header, _ = zeropoint(BUNIT="MJy/sr", PIXAR_SR=area)
    by_scale, origin = zeropoint(0.031, BUNIT="MJy/sr")
    assert by_scale == pytest.approx(by_header, abs=1e-9)
    assert "pixel's area" in origin
    assert zeropoint(BUNIT="MJy/sr") is None


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"PHOTZPT": -21.1},  # HST's zero-point of its own system
        {**HST},  # of what unit?
        {"BUNIT": "ELECTRONS", "PHOTFLAM": 7e-20, "PHOTPLAM": 5921.0},  # in what time?
        {"BUNIT": "adu", "PHOTFLAM": 0.0, "PHOTPLAM": 5921.0, "EXPTIME": 1.0},
        {"MAGZERO": 0.0},
        {"MAGZERO": "none"},
        {"BUNIT": "erg/s"},
    ],
)
def test_what_is_not_standard_gives_no_zeropoint(cards):
    assert zeropoint(**cards) is None


GAINS = {
    "electrons": ({"BUNIT": "ELECTRONS", "CCDGAIN": 2.0}, 1.0),
    "electrons per second": ({"BUNIT": "e-/s", "EXPTIME": 900.0}, 900.0),
    "counts": ({"BUNIT": "adu", "GAIN": 2.5}, 2.5),
    "averaged counts": ({"BUNIT": "counts", "GAIN": 2.5, "NCOMBINE": 4}, 10.0),
    "counts per second": ({"BUNIT": "DN/s", "GAIN": 2.5, "EXPTIME": 60.0}, 150.0),
}


@pytest.mark.parametrize("name", GAINS)
def test_gains(name):
    cards, expected = GAINS[name]
    assert read_gain(header(**cards), parse_unit(cards["BUNIT"]))[0] == pytest.approx(expected)


@pytest.mark.parametrize("cards", [{"BUNIT": "nmgy", "GAIN": 2.0}, {"BUNIT": "adu"}, {"BUNIT": "adu/s", "GAIN": 2.0}])
def test_no_gain_without_what_it_needs(cards):
    assert read_gain(header(**cards), parse_unit(cards["BUNIT"])) is None


def test_the_filter_is_the_wheel_that_is_not_open():
    assert read_band(header(FILTER1="F606W", FILTER2="CLEAR2L")) == "F606W"
    assert read_band(header(FILTER1="CLEAR1L", FILTER2="F814W")) == "F814W"
    assert read_band(header(FILTER=" r ")) == "r"
    assert read_band(header()) is None


def test_cards_that_cannot_be_read_are_missing():
    broken = fits.Header.fromstring("GAIN    = 1.2.3 abc".ljust(80) + "EGAIN   =                  2.0".ljust(80))
    found = Header((broken, fits.Header({"EXPTIME": 5.0})))
    assert found.number("GAIN") is None
    assert found.find("GAIN", "EGAIN") is not None
    assert found.number("EXPTIME") == 5.0
