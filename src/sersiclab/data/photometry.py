"""Units from a FITS header: the magnitude of one image unit, and electrons per image unit."""

import math
import re
from typing import Any

import astropy.units as u

from sersiclab.data import panstarrs
from sersiclab.data.headers import Header
from sersiclab.data.units import is_counts, is_electrons, parse_unit, per_second
from sersiclab.runtime.errors import InputError


Sourced = tuple[float, str]  # a number, and its source: the keywords

# The magnitude of one image unit: DES, Euclid, Astro-WISE, ZTF, ESO. Others count per second.
ZEROPOINTS = ("MAGZERO", "ZEROPOINT", "ZEROPOIN", "MAGZP", "ABMAGZP", "PHOTZP")
# Zero-points of a second, of another airmass, or for an exposure that each survey states in its own way.
UNCERTAIN = ("MAGZPT", "MAGZEROP", "MAGZPT1", "ZPT", "ZP", "MAG0", "MAGZERO1", "PHOTZPT")
PLAUSIBLE = (10.0, 45.0)
GAINS = ("GAIN", "EGAIN", "CCDGAIN", "ATODGAIN")
# The cards that name the system of magnitudes, and the surveys that use Vega's without such a card.
SYSTEMS = ("MAGSYS", "PHOTSYS", "MAGTYPE", "ZPSYS", "MAGREF")
IN_VEGA = ("2MASS", "WISE")
SURVEY_CARDS = ("ORIGIN", "TELESCOP", "SURVEY")
FILTERS = ("BAND", "FILTER", "FILTER1", "FILTER2", "FILTNAM1")
LEGACY_SURVEYS = ("decals", "des", "mzls", "bass", "legacy")


def unit_of(value: Any) -> Any:
    """Return the unit of an astropy `Quantity`; None for plain numbers."""
    return value.unit if isinstance(value, u.Quantity) else None


def in_unit(name: str, value: Any, unit: Any, power: int) -> Any:
    """Return a noise map as plain numbers, in the unit of the data raised to this power.

    Raises `InputError` if it has a unit and the data have none, or an incompatible one.
    """
    own = unit_of(value)
    if own is None:
        return value
    if unit is None:
        raise InputError(f"{name} has the unit {own} and data have none; give both with their units, or neither")
    try:
        return value.to_value(unit**power)
    except ValueError as error:
        raise InputError(f"{name} must have the unit {unit**power}, got {own}") from error


def read_unit(header: Header) -> str | None:
    """Return the image's unit according to `BUNIT`, as astropy writes it; None if it is missing or unknown."""
    text = header.text("BUNIT", "BUNITS")
    if text is not None:
        return parse_unit(text)
    survey = (header.text("SURVEY") or "").lower()
    return "nmgy" if survey.startswith(LEGACY_SURVEYS) and header.find("BRICK", "VERSION") else None


def read_band(header: Header) -> str | None:
    """Return the filter's name; with two filter wheels, that of the wheel that is not open."""
    for name in FILTERS:
        text = header.text(name)
        if text is not None and not text.upper().startswith(("CLEAR", "N/A", "NONE")):
            return text
    return panstarrs.read_band(header)


def read_zeropoint(header: Header, unit: str | None, pixel_scale: float | None) -> Sourced | None:
    """Return the magnitude of one image unit, mostly AB, and its source.

    Flux units and surface brightnesses (with the pixel's area, `PIXAR_SR` or the WCS's) are AB by
    definition. For counts, it follows from `FLUXMAG0`, a zero-point keyword, or `PHOTFLAM` and `PHOTPLAM`: the mean
    flux density f_lambda of one count per second and the pivot wavelength (HST). The text names the magnitude system of
    a zero-point keyword if the header does.
    """
    parsed = None if unit is None else u.Unit(unit)
    if parsed is not None and not is_counts(parsed):
        return _of_flux_unit(header, parsed, pixel_scale)
    flux = header.number("FLUXMAG0")
    if flux is not None and flux > 0:
        return 2.5 * math.log10(flux), "FLUXMAG0"
    for name in ZEROPOINTS:
        value = header.number(name)
        if value is not None and PLAUSIBLE[0] < value < PLAUSIBLE[1]:
            known = read_system(header, name)
            return value, f"{name}, {known} magnitudes" if known else f"{name}; the header does not name AB or Vega"
    found = panstarrs.read_zeropoint(header)
    if found is not None:
        return found
    return _of_photflam(header, parsed)


