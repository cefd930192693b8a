"""imfit's configuration and best-fit files as models and images, and back."""

import dataclasses
import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab import parameters
from sersiclab.fits import read_plane
from sersiclab.image import Image
from sersiclab.io.describe import Described, described
from sersiclab.io.entries import Entry, component_of
from sersiclab.io.functions import Frame, Function
from sersiclab.io.galfit import find, undiluted
from sersiclab.io.galfit_writing import number
from sersiclab.io.imfit_text import Configuration, FunctionText, read_configuration
from sersiclab.io.planes import holds_pixel, plane_paths, tell_of_pixel, write_planes
from sersiclab.io.tables import IMFIT
from sersiclab.model import Model
from sersiclab.parameters import Tied
from sersiclab.profiles import AbstractProfile, TiltedSky
from sersiclab.storage import check_free, write_text


FILES = ("noise", "mask", "psf")  # of imfit's command


def read_imfit(
    path: str | Path,
    data: Any = None,
    *,
    sigma: Any = None,
    psf: Any = None,
    mask: Any = None,
    zeropoint: float | None = None,
    pixel_scale: float | None = None,
) -> tuple[Model, Image | None]:
    """The model and the image of an imfit configuration, or of the best-fit file that imfit wrote.

    A configuration does not name its image: `data`, `sigma`, `psf` and `mask` are files or arrays as in
    `Image.read`, and without them those of imfit's command where a comment of the file tells it; else the image
    is None. GAIN, READNOISE, ORIGINAL_SKY, EXPTIME and NCOMBINED give the error map if nothing else does. The
    PSF is what imfit takes it for: of galaxies, one without the pixel's response; of stars only, their image.
    Functions of a block after the first are tied to its centre. What is free has the limits of the file, or a
    wide prior around its value. Raises `ValueError` with the line of a mistake and `FileNotFoundError`; one
    warning lists by line all that has no counterpart.
    """
    configuration = read_configuration(path)
    notes = list(configuration.notes)
    given = {"data": data, "sigma": sigma, "psf": psf, "mask": mask}
    image = _image(configuration, given, {"zeropoint": zeropoint, "pixel_scale": pixel_scale}, notes)
    model = _model(configuration, image, notes)
    if notes:
        listed = "\n  ".join(notes)
        warnings.warn(f"{path} holds what is read otherwise, or not at all:\n  {listed}", stacklevel=2)
    return model, image


