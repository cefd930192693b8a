"""Fitting in the terminal: a progress bar, the posterior table, the verdict, and files."""

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sersiclab.cli import arguments as given
from sersiclab.documents import storage
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    from sersiclab.data.image import Image
    from sersiclab.model import Model
    from sersiclab.results import Fit

BAD = 3
MENUS = (".feedme", ".galfit")
OUTPUTS = ("fit.asdf", "summary.csv", "table.ecsv", "fit.fits", "fit.reg", "fit.png", "fit.html")
CHECKPOINT = "checkpoint.asdf"


def demo(arguments: argparse.Namespace) -> int:
    """Fit the bundled example."""
    from sersiclab import datasets
    from sersiclab.guess import guess

    given.method(arguments)  # which is refused at once if it has no such options
    image = datasets.example()
    return _fit_and_write(image, guess(image, "sersic"), arguments)


def fit(arguments: argparse.Namespace) -> int:
    """Fit what the arguments name."""
    image, model, position = _image_and_model(arguments)
    if not arguments.mask_neighbours:
        _tell_of_neighbours(image, model, position)
    return _fit_and_write(image, model, arguments)


def read_components(text: str) -> str | dict[str, str]:
    """`bulge=sersic,disk=exponential` as `{"bulge": "sersic", "disk": "exponential"}`; one name as it is."""
    if "=" not in text and "," not in text:
        return text.strip()
    components: dict[str, str] = {}
    for item in text.split(","):
        name, equals, kind = (part.strip() for part in item.partition("="))
        if not (name and equals and kind):
            raise InputError(f"--components must be name=profile[,name=profile...], got {text!r}")
        if name in components:
            raise InputError(f"--components names {name!r} twice")
        components[name] = kind
    return components


def read_cutout(words: list[str]) -> tuple[Any, Any]:
    """Position and size of `Image.cutout`: (x, y) and pixels, or a `SkyCoord` and an angle."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    try:
        quantities: Any = [u.Quantity(word) for word in words]
        x, y, size = quantities
        if all(part.unit == u.dimensionless_unscaled for part in (x, y, size)):
            return (float(x.value), float(y.value)), round(float(size.value))
        return SkyCoord(x.to(u.deg), y.to(u.deg)), size if size.unit.is_equivalent(u.deg) else round(float(size))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"--cutout must be x y size, or such as 150.1deg 2.2deg 30arcsec, got {' '.join(words)}"
        ) from error


def read_position(words: list[str] | None) -> Any:
    """(x, y) or a `SkyCoord`; None for none."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    if words is None:
        return None
    try:
        x, y = (u.Quantity(word) for word in words)
        pixels = x.unit == y.unit == u.dimensionless_unscaled
        return (float(x), float(y)) if pixels else SkyCoord(x.to(u.deg), y.to(u.deg))
    except (TypeError, ValueError) as error:
        raise InputError(f"--position must be x y, or such as 150.1deg 2.2deg, got {' '.join(words)}") from error


def _image_and_model(arguments: argparse.Namespace) -> tuple["Image", "Model", Any]:
    """What is to be fit, and where its target is; every option that has no say in it is refused."""
    from sersiclab.data.image import Image
    from sersiclab.detection import detect
    from sersiclab.guess import guess

    sources = _sources(arguments.sources)
    named = [f"--{name}" for name in ("components", "model", "imfit") if getattr(arguments, name) is not None]
    if len(named) > 1:
        raise InputError(f"give one of --components, --model and --imfit, got {' and '.join(named)}")
    if named != ["--components"] and named and sources != 1:
        raise InputError(f"--sources needs --components, got {named[0]}")
    position = read_position(arguments.position)
    if position is not None and (others := [*(each for each in named if each != "--components"), *_cutout(arguments)]):
        raise InputError(f"--position is where to find the target, which {others[0]} says itself")
    what = read_components("galaxy=sersic" if arguments.components is None else arguments.components)
    if _is_menu(arguments.image):
        return *_of_menu(arguments, named), None
    if arguments.imfit is not None:
        return *_of_imfit(arguments), None
    image = Image.read(arguments.image, **given.data(arguments))
    if arguments.cutout is not None:
        image, position = _cut(image, *read_cutout(arguments.cutout))
    if arguments.mask_neighbours:
        found = detect(image, position=position)
        image = found.masked(image, keep=len(found.sources) if sources == "auto" else sources)
    if arguments.model is not None:
        return image, _document(arguments.model), position
    return image, guess(image, what, sources=sources, position=position), position


