"""What a FITS header says of units: the magnitude of one image unit, and electrons per image unit."""

import math
import re
import warnings
from typing import Any

import astropy.units as u

from sersiclab.headers import Header


Found = tuple[float, str]  # a number, and the keywords it comes from

# BUNIT in words that astropy does not know. Case decides elsewhere (MJy, mJy), but not here.
SPELLINGS = {
    "nanomaggy": "nmgy",
    "nanomaggies": "nmgy",
    "maggies": "mgy",
    "electrons": "electron",
    "electron": "electron",
    "e": "electron",
    "e-": "electron",
    "counts": "ct",
    "count": "ct",
    "cts": "ct",
    "dn": "adu",
    "dns": "adu",
    "adu": "adu",
    "adus": "adu",
    "s": "s",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "ujy": "uJy",
    "microjy": "uJy",
    "njy": "nJy",
}
COUNTS = (u.ct, u.adu, u.electron)
# The magnitude of one image unit: DES, Euclid, Astro-WISE, ZTF. Others count per second, or not in AB.
ZEROPOINTS = ("MAGZERO", "ZEROPOINT", "ZEROPOIN", "MAGZP", "ABMAGZP")
PLAUSIBLE = (10.0, 45.0)
GAINS = ("GAIN", "EGAIN", "CCDGAIN", "ATODGAIN")
FILTERS = ("BAND", "FILTER", "FILTER1", "FILTER2", "FILTNAM1")
LEGACY_SURVEYS = ("decals", "des", "mzls", "bass", "legacy")


def unit_of(value: Any) -> Any:
    """The unit of astropy's `Quantity`; None for plain numbers."""
    return value.unit if isinstance(value, u.Quantity) else None


def in_unit(name: str, value: Any, unit: Any, power: int) -> Any:
    """Plain numbers of a noise map, whose unit must be that of the data, to this power.

    Raises `ValueError` if it has a unit and the data have none, or another.
    """
    own = unit_of(value)
    if own is None:
        return value
    if unit is None:
        raise ValueError(f"{name} has the unit {own} and data have none; give both with their units, or neither")
    try:
        return value.to_value(unit**power)
    except ValueError as error:
        raise ValueError(f"{name} must have the unit {unit**power}, got {own}") from error


def read_unit(header: Header) -> str | None:
    """The image's unit by `BUNIT`, as astropy writes it; None where it is missing or says nothing known."""
    text = header.text("BUNIT", "BUNITS")
    if text is not None:
        return parse_unit(text)
    survey = (header.text("SURVEY") or "").lower()
    return "nmgy" if survey.startswith(LEGACY_SURVEYS) and header.find("BRICK", "VERSION") else None


def parse_unit(text: str) -> str | None:
    """A unit in any usual spelling, as astropy writes it; None if unknown."""
    words = re.split(r"([/*\s]+)", text.strip())
    mended = "".join(SPELLINGS.get(word.lower(), word) for word in words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # several slashes
        try:
            unit = u.Unit(mended)
        except (ValueError, TypeError):
            return None
    return unit.to_string() or None


def read_band(header: Header) -> str | None:
    """The filter's name: that of the two wheels which is not open."""
    for name in FILTERS:
        text = header.text(name)
        if text is not None and not text.upper().startswith(("CLEAR", "N/A", "NONE")):
            return text
    return None


def read_zeropoint(header: Header, unit: str | None, pixel_scale: float | None) -> Found | None:
    """The magnitude of one image unit, mostly AB, and where it comes from.

    Flux units and surface brightnesses (with the pixel's area, `PIXAR_SR` or the WCS's) are AB by
    definition. Counts take `FLUXMAG0`, a zero-point keyword, or `PHOTFLAM` and `PHOTPLAM`: the mean flux
    density f_lambda of one count per second and the pivot wavelength (HST).
    """
    parsed = None if unit is None else u.Unit(unit)
    if parsed is not None and not _is_counts(parsed):
        return _of_flux_unit(header, parsed, pixel_scale)
    flux = header.number("FLUXMAG0")
    if flux is not None and flux > 0:
        return 2.5 * math.log10(flux), "FLUXMAG0"
    for name in ZEROPOINTS:
        value = header.number(name)
        if value is not None and PLAUSIBLE[0] < value < PLAUSIBLE[1]:
            return value, name
    return _of_photflam(header, parsed)


def read_gain(header: Header, unit: str | None) -> Found | None:
    """Electrons per image unit, and where that comes from: the unit, a gain, the exposure, NCOMBINE."""
    if unit is None or not _is_counts(u.Unit(unit)):
        return None
    factor, origin = 1.0, [f"BUNIT = {unit}"]
    if u.electron not in u.Unit(unit).bases:
        gain = next(((name, g) for name in GAINS if (g := header.number(name)) is not None and g > 0), None)
        if gain is None:
            return None
        factor, origin = gain[1], [gain[0]]
        combined = header.number("NCOMBINE")
        # IRAF averages what it combines; HST's pipeline adds up.
        if combined is not None and combined > 1 and header.text("TELESCOP") != "HST":
            factor, origin = factor * combined, [*origin, "NCOMBINE"]
    if _is_rate(u.Unit(unit)):
        exposure = header.number("EXPTIME", "XPOSURE", "EFFEXPTM")
        if exposure is None or exposure <= 0:
            return None
        factor, origin = factor * exposure, [*origin, "EXPTIME"]
    return factor, ", ".join(origin)


def _is_counts(unit: Any) -> bool:
    return any(base in COUNTS for base in unit.bases)


def _is_rate(unit: Any) -> bool:
    return u.s in unit.bases


def _of_flux_unit(header: Header, unit: Any, pixel_scale: float | None) -> Found | None:
    found = header.find("BUNIT", "BUNITS", "SURVEY")
    origin = f"unit {unit}" if found is None else f"{found[0]} = {found[1]}"
    if unit.is_equivalent(u.mgy):
        return -2.5 * math.log10(unit.to(u.mgy)), origin
    quantity = u.Quantity(1.0, unit)
    if unit.is_equivalent(u.Jy / u.sr):
        area = header.number("PIXAR_SR")
        if area is None and pixel_scale is None:
            return None
        origin += ", the pixel's area" if area is None else ", PIXAR_SR"
        square = u.Quantity((pixel_scale or 0.0) ** 2, u.arcsec**2)
        quantity = quantity * (square if area is None else u.Quantity(area, u.sr))
    pivot = header.number("PHOTPLAM")
    spectral = [] if pivot is None else u.spectral_density(pivot * u.AA)
    try:
        return _ab_magnitude(quantity, spectral), origin
    except (u.UnitConversionError, u.UnitTypeError):
        return None


def _of_photflam(header: Header, unit: Any) -> Found | None:
    inverse, pivot = header.number("PHOTFLAM"), header.number("PHOTPLAM")
    if unit is None or inverse is None or pivot is None or not (inverse > 0 and pivot > 0):
        return None
    density = u.Quantity(inverse, u.erg / u.s / u.cm**2 / u.AA)
    zeropoint = _ab_magnitude(density, u.spectral_density(pivot * u.AA))
    if _is_rate(unit):
        return zeropoint, "PHOTFLAM, PHOTPLAM"
    exposure = header.number("EXPTIME")
    if exposure is None or exposure <= 0:
        return None
    return zeropoint + 2.5 * math.log10(exposure), "PHOTFLAM, PHOTPLAM, EXPTIME"


def _ab_magnitude(quantity: Any, equivalencies: Any) -> float:
    return float(quantity.to_value(u.ABmag, equivalencies=equivalencies))
