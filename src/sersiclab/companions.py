"""Which extensions of a file belong to an image: its errors and its bad pixels."""

from typing import Any

import numpy as np
from jaxtyping import Bool

from sersiclab.fits import File, Plane, plane, squeezed
from sersiclab.headers import Header


# The names that surveys and observatories give them. HST and JWST write SCI, ERR and DQ, drizzled images
# SCI and WHT; the LSST pipeline (HSC) IMAGE, MASK and VARIANCE; Euclid SCI, RMS and FLG; Legacy Surveys
# write IMAGETYP; astropy's CCDData writes UTYPE.
ROLES = {
    "sigma": {"ERR", "ERROR", "SIGMA", "STD", "STDDEV", "RMS", "NOISE", "UNCERT", "STDDEVUNCERTAINTY"},
    "variance": {"VAR", "VARIANCE", "VARIANCEUNCERTAINTY"},
    "invvar": {"IVAR", "INVVAR", "INVERSEVARIANCE"},
    "weight": {"WHT", "WEIGHT"},
    "mask": {"DQ", "MASK", "FLAG", "FLAGS", "FLG", "BPM", "BADPIX"},
}
# The bits of the LSST pipeline's mask whose pixels hold no light of the sky (the others say what was detected).
LSST_BAD = ("BAD", "SAT", "CR", "EDGE", "NO_DATA", "UNMASKEDNAN")
DO_NOT_USE = 1  # the bit of that name in the DQ of JWST and Roman


def companions(file: File, index: int) -> dict[str, Plane]:
    """The planes by role (`ROLES`) that have the image's shape, its version, its band and its prefix."""
    science = file.hdus[index]
    if role(science) is not None:
        return {}
    found: dict[str, Plane] = {}
    for other, hdu in enumerate(file.hdus):
        kind = role(hdu) if other != index and hdu.is_image else None
        if kind is not None and kind not in found and _belongs(science, hdu):
            found[kind] = plane(file, other)
    return found


def role(hdu: Any) -> str | None:
    """What an extension is to an image, by its name; None for anything else."""
    header = Header((hdu.header,))
    names = (header.text("UTYPE"), header.text("IMAGETYP"), hdu.name.rpartition(".")[2])
    for name in names:
        for kind, known in ROLES.items():
            if name is not None and name.upper() in known:
                return kind
    return None


def _belongs(science: Any, hdu: Any) -> bool:
    def identity(hdu: Any) -> tuple[Any, ...]:
        return squeezed(hdu.shape), hdu.ver, Header((hdu.header,)).text("BAND"), hdu.name.rpartition(".")[0]

    return identity(science) == identity(hdu)


def bad_pixels(plane: Plane) -> tuple[Bool[np.ndarray, "y x"], str]:
    """True where a plane of flags excludes a pixel, and by which rule: any flag, if its header knows none."""
    if plane.array.dtype.kind in "iu":
        bits = {name: plane.header.number(f"MP_{name}") for name in LSST_BAD}
        known = {name: int(bit) for name, bit in bits.items() if bit is not None}
        if known:
            return plane.array & sum(1 << bit for bit in known.values()) != 0, ", ".join(known)
        if plane.header.text("TELESCOP") in ("JWST", "ROMAN"):
            return plane.array & DO_NOT_USE != 0, "DO_NOT_USE"
    return plane.array != 0, "non-zero"