def _cut(image: "Image", position: Any, size: Any) -> tuple["Image", Any]:
    """The cutout, and the position in it: the middle, unless the image's edge cuts it off."""
    part = image.cutout(position, size)
    if not isinstance(position, tuple):
        return part, position
    return part, tuple(k - max(0, math.ceil(k - size / 2)) for k in position)


def _cutout(arguments: argparse.Namespace) -> list[str]:
    return ["--cutout"] if arguments.cutout is not None else []


def _is_menu(path: str) -> bool:
    """Whether this is a menu of GALFIT, by its name or by its text; raises `ValueError` for imfit's configurations."""
    from sersiclab.io.text import program_of

    name = Path(path).name
    program = program_of(path)
    if program == "imfit":
        raise InputError(f"{path} is a configuration of imfit: give the image, and --imfit {path}")
    return Path(name).suffix.lower() in MENUS or name.startswith("galfit.") or program == "galfit"


def _sources(text: str) -> Any:
    if text == "auto" or (text.isdecimal() and int(text) > 0):
        return "auto" if text == "auto" else int(text)
    raise InputError(f'--sources must be a positive number or "auto", got {text!r}')


def _of_menu(arguments: argparse.Namespace, named: list[str]) -> tuple["Image", "Model"]:
    from sersiclab.io import read_galfit

    options = [f"--{name.replace('_', '-')}" for name in given.data(arguments) if name != "band"] + named
    options += [f"--{name}" for name in ("cutout", "position") if getattr(arguments, name) is not None]
    if options:
        raise InputError(f"{arguments.image} is a GALFIT menu, which names its own data and model; got {options[0]}")
    model, image = read_galfit(arguments.image, band=arguments.band)
    return _masked(image, arguments), model


def _of_imfit(arguments: argparse.Namespace) -> tuple["Image", "Model"]:
    from sersiclab.data.image import Image
    from sersiclab.io import read_imfit

    own = {"sigma", "psf", "mask", "zeropoint", "pixel_scale"}
    found = given.data(arguments)
    model, image = read_imfit(arguments.imfit, arguments.image, **{key: found[key] for key in own & set(found)})
    if image is None or set(found) - own:
        image = Image.read(arguments.image, **found)
    return _masked(image, arguments), model


def _masked(image: "Image", arguments: argparse.Namespace) -> "Image":
    from sersiclab.detection import detect

    return detect(image).masked(image) if arguments.mask_neighbours else image


def _tell_of_neighbours(image: "Image", model: "Model", position: Any) -> None:
    """Say on the terminal what would spoil the fit; nothing is masked unasked."""
    from sersiclab.detection import find
    from sersiclab.parameters import Tied, parameters

    centres = [value for path, value in parameters(model.components).items() if path.endswith(".xc")]
    others = len(find(image, position).detection(image.mask).sources) - sum(
        not isinstance(centre, Tied) for centre in centres
    )
    if others > 0:
        what = "source" if others == 1 else "sources"
        sys.stderr.write(
            f"sersiclab fit: {others} other {what} in the image: --mask-neighbours, or --sources auto to model all\n"
        )


def _document(path: str) -> "Model":
    from sersiclab.documents.spec import from_dict

    try:
        return from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except ValueError as error:
        raise InputError(f"--model {path}: {error}") from error


