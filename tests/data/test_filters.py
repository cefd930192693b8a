"""The wavelengths of filters: the spellings that are recognised, and the values against measured responses."""

import galsim
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.data.filters import FILTERS, SYSTEMS, apart, bands_in_names, wavelength_of
from sersiclab.data.image_names import path_name


SPELLINGS = {
    "g": 0.4702,
    "g'": 0.4702,
    "HSC-G": 0.4816,
    "SDSS_r": 0.6176,
    "R": 0.6515,
    "decam i": 0.7826,
    "g DECam SDSS c0001 4720.0 1520.0": 0.4826,
    "i.MP9702": 0.7490,
    "i2": 0.7741,
    "PS1 y": 0.9613,
    "F160W": 1.5370,
    "f160w": 1.5370,
    "WFC3_IR_F160W": 1.5370,
    "F606W": 0.5921,
    "HST WFC3/UVIS F606W": 0.5887,
    "WFPC2.F606W": 0.5997,
    "NICMOS F160W": 1.606,
    "NIRCam-F444W": 4.402,
    "F770W": 7.639,
    "2MASS J": 1.239,
    "Ks": 2.164,
    "K_s": 2.164,
    "UKIDSS K": 2.2084,
    "H_E": 1.7714,
    "NIR_H": 1.7714,
    "VIS": 0.715,
    "IRAC_3.6": 3.557,
    "ch1": 3.557,
    "W1": 3.368,
    "FUV": 0.1535,
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_usual_spellings(name):
    assert wavelength_of(name) == SPELLINGS[name]


@pytest.mark.parametrize("name", ["", "clear", "MODEL", "F999W", "narrow", "SCI", "5", "Å", "DES"])
def test_other_names_have_no_wavelength(name):
    assert wavelength_of(name) is None


def test_the_instrument_decides_between_filters_of_one_name():
    assert wavelength_of("g", ("Hyper Suprime-Cam",)) == FILTERS["HSC"]["g"]
    assert wavelength_of("r", ("DECam",)) == FILTERS["DECam"]["r"]
    assert wavelength_of("r_SDSS", ("OMEGACAM",)) == FILTERS["SDSS"]["r"]
    assert wavelength_of("F606W", ("WFPC2", "HST")) == FILTERS["WFPC2"]["f606w"]
    assert wavelength_of("H", ("NISP",)) == FILTERS["Euclid"]["h"]
    assert wavelength_of("1", ("WISE",)) == FILTERS["WISE"]["w1"]
    assert wavelength_of("F160W", ("ACS",)) == FILTERS["WFC3"]["f160w"]  # which ACS does not have


MEASURED = {f"LSST_{band}": f"LSST {band}" for band in "ugrizy"}
MEASURED |= {f"ACS_wfc_{band}": f"ACS {band}" for band in ("F435W", "F606W", "F775W", "F814W", "F850LP")}
MEASURED |= {f"WFC3_ir_{band}": band for band in ("F105W", "F125W", "F160W")}
MEASURED |= {f"WFC3_uvis_{band}": band for band in ("F275W", "F336W")}


@pytest.mark.parametrize("file", MEASURED)
def test_pivot_wavelengths_agree_with_responses(file):
    band = galsim.Bandpass(f"{file}.dat", wave_type="nm")
    length, response = band.wave_list, band(band.wave_list)
    pivot = np.sqrt(np.trapezoid(response * length, length) / np.trapezoid(response / length, length))
    assert wavelength_of(MEASURED[file]) == pytest.approx(pivot / 1000, rel=0.005)


def test_the_table_is_sane():
    assert set(SYSTEMS) == set(FILTERS)
    for system, filters in FILTERS.items():
        for name, length in filters.items():
            assert name == name.lower()
            assert wavelength_of(f"{SYSTEMS[system].split()[0]} {name}") == length
            number = name[1:4]
            if name.startswith("f") and number.isdigit() and system not in ("JWST", "Roman") and "w" in name:
                nominal = int(number) / 1000 if int(number) > 200 else int(number) / 100
                assert length == pytest.approx(nominal, rel=0.06)


@given(st.text(max_size=30), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_taken(name, about):
    length = wavelength_of(name, about)
    assert length is None or 0.1 < length < 30.0
    assert isinstance(apart(name)[1], tuple)


@given(st.text(max_size=30))
def test_a_band_in_paths_is_an_identifier(band):
    name = path_name(band)
    assert not name or name.isidentifier()
    assert path_name(name) == name


def test_extensions_that_are_named_after_bands():
    assert bands_in_names(["SCI_F160W", "F606W", "PSF_F160W", "ERR_F160W", ""]) == ["F160W", "F606W", None, None, None]
    assert bands_in_names(["G", "R", "SCI_I"]) == ["g", "r", "i"]
    assert bands_in_names(["B", "V", "R"]) == ["B", "V", "R"]
    assert bands_in_names(["DATA", "MODEL", "RESIDUAL"]) == [None] * 3
    assert apart("ERR_HSC_R") == ("r", ("ERR",))


def image_of(**cards):
    header = fits.Header()
    header.update(cards)
    return sl.Image.read(fits.ImageHDU(np.zeros((9, 9)), header), sigma=1.0)


def test_headers_give_wavelengths():
    pivot = image_of(TELESCOP="HST", INSTRUME="WFC3", FILTER="F160W", PHOTPLAM=15369.0)
    assert pivot.wavelength == pytest.approx(1.5369)
    assert "wavelength 1.5369 (PHOTPLAM)" in pivot.provenance
    named = image_of(INSTRUME="DECam", FILTER="g DECam SDSS c0001 4720.0 1520.0")
    assert named.wavelength == FILTERS["DECam"]["g"]
    assert any(note.startswith("wavelength 0.4826 (DECam") for note in named.provenance)
    assert image_of(FILTER="g").wavelength is None  # of which survey?
    assert image_of(INSTRUME="NIRCAM", FILTER="F444W", PUPIL="F405N").wavelength == FILTERS["JWST"]["f405n"]
    assert image_of(INSTRUME="NIRISS", FILTER="CLEAR", PUPIL="F150W").wavelength == FILTERS["JWST"]["f150w"]
    for nonsense in (0.0, -1.0, 1e9, "long"):
        assert image_of(FILTER="F160W", PHOTPLAM=nonsense).wavelength is None
