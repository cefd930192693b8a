"""Lines of GALFIT's menus: the control parameters, numbers, and the words of its constraints."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sersiclab.data.image import Image
from sersiclab.io.describe import Described
from sersiclab.io.functions import Conventions, Link
from sersiclab.io.plane_files import tell_of_pixel
from sersiclab.io.tie_laws import tie_line
from sersiclab.parameters import Tied


CLOSE = 1e-6  # tolerance within which a tie is a pure offset or a pure ratio


@dataclasses.dataclass(frozen=True)
class Content:
    """The text of a menu, the lines of its constraints, and the images to be written, by the ends of their stems."""

    text: str
    constraints: list[str]
    images: Mapping[str, Image]


def tell_of_functions(images: Sequence[Image], components: Sequence[Described], notes: list[str]) -> None:
    """Note functions that not every version has, and images whose PSF GALFIT would misinterpret."""
    notes += [
        f"{component.name}: corser exists only in GALFIT-CORSAIR and GALFITM, not in GALFIT"
        for component in components
        if component.function.name == "corser"
    ]
    for image in images:
        tell_of_pixel(image, [component.function.name for component in components], "psf", "GALFIT", notes)


def number(value: float) -> str:
    """Return a number as it is written to files, with ten digits."""
    return f"{value:.10g}"


def conventions_for(image: Image, notes: list[str]) -> Conventions:
    """Return the pixels, magnitudes and noise of an image. What it lacks is noted."""
    ny, nx = image.shape
    if image.zeropoint is None:
        notes.append("image.zeropoint: there is none; J) is 0")
    if image.pixel_scale is None:
        notes.append("image.pixel_scale: there is none; K) is 1")
    return Conventions(
        zeropoint=image.zeropoint or 0.0,
        area=1.0 if image.pixel_scale is None else image.pixel_scale**2,
        centre=(0.5 * (nx - 1), 0.5 * (ny - 1)),
        side=float(max(nx, ny)),
        scatter=float(np.median(image.sigma[image.valid])) if image.valid.any() else 1.0,
    )


def header(
    images: Sequence[Image],
    path: Path,
    files: Sequence[Mapping[str, str]],
    conventions: Sequence[Conventions],
    constraints: str | None,
    bands: Sequence[tuple[str, str, str]] = (),
) -> list[str]:
    """Return the control parameters, with a list where several images differ; `bands` are those of GALFITM alone."""
    ny, nx = images[0].shape
    sides = [side for image in images for side in (*image.shape, *(() if image.psf is None else image.psf.shape))]
    scale = number(images[0].pixel_scale or 1.0)
    psfs = [each.get("psf", "none") for each in files]
    fields = [
        ("A", _listed([each["image"] for each in files]), "Input data image"),
        *bands,
        ("B", f"{path.stem}_out.fits", "Output data image block"),
        ("C", _listed([each["sigma"] for each in files]), "Sigma image"),
        ("D", "none" if set(psfs) == {"none"} else _listed(psfs), "Input PSF image"),
        ("E", listed([str(image.psf_oversampling) for image in images]), "PSF fine sampling factor relative to data"),
        ("F", _listed([each["mask"] for each in files]), "Bad pixel mask"),
        ("G", constraints or "none", "Parameter constraints"),
        ("H", f"1 {nx} 1 {ny}", "Image region to fit"),
        ("I", f"{2 * max(sides)} {2 * max(sides)}", "Size of the convolution box"),
        ("J", _listed([number(each.zeropoint) for each in conventions]), "Magnitude photometric zeropoint"),
        ("K", f"{scale} {scale}", "Plate scale [arcsec per pixel]"),
        ("O", "regular", "Display type"),
        ("P", "0", "0=optimize, 1=model, 2=imgblock, 3=subcomps"),
    ]
    return [f"{letter}) {value:<30} # {comment}" for letter, value, comment in fields]


def listed(words: Sequence[str]) -> str:
    """Return a list of a word for each band, or one word if they are the same."""
    return words[0] if len(set(words)) == 1 else _listed(words)


def _listed(words: Sequence[str]) -> str:
    return ",".join(words)


def tie_word(link: Link | None, other: Link | None, conventions: Conventions, tie: Tied) -> str | None:
    """Return "offset" or "ratio" for a tie of the same parameter that keeps one; None for another tie."""
    if link is None or other is None or _called(link) != _called(other):
        return None
    line = tie_line(link, other, conventions, tie)
    if line is not None and math.isclose(line[0], 1.0, abs_tol=CLOSE):
        return "offset"
    return "ratio" if line is not None and abs(line[1]) < CLOSE else None


def _called(link: Link) -> tuple[str, str]:
    return link.key, {"rs": "re"}.get(link.alias, link.alias)
