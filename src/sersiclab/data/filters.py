"""The wavelengths of common filters, by the names that headers and surveys give them.

The table has pivot wavelengths, sqrt(∫ T λ dλ / ∫ T dλ/λ) for a response T to photons, in micrometres. They are those
of the SVO Filter Profile Service (Rodrigo & Solano 2020; svo2.cab.inta-csic.es/theory/fps) and of the handbooks of the
instruments; UBVRI are Bessell & Murphy 2012 (PASP 124, 140), Roman's the `PHOTPLAM` of its documentation, and Euclid's
the centres of Schirmer et al. 2022 (A&A 662, A92). Different versions of a response agree to 1 %; filters that replaced
older ones of the same letter, such as those of MegaCam in 2015, may differ by more.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from sersiclab.data.headers import Header
from sersiclab.data.planes import finite_number
from sersiclab.parameters.quantities import is_quantity
from sersiclab.runtime.errors import InputError


FILTERS: dict[str, dict[str, float]] = {
    "SDSS": {"u": 0.3557, "g": 0.4702, "r": 0.6176, "i": 0.7490, "z": 0.8947},
    "Pan-STARRS": {"g": 0.4810, "r": 0.6155, "i": 0.7503, "z": 0.8668, "y": 0.9613},
    "DECam": {"g": 0.4826, "r": 0.6432, "i": 0.7826, "z": 0.9178, "y": 0.9899},
    "HSC": {"g": 0.4816, "r": 0.6234, "i": 0.7741, "z": 0.8912, "y": 0.9780, "r2": 0.6234, "i2": 0.7741},
    "LSST": {"u": 0.368, "g": 0.481, "r": 0.622, "i": 0.754, "z": 0.869, "y": 0.972},
    "MegaCam": {"u": 0.3803, "g": 0.4844, "r": 0.6248, "i": 0.7539, "z": 0.8860},
    "Bessell": {"u": 0.3597, "b": 0.4377, "v": 0.5488, "r": 0.6515, "i": 0.7981},
    "2MASS": {"j": 1.239, "h": 1.649, "k": 2.164, "ks": 2.164},
    "VISTA": {"z": 0.8779, "y": 1.0211, "j": 1.2541, "h": 1.6464, "k": 2.1488, "ks": 2.1488},
    "UKIDSS": {"z": 0.8826, "y": 1.0314, "j": 1.2501, "h": 1.6359, "k": 2.2084},
    "ACS": {"f435w": 0.4318, "f475w": 0.4744, "f555w": 0.5360, "f606w": 0.5921, "f625w": 0.6311}
    | {"f775w": 0.7693, "f814w": 0.8060, "f850lp": 0.9055},
    "WFC3": {"f218w": 0.2227, "f225w": 0.2372, "f275w": 0.2710, "f336w": 0.3355, "f390w": 0.3924, "f438w": 0.4327}
    | {"f475w": 0.4774, "f555w": 0.5308, "f606w": 0.5887, "f625w": 0.6242, "f775w": 0.7649, "f814w": 0.8030}
    | {"f850lp": 0.9169, "f098m": 0.9864, "f105w": 1.0551, "f110w": 1.1534, "f125w": 1.2486, "f127m": 1.2740}
    | {"f139m": 1.3838, "f140w": 1.3923, "f153m": 1.5322, "f160w": 1.5370},
    "WFPC2": {"f255w": 0.2601, "f300w": 0.2994, "f336w": 0.3359, "f439w": 0.4312, "f450w": 0.4556, "f555w": 0.5439}
    | {"f606w": 0.5997, "f675w": 0.6718, "f702w": 0.6917, "f791w": 0.7872, "f814w": 0.8012, "f850lp": 0.9129},
    "NICMOS": {"f110w": 1.125, "f160w": 1.606},
    # NIRCam, of which NIRISS has filters of the same names, and MIRI.
    "JWST": {"f070w": 0.704, "f090w": 0.902, "f115w": 1.154, "f140m": 1.405, "f150w": 1.501, "f150w2": 1.659}
    | {"f162m": 1.627, "f164n": 1.645, "f182m": 1.845, "f187n": 1.874, "f200w": 1.989, "f210m": 2.096}
    | {"f212n": 2.121, "f250m": 2.503, "f277w": 2.776, "f300m": 2.996, "f322w2": 3.247, "f323n": 3.237}
    | {"f335m": 3.363, "f356w": 3.565, "f360m": 3.623, "f405n": 4.053, "f410m": 4.083, "f430m": 4.281}
    | {"f444w": 4.402, "f460m": 4.630, "f466n": 4.654, "f470n": 4.708, "f480m": 4.817, "f560w": 5.635}
    | {"f770w": 7.639, "f1000w": 9.953, "f1130w": 11.309, "f1280w": 12.810, "f1500w": 15.064, "f1800w": 17.984}
    | {"f2100w": 20.795, "f2550w": 25.365},
    "Roman": {"f062": 0.6291, "f087": 0.8696, "f106": 1.0567, "f129": 1.2901, "f146": 1.4378, "f158": 1.5749}
    | {"f184": 1.8394, "f213": 2.1230},
    "Euclid": {"vis": 0.715, "y": 1.0809, "j": 1.3673, "h": 1.7714, "ie": 0.715, "ye": 1.0809}
    | {"je": 1.3673, "he": 1.7714},
    "IRAC": {"3.6": 3.557, "4.5": 4.502, "5.8": 5.745, "8.0": 7.916, "ch1": 3.557, "ch2": 4.502, "ch3": 5.745}
    | {"ch4": 7.916, "irac1": 3.557, "irac2": 4.502, "irac3": 5.745, "irac4": 7.916, "1": 3.557, "2": 4.502}
    | {"3": 5.745, "4": 7.916},
    "WISE": {"w1": 3.368, "w2": 4.618, "w3": 12.07, "w4": 22.19, "1": 3.368, "2": 4.618, "3": 12.07, "4": 22.19},
    "GALEX": {"fuv": 0.1535, "nuv": 0.2308},
    "Swift": {"uvw2": 0.2058, "uvm2": 0.2247, "uvw1": 0.2583},
}
# The words that name a system of filters in the names of bands, instruments and surveys.
SYSTEMS = {
    "SDSS": "sdss sloan",
    "Pan-STARRS": "ps1 panstarrs starrs gpc1",
    "DECam": "decam des decals legacy",
    "HSC": "hsc hyper",
    "LSST": "lsst lsstcam lsstcomcam rubin",
    "MegaCam": "megacam megaprime cfht cfhtls",
    "Bessell": "bessell johnson cousins",
    "2MASS": "2mass twomass",
    "VISTA": "vista vircam uvista ultravista viking",
    "UKIDSS": "ukidss wfcam ukirt",
    "ACS": "acs",
    "WFC3": "wfc3 uvis",
    "WFPC2": "wfpc2",
    "NICMOS": "nicmos",
    "JWST": "jwst nircam niriss miri",
    "Roman": "roman wfi",
    "Euclid": "euclid nisp nir",
    "IRAC": "irac spitzer",
    "WISE": "wise unwise neowise",
    "GALEX": "galex",
    "Swift": "swift uvot",
}
KNOWN_AS = {word: system for system, words in SYSTEMS.items() for word in words.split()}
# The systems of names that come without one; those of other systems differ from them by up to 4 %.
USUAL_NAMES = {
    "SDSS": "u g r i z G",
    "Pan-STARRS": "y",
    "HSC": "r2 i2",
    "Bessell": "U B V R I b v",
    "VISTA": "Z Y",
    "2MASS": "J H K Ks j h k ks",
    "Euclid": "IE YE JE HE",
    "WISE": "W1 W2 W3 W4 w1 w2 w3 w4",
}
USUAL = {name: system for system, names in USUAL_NAMES.items() for name in names.split()}
# Words that may stand beside a filter's name.
PLAIN = ("sci", "image", "img", "data", "coadd", "hst", "wfc", "ir", "um", "micron")
WORD = re.compile(r"\d+\.\d+|[A-Za-z0-9]+")
LETTERS = 3  # a name of this length is looked for in every system, and means much the same in all that have it
ABOUT = ("INSTRUME", "TELESCOP", "SURVEY", "FPA.INSTRUMENT")
PIVOT = (500.0, 3e5)  # angstrom: a plausible PHOTPLAM


def wavelength_of(band: str, about: Sequence[str] = ()) -> float | None:
    """Return the pivot wavelength of a filter in micrometres; None if the table lacks it.

    Arguments:
        band: such as "g", "HSC-G", "SDSS_r", "WFC3_IR_F160W", "Ks" or "i2". One letter without a system is that of SDSS
            (ugriz), Pan-STARRS (y), Bessell (UBVRI), VISTA (ZY) or 2MASS (JHK); F606W and the like are those of ACS.
        about: names of the instrument, the telescope or the survey.
    """
    found = _found(band, about)
    return None if found is None else FILTERS[found[0]][found[1]]


def bands_in_names(names: Sequence[str]) -> list[str | None]:
    """Return the bands that extensions are named after, such as "F160W" of "SCI_F160W"; None for one like "PSF_g".

    Many programs write names in capitals: G, R and so on are g and r if there is a G, which UBVRI lack.
    """
    found: list[str | None] = []
    for name in names:
        words = [word for word in WORD.findall(name) if word.lower() not in PLAIN]
        band, rest = apart("_".join(words))
        found.append(None if band is None or rest else "_".join(words))
    return [band.lower() if band is not None and len(band) == 1 and "G" in found else band for band in found]


def apart(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the filter in a name, None without one, and the words beside it and its system.

    `"ERR_HSC_R"` gives `("r", ("ERR",))`.
    """
    found, words = _found(text, ()), WORD.findall(text)
    if found is None:
        return None, tuple(words)
    if found[1] == "".join(words).lower():
        return found[1], ()
    return found[1], tuple(word for word in words if word.lower() != found[1] and word.lower() not in KNOWN_AS)


