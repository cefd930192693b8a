"""The units of parameters, in which the unit of an image stands for itself."""

import re

from sersiclab.model import Model
from sersiclab.parameters import parameter_info
from sersiclab.parameters.tree import base_path


def parameter_units(model: Model, image_unit: str | None) -> dict[str, str]:
    """Return the declared unit of every free parameter; "image" stands for the image's unit if that is not known."""
    units = declared_units(model)
    return {path: in_image_units(units[base_path(path)], image_unit) for path in model.free}


def declared_units(model: Model) -> dict[str, str]:
    """Return the declared unit of every parameter."""
    return {f"{name}.{k}": i.unit for name, owner in model.owners.items() for k, i in parameter_info(owner).items()}


def in_image_units(declared: str, image_unit: str | None) -> str:
    """Return a declared unit with the image's unit in place of "image"."""
    if image_unit is None or declared == "image":
        return image_unit or declared
    own = f"({image_unit})" if any(c in image_unit for c in " /*") else image_unit
    return re.sub(r"^image\b", lambda _: own, declared)
