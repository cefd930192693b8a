"""Write models and images as GALFIT's menu files."""

import re
import warnings
from pathlib import Path

from sersiclab import parameters
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.documents.storage import check_free, user_path, write_text
from sersiclab.io.describe import Described, described
from sersiclab.io.entries import Entry
from sersiclab.io.functions import Conventions
from sersiclab.io.galfit_bands_writing import bands_content
from sersiclab.io.galfit_menu_lines import Content, conventions_for, header, number, tell_of_functions, tie_word
from sersiclab.io.plane_files import plane_paths, write_planes
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.model import Model, checked_model
from sersiclab.model.checked_models import check_one_image
from sersiclab.parameters import Tied
from sersiclab.runtime.errors import InputError


def write_galfit(model: Model, image: Image | Images, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a menu that GALFIT accepts, with the image, its error map, PSF, mask and constraints in files beside it.

    `read_galfit` reads the same numbers, free parameters, ranges and ties back. One warning lists what GALFIT cannot
    express: priors become ranges, or are lost.

    Several images become a menu of GALFITM, with lists of values for the bands, or the Chebyshev series of a
    `Polynomial`, and the number of free coefficients. A `Spline` becomes a value for each band.

    Arguments:
        model: the model to write.
        image: the image to write, or several, which must have the same pixels.
        path: the menu, such as "galaxy.feedme"; the names of the other files begin with its stem.
        overwrite: whether existing files of these names are replaced.

    Raises:
        FileExistsError: if files exist; the message names them.
        InputError: if the model has something that GALFIT lacks, such as a Spergel profile or a negative flux, or the
            images have different pixels.

    Example:
        >>> model = sl.Model({"star": sl.PointSource(xc=50.0, yc=41.0, flux=sl.LogUniform(1.0, 1e3))})
        >>> sl.io.write_galfit(model, sl.datasets.example(), "star.feedme")
        >>> sorted(path.name for path in Path().iterdir())
        ['star.constraints', 'star.feedme', 'star_image.fits', 'star_mask.fits', 'star_psf.fits', 'star_sigma.fits']
    """
    model = checked_model(model)
    if not isinstance(image, Images):
        image = checked_image(image)
    path = user_path(path)
    if re.search(r"[\s,#]", path.name):
        raise InputError(
            f"path must be a file name without blanks, commas and #, at which GALFIT cuts names, got {path.name!r}"
        )
    if isinstance(image, Images) and len(image) == 1:
        model, image = model.for_images(image).of(image.names[0]), image.frame
    notes: list[str] = []
    if isinstance(image, Images):
        content = bands_content(model, image, path, notes)
    else:
        check_one_image(model)
        content = _content(model, image, path, notes)
    constraint_path = path.with_suffix(".constraints")
    stems = [(each, path.with_name(f"{path.stem}{suffix}")) for suffix, each in content.images.items()]
    planned = [path, *(file for each, stem in stems for file in plane_paths(each, stem).values())]
    for target in [*planned, *([constraint_path] if content.constraints else [])]:
        check_free(target, overwrite=overwrite)
    for each, stem in stems:
        write_planes(each, stem, overwrite=overwrite)
    if content.constraints:
        write_text(constraint_path, "\n".join(content.constraints) + "\n", overwrite=overwrite)
    write_text(path, content.text, overwrite=overwrite)
    if notes:
        told = "\n  ".join(dict.fromkeys(notes))
        warnings.warn(f"GALFIT cannot express all of this model or image:\n  {told}", stacklevel=2)


def _content(model: Model, image: Image, path: Path, notes: list[str]) -> Content:
    conventions = conventions_for(image, notes)
    components = described(model, "GALFIT", (GALFIT, GALFIT_MODIFIERS), conventions, notes)
    constraints = [*_ranges(components), *_ties(model, components, conventions, notes)]
    tell_of_functions([image], components, notes)
    files = {name: file.name for name, file in plane_paths(image, path.with_suffix("")).items()}
    rules = path.with_suffix(".constraints").name if constraints else None
    blocks = [_block(number, component) for number, component in enumerate(components, start=1)]
    lines = header([image], path, [files], [conventions], rules)
    return Content("\n\n".join(["\n".join(lines), *blocks]) + "\n", constraints, {"": image})


def _block(count: int, component: Described) -> str:
    lines = [f"# Component number: {count}", f" 0) {component.function.name:<22} # component {component.name}"]
    entries = component.entries
    if "x" in entries:
        values, toggles = _pair(entries["x"], entries["y"])
        lines.append(f" 1) {values} {toggles}")
    modes = [key[:-1] for key in entries if key.startswith("F") and key.endswith("a")]
    for key, entry in entries.items():
        # GALFIT reads a bend of zero as 0.01.
        straight = key.startswith("B") and entry.value == 0.0 and not entry.free
        if key not in ("x", "y") and not key.startswith("F") and not straight:
            lines.append(f"{key:>2}) {number(entry.value):<18} {int(entry.free)}")
    for mode in modes:
        values, toggles = _pair(entries[f"{mode}a"], entries[f"{mode}p"])
        if entries[f"{mode}a"].value != 0.0 or entries[f"{mode}a"].free or entries[f"{mode}p"].free:
            lines.append(f"{mode}) {values} {toggles}")
    return "\n".join([*lines, " Z) 0"])


def _pair(first: Entry, second: Entry) -> tuple[str, str]:
    return f"{number(first.value)} {number(second.value)}", f"{int(first.free)} {int(second.free)}"


def _ranges(components: list[Described]) -> list[str]:
    return [
        f"{count} {link.alias or link.key} {number(entry.limits[0])} to {number(entry.limits[1])}"
        for count, component in enumerate(components, start=1)
        for link in component.links
        if (entry := component.entries[link.key]).limits is not None
    ]


def _ties(model: Model, components: list[Described], conventions: Conventions, notes: list[str]) -> list[str]:
    """Return the ties that keep an offset or a ratio of the same parameter; others are noted."""
    by_name = {component.name: (count, component) for count, component in enumerate(components, start=1)}
    lines = []
    for path, tie in parameters.parameters(model.owners).items():
        if not isinstance(tie, Tied) or path.startswith("noise."):
            continue
        if any(to.split(".")[0] not in by_name for to in tie.targets):
            notes.append(f"{path}: GALFIT can't express its tie to {' and '.join(tie.targets)}; it is written untied")
            continue
        (count, follower), (target, anchor) = by_name[path.split(".")[0]], by_name[tie.to.split(".")[0]]
        link, other = follower.link(path.split(".")[1]), anchor.link(tie.to.split(".")[1])
        word = None if count == target else tie_word(link, other, conventions, tie)
        if word is None or link is None:
            notes.append(f"{path}: GALFIT can't express its tie to {tie.to}; it is written untied")
        else:
            lines.append(f"{target}_{count} {link.alias or link.key} {word}")
    return lines
