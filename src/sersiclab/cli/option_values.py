"""Values of command-line options, turned into the objects that the library takes."""

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from sersiclab.inference import METHODS
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    from sersiclab.inference import AbstractMethod

# Options that name files, followed by the others. Together they are the keywords of `Image.read`.
FILES = ("sigma", "weight", "invvar", "psf", "mask")
DATA = (
    *FILES,
    "gain",
    "read_noise",
    "sky_level",
    "psf_oversampling",
    "psf_includes_pixel",
    "psf_centre",
    "zeropoint",
    "pixel_scale",
    "band",
    "unit",
)


def data(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the keywords of `Image.read` that were given."""
    return {name: value for name in DATA if (value := getattr(arguments, name)) is not None}


def method(arguments: argparse.Namespace) -> "AbstractMethod":
    """Return the method with its options. Raises `InputError` for an option that the method does not have."""
    chosen = next(cls for cls in METHODS if cls.__name__.lower() == arguments.method)
    given = {name: value for name in ("warmup", "draws", "chains") if (value := getattr(arguments, name)) is not None}
    known = {field.name for field in dataclasses.fields(chosen)}
    for name in given:
        if name not in known:
            raise InputError(f"--{name} is not an option of --method {arguments.method}")
    return chosen(**given)


def read_sources(text: str) -> Any:
    """Return the number of sources, or "auto"."""
    if text == "auto" or (text.isdecimal() and int(text) > 0):
        return "auto" if text == "auto" else int(text)
    raise InputError(f'--sources must be a positive number or "auto", got {text!r}')


def read_components(text: str) -> str | dict[str, str]:
    """Convert `bulge=sersic,disk=exponential` to `{"bulge": "sersic", "disk": "exponential"}`; keep a single name."""
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
    """Return position and size for `Image.cutout`: (x, y) and pixels, or a `SkyCoord` and an angle."""
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
    """Return (x, y) or a `SkyCoord`, or None if no position was given."""
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
