"""Names of images in files, such as `"f.fits[SCI,2][11:80,11:90]"`: the syntax of CFITSIO, IRAF, GALFIT and imfit.

Sections count pixels from 1 and include both ends; x comes first. The syntax of CFITSIO is in its user's guide,
"Extended File Name Syntax".
"""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sersiclab.runtime.errors import InputError


EXAMPLE = "such as [11:80,11:90], [*,-*] or [1:200:2,*]"
NAME = re.compile(r"(?P<file>.+?)(?P<brackets>(?:\s*\[[^\[\]]*\])+)\s*")
RANGE = re.compile(r"(?:(-?)\*|(\d+)(?:\s*:\s*(\d+))?)(?:\s*:\s*(\d+))?")
COMMAS = re.compile(r",(?![^\[\]]*\])")
WORD = re.compile(r"(?:\[[^\[\]]*\]|\S)+")


@dataclasses.dataclass(frozen=True)
class Span:
    """The pixels of one axis: the first, from 1, the signed step and the number of pixels."""

    first: int
    step: int
    count: int

    @property
    def slice(self) -> slice:
        """The pixels as a slice of an array."""
        start = self.first - 1
        stop = start + self.step * self.count
        return slice(start, None if stop < 0 else stop, self.step)

    def whole(self, position: float) -> float:
        """Return a position in the section as a position in the whole image, both from 0."""
        return self.first - 1 + self.step * position


