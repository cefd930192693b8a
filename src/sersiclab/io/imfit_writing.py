"""Write models and images as imfit's configurations."""

import shlex
import warnings
from pathlib import Path

from sersiclab import parameters
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.documents.storage import check_free, user_path, write_text
from sersiclab.io.describe import Described, described
from sersiclab.io.entries import Entry
from sersiclab.io.functions import Conventions
from sersiclab.io.galfit_writing import number
from sersiclab.io.imfit_image import conventions_of
from sersiclab.io.imfit_text import keys_of
from sersiclab.io.plane_files import plane_paths, tell_of_pixel, write_planes
from sersiclab.io.tables import IMFIT
from sersiclab.model import Model, checked_model
from sersiclab.parameters import Tied


def write_imfit(model: Model, image: Image, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a configuration that imfit accepts, with the image, its error map, PSF and mask in files beside it.

    `read_imfit` reads the same numbers, free parameters and limits back. The first comment of the file is the command
    that runs the fit. Components tied to a common centre form one block. One warning lists what imfit cannot express:
    priors become limits or are lost, and ties other than those of centres become separate numbers.

    Arguments:
        model: the model to write.
        image: the image to write.
        path: the configuration, such as "galaxy.dat"; the names of the other files begin with its stem.
        overwrite: whether existing files of these names are replaced.

    Raises:
        FileExistsError: if files exist; the message names them.
        InputError: if the model has something that imfit lacks.

    Example:
        >>> model = sl.Model({"star": sl.PointSource(xc=50.0, yc=41.0, flux=80.0)})
        >>> sl.io.write_imfit(model, sl.datasets.example(), "star.dat")
        >>> Path("star.dat").read_text().splitlines()[0]
        '# imfit star_image.fits -c star.dat --noise=star_sigma.fits --mask=star_mask.fits --psf=star_psf.fits'
    """
    model, image = checked_model(model), checked_image(image)
    path = user_path(path)
    notes: list[str] = []
    conventions = conventions_of(image)
    components = described(model, "imfit", (IMFIT, ()), conventions, notes)
    blocks = _blocks(model, components, conventions, notes)
    tell_of_pixel(image, [component.function.name for component in components], "PointSource", "imfit", notes)
    for target in (path, *plane_paths(image, path.with_suffix("")).values()):
        check_free(target, overwrite=overwrite)
    files = write_planes(image, path.with_suffix(""), overwrite=overwrite)
    words = [files["image"].name, "-c", path.name, f"--noise={files['sigma'].name}", f"--mask={files['mask'].name}"]
    words += [f"--psf={files['psf'].name}"] if "psf" in files else []
    write_text(path, f"# imfit {shlex.join(words)}\n\n" + "\n".join(blocks), overwrite=overwrite)
    if notes:
        listed = "\n  ".join(notes)
        warnings.warn(f"imfit cannot express all of this model or image:\n  {listed}", stacklevel=2)


def _blocks(model: Model, components: list[Described], conventions: Conventions, notes: list[str]) -> list[str]:
    """Return the text of each block. Components that are tied to a centre belong to its block."""
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
        f"{path}: imfit can't express its tie to {tie.to}; it is written untied"
        for path, tie in ties.items()
        if path not in shared
    ]
    return [_block(group, conventions) for group in groups.values()]


def _block(group: list[Described], conventions: Conventions) -> str:
    middle = {key: Entry(at + 1.0, free=False) for key, at in zip(("X0", "Y0"), conventions.centre, strict=True)}
    centre = {key: group[0].entries.get(key, middle[key]) for key in ("X0", "Y0")}
    lines = [_line(key, entry) for key, entry in centre.items()]
    for component in group:
        lines.append(f"FUNCTION {component.function.name}   # LABEL {component.name}")
        lines += [_line(key, component.entries[key]) for key in keys_of(component.function)]
    return "\n".join([*lines, ""])


def _line(key: str, entry: Entry) -> str:
    after = "" if entry.free else "fixed"
    if entry.free and entry.limits is not None:
        after = f"{number(entry.limits[0])},{number(entry.limits[1])}"
    return f"{key:<10} {number(entry.value):<18} {after}".rstrip()
