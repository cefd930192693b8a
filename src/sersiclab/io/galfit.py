"""GALFIT's menu files as models and images.

Peng et al. 2010, AJ 139, 2097 (arXiv:0912.0731); GALFITM's files of several bands: Häußler et al. 2013.
"""

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.fits import read_plane
from sersiclab.image import Image
from sersiclab.io.describe import Described
from sersiclab.io.entries import Entry, Unreadable, component_of
from sersiclab.io.functions import Frame, Function, Modifier
from sersiclab.io.galfit_constraints import Constraint, read_constraints
from sersiclab.io.galfit_text import Component, Menu, parse_menu
from sersiclab.io.galfit_ties import ranges, ties
from sersiclab.io.planes import holds_pixel
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.io.text import Lines
from sersiclab.model import Model
from sersiclab.profiles import AbstractProfile
from sersiclab.rendering import HybridRenderer, PixelRenderer


NAME = re.compile(r"#\s*component ([^\W\d]\w*)\s*$")  # how `write_galfit` keeps our names


def read_galfit(path: str | Path, *, band: str | None = None, image: Image | None = None) -> tuple[Model, Image]:
    """The model and the image of a GALFIT menu: a `.feedme`, or a `galfit.NN` that GALFIT wrote.

    The image is the fit region, and the model's pixels count from its corner. What is free in the file has a
    wide prior around the file's value, from which fits start; constraints become the ranges of priors, and
    ties. `image.zeropoint` holds the exposure time: mag = -2.5 log10(flux) + zeropoint. The PSF is what GALFIT
    takes it for: of galaxies, one without the pixel's response; where there are only stars, their image.
    Without a sigma image, sigma is measured from the image, as GALFIT does. Of a file of several bands the
    first is read, or the one that `band` names.

    `image` is used in place of the file's image, sigma, PSF and mask; it has all the pixels that the region
    counts. Raises `ValueError` with the line of a mistake and `FileNotFoundError` where a file is absent;
    one warning lists by line all that has no counterpart here.
    """
    lines = Lines.read(path)
    menu = parse_menu(lines)
    index = _band_index(menu, band)
    notes = list(menu.notes)
    whole = _image(menu, Path(path).parent, index, notes) if image is None else image
    part, corner = _region(menu, whole, notes)
    frame = _frame(menu, part, corner)
    model = _model(lines, menu, index, frame, notes)
    if notes:
        text = "\n  ".join(sorted(dict.fromkeys(notes), key=_line))
        warnings.warn(f"{path} holds what is read otherwise, or not at all:\n  {text}", stacklevel=2)
    return model, part


def find(folder: Path, source: str, line: int, what: str, name: str) -> Path:
    """A file that another file names, from that file's folder or from here."""
    for path in (folder / name, Path(name)):
        if path.expanduser().is_file():
            return path.expanduser()
    raise FileNotFoundError(f"{source}, line {line}: {what}: there is no file {str(folder / name)!r}")


def undiluted(psf: Any) -> Any:
    """A PSF of sum 1 whose centre, the pixel N//2 of both programs, is the centre of its array."""
    array = np.asarray(psf, float)
    array = np.pad(array, [(0, 1 - side % 2) for side in array.shape])
    total = array.sum()
    return array / total if np.isfinite(total) and total > 0 else array


def _line(note: str) -> int:
    found = re.match(r"line (\d+)", note)
    return int(found[1]) if found else 0


def _band_index(menu: Menu, band: str | None) -> int:
    names = menu.names("A1") or (("",) if band is None else ())
    if band is None:
        return 0
    if band not in names:
        known = f"it has {', '.join(names)}" if names else "it names no bands"
        raise ValueError(f"band must be one of {menu.source}'s, got {band!r}; {known}")
    return names.index(band)


def _of_band(items: tuple[Any, ...], index: int) -> Any:
    """The item of a band, or the only one."""
    return items[index] if index < len(items) else items[0]


