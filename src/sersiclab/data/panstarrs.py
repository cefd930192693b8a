"""Pan-STARRS: stacks whose pixels are compressed by an asinh, and the cards of its pipeline.

Waters et al. 2020, ApJS 251, 4 (arXiv:1612.05245), and the archive's page "PS1 Stack images": whether pixels are
compressed is indicated by BSOFTEN and BOFFSET in their own header. The variances (.wt) and cutouts have neither.
"""

import math
import re

import numpy as np
from jaxtyping import Shaped

from sersiclab.data.arrays import Plane
from sersiclab.data.headers import Header


POGSON = 2.5 * math.log10(math.e)  # 1.0857362
ZEROPOINT = 25.0  # the magnitude of one count per second in stacks and warps
# The names of the mask's bits that mark unusable pixels. STARCORE and MARK would exclude galaxies.
BAD = (
    "DETECTOR",
    "FLAT",
    "DARK",
    "BLANK",
    "CTE",
    "SAT",
    "LOW",
    "SUSPECT",
    "BURNTOOL",
    "CR",
    "SPIKE",
    "GHOST",
    "STREAK",
    "CONV.BAD",
    "CONV.POOR",
)


def is_panstarrs(header: Header) -> bool:
    """Return whether the Pan-STARRS pipeline wrote this header."""
    return header.text("PSCAMERA") is not None or (header.text("FPA.TELESCOPE") or "").startswith("PS")


def softening(header: Header) -> tuple[float, float] | None:
    """Return BOFFSET and BSOFTEN of compressed pixels; None if pixels are not compressed."""
    offset, soft = header.number("BOFFSET"), header.number("BSOFTEN")
    return None if offset is None or soft is None or soft <= 0 else (offset, soft)


def linear(pixels: Shaped[np.ndarray, "y x"], offset: float, soft: float) -> Plane:
    """Return the flux BOFFSET + 2 BSOFTEN sinh(v / 1.0857362) of compressed pixels v."""
    return offset + 2.0 * soft * np.sinh(np.asarray(pixels, float) / POGSON)


def read_zeropoint(header: Header) -> tuple[float, str] | None:
    """Return the zero-point, 25 + 2.5 log10(exposure time) in AB, and its source."""
    exposure = header.number("EXPTIME")
    if exposure is None or exposure <= 0 or (softening(header) is None and not is_panstarrs(header)):
        return None
    stated = header.number("FPA.ZP")
    name = "25" if stated is None else "FPA.ZP"
    return (stated or ZEROPOINT) + 2.5 * math.log10(exposure), f"{name} + 2.5 log10(EXPTIME), AB magnitudes"


def read_band(header: Header) -> str | None:
    """Return the filter, such as "i" from "i.00000"."""
    text = header.text("FPA.FILTER", "FPA.FILTERID")
    return None if text is None else text.partition(".")[0]


def bad_bits(header: Header) -> dict[str, int]:
    """Return the values of the mask's bits that exclude a pixel, by name."""
    found = {}
    for number in range(int(header.number("MSKNUM") or 0)):
        name, value = header.text(f"MSKNAM{number:02d}"), header.number(f"MSKVAL{number:02d}")
        if name is not None and value is not None and re.sub(r"^MASK\.", "", name) in BAD:
            found[name] = int(value)
    return found