def _fit_and_write(image: "Image", model: "Model", arguments: argparse.Namespace) -> int:
    """Fit, print the table and the verdict, and write the files; returns the exit status."""
    from sersiclab.inference import fit
    from sersiclab.runtime.compilation import persistent_cache

    with contextlib.suppress(OSError):  # a home that can't be written to is no reason not to fit
        persistent_cache()
    method, folder, name = given.method(arguments), arguments.output, f"sersiclab {arguments.command}"
    # Before the fit, lest it be lost for want of a folder.
    folder.mkdir(parents=True, exist_ok=True)
    _check_folder(folder)
    checkpoint = folder / CHECKPOINT if method.writes_checkpoints else None
    if checkpoint is not None and checkpoint.exists():
        if arguments.restart:
            checkpoint.unlink()
        else:
            sys.stderr.write(f"{name}: going on from {checkpoint}; --restart begins anew\n")
    every = arguments.checkpoint_every
    result = fit(model, image, method, seed=arguments.seed, checkpoint=checkpoint, checkpoint_every=every)
    complete = result.status == "complete"
    if not complete:
        sys.stderr.write(f"\n{name}: interrupted by {arguments.received.name}; writing what there is\n")
    try:
        files = _write(result, folder)
    except KeyboardInterrupt as interrupt:
        raise type(interrupt)(f"while files were written to {folder}; the same command writes all of them") from None
    if arguments.json:
        sys.stdout.write(json.dumps(_report(result, files), indent=2) + "\n")
    else:
        sys.stdout.write(_text(result, files))
    if not complete:
        if checkpoint is not None and checkpoint.exists():
            sys.stderr.write(f"{name}: the same command goes on from {checkpoint}\n")
        return arguments.received.status
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return BAD if arguments.strict and result.verdict.level == "bad" else 0


def _check_folder(folder: Path) -> None:
    """Raise where a file would be lost that is not from an earlier fit, which is replaced whole."""
    try:
        storage.check_free(folder / "fit.asdf", mark=storage.MARK)
        if not (folder / "fit.asdf").exists():
            for name in OUTPUTS:
                storage.check_free(folder / name)
    except FileExistsError as error:
        present = next(name for name in OUTPUTS if (folder / name).exists())
        raise FileExistsError(
            f"{folder / present} already exists, and is not from an earlier fit: choose another folder by -o"
        ) from error


def _write(result: "Fit", folder: Path) -> dict[str, Path]:
    """The fit first: nothing after it can lose it."""
    from sersiclab.widget import Workbench

    files = {name: folder / name for name in OUTPUTS}
    result.save(files["fit.asdf"], overwrite=True)
    storage.write_text(files["summary.csv"], result.summary().to_csv(), overwrite=True)
    with storage.writing(files["table.ecsv"], overwrite=True) as temporary:
        result.to_table().write(temporary, format="ascii.ecsv")
    result.write_fits(files["fit.fits"], overwrite=True)
    result.write_regions(files["fit.reg"], overwrite=True)
    with storage.writing(files["fit.png"], overwrite=True) as temporary:
        result.plot().savefig(temporary, dpi=150)
    with Workbench.of(result) as workbench:
        workbench.to_html(files["fit.html"], overwrite=True)
    return files


def _text(result: "Fit", files: Mapping[str, Path]) -> str:
    table = result.summary().to_string(float_format=lambda x: f"{x:.5g}")
    rows = [
        f"{name:<24}{quantity.best:>14.6g} +- {quantity.sd:.2g} {quantity.unit}"
        for name, quantity in result.observables.items()
    ]
    sky = "\n".join(["", "from these:", *rows, ""]) if rows else ""
    folder = next(iter(files.values())).parent
    return f"\n{table}\n{sky}\n{result.verdict}\n\nwrote {folder}/{', '.join(files)}\n"


def _report(result: "Fit", files: Mapping[str, Path]) -> dict[str, Any]:
    """All that the text says, with full precision; null where there is no number."""
    rows: Any = result.summary().to_dict(orient="index")
    return {
        "method": type(result.method).__name__,
        "seed": result.seed,
        "status": result.status,
        "verdict": {"level": result.verdict.level, "reasons": list(result.verdict.reasons)},
        "chi2": _number(result.chi2),
        "dof": result.dof,
        "reduced_chi2": _number(result.reduced_chi2),
        "parameters": {path: {key: _number(value) for key, value in row.items()} for path, row in rows.items()},
        "observables": {
            name: {"best": _number(quantity.best), "sd": _number(quantity.sd), "unit": quantity.unit}
            for name, quantity in result.observables.items()
        },
        "seconds": {name: _number(value) for name, value in result.timing.items()},
        "versions": dict(result.versions),
        "files": {name: str(path) for name, path in files.items()},
    }


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None
