"""FITS files beside a file of another program: finding and writing them, and the PSF as that program takes it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.data.fits import Extension
from sersiclab.data.image import Image
from sersiclab.data.psf import centred
from sersiclab.data.sections import parse_name
from sersiclab.documents.storage import writing


def find(folder: Path, name: str) -> str:
    """A file that another file names, from that file's folder or from here, with its extension and section.

    Raises `FileNotFoundError`.
    """
    for candidate in (str(folder / Path(name).expanduser()), name):
        if parse_name(candidate).path.expanduser().is_file():
            return candidate
    raise FileNotFoundError(f"there is no file {str(folder / name)!r}")


def undiluted(psf: Any) -> Any:
    """A PSF of sum 1 whose centre, the pixel N//2 of both programs, is the centre of its array."""
    array = np.asarray(psf, float)
    array = np.pad(array, [(0, 1 - side % 2) for side in array.shape])
    total = array.sum()
    return array / total if np.isfinite(total) and total > 0 else array


def holds_pixel(psf: Extension | None, kinds: Collection[str], star: str, program: str, notes: list[str]) -> bool:
    """Whether a PSF holds the pixel's response, as its file says, which only ours do, or as the program takes it.

    GALFIT and imfit draw a star, a component of the kind `star`, as the PSF's image itself, which then has the
    response; for galaxies they take it for one without. Where there are both, which is noted, it can't be both.
    """
    stated = None if psf is None else psf.header.find("PIXRESP")
    if stated is not None:
        return bool(stated[1])
    sources = {kind for kind in kinds if "sky" not in kind}
    if star in sources and sources != {star}:
        notes.append(
            f"{program} draws a {star} as the PSF's image, and galaxies as if that lacked the pixel's response; here "
            "it is lacking for both"
        )
    return sources == {star}


def tell_of_pixel(image: Image, kinds: Collection[str], star: str, program: str, notes: list[str]) -> None:
    """Note where the program will take the PSF for another than it is, as `holds_pixel` has it."""
    sources = {kind for kind in kinds if "sky" not in kind.lower()}
    if image.psf is not None and image.psf_includes_pixel and sources - {star}:
        notes.append(f"image.psf holds the pixel's response; {program} takes it for one without")
    if image.psf is not None and not image.psf_includes_pixel and star in sources:
        notes.append(f"image.psf lacks the pixel's response; {program} draws a {star} as its image all the same")
    if image.psf is not None and image.psf_origin is not None:
        _, rest = centred(image.psf, image.psf_origin)
        v, u = (round(part / image.psf_oversampling, 3) for part in rest)
        if v or u:
            notes.append(
                f"image.psf: {program} takes a sample for the PSF's centre, which lies {u:+g} pixels from it in x and "
                f"{v:+g} in y, and moves every source by as much"
            )


def plane_paths(image: Image, stem: Path) -> dict[str, Path]:
    """The files that `write_planes` writes, by name."""
    names = ("image", "sigma", "mask") if image.psf is None else ("image", "sigma", "mask", "psf")
    return {name: stem.with_name(f"{stem.name}_{name}.fits") for name in names}


def write_planes(image: Image, stem: Path, *, overwrite: bool) -> dict[str, Path]:
    """Write `<stem>_image.fits`, `_sigma`, `_mask` (1 excludes) and, where there is one, `_psf`; their paths.

    The image's header holds the WCS, unit, filter and gain, an exposure of 1 and what else we read again.
    """
    cards: dict[str, Any] = {"EXPTIME": 1.0}
    if image.wcs is not None:
        cards |= dict(image.wcs.to_header())
    named = {"BUNIT": image.unit, "FILTER": image.band, "GAIN": image.gain}
    cards |= {key: value for key, value in named.items() if value is not None}
    planes: dict[str, tuple[Any, Mapping[str, Any]]] = {
        "image": (image.data, cards),
        "sigma": (image.sigma, {}),
        "mask": (image.mask.astype("uint8"), {}),
    }
    if image.psf is not None and image.psf_origin is not None:
        # The standard has no keyword for whether a PSF holds the pixel's response.
        planes["psf"] = centred(image.psf, image.psf_origin)[0], {"PIXRESP": image.psf_includes_pixel}
    paths = plane_paths(image, stem)
    for name, path in paths.items():
        _write(path, *planes[name], overwrite=overwrite)
    return paths


def _write(path: Path, array: Any, cards: Mapping[str, Any], *, overwrite: bool) -> None:
    from astropy.io import fits

    with writing(path, overwrite=overwrite) as temporary:
        fits.writeto(temporary, array, fits.Header(cards))