def read_wavelength(header: Header, band: str | None) -> tuple[float, str] | None:
    """Return the wavelength that a header has or implies by the instrument's name, in micrometres, and its source."""
    pivot = header.number("PHOTPLAM")
    if pivot is not None and PIVOT[0] < pivot < PIVOT[1]:
        return pivot * 1e-4, "PHOTPLAM"
    # A narrower filter of NIRCam and NIRISS is in the pupil wheel.
    pupil = header.text("PUPIL") or ""
    name = pupil if pupil.lower() in FILTERS["JWST"] else band
    about = [text for card in ABOUT if (text := header.text(card)) is not None]
    if name is None or not any(_systems(text) for text in about):
        return None
    found = _found(name, about)
    return None if found is None else (FILTERS[found[0]][found[1]], f"{found[0]} {name}")


def micrometres(name: str, value: Any) -> float | None:
    """Return a wavelength, given as a number of micrometres or as an astropy length; None for None."""
    if is_quantity(value):
        try:
            value = value.to_value("um")
        except ValueError as error:  # astropy's error of units is one
            raise InputError(f"{name} must be in micrometres, or an astropy length, got {value!r}") from error
    return None if value is None else finite_number(name, value, positive=True)


def _found(band: str, about: Sequence[str]) -> tuple[str, str] | None:
    """Return the system and the filter in it that a name means."""
    words = WORD.findall(band)
    names = [*dict.fromkeys(("".join(words), *words))]  # the first for K_s and Y_E
    systems = [system for text in (*about, band) for system in _systems(text)]
    named = ((system, name.lower()) for system in systems for name in names)
    usual = ((USUAL[name], name.lower()) for name in names if name in USUAL)
    others = ((system, name.lower()) for name in names if len(name) >= LETTERS for system in FILTERS)
    return next((found for found in itertools.chain(named, usual, others) if found[1] in FILTERS[found[0]]), None)


def _systems(text: str) -> list[str]:
    return [KNOWN_AS[word] for name in WORD.findall(text) if (word := name.lower()) in KNOWN_AS]
