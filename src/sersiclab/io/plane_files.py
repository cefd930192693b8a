"""FITS files beside a file of another program, which are found or written, and that program's use of the PSF."""

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
    """Return the path of a file that is named in another file, with its extension and section.

    The path may be relative to the folder of that other file, or to the working directory.

    Raises `FileNotFoundError`.
    """
    for candidate in (str(folder / Path(name).expanduser()), name):
        if parse_name(candidate).path.expanduser().is_file():
            return candidate
    raise FileNotFoundError(f"there is no file {str(folder / name)!r}")


def undiluted(psf: Any) -> Any:
    """Return a PSF of sum 1 whose centre, the pixel N//2 of both programs, is the centre of its array."""
    array = np.asarray(psf, float)
    array = np.pad(array, [(0, 1 - side % 2) for side in array.shape])
    total = array.sum()
    return array / total if np.isfinite(total) and total > 0 else array


def holds_pixel(psf: Extension | None, kinds: Collection[str], star: str, program: str, notes: list[str]) -> bool:
    """Return whether a PSF includes the pixel response, as stated in its file or as the program assumes.

    Only files that we write state it. GALFIT and imfit draw a star, a component of the kind `star`, as the image of the
    PSF, which then includes the response. For galaxies they assume that it does not. A model that has both is noted,
    because only one of the assumptions can be kept.
    """
    stated = None if psf is None else psf.header.find("PIXRESP")
    if stated is not None:
        return bool(stated[1])
    sources = {kind for kind in kinds if "sky" not in kind}
    if star in sources and sources != {star}:
        notes.append(
            f"{program} draws a {star} as the PSF's image, and galaxies as if the PSF lacked the pixel response; here "
            "the PSF lacks it for both"
        )
    return sources == {star}


def tell_of_pixel(image: Image, kinds: Collection[str], star: str, program: str, notes: list[str]) -> None:
    """Note where the program will misinterpret the PSF, as described in `holds_pixel`."""
    sources = {kind for kind in kinds if "sky" not in kind.lower()}
    if image.psf is not None and image.psf_includes_pixel and sources - {star}:
        notes.append(f"image.psf includes the pixel response; {program} assumes that it does not")
    if image.psf is not None and not image.psf_includes_pixel and star in sources:
        notes.append(f"image.psf lacks the pixel response; {program} still draws a {star} as its image")
    if image.psf is not None and image.psf_origin is not None:
        _, rest = centred(image.psf, image.psf_origin)
        v, u = (round(part / image.psf_oversampling, 3) for part in rest)
        if v or u:
            notes.append(
                f"image.psf: {program} places the PSF's centre on a sample. The true centre lies {u:+g} pixels from it "
                f"in x and {v:+g} in y, which moves every source by as much"
            )


def plane_paths(image: Image, stem: Path) -> dict[str, Path]:
    """Return the files that `write_planes` writes, by name."""
    names = ("image", "sigma", "mask") if image.psf is None else ("image", "sigma", "mask", "psf")
    return {name: stem.with_name(f"{stem.name}_{name}.fits") for name in names}


def write_planes(image: Image, stem: Path, *, overwrite: bool) -> dict[str, Path]:
    """Write `<stem>_image.fits`, `_sigma`, `_mask` (1 excludes) and `_psf`, if there is one. Returns their paths.

    The image's header holds the WCS, unit, filter and gain, and an exposure time of 1.
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
        # The standard has no keyword for whether a PSF includes the pixel response.
        planes["psf"] = centred(image.psf, image.psf_origin)[0], {"PIXRESP": image.psf_includes_pixel}
    paths = plane_paths(image, stem)
    for name, path in paths.items():
        _write(path, *planes[name], overwrite=overwrite)
    return paths


def _write(path: Path, array: Any, cards: Mapping[str, Any], *, overwrite: bool) -> None:
    from astropy.io import fits

    with writing(path, overwrite=overwrite) as temporary:
        fits.writeto(temporary, array, fits.Header(cards))
