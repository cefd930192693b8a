"""Shifts of images against the first, which their world coordinates miss."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx

from sersiclab.parameters.base import AbstractVarying, ImageLabel, Parameter
from sersiclab.parameters.declarations import check_parameters, own_parameters, parameter
from sersiclab.parameters.documenting import document_parameters
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.scalars import is_number
from sersiclab.parameters.varying import PerImage
from sersiclab.runtime.errors import InputError


SHIFT = "images"  # the name of the shift among the owners of a model's parameters
SHIFT_OF = {"xc": f"{SHIFT}.dx", "yc": f"{SHIFT}.dy"}  # the shift of each coordinate of a centre


class Shift(eqx.Module):
    """The distances by which the sources of some images lie off the positions that the first image gives them.

    The shift of an image is in its own pixels. It is added to the positions of all sources after they were mapped from
    the pixels of the first image; skies do not move. `Model.with_shift` is the simplest way to make one. In a model of
    several images `dx` and `dy` are zero, or `PerImage({name: prior or number})` with a zero for the first image: a
    shift of the first image is degenerate with a shift of the sources. Their paths are such as `images.dx.f160w`.

    Raises:
        ValueError: from the model, if the first image is shifted.

    Example:
        >>> import sersiclab as sl
        >>> shift = sl.Shift(dx=sl.PerImage({"g": 0.0, "f160w": sl.Normal(0.0, 0.5)}))
        >>> shift.dy
        0.0
    """

    dx: Parameter = parameter(unit="pixel", default=0.0, doc="shift to the right, in pixels of the image")
    dy: Parameter = parameter(unit="pixel", default=0.0, doc="shift upwards, in pixels of the image")

    def __check_init__(self) -> None:
        check_parameters(self)

    @property
    def is_zero(self) -> bool:
        """Whether nothing is shifted."""
        return all(is_number(value) and value == 0 for value in own_parameters(self).values())

    def check(self, labels: Sequence[ImageLabel]) -> None:
        """Check that the first image is not shifted.

        Arguments:
            labels: of the images.

        Raises:
            ValueError: if the first of these images is shifted, or may be.
        """
        for axis, value in own_parameters(self).items():
            node = value
            if isinstance(value, AbstractVarying):
                if not isinstance(value, PerImage):
                    raise InputError(f"{SHIFT}.{axis} must be PerImage({{name: prior}}) or 0, got {value}")
                node = value.given.get("", value.given.get(labels[0].name))
            if not (is_number(node) and node == 0):
                first = repr(labels[0].name)
                raise InputError(
                    f"{SHIFT}.{axis} shifts the first image, {first}, and this is degenerate with a shift of the "
                    f"sources, whose positions are in its pixels; give it 0: PerImage({{{first}: 0.0, other: prior}})"
                )


document_parameters(Shift)


def with_image(shift: Shift | None, names: Sequence[str], name: str, prior: Any) -> Shift:
    """Return the shift with that of one more image, along both axes; images that are not named keep what they have."""
    held = {} if shift is None else own_parameters(shift)

    def along(axis: str) -> PerImage:
        value = held.get(axis, 0.0)
        given = value.given if isinstance(value, PerImage) else {"": value}
        default = given.get("", 0.0)
        return PerImage({**{each: given.get(each, default) for each in names}, name: prior})

    return Shift(dx=along("dx"), dy=along("dy"))


def names_in(held: Mapping[str, Parameter]) -> tuple[str, ...]:
    """Return the names of the images that parameters with a value for each image mention."""
    found = [value for value in held.values() if isinstance(value, PerImage)]
    return tuple(dict.fromkeys(name for value in found for name in value.given if name))


def frame_with(frame: Frame, owners: Mapping[str, Any]) -> Frame:
    """Return the map to an image with the shift of the image, if there is one among the owners of parameters."""
    shift = owners.get(SHIFT)
    return frame if shift is None else frame.moved(shift.dx, shift.dy)
