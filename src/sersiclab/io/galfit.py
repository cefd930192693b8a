"""Read models and images from GALFIT's menu files.

Peng et al. 2010, AJ 139, 2097 (arXiv:0912.0731). GALFITM's files with several bands: Häußler et al. 2013.
"""

import math
import re
import warnings
from pathlib import Path
from typing import Any

from sersiclab.data.image import Image
from sersiclab.data.sections import split_words
from sersiclab.io.axes import upright
from sersiclab.io.describe import Described
from sersiclab.io.entries import Entry, Nonsense, component_of
from sersiclab.io.functions import Conventions, Equivalent, Modifier
from sersiclab.io.galfit_bands import for_band
from sersiclab.io.galfit_constraints import Constraint, read_constraints
from sersiclab.io.galfit_image import check_unused, conventions_of, fit_region, menu_image, of_band
from sersiclab.io.galfit_text import Component, Menu, parse_menu
from sersiclab.io.galfit_ties import ranges, ties
from sersiclab.io.plane_files import find
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.io.text import Lines
from sersiclab.model import Model
from sersiclab.profiles import AbstractProfile, FourierModes
from sersiclab.rendering import HybridRenderer, PixelRenderer
from sersiclab.runtime.errors import InputError, InputTypeError


NAME = re.compile(r"#\s*component ([^\W\d]\w*)\s*$")  # the comment in which `write_galfit` keeps our names


def read_galfit(path: str | Path, *, band: str | None = None, image: Image | None = None) -> tuple[Model, Image]:
    """Read the model and the image of a GALFIT menu.

    The image is the fit region, and positions in the model count from its corner. A parameter that is free in the file
    gets a wide prior around the file's value, where fits start. Constraints become ranges of priors, or ties.
    `image.zeropoint` includes the exposure time: mag = -2.5 log10(flux) + zeropoint. As in GALFIT, the PSF of galaxies
    does not include the pixel response, unless the model consists of stars alone. Without a sigma image, sigma is
    measured from the image, as GALFIT does.

    Arguments:
        path: the menu: a `.feedme`, or a `galfit.NN` that GALFIT wrote.
        band: the band to read from a file of several bands; the first one by default.
        image: used instead of the file's image, sigma, PSF and mask. It must be the whole image, in whose pixels the
            region is given.

    Returns:
        The model and the image. One warning lists, by line, the parts that could not be converted, and other missing
        files.

    Raises:
        InputError: for a mistake in the file; the message gives its line.
        FileNotFoundError: if the image is missing.

    Example:
        >>> image = sl.datasets.example()
        >>> model = sl.Model({"star": sl.PointSource(xc=50.0, yc=41.0, flux=80.0)})
        >>> sl.io.write_galfit(model, image, "star.feedme")
        >>> again, cutout = sl.io.read_galfit("star.feedme")
        >>> list(again.components), cutout.shape
        (['star'], (90, 110))
    """
    if not isinstance(image, Image | None):
        raise InputTypeError(f"image must be an Image, such as Image.read returns, got {type(image).__name__}")
    lines = Lines.read(path)
    menu = parse_menu(lines)
    index = _band_index(menu, band)
    notes = list(menu.notes)
    if image is None:
        whole = menu_image(menu, Path(path).parent, index, notes)
    else:
        whole = image
        check_unused(menu, notes)
    part, corner = fit_region(menu, whole, notes)
    conventions = conventions_of(menu, part, corner)
    model = _model(lines, menu, index, conventions, notes)
    if notes:
        text = "\n  ".join(sorted(dict.fromkeys(notes), key=_line))
        warnings.warn(f"{path}: some parts were changed in the conversion, or left out:\n  {text}", stacklevel=2)
    return model, part


def _line(note: str) -> float:
    """Return the sort key of a note: changes of the galaxy come first, and constraints last."""
    found = re.match(r"line (\d+)", note)
    return float(found[1]) if found else math.inf if note.startswith("constraints") else 0.0


def _band_index(menu: Menu, band: str | None) -> int:
    names = menu.names("A1") or (("",) if band is None else ())
    if band is None:
        return 0
    if band not in names:
        known = f"it has {', '.join(names)}" if names else "it names no bands"
        raise InputError(f"band must be one of {menu.source}'s, got {band!r}; {known}")
    return names.index(band)


