"""Image planes from FITS files."""

import dataclasses
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped


Source = str | os.PathLike[str]


@dataclasses.dataclass(frozen=True)
class Plane:
    """One 2-d image of a file: its array `[y, x]`, where it came from, and its celestial WCS, if any."""

    array: Shaped[np.ndarray, "y x"]
    source: str
    wcs: Any

    @property
    def pixel_scale(self) -> float | None:
        """Arcsec per pixel: the square root of the pixel's area. None without a WCS."""
        return None if self.wcs is None else float(np.sqrt(self.wcs.proj_plane_pixel_area().to_value("arcsec2")))


def read_plane(argument: str, source: Source) -> Plane:
    """The image of `"sci.fits"` (its first 2-d one), `"sci.fits[SCI]"`, `"sci.fits[SCI,2]"` or `"sci.fits[1]"`.

    `argument` names what is being read in messages. Raises `FileNotFoundError` where there is no such
    file and `ValueError` where it has no such image.
    """
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning

    path, name = split_extension(source)
    if not path.is_file():
        raise FileNotFoundError(f"{argument}: there is no file {str(path)!r}")
    with warnings.catch_warnings():
        # Real headers break the standard; the pixels are none the worse for it.
        warnings.simplefilter("ignore", VerifyWarning)
        try:
            hdus = fits.open(path, memmap=False)
        except OSError as error:
            raise ValueError(f"{argument}: {str(path)!r} is not a FITS file ({error})") from error
        with hdus:
            index = _first_image(argument, path, hdus) if name is None else _index(argument, path, hdus, name)
            label = f"{path}[{index}]"
            hdu: Any = hdus[index]
            array = _two_dimensional(argument, label, hdu, _pixels(argument, label, hdu))
            wcs = _celestial_wcs(argument, label, hdu.header, hdus)
    return Plane(array, label, wcs)


def split_extension(source: Source) -> tuple[Path, str | None]:
    """The file and the name or number of the extension in brackets, None if there is none."""
    text = os.fspath(source)
    match = re.fullmatch(r"(.+)\[([^\[\]]*)\]", text)
    if match is None or Path(text).exists():
        return Path(text), None
    return Path(match[1]), match[2].strip()


def _index(argument: str, path: Path, hdus: Any, name: str) -> int:
    extension, _, version = (part.strip() for part in name.partition(","))
    if extension.isdecimal() and not version:
        key: Any = int(extension)
        found = key if key < len(hdus) else None
    else:
        key = (extension, int(version)) if version.isdecimal() else extension
        found = hdus.index_of(key) if key in hdus else None
    if found is None:
        raise ValueError(f"{argument}: {str(path)!r} has no extension [{name}]; it has {_contents(hdus)}")
    return found


def _first_image(argument: str, path: Path, hdus: Any) -> int:
    for index, hdu in enumerate(hdus):
        if hdu.is_image and len(_squeezed(hdu.shape)) == 2:
            return index
    raise ValueError(f"{argument}: {str(path)!r} has no 2-d image; it has {_contents(hdus)}")


def _contents(hdus: Any) -> str:
    """The extensions in a few words, such as "[0] PRIMARY (empty), [1] SCI 100 x 120"."""

    def size(hdu: Any) -> str:
        if not hdu.is_image:
            return "(a table)"
        return " x ".join(map(str, hdu.shape)) or "(empty)"

    return ", ".join(" ".join(f"[{i}] {hdu.name} {size(hdu)}".split()) for i, hdu in enumerate(hdus))


def _pixels(argument: str, label: str, hdu: Any) -> Any:
    if not hdu.is_image:
        raise ValueError(f"{argument}: {label} is a table; expected a 2-d image")
    try:
        pixels = hdu.data
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{argument}: the pixels of {label} can't be read ({error})") from error
    if pixels is None:
        raise ValueError(f"{argument}: {label} has no pixels; expected a 2-d image")
    return pixels


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without leading axes of length 1, as of a cube of one plane."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _two_dimensional(argument: str, label: str, hdu: Any, pixels: Any) -> Shaped[np.ndarray, "y x"]:
    shape = _squeezed(pixels.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{argument}: {label} ({hdu.name or 'no name'}) has the shape {pixels.shape}; expected a 2-d image "
            "[y, x] (give one plane of it as an array)"
        )
    return pixels.reshape(shape)


def _celestial_wcs(argument: str, label: str, header: Any, hdus: Any) -> Any:
    from astropy.wcs import WCS, FITSFixedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        try:
            wcs = WCS(header, fobj=hdus)
            return wcs.celestial if wcs.has_celestial else None
        except Exception as error:  # wcslib's errors have no common class
            problem = f"{argument}: the WCS of {label} can't be read and is left out ({error})"
    warnings.warn(problem, stacklevel=4)
    return None
