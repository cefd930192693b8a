"""Units of images in the spellings of FITS headers, many of which astropy misreads or rejects."""

import re
import warnings
from typing import Any

import astropy.units as u


# Case-sensitive spellings: prefixes, and units of one letter.
EXACT = {"A": "Angstrom", "MJY": "MJy", "M": "m", "CM": "cm", "UM": "um"}
# Case-insensitive spellings of units that astropy does not know, or knows by another name.
SPELLINGS = {
    "nanomaggy": "nmgy",
    "nanomaggies": "nmgy",
    "nmgy": "nmgy",
    "maggies": "mgy",
    "maggy": "mgy",
    "electrons": "electron",
    "electron": "electron",
    "elec": "electron",
    "e": "electron",
    "e-": "electron",
    "counts": "ct",
    "count": "ct",
    "cts": "ct",
    "cps": "ct/s",
    "photons": "ph",
    "dn": "adu",
    "dns": "adu",
    "adu": "adu",
    "adus": "adu",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "jy": "Jy",
    "jansky": "Jy",
    "janskys": "Jy",
    "microjy": "uJy",
    "microjansky": "uJy",
    "nanojansky": "nJy",
    "ujy": "uJy",
    "njy": "nJy",
    "erg": "erg",
    "ergs": "erg",
    "hz": "Hz",
    "hertz": "Hz",
    "ang": "Angstrom",
    "angs": "Angstrom",
    "angstrom": "Angstrom",
    "angstroms": "Angstrom",
    "micron": "um",
    "microns": "um",
    "ster": "sr",
    "str": "sr",
    "sr": "sr",
    "steradian": "sr",
    "pix": "pix",
    "pixel": "pix",
    "pixels": "pix",
    "arcsec": "arcsec",
    "arcsecs": "arcsec",
    "asec": "arcsec",
    "sqarcsec": "arcsec2",
}
WORD = re.compile(r"(?<![\w.])(?:e-(?![\d.])|[^\W\d_]+)")
COUNTS = (u.ct, u.adu, u.electron, u.ph)


def parse_unit(text: str) -> str | None:
    """Return a unit in any usual spelling as astropy writes it; None if it is unknown, or unsuitable for an image.

    "MJY" in capitals may mean 10^6 or 10^-3 Jy: it is accepted only per steradian, where nobody uses the latter.
    """
    mended = re.sub(r"\bper\b", "/", text.strip().strip("[]"), flags=re.IGNORECASE)
    mended = WORD.sub(lambda word: EXACT.get(word[0]) or SPELLINGS.get(word[0].lower(), word[0]), mended)
    if re.search(r"\bMJY\b", text) and not re.search(r"\bsr\b", mended):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # several slashes
        try:
            unit: Any = u.Unit(mended)
            bases = unit.decompose().bases
        except (ValueError, TypeError, AttributeError):
            return None
    # A plain number is not a unit. An ampere, siemens, coulomb or gauss is a letter that means something else, and so
    # is a time or a length alone.
    if not bases or u.A in bases or unit.is_equivalent(u.s) or unit.is_equivalent(u.m):
        return None
    return unit.to_string() or None


def is_counts(unit: Any) -> bool:
    """Return whether this counts electrons, photons or a detector's units, in total or per time."""
    return any(base in COUNTS for base in unit.bases)


def is_electrons(unit: Any) -> bool:
    """Return whether this counts quanta, which have Poisson noise."""
    return any(base in (u.electron, u.ph) for base in unit.bases)


def per_second(unit: Any) -> float | None:
    """Return the counts per second of one unit; None for total counts."""
    times = [(base, power) for base, power in zip(unit.bases, unit.powers, strict=True) if base.is_equivalent(u.s)]
    if len(times) != 1 or times[0][1] != -1:
        return None
    return float(1.0 / times[0][0].to(u.s))


def is_logarithmic(text: str | None) -> bool:
    """Return whether a unit is a magnitude or another logarithm."""
    return text is not None and re.search(r"\b(?:\w*mags?|magnitudes?|dex|d[bB]|log\w*)\b", text) is not None