def _model(lines: Lines, menu: Menu, index: int, conventions: Conventions, notes: list[str]) -> Model:
    limits, rest = ranges(menu.components, _constraints(menu, index, notes), index, notes)
    components: dict[str, AbstractProfile] = {}
    kept: dict[int, Described] = {}
    exchanged: set[int] = set()
    for number, component in enumerate(menu.components, start=1):
        name = _name(lines, component, number, components)
        entries = _entries(component, index, limits.get(number, {}))
        function, modifiers = _function(component, entries, notes)
        if function is None:
            continue
        modifiers, entries, turned = upright(function, modifiers, entries, notes)
        try:
            components[name] = component_of(function, modifiers, entries, conventions, notes)
        except Nonsense as error:
            raise InputError(f"{menu.source}, {error}") from error
        except InputError as error:
            notes.append(f"line {component.line}: {component.name} is left out ({error})")
            continue
        kept[number] = Described(name, function, modifiers, entries)
        exchanged |= {number} if turned else set()
    if not components:
        raise InputError(f"{menu.source}: no component can be read: {'; '.join(notes) or 'there is none'}")
    components = ties(components, kept, exchanged, rest, conventions, notes)
    return _drawable(components)


def _constraints(menu: Menu, index: int, notes: list[str]) -> tuple[Constraint, ...]:
    """Return the constraints on this band. As in GALFIT, a missing file is not an error."""
    if menu.text("G") is None:
        return ()
    line = menu.fields["G"][0]
    try:
        path = find(Path(menu.source).parent, split_words(menu.text("G") or "")[0])
    except FileNotFoundError as error:
        notes.append(f"line {line}: G) the constraint file is missing ({error}): nothing is constrained")
        return ()
    return for_band(menu, read_constraints(path), index, notes)


def _drawable(components: dict[str, AbstractProfile]) -> Model:
    """Return the model with the default renderer, or with `PixelRenderer` if that can't draw a low Sérsic index."""
    try:
        return Model(components, renderer=HybridRenderer())
    except InputError:
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
        free = of_band(value.toggles, index) > 0
        found[key] = Entry(of_band(value.values, index), free, limits.get(key), value.line)
    return found


def _function(
    component: Component, entries: dict[str, Entry], notes: list[str]
) -> tuple[Equivalent | None, tuple[Modifier, ...]]:
    """Return our function for a component, and its modifiers. Parts without a counterpart are noted."""
    name = "ferrer" if component.name.startswith("ferrer") else component.name
    candidates = [function for function in GALFIT if function.name == name]
    if not candidates:
        notes.append(f"line {component.line}: the component {component.name!r} has no counterpart and is left out")
        return None, ()
    function = candidates[0]
    if name == "sky":
        tilted = any(entries[key].free or entries[key].value for key in ("2", "3") if key in entries)
        function = candidates[1] if tilted else candidates[0]
        entries |= {link.key: Entry(0.0, free=False) for link in function.links if link.key not in entries}
    modifiers: tuple[Modifier, ...] = tuple(
        modifier for modifier in GALFIT_MODIFIERS if any(link.key in entries for link in modifier.links)
    )
    elliptical = any(link.name == "ellip" for link in function.links)
    if not elliptical:
        modifiers = ()
    known = {link.key for holder in (*candidates, *modifiers) for link in holder.links}
    for key, entry in entries.items():
        unused = re.fullmatch(r"\d+", key) and entry.value == 0.0 and not entry.free
        if key not in known and not unused:
            notes.append(
                f"line {entry.line}: {key.rstrip('ap')}) of {component.name} has no counterpart and is left out"
            )
    if elliptical and component.options.get("R0", "none").lower().split()[:1] not in ([], ["none"]):
        fourier = any(modifier.cls is FourierModes for modifier in modifiers)
        modes = ", and its Fourier modes, which are kept, give another shape" if fourier else ""
        notes.append(
            f"not the same galaxy: the {component.name} of line {component.line} is a spiral (R0 to R10); its rotation "
            f"has no counterpart and is left out{modes}"
        )
    if {"Ti", "To"} & set(component.options):
        notes.append(
            f"not the same galaxy: the {component.name} of line {component.line} is truncated (Ti, To); its truncation "
            "has no counterpart and is left out"
        )
    for key, text in component.options.items():
        notes.append(f"line {component.line}: {key}) {text} of {component.name} has no counterpart and is left out")
    if component.skipped:
        notes.append(
            f"line {component.line}: Z) of {component.name} is ignored: it is fitted and subtracted like the others"
        )
    return function, modifiers
