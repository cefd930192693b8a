"""The image and the model that the options of `sersiclab fit` describe."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sersiclab.cli import option_values as options
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    from sersiclab.data.image import Image
    from sersiclab.model import Model

MENUS = (".feedme", ".galfit")


def image_and_model(arguments: argparse.Namespace) -> tuple["Image", "Model", Any]:
    """Return the image, the model and the target's position. Raises `InputError` if the options conflict."""
    from sersiclab.data.image import Image
    from sersiclab.detection import detect
    from sersiclab.guess import guess

    sources = options.read_sources(arguments.sources)
    named = [f"--{name}" for name in ("components", "model", "imfit") if getattr(arguments, name) is not None]
    if len(named) > 1:
        raise InputError(f"give one of --components, --model and --imfit, got {' and '.join(named)}")
    if named != ["--components"] and named and sources != 1:
        raise InputError(f"--sources needs --components, got {named[0]}")
    position = options.read_position(arguments.position)
    if position is not None and (others := [*(each for each in named if each != "--components"), *_cutout(arguments)]):
        raise InputError(f"--position can't be combined with {others[0]}, which sets the target's position itself")
    what = options.read_components("galaxy=sersic" if arguments.components is None else arguments.components)
    if _is_menu(arguments.image):
        return *_from_menu(arguments, named), None
    if arguments.imfit is not None:
        return *_from_imfit(arguments), None
    image = Image.read(arguments.image, **options.data(arguments))
    if arguments.cutout is not None:
        image, position = _cut(image, *options.read_cutout(arguments.cutout))
    if arguments.mask_neighbours:
        found = detect(image, position=position)
        image = found.masked(image, keep=len(found.sources) if sources == "auto" else sources)
    if arguments.model is not None:
        return image, _read_document(arguments.model), position
    return image, guess(image, what, sources=sources, position=position), position


def unmodelled_neighbours(image: "Image", model: "Model", position: Any) -> int:
    """Count the detected sources that are neither masked nor in the model."""
    from sersiclab.detection import find
    from sersiclab.parameters import Tied, parameters

    centres = [value for path, value in parameters(model.components).items() if path.endswith(".xc")]
    detected = 1 + len(find(image, position).neighbours())
    return detected - sum(not isinstance(centre, Tied) for centre in centres)


def _cut(image: "Image", position: Any, size: Any) -> tuple["Image", Any]:
    """Return the cutout and the position in it: its centre, unless the image's edge cuts it off."""
    part = image.cutout(position, size)
    if not isinstance(position, tuple):
        return part, position
    return part, tuple(k - max(0, math.ceil(k - size / 2)) for k in position)


def _cutout(arguments: argparse.Namespace) -> list[str]:
    return ["--cutout"] if arguments.cutout is not None else []


def _is_menu(path: str) -> bool:
    """Return whether this is a GALFIT menu, judged by name or text. Raises `InputError` for an imfit configuration."""
    from sersiclab.io.text import program_of

    name = Path(path).name
    program = program_of(path)
    if program == "imfit":
        raise InputError(f"{path} is a configuration of imfit: give the image, and --imfit {path}")
    return Path(name).suffix.lower() in MENUS or name.startswith("galfit.") or program == "galfit"


def _from_menu(arguments: argparse.Namespace, named: list[str]) -> tuple["Image", "Model"]:
    from sersiclab.data.image_set import Images
    from sersiclab.io import read_galfit

    given = [f"--{name.replace('_', '-')}" for name in options.data(arguments) if name != "band"] + named
    given += [f"--{name}" for name in ("cutout", "position") if getattr(arguments, name) is not None]
    if given:
        raise InputError(f"{arguments.image} is a GALFIT menu, which names its own data and model; got {given[0]}")
    model, image = read_galfit(arguments.image, band=arguments.band)
    if isinstance(image, Images):
        raise InputError(
            f"{arguments.image} has several bands: choose one by --band, of {', '.join(image.bands.values())}"
        )
    return _masked(image, arguments), model


def _from_imfit(arguments: argparse.Namespace) -> tuple["Image", "Model"]:
    from sersiclab.data.image import Image
    from sersiclab.io import read_imfit

    own = {"sigma", "psf", "mask", "zeropoint", "pixel_scale"}
    given = options.data(arguments)
    model, image = read_imfit(arguments.imfit, arguments.image, **{key: given[key] for key in own & set(given)})
    if image is None or set(given) - own:
        image = Image.read(arguments.image, **given)
    return _masked(image, arguments), model


def _masked(image: "Image", arguments: argparse.Namespace) -> "Image":
    from sersiclab.detection import detect

    return detect(image).masked(image) if arguments.mask_neighbours else image


def _read_document(path: str) -> "Model":
    from sersiclab.documents.spec import from_dict

    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"--model {path}: {error}") from error
    try:
        return from_dict(document)
    except InputError as error:
        raise InputError(f"--model {path}: {error}") from error