def uncertain_zeropoint(header: Header) -> str | None:
    """Return a zero-point card that is not used, since it may refer to one second; None if there is none."""
    found = next(((name, value) for name in UNCERTAIN if (value := header.number(name)) is not None), None)
    return None if found is None else f"{found[0]} = {found[1]:.6g}"


def read_system(header: Header, keyword: str) -> str | None:
    """Return the magnitude system of a zero-point keyword, such as "AB" or "Vega"; None if none is named."""
    if keyword.startswith("AB"):
        return "AB"
    text = header.text(*SYSTEMS)
    if text is not None:
        known = {"ab": "AB", "vega": "Vega", "st": "ST"}
        return next((name for key, name in known.items() if text.lower().startswith(key)), text)
    surveys = {(header.text(card) or "").upper() for card in SURVEY_CARDS}
    return "Vega" if surveys & set(IN_VEGA) else None


def system_of(found: Sourced) -> str | None:
    """Return the magnitude system in the source of a zero-point; None if it names none."""
    match = re.search(r", (\S+) magnitudes$", found[1])
    return None if match is None else match[1]


def read_gain(header: Header, unit: str | None) -> Sourced | None:
    """Return the electrons per image unit, and their source: the unit, a gain, the exposure time, NCOMBINE."""
    if unit is None or not is_counts(u.Unit(unit)):
        return None
    factor, origin = 1.0, [f"BUNIT = {unit}"]
    if not is_electrons(u.Unit(unit)):
        gain = next(((name, g) for name in GAINS if (g := header.number(name)) is not None and g > 0), None)
        if gain is None:
            return None
        factor, origin = gain[1], [gain[0]]
        combined = header.number("NCOMBINE")
        # IRAF averages the exposures that it combines; HST's pipeline adds them up.
        if combined is not None and combined > 1 and header.text("TELESCOP") != "HST":
            factor, origin = factor * combined, [*origin, "NCOMBINE"]
    rate = per_second(u.Unit(unit))
    if rate is not None:
        exposure = header.number("EXPTIME", "XPOSURE", "EFFEXPTM")
        if exposure is None or exposure <= 0:
            return None
        factor, origin = factor * exposure * rate, [*origin, "EXPTIME"]
    return factor, ", ".join(origin)


def _of_flux_unit(header: Header, unit: Any, pixel_scale: float | None) -> Sourced | None:
    found = header.find("BUNIT", "BUNITS", "SURVEY")
    origin = f"unit {unit}" if found is None else f"{found[0]} = {found[1]}"
    if u.pix in unit.bases:
        unit = unit * u.pix  # a flux is that of a pixel anyway
    quantity: Any = u.Quantity(1.0, unit)
    if any((unit * u.sr).is_equivalent(flux) for flux in (u.Jy, u.mgy, u.W / u.m**3)):
        area = header.number("PIXAR_SR")
        if area is None and pixel_scale is None:
            return None
        origin += ", the pixel's area" if area is None else ", PIXAR_SR"
        square = u.Quantity((pixel_scale or 0.0) ** 2, u.arcsec**2)
        quantity = quantity * (square if area is None else u.Quantity(area, u.sr))
    if quantity.unit.is_equivalent(u.mgy):
        return -2.5 * math.log10(quantity.to_value(u.mgy)), origin
    pivot = header.number("PHOTPLAM")
    spectral = [] if pivot is None else u.spectral_density(pivot * u.AA)
    try:
        return _ab_magnitude(quantity, spectral), origin
    except (u.UnitConversionError, u.UnitTypeError):
        return None


def _of_photflam(header: Header, unit: Any) -> Sourced | None:
    inverse, pivot = header.number("PHOTFLAM"), header.number("PHOTPLAM")
    if unit is None or inverse is None or pivot is None or not (inverse > 0 and pivot > 0):
        return None
    density = u.Quantity(inverse, u.erg / u.s / u.cm**2 / u.AA)
    zeropoint = _ab_magnitude(density, u.spectral_density(pivot * u.AA))
    rate = per_second(unit)
    if rate is not None:
        return zeropoint - 2.5 * math.log10(rate), "PHOTFLAM, PHOTPLAM"
    exposure = header.number("EXPTIME")
    if exposure is None or exposure <= 0:
        return None
    return zeropoint + 2.5 * math.log10(exposure), "PHOTFLAM, PHOTPLAM, EXPTIME"


def _ab_magnitude(quantity: Any, equivalencies: Any) -> float:
    return float(quantity.to_value(u.ABmag, equivalencies=equivalencies))
