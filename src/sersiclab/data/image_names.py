"""The names of several images and of their bands, which become parts of the paths of parameters."""

import re
from typing import Any

from sersiclab.runtime.errors import InputError, InputTypeError


def path_name(band: str) -> str:
    """Return a band as it is written in paths, "HSC_g" for "HSC-g"; empty if it has no Latin letter or digit."""
    name = re.sub(r"\W+", "_", band, flags=re.ASCII).strip("_")
    return f"band_{name}" if name[:1].isdigit() else name


def check_image_name(name: Any) -> None:
    """Raise unless an image may have this name: an identifier."""
    if isinstance(name, str) and name.isidentifier() and name.isprintable():
        return
    instead = path_name(name) if isinstance(name, str) else ""
    hint = f"; {instead!r} would do" if instead.isidentifier() else ""
    kind = InputError if isinstance(name, str) else InputTypeError
    raise kind(f"images: a name must be an identifier, as in the path galaxy.flux.g, got {name!r}{hint}")