def write_imfit(model: Model, image: Image, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a configuration that imfit accepts, with the image's planes beside it.

    `read_imfit` gives the same numbers, toggles and limits back; the first comment is the command that fits.
    Components that share a centre by ties are one block. Files of these names are replaced only with
    `overwrite`. Raises `FileExistsError` naming them and `ValueError` naming what imfit lacks; one warning lists
    what imfit cannot express: priors become limits or nothing, other ties numbers of their own.
    """
    path = Path(path).expanduser()
    notes: list[str] = []
    frame = _frame(image)
    components = described(model, "imfit", (IMFIT, ()), frame, notes)
    blocks = _blocks(model, components, frame, notes)
    tell_of_pixel(image, [component.function.name for component in components], "PointSource", "imfit", notes)
    for target in (path, *plane_paths(image, path.with_suffix("")).values()):
        check_free(target, overwrite=overwrite)
    files = write_planes(image, path.with_suffix(""), overwrite=overwrite)
    words = [f"{files['image'].name} -c {path.name} --noise={files['sigma'].name} --mask={files['mask'].name}"]
    words += [f"--psf={files['psf'].name}"] if "psf" in files else []
    write_text(path, f"# imfit {' '.join(words)}\n\n" + "\n".join(blocks), overwrite=overwrite)
    if notes:
        listed = "\n  ".join(notes)
        warnings.warn(f"imfit cannot express all of this model or image:\n  {listed}", stacklevel=2)


def _image(
    configuration: Configuration, given: dict[str, Any], scales: Mapping[str, Any], notes: list[str]
) -> Image | None:
    told = _told(configuration)
    folder = Path(configuration.source).parent
    for name, key in (("data", "image"), ("sigma", "noise"), ("psf", "psf"), ("mask", "mask")):
        if given[name] is None and key in told:
            given[name] = str(find(folder, configuration.source, 1, key, told[key]))
    if given["data"] is None:
        return None
    values = {key: value for key, (_, value) in configuration.keywords.items()}
    detector: dict[str, Any] = {}
    if "GAIN" in values and given["sigma"] is None:
        combined = values.get("NCOMBINED", 1.0)
        detector = {"gain": values["GAIN"] * values.get("EXPTIME", 1.0) * combined}
        detector |= {"read_noise": values.get("READNOISE", 0.0) * math.sqrt(combined)}
        detector |= {"sky_level": values.get("ORIGINAL_SKY", 0.0)}
    includes_pixel = False
    if given["psf"] is not None:
        plane = read_plane("psf", given["psf"]) if isinstance(given["psf"], str | Path) else None
        kinds = [function.name.lower() for block in configuration.blocks for function in block.functions]
        includes_pixel = holds_pixel(plane, kinds, "pointsource", "imfit", notes)
        given["psf"] = undiluted(given["psf"] if plane is None else plane.array)
    return Image.read(**given, **scales, **detector, psf_includes_pixel=includes_pixel)


def _told(configuration: Configuration) -> dict[str, str]:
    """The files of imfit's command: the image, and those of its options."""
    found: dict[str, str] = {}
    words = list(configuration.command)
    while words:
        word = words.pop(0)
        option = re.match(r"--(\w[\w-]*)(?:=(.*))?$", word)
        if option and option[1] in FILES:
            found[option[1]] = option[2] or (words.pop(0) if words else "")
        elif word in ("-c", "--config") and words:
            words.pop(0)
        elif not word.startswith("-") and "image" not in found and re.search(r"\.(fits|fz|gz)$", word):
            found["image"] = word
    return found


def _frame(image: Image | None) -> Frame:
    if image is None:
        return Frame()
    ny, nx = image.shape
    scatter = float(np.median(image.sigma[image.valid]))
    return Frame(centre=(0.5 * (nx - 1), 0.5 * (ny - 1)), side=float(max(nx, ny)), scatter=scatter)


def _model(configuration: Configuration, image: Image | None, notes: list[str]) -> Model:
    frame = _frame(image)
    components: dict[str, AbstractProfile] = {}
    for block in configuration.blocks:
        owner: str | None = None
        for text in block.functions:
            function = next((f for f in IMFIT if f.name.lower() == text.name.lower()), None)
            notes += [f"{option} ({text.name}'s option) is left out" for option in text.options]
            if function is None:
                notes.append(f"line {text.line}: the function {text.name!r} has no counterpart and is left out")
                continue
            entries = _entries(configuration, function, text) | block.centre
            name = _name(text, function, components)
            try:
                component = component_of(function, function.modifiers, entries, frame, notes)
            except ValueError as error:
                notes.append(f"line {text.line}: {text.name} is left out ({error})")
                continue
            if isinstance(component, TiltedSky):
                component = component if image is None else _tilted(component, block.centre, frame)
            elif hasattr(component, "xc"):
                if owner is not None:
                    places = {axis: Tied(f"{owner}.{axis}") for axis in ("xc", "yc")}
                    component = parameters.with_parameters(component, places)
                owner = owner or name
            components[name] = component
    if not components:
        raise ValueError(f"{configuration.source}: no function can be read: {'; '.join(notes)}")
    return Model(components)


def _tilted(sky: TiltedSky, centre: Mapping[str, Entry], frame: Frame) -> TiltedSky:
    """The level moved from X0, Y0 to the image's centre, with the slopes' initial values."""
    numbers: Any = Model({"sky": sky})
    numbers = numbers.at(numbers.initial).components["sky"]
    steps = frame.centre[0] - (centre["X0"].value - 1.0), frame.centre[1] - (centre["Y0"].value - 1.0)
    shift = float(numbers.slope_x * steps[0] + numbers.slope_y * steps[1])
    level: Any = sky.level
    if not isinstance(level, float):
        moved = {key: getattr(level, key) + shift for key in ("loc", "low", "high", "init") if hasattr(level, key)}
        return dataclasses.replace(sky, level=dataclasses.replace(level, **moved))
    return dataclasses.replace(sky, level=level + shift)


def _entries(configuration: Configuration, function: Function, text: FunctionText) -> dict[str, Entry]:
    """The parameters by name; by their order where the names are others, as imfit takes them."""
    keys = _keys(function)
    if set(text.parameters) == set(keys):
        return dict(text.parameters)
    if len(text.parameters) == len(keys) and not set(text.parameters) & set(keys):
        return dict(zip(keys, text.parameters.values(), strict=True))
    lacking = [key for key in keys if key not in text.parameters]
    strange = [key for key in text.parameters if key not in keys]
    what = f"lacks {', '.join(lacking)}" if lacking else f"has no {', '.join(strange)}"
    line = text.line if lacking else text.parameters[strange[0]].line
    raise ValueError(f"{configuration.source}, line {line}: {function.name} {what}")


def _keys(function: Function) -> list[str]:
    keys = [link.key for link in function.links if link.key not in ("X0", "Y0")]
    return [*keys[:2], "c0", *keys[2:]] if function.modifiers else keys


def _name(text: FunctionText, function: Function, taken: Mapping[str, Any]) -> str:
    if text.label and text.label.isidentifier() and text.label not in {*taken, "noise", "renderer"}:
        return text.label
    name = "sky" if "Sky" in function.name else re.sub(r"\W", "_", function.name).lower()
    return name if name == "sky" and name not in taken else f"{name}_{len(taken) + 1}"


def _blocks(model: Model, components: list[Described], frame: Frame, notes: list[str]) -> list[str]:
    """The text of blocks: those that follow a centre lie in its block, skies in the first."""
    ties = {path: tie for path, tie in parameters.parameters(model.owners).items() if isinstance(tie, Tied)}
    groups: dict[str, list[Described]] = {}
    shared: set[str] = set()
    for component in components:
        places = [ties.get(f"{component.name}.{axis}") for axis in ("xc", "yc")]
        names = {tie.to for tie in places if tie is not None and (tie.scale, tie.offset) == (1.0, 0.0)}
        head = next(iter(sorted(names))).split(".")[0] if len(names) == 2 else component.name
        if len(names) == 2 and names == {f"{head}.xc", f"{head}.yc"} and head in groups:
            shared |= {f"{component.name}.xc", f"{component.name}.yc"}
            groups[head].append(component)
        else:
            groups[component.name] = [component]
    notes += [
        f"{path}: imfit has no such tie to {tie.to}; it goes on alone"
        for path, tie in ties.items()
        if path not in shared
    ]
    return [_block(group, frame) for group in groups.values()]


def _block(group: list[Described], frame: Frame) -> str:
    middle = {key: Entry(at + 1.0, free=False) for key, at in zip(("X0", "Y0"), frame.centre, strict=True)}
    centre = {key: group[0].entries.get(key, middle[key]) for key in ("X0", "Y0")}
    lines = [_line(key, entry) for key, entry in centre.items()]
    for component in group:
        lines.append(f"FUNCTION {component.function.name}   # LABEL {component.name}")
        lines += [_line(key, component.entries[key]) for key in _keys(component.function)]
    return "\n".join([*lines, ""])


def _line(key: str, entry: Entry) -> str:
    after = "" if entry.free else "fixed"
    if entry.free and entry.limits is not None:
        after = f"{number(entry.limits[0])},{number(entry.limits[1])}"
    return f"{key:<10} {number(entry.value):<18} {after}".rstrip()
