"""Read models and images from imfit's configuration and best-fit files."""

import dataclasses
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sersiclab import parameters
from sersiclab.data.image import Image
from sersiclab.io.axes import upright
from sersiclab.io.entries import Entry, Nonsense, component_of
from sersiclab.io.functions import Conventions, Equivalent
from sersiclab.io.imfit_image import Seen, configured_image, conventions_of
from sersiclab.io.imfit_options import parse_command
from sersiclab.io.imfit_text import Configuration, FunctionText, keys_of, read_configuration
from sersiclab.io.tables import IMFIT
from sersiclab.model import Model, is_name
from sersiclab.noise import GaussianNoise
from sersiclab.parameters import Tied
from sersiclab.profiles import AbstractProfile, TiltedSky
from sersiclab.runtime.errors import InputError


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
    """Read the model and the image of an imfit configuration, or of the best-fit file that imfit wrote.

    A configuration does not name its image. Unless `data` is given, the image is that of the imfit command in a comment
    of the file, if there is one. Options of that command are honoured: a noise image of variances or weights, a mask
    of zeros, the detector's numbers, Poisson statistics and sections of images. Others are listed in the warning. The
    detector's numbers, from the command or as GAIN, READNOISE, ORIGINAL_SKY, EXPTIME and NCOMBINED, give the error map
    if nothing else does. As in imfit, the PSF of galaxies does not include the pixel response, unless the model
    consists of stars alone.

    X0 and Y0 count in the whole image, positions in the model from the corner of its section. Further functions of a
    block are tied to the centre of the first. A free parameter gets the limits of the file, or a wide prior around its
    value.

    Arguments:
        path: the configuration.
        data: the image, as a file or an array; so are `sigma`, `psf` and `mask`, as in `Image.read`.
        sigma: the standard deviation of each pixel.
        psf: the PSF.
        mask: the mask, non-zero where a pixel is excluded.
        zeropoint: the magnitude of one image unit.
        pixel_scale: the pixel scale in arcsec.

    Returns:
        The model, and the image, which is None if neither `data` nor the file names one that exists. One warning
        lists, by line, the parts that could not be converted, and missing files.

    Raises:
        InputError: for a mistake in the file; the message gives its line.
        FileNotFoundError: if the configuration or a given file is missing.

    Example:
        >>> _ = Path("star.dat").write_text("X0 51\\nY0 42\\nFUNCTION PointSource\\nI_tot 80 1,1000\\n")
        >>> model, image = sl.io.read_imfit("star.dat", sl.datasets.example().data, sigma=1.0)
        >>> model.free["pointsource_1.flux"]
        LogUniform(low=1.0, high=1000.0, init=80.0)
    """
    configuration = read_configuration(path)
    command = parse_command(configuration.command)
    notes = [*configuration.notes, *command.notes]
    given = {"data": data, "sigma": sigma, "psf": psf, "mask": mask}
    scales = {"zeropoint": zeropoint, "pixel_scale": pixel_scale}
    seen = configured_image(configuration, command, given, scales, notes)
    model = _model(configuration, seen, notes)
    if notes:
        listed = "\n  ".join(notes)
        warnings.warn(f"{path}: some parts were changed in the conversion, or left out:\n  {listed}", stacklevel=2)
    return model, seen.image


def _model(configuration: Configuration, seen: Seen, notes: list[str]) -> Model:
    image, conventions = seen.image, conventions_of(seen.image, seen.corner)
    components: dict[str, AbstractProfile] = {}
    for block in configuration.blocks:
        owner: str | None = None
        for text in block.functions:
            function = next((f for f in IMFIT if f.name.lower() == text.name.lower()), None)
            notes += [f"{option} (an option of {text.name}) is left out" for option in text.options]
            if function is None:
                notes.append(f"line {text.line}: the function {text.name!r} has no counterpart and is left out")
                continue
            entries = _entries(configuration, function, text) | block.centre
            name = _name(text, function, components)
            try:
                modifiers, entries, _ = upright(function, function.modifiers, entries, notes)
                component = component_of(function, modifiers, entries, conventions, notes)
            except Nonsense as error:
                raise InputError(f"{configuration.source}, {error}") from error
            except InputError as error:
                notes.append(f"line {text.line}: {text.name} is left out ({error})")
                continue
            if isinstance(component, TiltedSky):
                component = component if image is None else _tilted(component, block.centre, conventions)
            elif hasattr(component, "xc"):
                if owner is not None:
                    places = {axis: Tied(f"{owner}.{axis}") for axis in ("xc", "yc")}
                    component = parameters.with_parameters(component, places)
                owner = owner or name
            components[name] = component
    if not components:
        raise InputError(f"{configuration.source}: no function can be read: {'; '.join(notes)}")
    return Model(components, noise=GaussianNoise() if seen.noise is None else seen.noise)


def _tilted(sky: TiltedSky, centre: Mapping[str, Entry], conventions: Conventions) -> TiltedSky:
    """Return the sky with its level moved from X0, Y0 to the image's centre, for the initial values of the slopes."""
    numbers: Any = Model({"sky": sky})
    numbers = numbers.at(numbers.initial).components["sky"]
    steps = (
        conventions.centre[0] - (centre["X0"].value - conventions.x),
        conventions.centre[1] - (centre["Y0"].value - conventions.y),
    )
    shift = float(numbers.slope_x * steps[0] + numbers.slope_y * steps[1])
    level: Any = sky.level
    if not isinstance(level, float):
        moved = {key: getattr(level, key) + shift for key in ("loc", "low", "high", "init") if hasattr(level, key)}
        return dataclasses.replace(sky, level=dataclasses.replace(level, **moved))
    return dataclasses.replace(sky, level=level + shift)


def _entries(configuration: Configuration, function: Equivalent, text: FunctionText) -> dict[str, Entry]:
    """Return the parameters by name. As in imfit, other names are matched by their order."""
    keys = keys_of(function)
    if set(text.parameters) == set(keys):
        return dict(text.parameters)
    if len(text.parameters) == len(keys) and not set(text.parameters) & set(keys):
        return dict(zip(keys, text.parameters.values(), strict=True))
    lacking = [key for key in keys if key not in text.parameters]
    strange = [key for key in text.parameters if key not in keys]
    what = f"lacks {', '.join(lacking)}" if lacking else f"has no {', '.join(strange)}"
    line = text.line if lacking else text.parameters[strange[0]].line
    raise InputError(f"{configuration.source}, line {line}: {function.name} {what}")


def _name(text: FunctionText, function: Equivalent, taken: Mapping[str, Any]) -> str:
    if is_name(text.label) and text.label not in taken:
        return text.label
    name = "sky" if "Sky" in function.name else re.sub(r"\W", "_", function.name).lower()
    return name if name == "sky" and name not in taken else f"{name}_{len(taken) + 1}"
