"""The image of an imfit configuration, given by the user or by imfit's command in a comment of the file."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.data.fits import read_plane
from sersiclab.data.image import Image
from sersiclab.data.sections import parse_name
from sersiclab.io.functions import Conventions
from sersiclab.io.imfit_options import Command
from sersiclab.io.imfit_text import Configuration
from sersiclab.io.plane_files import find, holds_pixel, undiluted
from sersiclab.noise import AbstractNoise, PoissonNoise


# The options for the detector, and the equivalent keywords of a configuration.
DETECTOR = {
    "gain": "GAIN",
    "readnoise": "READNOISE",
    "sky": "ORIGINAL_SKY",
    "exptime": "EXPTIME",
    "ncombined": "NCOMBINED",
}
POISSON = ("cashstat", "poisson-mlr", "mlr")
FLAGS = {"noise": ("errors-are-variances", "errors-are-weights"), "mask": ("mask-zero-is-bad",)}
INSTEAD = {
    "noise": "sigma comes from the detector's numbers, or is measured",
    "mask": "no pixel is masked",
    "psf": "the model is not blurred",
}


@dataclasses.dataclass(frozen=True)
class Seen:
    """The data to fit: the image, its first pixel in imfit's x and y, and the noise if it is not Gaussian."""

    image: Image | None
    corner: tuple[float, float] = (1.0, 1.0)
    noise: AbstractNoise | None = None


@dataclasses.dataclass(frozen=True)
class Detector:
    """The detector's numbers as imfit uses them: counts per image unit, read noise in counts, and subtracted sky."""

    gain: float
    read_noise: float
    sky: float
    stated: bool


def conventions_of(image: Image | None, corner: tuple[float, float] = (1.0, 1.0)) -> Conventions:
    """Return imfit's pixels and the noise of an image."""
    if image is None:
        return Conventions(x=corner[0], y=corner[1])
    ny, nx = image.shape
    scatter = float(np.median(image.sigma[image.valid]))
    return Conventions(*corner, centre=(0.5 * (nx - 1), 0.5 * (ny - 1)), side=float(max(nx, ny)), scatter=scatter)


def configured_image(
    configuration: Configuration, command: Command, given: dict[str, Any], scales: dict[str, Any], notes: list[str]
) -> Seen:
    """Return the image from the user's planes and the command's. Missing files and unused options are noted."""
    detector = _detector(configuration, command, notes)
    noise = _poisson(command, detector, notes)
    folder = Path(configuration.source).parent
    planes = dict(given)
    if planes["data"] is None and command.image is not None:
        try:
            planes["data"] = find(folder, command.image)
        except FileNotFoundError as error:
            notes.append(f"the image is missing ({error}): only the model is read; give data= for an image")
    if planes["data"] is None:
        return Seen(None, noise=noise)
    _take(planes, "sigma", folder, command, _sigma_reader(command), notes)
    _take(planes, "mask", folder, command, _mask_reader(command), notes)
    _take(planes, "psf", folder, command, lambda name: name, notes)
    counted = command.has(*DETECTOR)
    if planes["sigma"] is None and (detector.stated or noise is not None):
        # Poisson noise does not use sigma, but sigma must be positive even where there are no counts.
        read_noise = detector.read_noise if noise is None else math.hypot(detector.read_noise, 1.0)
        scales = {**scales, "gain": detector.gain, "read_noise": read_noise, "sky_level": detector.sky}
    elif planes["sigma"] is not None and counted and noise is None:
        used = ", ".join(f"--{name}" for name in DETECTOR if name in command.options)
        notes.append(f"{used}: not used, since there is an error map, as in imfit")
    includes_pixel = False
    if planes["psf"] is not None:
        plane = read_plane("psf", planes["psf"]) if isinstance(planes["psf"], str | Path) else None
        kinds = [function.name.lower() for block in configuration.blocks for function in block.functions]
        includes_pixel = holds_pixel(plane, kinds, "pointsource", "imfit", notes)
        planes["psf"] = undiluted(planes["psf"] if plane is None else plane.array)
    image = Image.read(**planes, **scales, psf_includes_pixel=includes_pixel)
    return Seen(image, _corner(planes["data"], command, image.shape, notes), noise)


