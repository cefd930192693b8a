"""Read DS9 regions: ellipses, points and areas in pixels of an image.

The format is that of https://ds9.si.edu/doc/ref/region.html: one shape per line, or several separated by semicolons,
after the name of a coordinate system. Pixels count from 1 there and from 0 here. Angles are those of the first axis,
counter-clockwise from +x; on the sky they are position angles + 90 degrees.

Objects of Astropy's package `regions` are accepted, but the files are not read with it. Its version 0.12 skips
shapes without a coordinate system, those in "physical" coordinates, and those with lengths in arcsec on an image in
pixels. It refuses a whole file because of one malformed shape, and does not keep line numbers, which our messages give.
It also accepts infinite coordinates. On the other hand it reads annuli, which can't be components of a model.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sersiclab.data.arrays import Mask
from sersiclab.data.astrometry import checked_wcs
from sersiclab.runtime.errors import InputError, InputTypeError


PIXEL_FRAMES = ("image", "physical")
SKY_FRAMES = {
    "fk5": "fk5",
    "j2000": "fk5",
    "icrs": "icrs",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "ecliptic": "barycentrictrueecliptic",
}
OTHER_FRAMES = ("amplifier", "detector", "linear", "tile", *(f"wcs{letter}" for letter in ("", *"abcdefgh")))
DIGITS = 10  # of the numbers of regions that are objects
REASONS_SHOWN = 3  # in the error for a text without usable regions
CORNERS = 180  # of the polygon that replaces a circle
LENGTH_UNITS = {'"': 1 / 3600, "'": 1 / 60, "d": 1.0, "r": math.degrees(1.0)}  # degrees
SHAPE = re.compile(r"(?P<sign>[+-]?)\s*(?P<kind>[a-zA-Z]+)\s*[(\s]\s*(?P<numbers>[^()]*)\)?\s*(\|\|)?\s*")
TEXT = re.compile(r"""text\s*=\s*(?:\{([^}]*)\}|"([^"]*)"|'([^']*)')""")

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class EllipseRegion:
    """An ellipse in the conventions of profiles: `size` is the semi-major axis in pixels, `theta` the angle from +y."""

    xc: float
    yc: float
    size: float
    ellip: float
    theta: float


@dataclasses.dataclass(frozen=True)
class Region:
    """A shape and its text: an ellipse, a point (x, y), or the corners of an area.

    `line` is its line in the file.
    """

    line: int
    text: str
    shape: EllipseRegion | Point | tuple[Point, ...]


@dataclasses.dataclass(frozen=True)
class Regions:
    """The regions of a file, and notes on the lines that could not be converted."""

    found: list[Region]
    notes: list[str]


def read_regions(text: Any, wcs: Any = None) -> Regions:
    """Read the regions of a DS9 file from its text, or those of the `regions` package.

    Ellipses become sources and points become point sources. Circles, boxes, polygons, and ellipses with a minus sign
    become areas to mask. The coordinate system "physical" is treated as "image".

    Arguments:
        text: the text of the file, or a `regions.Regions` or a region of that package.
        wcs: the astropy WCS of the image, needed for regions in sky coordinates.

    Returns:
        The regions, with the line, text and shape of each, and notes on the lines that could not be converted.

    Raises:
        InputError: if no region can be converted.

    Example:
        >>> found = sl.io.read_regions("image; ellipse(51,42,12,8,30) # text={galaxy}")
        >>> found.found[0].text, found.found[0].shape.size
        ('galaxy', 12.0)
    """
    if hasattr(text, "serialize"):
        text = text.serialize(format="ds9", precision=DIGITS)
    if not isinstance(text, str):
        raise InputTypeError(f"text must be the text of a DS9 file, got {text!r}")
    wcs = checked_wcs(wcs)
    found: list[Region] = []
    notes: list[str] = []
    frame = "physical"
    for number, line in enumerate(text.splitlines(), start=1):
        head, _, comment = line.partition("#")
        for statement in filter(None, (part.strip() for part in head.split(";"))):
            word = statement.lower()
            if word in (*PIXEL_FRAMES, *SKY_FRAMES, *OTHER_FRAMES):
                frame = word
            elif not word.startswith("global"):
                try:
                    shape = _shape(statement, _Plane(frame, wcs))
                except InputError as error:
                    notes.append(f"line {number}: {error}")
                else:
                    found.append(Region(number, next(filter(None, _texts(comment)), ""), shape))
    if not found:
        why = "; ".join(notes[:REASONS_SHOWN]) or "a region is a line such as ellipse(50,60,12,8,30)"
        raise InputError(f"there are no DS9 regions that can be used: {why}")
    return Regions(found, notes)


