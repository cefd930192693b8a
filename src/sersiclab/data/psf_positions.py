"""The position at which a varying PSF is evaluated, for an image that was cut from a larger one."""

import dataclasses
import warnings

from sersiclab.data.fits import Extension
from sersiclab.data.psf_files import Position, Psf


MUCH_LARGER = 2.0  # if the range of a PSF's positions exceeds the image's size by this factor, the image is a cutout


@dataclasses.dataclass(frozen=True)
class Place:
    """A position for the PSF and its source; `known` if the position in the larger image is known."""

    position: Position
    origin: str
    known: bool


def place_of(science: Extension, shape: tuple[int, ...], given: Position | None) -> Place:
    """Return the user's position, else the image's centre in the pixels of the image that it was cut from."""
    if given is not None:
        return Place(given, "psf_position", known=True)
    return in_whole(science, ((shape[-1] - 1) / 2, (shape[-2] - 1) / 2), "centre")


def in_whole(science: Extension, position: Position, name: str) -> Place:
    """Return a position of that name in an image as one in the image that it was cut from.

    A section counts the whole file's pixels; LTV1, LTV2, LTM1_1 and LTM2_2 (IRAF: logical = LTM physical + LTV, both
    from 1) say how a program cut the file.
    """
    origin, known = f"the image's {name}", False
    if science.spans is not None:
        x, y = (span.whole(value) for span, value in zip(science.spans, position, strict=True))
        position, origin, known = (x, y), f"the {name} of the section", True
    shifts = [science.header.number(name) for name in ("LTV1", "LTV2")]
    if any(shift is not None for shift in shifts):
        scales = [science.header.number(name) or 1.0 for name in ("LTM1_1", "LTM2_2")]
        x, y = (
            (value + 1.0 - (shift or 0.0)) / scale - 1.0
            for value, shift, scale in zip(position, shifts, scales, strict=True)
        )
        position, origin, known = (x, y), f"{origin}, by LTV1 and LTV2", True
    return Place(position, origin, known)


def check_place(place: Place, psf: Psf, science: Extension) -> str | None:
    """Return a note on where a varying PSF was evaluated; warn if the image seems to be cut from a larger one."""
    if psf.domain is None:
        return None
    x, y = place.position
    note = f"psf at ({x:.6g}, {y:.6g}): {place.origin}"
    widths = [high - low for low, high in psf.domain]
    if place.known or not any(w > MUCH_LARGER * n for w, n in zip(widths, science.array.shape[::-1], strict=True)):
        return note
    varying = [(axis, low, high) for axis, (low, high) in zip("xy", psf.domain, strict=True) if low < high]
    ranges = " and ".join(f"{axis} {low:z.0f} to {high:z.0f}" for axis, low, high in varying)
    remedy = "give psf_position=(x, y), from 0, in the pixels of the larger image that it was cut from"
    if science.header.layers:
        warnings.warn(
            f"psf: {psf.source} varies over {ranges}, and was evaluated at the centre of this smaller image, "
            f"({x:.6g}, {y:.6g}); {remedy}",
            stacklevel=6,
        )
    return f"{note}, though it varies over {ranges}: {remedy}"


def check_grid(science: Extension) -> None:
    """Warn if a section flips or skips pixels, since the PSF is not changed accordingly."""
    if science.spans is not None and any(span.step != 1 for span in science.spans):
        warnings.warn(f"the section of {science.source} flips or skips pixels; the PSF is used as it is", stacklevel=6)
