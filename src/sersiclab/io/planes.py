"""The planes of an image as FITS files beside a file of another program."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sersiclab.image import Image


def write_planes(image: Image, stem: Path) -> dict[str, Path]:
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
    if image.psf is not None:
        # The standard has no keyword for whether a PSF holds the pixel's response.
        planes["psf"] = image.psf, {"PIXRESP": image.psf_includes_pixel}
    return {name: _write(stem, name, *plane) for name, plane in planes.items()}


def _write(stem: Path, name: str, array: Any, cards: Mapping[str, Any]) -> Path:
    from astropy.io import fits

    path = stem.with_name(f"{stem.name}_{name}.fits")
    fits.writeto(path, array, fits.Header(cards), overwrite=True)
    return path
