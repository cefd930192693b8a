"""Write models and images as GALFIT's menu files."""

import math
import re
import warnings
from pathlib import Path

import numpy as np

from sersiclab import parameters
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.documents.storage import check_free, user_path, write_text
from sersiclab.io.describe import Described, described
from sersiclab.io.entries import Entry
from sersiclab.io.functions import Conventions
from sersiclab.io.plane_files import plane_paths, tell_of_pixel, write_planes
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.io.tie_laws import tie_line
from sersiclab.model import Model, checked_model
from sersiclab.parameters import Tied
from sersiclab.runtime.errors import InputError


CLOSE = 1e-6  # tolerance within which a tie is a pure offset or a pure ratio


def write_galfit(model: Model, image: Image, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a menu that GALFIT accepts, with the image, its error map, PSF, mask and constraints in files beside it.

    `read_galfit` reads the same numbers, free parameters, ranges and ties back. One warning lists what GALFIT cannot
    express: priors become ranges, or are lost.

    Arguments:
        model: the model to write.
        image: the image to write.
        path: the menu, such as "galaxy.feedme"; the names of the other files begin with its stem.
        overwrite: whether existing files of these names are replaced.

    Raises:
        FileExistsError: if files exist; the message names them.
        InputError: if the model has something that GALFIT lacks, such as a Spergel profile or a negative flux.

    Example:
        >>> model = sl.Model({"star": sl.PointSource(xc=50.0, yc=41.0, flux=sl.LogUniform(1.0, 1e3))})
        >>> sl.io.write_galfit(model, sl.datasets.example(), "star.feedme")
        >>> sorted(path.name for path in Path().iterdir())
        ['star.constraints', 'star.feedme', 'star_image.fits', 'star_mask.fits', 'star_psf.fits', 'star_sigma.fits']
    """
    model, image = checked_model(model), checked_image(image)
    path = user_path(path)
    if re.search(r"[\s,#]", path.name):
        raise InputError(
            f"path must be a file name without blanks, commas and #, at which GALFIT cuts names, got {path.name!r}"
        )
    notes: list[str] = []
    conventions = _conventions(image, notes)
    components = described(model, "GALFIT", (GALFIT, GALFIT_MODIFIERS), conventions, notes)
    constraints = [*_ranges(components), *_ties(model, components, conventions, notes)]
    notes += [
        f"{component.name}: corser exists only in GALFIT-CORSAIR and GALFITM, not in GALFIT"
        for component in components
        if component.function.name == "corser"
    ]
    tell_of_pixel(image, [component.function.name for component in components], "psf", "GALFIT", notes)
    constraint_path = path.with_suffix(".constraints")
    planned = [path, *plane_paths(image, path.with_suffix("")).values(), *([constraint_path] if constraints else [])]
    for target in planned:
        check_free(target, overwrite=overwrite)
    files = {name: file.name for name, file in write_planes(image, path.with_suffix(""), overwrite=overwrite).items()}
    if constraints:
        files["constraints"] = constraint_path.name
        write_text(constraint_path, "\n".join(constraints) + "\n", overwrite=overwrite)
    blocks = [_block(number, component) for number, component in enumerate(components, start=1)]
    text = "\n\n".join(["\n".join(_header(image, path, files, conventions)), *blocks]) + "\n"
    write_text(path, text, overwrite=overwrite)
    if notes:
        listed = "\n  ".join(notes)
        warnings.warn(f"GALFIT cannot express all of this model or image:\n  {listed}", stacklevel=2)


def number(value: float) -> str:
    """Return a number as it is written to files, with ten digits."""
    return f"{value:.10g}"


def _conventions(image: Image, notes: list[str]) -> Conventions:
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
        scatter=float(np.median(image.sigma[image.valid])),
    )


def _header(image: Image, path: Path, files: dict[str, str], conventions: Conventions) -> list[str]:
    ny, nx = image.shape
    box = 2 * max(image.shape if image.psf is None else (*image.shape, *image.psf.shape))
    scale = number(image.pixel_scale or 1.0)
    fields = [
        ("A", files["image"], "Input data image"),
        ("B", f"{path.stem}_out.fits", "Output data image block"),
        ("C", files["sigma"], "Sigma image"),
        ("D", files.get("psf", "none"), "Input PSF image"),
        ("E", str(image.psf_oversampling), "PSF fine sampling factor relative to data"),
        ("F", files["mask"], "Bad pixel mask"),
        ("G", files.get("constraints", "none"), "Parameter constraints"),
        ("H", f"1 {nx} 1 {ny}", "Image region to fit"),
        ("I", f"{box} {box}", "Size of the convolution box"),
        ("J", number(conventions.zeropoint), "Magnitude photometric zeropoint"),
        ("K", f"{scale} {scale}", "Plate scale [arcsec per pixel]"),
        ("O", "regular", "Display type"),
        ("P", "0", "0=optimize, 1=model, 2=imgblock, 3=subcomps"),
    ]
    return [f"{letter}) {value:<30} # {comment}" for letter, value, comment in fields]


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
        word = None
        if link is not None and other is not None and count != target and _called(link) == _called(other):
            line = tie_line(link, other, conventions, tie)
            if line is not None and math.isclose(line[0], 1.0, abs_tol=CLOSE):
                word = "offset"
            elif line is not None and abs(line[1]) < CLOSE:
                word = "ratio"
        if word is None or link is None:
            notes.append(f"{path}: GALFIT can't express its tie to {tie.to}; it is written untied")
        else:
            lines.append(f"{target}_{count} {link.alias or link.key} {word}")
    return lines


def _called(link: object) -> tuple[str, str]:
    key, alias = getattr(link, "key", ""), getattr(link, "alias", "")
    return key, {"rs": "re"}.get(alias, alias)
