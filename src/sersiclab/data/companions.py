"""The extensions of a file that belong to an image: its errors and its bad pixels."""

import functools
import operator
import re
from typing import Any

from sersiclab.data import panstarrs
from sersiclab.data.arrays import Mask
from sersiclab.data.filters import apart
from sersiclab.data.fits import Extension, bands_of, plane, squeezed
from sersiclab.data.headers import Header
from sersiclab.data.opening import File


# The names that surveys and observatories give to these extensions, without punctuation. HST and JWST write SCI, ERR
# and DQ, drizzled images SCI and WHT; the LSST pipeline (HSC) IMAGE, MASK and VARIANCE; DES SCI, MSK and WGT; Euclid
# SCI, RMS and FLG; ESO DATA, STAT (a variance) and DQ; Legacy Surveys write IMAGETYP, and MASKBITS; astropy's CCDData
# writes UTYPE.
ROLES = {
    "sigma": {"ERR", "ERROR", "ERRORS", "ERRMAP", "ERRORMAP", "SIG", "SIGMA", "SIGMAMAP", "STD", "STDEV", "STDDEV"}
    | {"RMS", "RMSMAP", "NOISE", "NOISEMAP", "UNC", "UNCERT", "UNCERTAINTY", "STDDEVUNCERTAINTY"},
    "variance": {"VAR", "VARIANCE", "VARIANCES", "VARMAP", "VARIANCEMAP", "STAT", "VARIANCEUNCERTAINTY"},
    "invvar": {"IVAR", "INVVAR", "IVM", "INVERSEVARIANCE"},
    "weight": {"WHT", "WGT", "WEIGHT", "WEIGHTS", "WEIGHTMAP"},
    "mask": {"DQ", "DATAQUALITY", "QUALITY", "QUAL", "MASK", "MSK", "FLAG", "FLAGS", "FLG", "MASKBITS"}
    | {"BPM", "BADPIX", "BADPIXELS", "BADPIXELMASK", "BADPIXMASK", "BPMASK"},
}
# The bits of the LSST pipeline's mask that mark unusable pixels (the others mark detections).
LSST_BAD = ("BAD", "SAT", "CR", "EDGE", "NO_DATA", "UNMASKEDNAN")
# The same for the MASKBITS of Legacy Surveys, by filter (legacysurvey.org/dr10/bitmasks). The others mark bright stars
# and large galaxies, whose own pixels would be excluded.
MASKBITS = {"SATUR_G": 2, "SATUR_R": 3, "SATUR_Z": 4, "ALLMASK_G": 5, "ALLMASK_R": 6, "ALLMASK_Z": 7}
MASKBITS |= {"SATUR_I": 14, "ALLMASK_I": 15}
DO_NOT_USE = 1  # the bit of that name in the DQ of JWST and Roman


def companions(file: File, index: int, band: str | None = None) -> dict[str, Extension]:
    """Return the extensions by role (`ROLES`) that share the image's shape, version, band and prefix."""
    bands = bands_of(file.hdus[index])
    return {kind: plane(file, other, band, bands) for kind, other in companion_indices(file, index).items()}


def companion_indices(file: File, index: int) -> dict[str, int]:
    """Return the index of each of these extensions, by role."""
    science = file.hdus[index]
    if role(science) is not None:
        return {}
    found: dict[str, int] = {}
    for other, hdu in enumerate(file.hdus):
        kind = role(hdu) if other != index and hdu.is_image else None
        if kind is not None and kind not in found and _belongs(science, hdu) and _of_filter(file, index, hdu):
            found[kind] = other
    return found


def without_role(file: File, index: int) -> tuple[str, ...]:
    """Return the other extensions of the image's shape, which could be errors or flags but are not named as such."""
    science = file.hdus[index]
    return tuple(
        f"[{other}] {hdu.name or 'without a name'}"
        for other, hdu in enumerate(file.hdus)
        if other != index and hdu.is_image and role(hdu) is None and _belongs(science, hdu) and hdu.name != science.name
    )


def role(hdu: Any) -> str | None:
    """Return the role of an extension according to its name; None if it has none."""
    header = Header((hdu.header,))
    last = hdu.name.rpartition(".")[2]
    names = (header.text("UTYPE"), header.text("IMAGETYP"), last, "".join(apart(last)[1]))
    for name in names:
        for kind, known in ROLES.items():
            if name is not None and re.sub(r"[^A-Z0-9]", "", name.upper()) in known:
                return kind
    return None


def _belongs(science: Any, hdu: Any) -> bool:
    def identity(hdu: Any) -> tuple[Any, ...]:
        return squeezed(hdu.shape)[-2:], hdu.ver, Header((hdu.header,)).text("BAND"), hdu.name.rpartition(".")[0]

    planes, own = squeezed(science.shape)[:-2], squeezed(hdu.shape)[:-2]
    return identity(science) == identity(hdu) and own in (planes, ())


def _of_filter(file: File, index: int, hdu: Any) -> bool:
    """Return whether an extension's name has no other filter than the image's, as ERR_R does not belong to an image G.

    If the images of several bands have these for names, it must have the same.
    """
    own, other = (apart(each.name)[0] for each in (file.hdus[index], hdu))
    several = len({name for each in file.hdus if (name := apart(each.name)[0]) is not None}) > 1
    return own == other or (other is None and not several)


def bad_pixels(plane: Extension, band: str | None = None) -> tuple[Mask, str]:
    """Return the pixels that an extension of flags excludes, and the rule: any flag, unless its header names flags."""
    if plane.array.dtype.kind in "iu":
        known = _bad_bits(plane, band)
        if known:
            return plane.array & functools.reduce(operator.or_, known.values()) != 0, ", ".join(known)
    return plane.array != 0, "non-zero"


def _bad_bits(plane: Extension, band: str | None) -> dict[str, int]:
    """Return the values of the bits that exclude a pixel, by name, if the header identifies the flags."""
    header = plane.header
    if (header.text("IMAGETYP") or header.text("EXTNAME") or "").upper() == "MASKBITS":
        of_band = {name: bit for name, bit in MASKBITS.items() if name[-1] == (band or "").upper()}
        return {name: 1 << bit for name, bit in (of_band or MASKBITS).items()}
    if header.text("TELESCOP") in ("JWST", "ROMAN"):
        return {"DO_NOT_USE": DO_NOT_USE}
    bits = {name: header.number(f"MP_{name}") for name in LSST_BAD}
    return {name: 1 << int(bit) for name, bit in bits.items() if bit is not None} or panstarrs.bad_bits(header)