@dataclasses.dataclass(frozen=True)
class Range:
    """The part of an axis as written; both ends are None for the whole axis, which may be flipped."""

    first: int | None = None
    last: int | None = None
    step: int = 1
    flipped: bool = False

    def span(self, size: int) -> Span:
        """Return the pixels of an axis of this size; raises `ValueError` if the range exceeds it."""
        first, last = (1 if self.first is None else self.first), (size if self.last is None else self.last)
        if self.flipped:
            first, last = last, first
        if not (1 <= first <= size and 1 <= last <= size):
            raise InputError(f"{first}:{last} is not within 1:{size}")
        step = self.step if last >= first else -self.step
        return Span(first, step, abs(last - first) // self.step + 1)


@dataclasses.dataclass(frozen=True)
class Section:
    """The part of an image that a name such as `"f.fits[11:80,11:90]"` selects: one range for each axis, x first."""

    text: str
    ranges: tuple[Range, ...]

    def spans(self, shape: tuple[int, ...]) -> tuple[Span, ...]:
        """Return the pixels of each axis, x first, in an image of this shape `[y, x]`; raises `InputError` outside."""
        sizes = shape[::-1]
        if len(self.ranges) != len(sizes):
            raise InputError(f"the section [{self.text}] has {len(self.ranges)} axes; the image has {len(sizes)}")
        try:
            return tuple(part.span(size) for part, size in zip(self.ranges, sizes, strict=True))
        except InputError as error:
            size = " x ".join(map(str, sizes))
            raise InputError(
                f"the section [{self.text}] must lie within the image of {size} pixels (x first, counted from 1, "
                f"ends included); {error}"
            ) from error


@dataclasses.dataclass(frozen=True)
class FileName:
    """A file, with the extension (its name or number) and the section in brackets after its name."""

    path: Path
    extension: str | None = None
    section: Section | None = None


def parse_name(source: str | os.PathLike[str]) -> FileName:
    """Return the parts of `"f.fits"`, `"f.fits[1]"`, `"f.fits+1"`, `"f.fits[SCI,2]"` or `"f.fits[SCI,2][11:80,11:90]"`.

    Brackets that belong to the name of an existing file are kept. Raises `ValueError` for brackets that are
    neither an extension nor a section.
    """
    text = os.path.expanduser(os.fspath(source))
    match = None if Path(text).exists() else NAME.fullmatch(text)
    if match is None:
        numbered = None if Path(text).exists() else re.fullmatch(r"(.+\.\w+)\+(\d+)", text)
        return FileName(Path(text)) if numbered is None else FileName(Path(numbered[1]), numbered[2])
    path, brackets = match["file"], re.findall(r"\[([^\[\]]*)\]", match["brackets"])
    while brackets and Path(f"{path}[{brackets[0]}]").exists():
        path = f"{path}[{brackets.pop(0)}]"
    extension: str | None = None
    if brackets and not _is_section(brackets[0]):
        extension = brackets.pop(0).strip()
    section = parse_section(brackets.pop(0)) if brackets else None
    if brackets:
        raise InputError(f"{text!r} has brackets after its section; expected a name such as f.fits[SCI,1][11:80,11:90]")
    return FileName(Path(path), extension, section)


def parse_section(text: str) -> Section:
    """Return the section `"11:80,11:90"`; a step follows a second colon, `*` is a whole axis, `-*` a flipped one."""
    ranges = []
    for part in text.split(","):
        match = RANGE.fullmatch(part.strip())
        step = int(match[4] or 1) if match else 0
        if match is None or step < 1:
            raise InputError(f"[{text}] is not a section of an image {EXAMPLE}")
        flip, first, last, _ = match.groups()
        ends = (None, None) if first is None else (int(first), int(last or first))
        ranges.append(Range(*ends, step=step, flipped=flip == "-"))
    return Section(text, tuple(ranges))


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas; commas in brackets do not separate."""
    return tuple(name for part in COMMAS.split(text) if (name := part.strip()))


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a line; spaces in brackets do not separate."""
    return tuple(WORD.findall(text))


def part_of(array: Shaped[np.ndarray, "..."], spans: tuple[Span, ...]) -> Shaped[np.ndarray, "..."]:
    """Return these pixels of an array `[..., y, x]`, with all of its leading axes."""
    return array[(..., *(span.slice for span in reversed(spans)))]


def part_of_wcs(wcs: Any, spans: tuple[Span, ...]) -> Any:
    """Return a celestial WCS of two axes for these pixels, including its distortions."""
    from astropy.wcs import Sip

    first, step = (np.array([getattr(span, name) for span in spans], float) for name in ("first", "step"))
    part = wcs.deepcopy()
    part.wcs.crpix = (wcs.wcs.crpix - first) / step + 1.0
    if wcs.wcs.has_cd():
        part.wcs.cd = wcs.wcs.cd * step
    else:
        # The scale of a pixel is in CDELT; a PC matrix is unchanged if both axes are stretched equally.
        part.wcs.pc = wcs.wcs.get_pc() * step
    if wcs.sip is not None:
        forward = [_stretched(wcs.sip.a, step, 0), _stretched(wcs.sip.b, step, 1)]
        # The inverse polynomials start from the corrected coordinates, which are stretched as the pixels are.
        inverse = [_stretched(wcs.sip.ap, step, 0), _stretched(wcs.sip.bp, step, 1)]
        part.sip = Sip(*forward, *inverse, (wcs.sip.crpix - first) / step + 1.0)
    for axis, name in enumerate(("cpdis1", "cpdis2", "det2im1", "det2im2")):
        table = getattr(wcs, name)
        if table is not None:
            setattr(part, name, _moved(table, first, step, axis % 2))
    if wcs.array_shape is not None:
        part.array_shape = tuple(span.count for span in reversed(spans))
    part.wcs.set()
    return part


def _is_section(text: str) -> bool:
    return re.search(r"[:*]", text) is not None


def _stretched(coefficients: Any, step: np.ndarray, axis: int) -> Any:
    """Return a polynomial A_pq u^p v^q of pixels for pixels that are `step` times as large."""
    if coefficients is None:
        return None
    p, q = np.indices(coefficients.shape)
    return coefficients * step[0] ** p * step[1] ** q / step[axis]


def _moved(table: Any, first: np.ndarray, step: np.ndarray, axis: int) -> Any:
    """Return a table of distortions, which has its own pixel coordinates, for the pixels of a section."""
    from astropy.wcs import DistortionLookupTable

    data = np.asarray(table.data) / np.float32(step[axis])
    origin = (np.asarray(table.crval) - first) / step + 1.0
    return DistortionLookupTable(data, tuple(table.crpix), tuple(origin), tuple(np.asarray(table.cdelt) / step))
