"""World coordinate systems: their celestial parts, and the scale of pixels."""

import re
import warnings
from typing import Any

import numpy as np

from sersiclab.data.headers import Header
from sersiclab.runtime.errors import InputTypeError


WIDEST = 10.0  # arcmin; without CDELT and CD a pixel of a WCS is a degree wide
CARDS = re.compile(r"(?:CRVAL|CRPIX|CDELT|CROTA)[12]|(?:CD|PC)[12]_[12]")
SAME_SCALE = 1.05  # two pixel scales agree if their ratio is below this


def celestial(wcs: Any) -> Any:
    """Return the celestial part of an astropy `WCS` or of a header's WCS; None for anything else."""
    if wcs is None:
        return None
    from astropy.io import fits
    from astropy.wcs import WCS

    wcs = WCS(wcs) if isinstance(wcs, fits.Header) else wcs
    return wcs.celestial if isinstance(wcs, WCS) and wcs.has_celestial else None


def checked_wcs(wcs: Any) -> Any:
    """Return the user's WCS: an astropy `WCS` or FITS header, or an object of the APE 14 interface with celestial axes.

    A WCS without celestial axes is ignored, with a warning.
    """
    if wcs is None:
        return None
    from astropy.io import fits
    from astropy.wcs import WCS
    from astropy.wcs.wcsapi import BaseHighLevelWCS, BaseLowLevelWCS

    if isinstance(wcs, WCS | fits.Header):
        if celestial(wcs) is not None:
            return wcs
        warnings.warn("wcs has no celestial axes, such as RA and Dec: it is ignored", stacklevel=5)
        return None
    if not isinstance(wcs, BaseLowLevelWCS | BaseHighLevelWCS):
        raise InputTypeError(f"wcs must be an astropy WCS, or another object of its shared interface, got {wcs!r}")
    plain: Any = wcs.low_level_wcs if isinstance(wcs, BaseHighLevelWCS) else wcs
    if sum((kind or "").startswith("pos.") for kind in plain.world_axis_physical_types) < 2:
        raise InputTypeError(f"wcs must have celestial axes, got {type(wcs).__name__} without any")
    return wcs


def pixel_scale_of(wcs: Any) -> float | None:
    """Return the arcsec per pixel of a WCS, the square root of a pixel's area; None without a WCS or a scale."""
    sky = celestial(wcs)
    scale = None if sky is None else float(np.sqrt(sky.proj_plane_pixel_area().to_value("arcsec2")))
    return scale if scale is not None and scale < 60.0 * WIDEST else None


def settled_scale(given: float | None, wcs: Any) -> float | None:
    """Return the user's pixel scale or, without one, that of the WCS; warn if they differ."""
    own = pixel_scale_of(wcs)
    if given is not None and own is not None and not 1 / SAME_SCALE < given / own < SAME_SCALE:
        warnings.warn(
            f"pixel_scale is {given:g} arcsec, that of wcs {own:.4g}: the first is used for lengths", stacklevel=5
        )
    return own if given is None else given


def celestial_of_header(argument: str, label: str, header: Any, hdus: Any) -> Any:
    from astropy.io.fits import HDUList
    from astropy.wcs import WCS, FITSFixedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        broken = _broken_card(header)
        try:
            wcs = WCS(header, fobj=hdus if isinstance(hdus, HDUList) else None)
            if not wcs.has_celestial:
                return None
            area = wcs.celestial.proj_plane_pixel_area().to_value("arcmin2")
            if broken is None and 0.0 < area < WIDEST**2:
                return wcs.celestial
            problem = f"its pixels are {area**0.5:.3g} arcmin wide: CDELT or CD are missing or wrong"
            problem = problem if broken is None else f"{broken} is not a finite number"
        except Exception as error:  # wcslib's errors have no common class
            problem = f"it can't be read: {error}"
    warnings.warn(f"{argument}: the WCS of {label} is ignored ({problem})", stacklevel=5)
    return None


def _broken_card(header: Any) -> str | None:
    """Return a keyword of the WCS whose value is not a finite number: astropy replaces it by the default."""
    cards = [key for key in header if CARDS.fullmatch(key)]
    own = Header((header,))
    return next((key for key in cards if own.number(key) is None or isinstance(header[key], str)), None)
