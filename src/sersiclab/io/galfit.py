"""Read models and images from GALFIT's menu files.

Peng et al. 2010, AJ 139, 2097 (arXiv:0912.0731). GALFITM's files with several bands: Häußler et al. 2013.
"""

import math
import re
import warnings
from pathlib import Path

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.data.sections import split_words
from sersiclab.io.axes import upright
from sersiclab.io.describe import Described
from sersiclab.io.entries import Entry, Nonsense, component_of
from sersiclab.io.functions import Conventions
from sersiclab.io.galfit_bands import for_band
from sersiclab.io.galfit_components import drawable, function_of, name_of
from sersiclab.io.galfit_constraints import Constraint, read_constraints
from sersiclab.io.galfit_courses import bands_of, has_bands, in_bands
from sersiclab.io.galfit_image import check_unused, conventions_of, fit_region, menu_image, of_band
from sersiclab.io.galfit_image_set import menu_planes
from sersiclab.io.galfit_joint import joint_model
from sersiclab.io.galfit_text import Component, Menu, parse_menu
from sersiclab.io.galfit_ties import ranges, ties
from sersiclab.io.plane_files import find
from sersiclab.io.text import Lines
from sersiclab.model import Model
from sersiclab.profiles import AbstractProfile
from sersiclab.runtime.errors import InputError, InputTypeError


def read_galfit(
    path: str | Path, *, band: str | None = None, image: Image | Images | None = None
) -> tuple[Model, Image | Images]:
    """Read the model and the image of a GALFIT menu, or the images of a menu of several bands, GALFITM's.

    The image is the fit region, and positions in the model count from its corner. A parameter that is free in the file
    gets a wide prior around the file's value, where fits start. Constraints become ranges of priors, or ties.
    `image.zeropoint` includes the exposure time: mag = -2.5 log10(flux) + zeropoint. As in GALFIT, the PSF of galaxies
    does not include the pixel response, unless the model consists of stars alone. Without a sigma image, sigma is
    measured from the image, as GALFIT does.

    In a menu of several bands, a parameter with no free coefficient is a number, or has one in each band. With one it
    is shared, or keeps its differences between the bands. With as many as there are bands it is a `PerBand`, and in
    between a `Polynomial`. GALFITM's polynomials are those of the number in the file, and ours those of a function of
    it that keeps it in its range. For magnitudes they are the same; others agree with GALFITM's at the nodes alone,
    where ranges hold too. Wavelengths above 100 are taken for ångström, unless they are those of the bands' filters in
    nanometres, and others for micrometres.

    Arguments:
        path: the menu: a `.feedme`, or a `galfit.NN` that GALFIT wrote.
        band: the one band to read from a file of several.
        image: used instead of the file's image, sigma, PSF and mask. It must be the whole image, in whose pixels the
            region is given. For several bands it is `Images` with their names; an `Image` is that of `band`, or of the
            first.

    Returns:
        The model and the image, or `Images` by band. One warning lists, by line, the parts that could not be converted,
        and other missing files.

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
    if not isinstance(image, Image | Images | None):
        raise InputTypeError(f"image must be an Image, such as Image.read returns, got {type(image).__name__}")
    lines = Lines.read(path)
    menu = parse_menu(lines)
    notes = list(menu.notes)
    model: Model
    found: Image | Images
    if band is None and not isinstance(image, Image) and has_bands(menu):
        bands = bands_of(menu, notes)
        planes = menu_planes(menu, Path(path).parent, bands, image, notes)
        model, planes = joint_model(lines, menu, bands, planes, _constraints(menu, notes), notes)
        found = planes.images
    elif isinstance(image, Images):
        one = "band= chooses one" if has_bands(menu) else f"{menu.source} has one band"
        raise InputTypeError(f"image must be an Image, such as Image.read returns, since {one}, got Images")
    else:
        model, found = _one_band(lines, in_bands(menu), _band_index(menu, band), image, notes)
    if notes:
        text = "\n  ".join(sorted(dict.fromkeys(notes), key=_line))
        warnings.warn(f"{path}: some parts were changed in the conversion, or left out:\n  {text}", stacklevel=2)
    return model, found


def _one_band(lines: Lines, menu: Menu, index: int, image: Image | None, notes: list[str]) -> tuple[Model, Image]:
    if image is None:
        whole = menu_image(menu, Path(menu.source).parent, index, notes)
    else:
        whole = image
        check_unused(menu, notes)
    part, corner = fit_region(menu, whole, notes)
    return _model(lines, menu, index, conventions_of(menu, part, corner), notes), part


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
    constraints = for_band(menu, _constraints(menu, notes), index, notes)
    limits, rest = ranges(menu.components, constraints, index, notes)
    components: dict[str, AbstractProfile] = {}
    kept: dict[int, Described] = {}
    exchanged: set[int] = set()
    for number, component in enumerate(menu.components, start=1):
        name = name_of(lines, component, number, components)
        entries = _entries(component, index, limits.get(number, {}))
        function, modifiers = function_of(component, entries, notes)
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
    return drawable(components)


def _constraints(menu: Menu, notes: list[str]) -> tuple[Constraint, ...]:
    """Return the constraints. As in GALFIT, a missing file is not an error."""
    if menu.text("G") is None:
        return ()
    line = menu.fields["G"][0]
    try:
        path = find(Path(menu.source).parent, split_words(menu.text("G") or "")[0])
    except FileNotFoundError as error:
        notes.append(f"line {line}: G) the constraint file is missing ({error}): nothing is constrained")
        return ()
    return read_constraints(path)


def _entries(component: Component, index: int, limits: dict[str, tuple[float, float]]) -> dict[str, Entry]:
    found = {}
    for key, value in component.parameters.items():
        free = of_band(value.toggles, index) > 0
        found[key] = Entry(of_band(value.values, index), free, limits.get(key), value.line)
    return found