def mask_of(areas: Sequence[Sequence[Point]], shape: tuple[int, int]) -> Mask:
    """Return a mask that is True for pixels whose centres lie in one of the areas, by the even-odd rule."""
    y, x = np.indices(shape)
    mask = np.zeros(shape, bool)
    for corners in areas:
        inside = np.zeros(shape, bool)
        for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
        mask |= inside
    return mask


def _texts(comment: str) -> list[str]:
    match = TEXT.search(comment)
    return [] if match is None else [text.strip() for text in match.groups() if text]


def _shape(statement: str, plane: "_Plane") -> Any:
    match = SHAPE.fullmatch(statement)
    if match is None:
        raise InputError(f"{_short(statement)} is not a region")
    kind, words = match["kind"].lower(), re.split(r"[\s,]+", match["numbers"].strip().rstrip(","))
    reader = _READERS.get(kind)
    if reader is None:
        raise InputError(f"{_short(statement)} is ignored: the shapes {', '.join(_READERS)} can be used")
    if kind == "ellipse" and match["sign"] == "-":
        reader = _elliptic_area
    try:
        return reader(words, plane)
    except InputError as error:
        raise InputError(f"{_short(statement)} can't be read: {error}") from error


def _short(statement: str) -> str:
    return statement if len(statement) <= 50 else f"{statement[:47]}..."


class _Plane:
    """A coordinate system of DS9, whose positions, lengths and directions are converted to pixels of the image."""

    def __init__(self, frame: str, wcs: Any) -> None:
        self._frame, self._wcs = frame, wcs

    def place(self, x: str, y: str) -> Point:
        """Return the pixel position, counted from 0, of a pair of coordinates."""
        if self._frame in PIXEL_FRAMES:
            return _number(x) - 1.0, _number(y) - 1.0
        from astropy.coordinates import Angle, SkyCoord
        from astropy.units import Unit

        if self._frame not in SKY_FRAMES:
            raise InputError(f"its coordinate system {self._frame!r} is not supported; image, fk5 and icrs are")
        in_hours = ":" in x and SKY_FRAMES[self._frame] in ("fk5", "icrs", "fk4")
        try:
            first = Angle(x, unit=Unit("hourangle" if in_hours else "deg"))
            sky = SkyCoord(first, Angle(y, unit=Unit("deg")), frame=SKY_FRAMES[self._frame])
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error
        column, row = self._need_wcs().world_to_pixel(sky)
        if not (math.isfinite(column) and math.isfinite(row)):
            raise InputError("it lies where the image's WCS has no pixels")
        return float(column), float(row)

    def away(self, centre: Point, length: str, degrees: float) -> Point:
        """Return the pixel position at a distance from a centre, in the direction of an angle of this system."""
        sky = self._frame in SKY_FRAMES
        number, unit = _length(length)
        if unit == "":
            unit = "d" if sky else "i"
        if unit in LENGTH_UNITS and sky:
            return self._on_sky(centre, number * LENGTH_UNITS[unit], degrees)
        if unit in LENGTH_UNITS:
            from astropy.wcs.utils import proj_plane_pixel_scales

            number *= LENGTH_UNITS[unit] / float(np.mean(proj_plane_pixel_scales(self._need_wcs())))
        turn = math.radians(degrees)
        if sky:
            x, y = self._on_sky(centre, 1e-4, degrees)
            turn = math.atan2(y - centre[1], x - centre[0])
        return centre[0] + number * math.cos(turn), centre[1] + number * math.sin(turn)

    def _on_sky(self, centre: Point, distance: float, degrees: float) -> Point:
        from astropy import units as u

        wcs = self._need_wcs()
        sky = wcs.pixel_to_world(*centre).transform_to(SKY_FRAMES[self._frame])
        end = sky.directional_offset_by((degrees - 90.0) * u.deg, distance * u.deg)
        column, row = wcs.world_to_pixel(end)
        return float(column), float(row)

    def _need_wcs(self) -> Any:
        if self._wcs is None:
            raise InputError("it lies on the sky, and the image has no WCS")
        return self._wcs


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{word} is not a finite number")
    return value