def _image(menu: Menu, folder: Path, index: int, notes: list[str]) -> Image:
    """The image with all its planes; what is wrong with one is told with its line."""
    line = menu.fields["A"][0] if "A" in menu.fields else 0
    if not menu.names("A"):
        raise ValueError(f"{menu.source}, line {line}: A) names no image; give image=")
    files = {
        letter: find(folder, menu.source, menu.fields[letter][0], f"{letter})", _of_band(menu.names(letter), index))
        for letter in "ACDF"
        if menu.names(letter) and _of_band(menu.names(letter), index).lower() != "none"
    }

    def at_line(letter: str, read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except ValueError as error:
            raise ValueError(f"{menu.source}, line {menu.fields[letter][0]}: {letter}) {error}") from error

    science = at_line("A", read_plane, "data", files["A"])
    planes: dict[str, Any] = {}
    if "C" in files:
        planes["sigma"] = at_line("C", _shaped, "sigma", read_plane("sigma", files["C"]).array, science.array.shape)
    if "F" in files:
        planes["mask"] = at_line("F", _mask, files["F"], science.array.shape)
    if "D" in files:
        psf = at_line("D", read_plane, "psf", files["D"])
        planes |= {"psf": undiluted(psf.array), "psf_oversampling": _fineness(menu)}
        kinds = [component.name for component in menu.components]
        planes["psf_includes_pixel"] = holds_pixel(psf, kinds, "psf", "GALFIT", notes)
        words = (menu.text("D") or "").split()
        if len(words) > 1:
            notes.append(f"line {menu.fields['D'][0]}: D) the diffusion kernel {words[1]!r} is left out")
    exposure = science.header.number("EXPTIME")
    zeropoint = _of_band(menu.numbers("J"), index) + 2.5 * math.log10(exposure if exposure and exposure > 0 else 1.0)
    # Without a sigma image a gain counts, and that is of counts.
    unit = None if "C" in files or science.header.text("BUNIT", "BUNITS") else "adu"
    names = menu.names("A1")
    with warnings.catch_warnings():
        # That sigma is measured is GALFIT's way.
        warnings.filterwarnings("ignore", message="there is no error map")
        return at_line(
            "A",
            lambda: Image.read(
                files["A"],
                **planes,
                zeropoint=zeropoint,
                pixel_scale=_scale(menu, notes),
                unit=unit,
                band=names[index] if len(names) > index else None,
            ),
        )


def _fineness(menu: Menu) -> int:
    line, text = menu.fields.get("E", (0, "1"))
    words = text.split() or ["1"]
    if not words[0].isdecimal() or int(words[0]) < 1:
        raise ValueError(f"{menu.source}, line {line}: E) must hold a positive whole number, got {text!r}")
    return int(words[0])


def _scale(menu: Menu, notes: list[str]) -> float | None:
    if menu.text("K") is None:
        return None
    steps = [abs(step) for step in menu.numbers("K")]
    line = menu.fields["K"][0]
    if 0.0 in steps:
        raise ValueError(f"{menu.source}, line {line}: K) must hold positive numbers, got {menu.text('K')!r}")
    if max(steps) > 1.001 * min(steps):
        notes.append(f"line {line}: K) pixels of {steps} arcsec are read as squares of their area")
    return math.sqrt(steps[0] * steps[-1])


def _shaped(what: str, array: Any, shape: tuple[int, ...]) -> Any:
    if array.shape != shape:
        raise ValueError(f"{what} must have the shape of data, {shape}, got {array.shape}")
    return array


def _mask(path: Path, shape: tuple[int, ...]) -> Any:
    """Bad pixels of a FITS image, or of a list of their positions, from 1."""
    if path.read_bytes()[:6] == b"SIMPLE" or path.suffix not in (".txt", ".dat", ".lis", ".list", ".pix", ""):
        return _shaped("mask", read_plane("mask", path).array, shape) != 0
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


def _region(menu: Menu, image: Image, notes: list[str]) -> tuple[Image, tuple[int, int]]:
    """The part of the image to be fit, and GALFIT's x and y of its first pixel."""
    xmin, xmax, ymin, ymax = menu.region
    ny, nx = image.shape
    left, right, low, high = max(xmin, 1), min(xmax, nx), max(ymin, 1), min(ymax, ny)
    line = menu.fields["H"][0]
    if left > right or low > high:
        raise ValueError(f"{menu.source}, line {line}: H) lies outside the image of {nx} x {ny} pixels")
    if (left, right, low, high) != (xmin, xmax, ymin, ymax):
        notes.append(f"line {line}: H) exceeds the image of {nx} x {ny} pixels and is cut to it")
    if (left, right, low, high) == (1, nx, 1, ny):
        return image, (1, 1)
    centre = 0.5 * (left + right) - 1.0, 0.5 * (low + high) - 1.0
    return image.cutout(centre, (high - low + 1, right - left + 1)), (left, low)


def _frame(menu: Menu, image: Image, corner: tuple[int, int]) -> Frame:
    ny, nx = image.shape
    zeropoint = menu.numbers("J")[0] if image.zeropoint is None else image.zeropoint
    return Frame(
        x=float(corner[0]),
        y=float(corner[1]),
        zeropoint=zeropoint,
        area=1.0 if image.pixel_scale is None else image.pixel_scale**2,
        centre=(0.5 * (nx - 1), 0.5 * (ny - 1)),
        side=float(max(nx, ny)),
        scatter=float(np.median(image.sigma[image.valid])),
    )


def _model(lines: Lines, menu: Menu, index: int, frame: Frame, notes: list[str]) -> Model:
    constraints: tuple[Constraint, ...] = ()
    if menu.text("G") is not None:
        name = (menu.text("G") or "").split()[0]
        path = find(Path(menu.source).parent, menu.source, menu.fields["G"][0], "G)", name)
        constraints = read_constraints(path)
    limits, rest = ranges(menu.components, constraints, index, notes)
    components: dict[str, AbstractProfile] = {}
    kept: dict[int, Described] = {}
    for number, component in enumerate(menu.components, start=1):
        name = _name(lines, component, number, components)
        entries = _entries(component, index, limits.get(number, {}))
        function, modifiers = _function(component, entries, notes)
        if function is None:
            continue
        try:
            components[name] = component_of(function, modifiers, entries, frame, notes)
        except (Unreadable, ValueError) as error:
            notes.append(f"line {component.line}: {component.name} is left out ({error})")
            continue
        kept[number] = Described(name, function, modifiers, entries)
    if not components:
        raise ValueError(f"{menu.source}: no component can be read: {'; '.join(notes) or 'there is none'}")
    components = ties(components, kept, rest, frame, notes)
    return _drawable(components)


def _drawable(components: dict[str, AbstractProfile]) -> Model:
    """With the default renderer, or that of pixels where it can't draw a low Sérsic index."""
    try:
        return Model(components, renderer=HybridRenderer())
    except ValueError:
        return Model(components, renderer=PixelRenderer())


def _name(lines: Lines, component: Component, number: int, taken: Any) -> str:
    found = NAME.search(lines.lines[component.line - 1])
    if found and found[1] not in taken and found[1] not in ("noise", "renderer"):
        return found[1]
    name = re.sub(r"\W", "_", component.name)
    return name if name == "sky" and name not in taken else f"{name}_{number}"


def _entries(component: Component, index: int, limits: dict[str, tuple[float, float]]) -> dict[str, Entry]:
    found = {}
    for key, value in component.parameters.items():
        free = _of_band(value.toggles, index) > 0
        found[key] = Entry(_of_band(value.values, index), free, limits.get(key), value.line)
    return found


def _function(
    component: Component, entries: dict[str, Entry], notes: list[str]
) -> tuple[Function | None, tuple[Modifier, ...]]:
    """Ours of a component, with the modifiers that its file names; notes all that has no counterpart."""
    name = "ferrer" if component.name.startswith("ferrer") else component.name
    candidates = [function for function in GALFIT if function.name == name]
    if not candidates:
        notes.append(f"line {component.line}: the component {component.name!r} has no counterpart and is left out")
        return None, ()
    function = candidates[0]
    if len(candidates) > 1:
        tilted = any(entries[key].free or entries[key].value for key in ("2", "3") if key in entries)
        function = candidates[1] if tilted else candidates[0]
        entries |= {link.key: Entry(0.0, free=False) for link in function.links if link.key not in entries}
    modifiers: tuple[Modifier, ...] = tuple(
        modifier for modifier in GALFIT_MODIFIERS if any(link.key in entries for link in modifier.links)
    )
    if not any(link.name == "ellip" for link in function.links):
        modifiers = ()
    known = {link.key for holder in (*candidates, *modifiers) for link in holder.links}
    for key, entry in entries.items():
        unused = re.fullmatch(r"\d+", key) and entry.value == 0.0 and not entry.free
        if key not in known and not unused:
            notes.append(f"line {entry.line}: {key.rstrip('ap')}) of {component.name} has no counterpart; left out")
    for key, text in component.options.items():
        notes.append(f"line {component.line}: {key}) {text} of {component.name} has no counterpart; left out")
    if component.skipped:
        notes.append(f"line {component.line}: Z) of {component.name}: it is fit, and residuals are without it")
    return function, modifiers
