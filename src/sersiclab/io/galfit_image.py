"""The image of a GALFIT menu: the fit region, with its error map, PSF and mask."""

import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.data.fits import Extension, read_plane
from sersiclab.data.image import Image
from sersiclab.data.sections import parse_name, split_names, split_words
from sersiclab.io.functions import Conventions
from sersiclab.io.galfit_text import Menu
from sersiclab.io.plane_files import find, holds_pixel, undiluted
from sersiclab.io.text import Lines
from sersiclab.runtime.errors import InputError


COMPANIONS = {
    "C": ("sigma image", "sigma is measured from the image"),
    "D": ("PSF", "the model is not blurred"),
    "F": ("mask", "no pixel is masked"),
}
LARGEST_PIXEL = 36000.0  # arcsec


def of_band(items: tuple[Any, ...], index: int) -> Any:
    """Return the item of a band, or the only one."""
    return items[index] if index < len(items) else items[0]


def menu_image(menu: Menu, folder: Path, index: int, notes: list[str]) -> Image:
    """Return the whole image with all its planes. Errors give the line of the menu.

    As in GALFIT, a missing file of a sigma image, PSF or mask is not an error, but it is noted.
    """
    line = menu.fields["A"][0] if "A" in menu.fields else 0
    if not menu.names("A"):
        raise InputError(f"{menu.source}, line {line}: A) names no image; give image=")
    files = _files(menu, folder, index, notes)
    oversampling = fineness(menu, index)

    def at_line(letter: str, read: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except InputError as error:
            raise InputError(f"{menu.source}, line {menu.fields[letter][0]}: {letter}) {error}") from error

    science: Extension = at_line("A", read_plane, "data", files["A"])
    planes: dict[str, Any] = {}
    if "C" in files:
        planes["sigma"] = at_line("C", _shaped, "sigma", read_plane("sigma", files["C"]).array, science.array.shape)
    if "F" in files:
        planes["mask"] = at_line("F", _mask, files["F"], science.array.shape)
    if "D" in files:
        psf = at_line("D", read_plane, "psf", files["D"])
        planes |= {"psf": undiluted(psf.array), "psf_oversampling": oversampling}
        kinds = [component.name for component in menu.components]
        planes["psf_includes_pixel"] = holds_pixel(psf, kinds, "psf", "GALFIT", notes)
        words = split_words(menu.text("D") or "")
        if len(words) > 1:
            notes.append(f"line {menu.fields['D'][0]}: D) the diffusion kernel {words[1]!r} is left out")
    exposure = science.header.number("EXPTIME")
    zeropoint = of_band(menu.numbers("J"), index) + 2.5 * math.log10(exposure if exposure and exposure > 0 else 1.0)
    # Without a sigma image the gain is used, and it refers to counts.
    unit = None if "C" in files or science.header.text("BUNIT", "BUNITS") else "adu"
    names = menu.names("A1")
    fields: dict[str, Any] = {"zeropoint": zeropoint, "pixel_scale": _scale(menu, notes), "unit": unit}
    fields["band"] = names[index] if len(names) > index else None
    with warnings.catch_warnings():
        # GALFIT measures sigma too.
        warnings.filterwarnings("ignore", message="there is no error map")
        if planes.get("psf_includes_pixel"):
            # There are only stars, which are drawn as the image of the PSF, however narrow it is.
            warnings.filterwarnings("ignore", message="the psf, .* is narrower than a pixel's own response")
        image = at_line("A", lambda: Image.read(files["A"], **planes, **fields))
    return _with_least_sigma(menu, image, measured="C" not in files, notes=notes)


def check_unused(menu: Menu, notes: list[str]) -> None:
    """Check the fields that are not needed because the user gave an image, and note their effect."""
    fineness(menu, 0)
    least = least_sigma(menu)
    if least:
        notes.append(
            f"line {menu.fields['C'][0]}: C) the minimum sigma {least:g} is left out: image= has its own sigma"
        )


def fineness(menu: Menu, index: int) -> int:
    """Return the number of samples of the PSF along the side of a pixel, in a band."""
    line, text = menu.fields.get("E", (0, "1"))
    factors = split_names((text.split() or ["1"])[0])
    if not all(factor.isdecimal() and int(factor) > 0 for factor in factors):
        raise InputError(f"{menu.source}, line {line}: E) must hold a positive whole number, got {text!r}")
    return int(of_band(factors, index))


def least_sigma(menu: Menu) -> float | None:
    """Return the second word of C) in GALFITM, the minimum sigma as a fraction of the light; None without one."""
    if "C" not in menu.fields:
        return None
    line, text = menu.fields["C"]
    word = (*split_words(text), "", "")[1]
    try:
        least = float(word)
    except ValueError:
        return None  # nothing, or a comment
    if not 0.0 <= least < math.inf:
        raise InputError(f"{menu.source}, line {line}: C) the minimum sigma must not be negative, got {word!r}")
    return least


def conventions_of(menu: Menu, image: Image, corner: tuple[int, int]) -> Conventions:
    """Return the file's pixels and magnitudes, and the noise of the image that is fitted."""
    ny, nx = image.shape
    zeropoint = menu.numbers("J")[0] if image.zeropoint is None else image.zeropoint
    return Conventions(
        x=float(corner[0]),
        y=float(corner[1]),
        zeropoint=zeropoint,
        area=1.0 if image.pixel_scale is None else image.pixel_scale**2,
        centre=(0.5 * (nx - 1), 0.5 * (ny - 1)),
        side=float(max(nx, ny)),
        scatter=float(np.median(image.sigma[image.valid])),
    )


def fit_region(menu: Menu, image: Image, notes: list[str]) -> tuple[Image, tuple[int, int]]:
    """Return the part of the image to be fitted, and its first pixel in GALFIT's x and y."""
    xmin, xmax, ymin, ymax = menu.region
    ny, nx = image.shape
    left, right, low, high = max(xmin, 1), min(xmax, nx), max(ymin, 1), min(ymax, ny)
    line = menu.fields["H"][0]
    if left > right or low > high:
        raise InputError(f"{menu.source}, line {line}: H) lies outside the image of {nx} x {ny} pixels")
    if (left, right, low, high) != (xmin, xmax, ymin, ymax):
        notes.append(f"line {line}: H) extends beyond the image of {nx} x {ny} pixels and is cut to it")
    if (left, right, low, high) == (1, nx, 1, ny):
        return image, (1, 1)
    centre = 0.5 * (left + right) - 1.0, 0.5 * (low + high) - 1.0
    return image.cutout(centre, (high - low + 1, right - left + 1)), (left, low)


def _files(menu: Menu, folder: Path, index: int, notes: list[str]) -> dict[str, str]:
    """Return the files of the image and of its existing companions, by letter."""
    files: dict[str, str] = {}
    for letter in "ACDF":
        names = menu.names(letter)
        name = of_band(names, index) if names else "none"
        if name.lower() == "none":
            continue
        line = menu.fields[letter][0]
        try:
            files[letter] = find(folder, name)
        except InputError as error:
            raise InputError(f"{menu.source}, line {line}: {letter}) {error}") from error
        except FileNotFoundError as error:
            if letter == "A":
                raise FileNotFoundError(f"{menu.source}, line {line}: {letter}): {error}") from error
            what, instead = COMPANIONS[letter]
            notes.append(f"line {line}: {letter}) the {what} is missing ({error}): {instead}")
    return files


def _with_least_sigma(menu: Menu, image: Image, *, measured: bool, notes: list[str]) -> Image:
    """Return the image with the minimum sigma of GALFITM: a fraction of the light above the sky."""
    from astropy.stats import sigma_clipped_stats

    least = least_sigma(menu)
    if not least:
        return image
    line = menu.fields["C"][0]
    if not measured:
        notes.append(
            f"line {line}: C) the minimum sigma {least:g} is left out: it is for sigma images that GALFITM makes"
        )
        return image
    _, sky, _ = sigma_clipped_stats(image.data[image.valid], sigma=3.0, stdfunc="mad_std")
    notes.append(f"line {line}: C) sigma is at least {least:g} times the light above the sky of {sky:.4g}")
    floored = np.fmax(image.sigma, (least * (image.data - sky)).astype(image.sigma.dtype))
    return eqx.tree_at(lambda image: image.sigma, image, floored)


def _scale(menu: Menu, notes: list[str]) -> float | None:
    if menu.text("K") is None:
        return None
    steps = [abs(step) for step in menu.numbers("K")]
    line = menu.fields["K"][0]
    if not all(0.0 < step < LARGEST_PIXEL for step in steps):
        raise InputError(f"{menu.source}, line {line}: K) must hold positive numbers, got {menu.text('K')!r}")
    if max(steps) > 1.001 * min(steps):
        notes.append(f"line {line}: K) pixels of {steps} arcsec are read as squares of the same area")
    return math.sqrt(steps[0] * steps[-1])


def _shaped(what: str, array: Any, shape: tuple[int, ...]) -> Any:
    if array.shape != shape:
        raise InputError(f"{what} must have the shape of data, {shape}, got {array.shape}")
    return array


def _mask(name: str, shape: tuple[int, ...]) -> Any:
    """Return the mask of bad pixels from a FITS image, or from a list of their positions, counted from 1."""
    path = parse_name(name).path
    if path.read_bytes()[:6] == b"SIMPLE" or path.suffix not in (".txt", ".dat", ".lis", ".list", ".pix", ""):
        return _shaped("mask", read_plane("mask", name).array, shape) != 0
    mask = np.zeros(shape, bool)
    lines = Lines.read(path)
    for number, text in lines.without_comments():
        words = text.replace(",", " ").split()[:2]
        if len(words) < 2 or not all(re.fullmatch(r"[+-]?\d+\.?0*", word) for word in words):
            raise lines.error(number, f"expected the x and y of a bad pixel, got {text.strip()!r}")
        x, y = (int(float(word)) - 1 for word in words)
        if 0 <= y < shape[0] and 0 <= x < shape[1]:
            mask[y, x] = True
    return mask