def _length(word: str) -> tuple[float, str]:
    unit = word[-1] if word[-1:] in (*LENGTH_UNITS, "p", "i") else ""
    number = _number(word.removesuffix(unit))
    if not number > 0:
        raise InputError(f"{word} is not a positive length")
    return number, unit


def _only(words: Sequence[str], count: int, what: str) -> None:
    if len(words) != count:
        raise InputError(f"it has {len(words)} numbers instead of {count}: {what}")


def _ellipse(words: Sequence[str], plane: _Plane) -> EllipseRegion:
    centre, ends = _ends(words, plane, "one ellipse")
    (minor, _), (major, (x, y)) = sorted((math.dist(centre, end), end) for end in ends)
    theta = (math.atan2(y - centre[1], x - centre[0]) - math.pi / 2) % math.pi
    return EllipseRegion(*centre, major, max(1.0 - minor / major, 0.0), theta)


def _elliptic_area(words: Sequence[str], plane: _Plane) -> tuple[Point, ...]:
    centre, ends = _ends(words, plane, "one ellipse")
    return _round(centre, *(_offset(centre, end) for end in ends))


def _ends(words: Sequence[str], plane: _Plane, what: str) -> tuple[Point, list[Point]]:
    """Return the centre, and the positions at both lengths from it."""
    if len(words) == 4:
        words = [*words, "0"]
    _only(words, 5, f"x, y, two lengths and the angle of {what}")
    centre, angle = plane.place(*words[:2]), _number(words[4])
    return centre, [plane.away(centre, words[2], angle), plane.away(centre, words[3], angle + 90.0)]


def _offset(centre: Point, end: Point) -> Point:
    return end[0] - centre[0], end[1] - centre[1]


def _round(centre: Point, along: Point, across: Point) -> tuple[Point, ...]:
    turns = [2 * math.pi * k / CORNERS for k in range(CORNERS)]
    return tuple(
        (
            centre[0] + along[0] * math.cos(turn) + across[0] * math.sin(turn),
            centre[1] + along[1] * math.cos(turn) + across[1] * math.sin(turn),
        )
        for turn in turns
    )


def _circle(words: Sequence[str], plane: _Plane) -> tuple[Point, ...]:
    _only(words, 3, "x, y and the radius of a circle")
    centre = plane.place(*words[:2])
    radius = math.dist(centre, plane.away(centre, words[2], 0.0))
    return _round(centre, (radius, 0.0), (0.0, radius))


def _box(words: Sequence[str], plane: _Plane) -> tuple[Point, ...]:
    (x, y), ends = _ends(words, plane, "one box")
    (ax, ay), (bx, by) = (_offset((x, y), end) for end in ends)
    corners = ((0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5))
    return tuple((x + i * ax + j * bx, y + i * ay + j * by) for i, j in corners)


def _polygon(words: Sequence[str], plane: _Plane) -> tuple[Point, ...]:
    if len(words) < 6 or len(words) % 2:
        raise InputError("a polygon must have at least three corners, each with x and y")
    return tuple(plane.place(*words[k : k + 2]) for k in range(0, len(words), 2))


def _point(words: Sequence[str], plane: _Plane) -> Point:
    _only(words[:2], 2, "x and y of a point")
    return plane.place(*words[:2])


_READERS: dict[str, Callable[[Sequence[str], _Plane], Any]] = {
    "ellipse": _ellipse,
    "point": _point,
    "circle": _circle,
    "box": _box,
    "polygon": _polygon,
}