def _take(
    planes: dict[str, Any],
    name: str,
    folder: Path,
    command: Command,
    read: Callable[[str], Any],
    notes: list[str],
) -> None:
    """Use the command's file if the user gave none. A missing file, and flags that apply to nothing, are noted."""
    option = "noise" if name == "sigma" else name
    flag = command.has(*FLAGS.get(option, ()))
    if planes[name] is None and option in command.options:
        try:
            planes[name] = read(find(folder, command.options[option]))
            return
        except FileNotFoundError as error:
            notes.append(f"--{option}: the file is missing ({error}): {INSTEAD[option]}")
    if flag is not None:
        why = f"{name}= is given and used as it is" if planes[name] is not None else f"there is no {option} image"
        notes.append(f"--{flag}: not used, since {why}")


def _sigma_reader(command: Command) -> Callable[[str], Any]:
    """Return a function that reads a noise image like imfit: as sigma, as variances, or as weights 1/sigma²."""

    def read(name: str) -> Any:
        array = np.asarray(read_plane("sigma", name).array, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            if command.has("errors-are-weights"):
                return 1.0 / np.sqrt(array)
            return np.sqrt(array) if command.has("errors-are-variances") else array

    return read


def _mask_reader(command: Command) -> Callable[[str], Any]:
    """Return a function that reads a mask like imfit: 0 is good, or bad by an option; NaN is bad."""

    def read(name: str) -> Any:
        array = np.asarray(read_plane("mask", name).array)
        return ~(array > 0) if command.has("mask-zero-is-bad") else array != 0

    return read


def _detector(configuration: Configuration, command: Command, notes: list[str]) -> Detector:
    """Return the numbers of the command or else of the file. As in imfit, the default of the gain is 1."""
    values = {key: value for key, (_, value) in configuration.keywords.items() if key in DETECTOR.values()}
    for name, keyword in DETECTOR.items():
        if name in command.options:
            number = _number(name, command.options[name])
            if number is None:
                notes.append(f"--{name} {command.options[name]}: left out, since the value is not valid")
            else:
                values[keyword] = number
    combined = values.get("NCOMBINED", 1.0)
    return Detector(
        gain=values.get("GAIN", 1.0) * values.get("EXPTIME", 1.0) * combined,
        read_noise=values.get("READNOISE", 0.0) * math.sqrt(combined),
        sky=values.get("ORIGINAL_SKY", 0.0),
        stated=bool(values),
    )


def _poisson(command: Command, detector: Detector, notes: list[str]) -> AbstractNoise | None:
    """Return the noise of imfit's Poisson statistics, which use neither a noise image nor the read noise."""
    option = command.has(*POISSON)
    if option is None:
        return None
    unused = [f"--{name}" for name in ("noise", "readnoise") if name in command.options]
    if unused:
        notes.append(f"{', '.join(unused)}: not used, since the noise of --{option} is Poisson")
    return PoissonNoise(gain=detector.gain, sky=detector.sky)


def _corner(data: Any, command: Command, shape: tuple[int, int], notes: list[str]) -> tuple[float, float]:
    """Return imfit's X0 and Y0 of the first pixel, in the whole image, of which the name may select a section.

    An image without a section in its name, but with the size of the command's section, is assumed to be that section.
    """
    spans = read_plane("data", data).spans if isinstance(data, str | Path) else None
    if spans is not None:
        return float(spans[0].first), float(spans[1].first)
    section = None if command.image is None else parse_name(command.image).section
    if section is None or len(section.ranges) != 2 or any(part.last is None for part in section.ranges):
        return 1.0, 1.0
    sizes = [abs(int(part.last or 0) - int(part.first or 0)) // part.step + 1 for part in section.ranges]
    if tuple(sizes[::-1]) != shape:
        return 1.0, 1.0
    notes.append(
        f"data has the size of the section [{section.text}] and is assumed to be it: X0 and Y0 count in the whole image"
    )
    x, y = (float(min(int(part.first or 1), int(part.last or 1))) for part in section.ranges)
    return x, y


def _number(name: str, text: str) -> float | None:
    """Return the number of an option, or None for an invalid value."""
    try:
        value = float(text)
    except ValueError:
        return None
    positive = name in ("gain", "exptime", "ncombined")
    sensible = value > 0.0 if positive else value >= 0.0 or name == "sky"
    return value if sensible and math.isfinite(value) else None
