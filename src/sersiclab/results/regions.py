"""Components as DS9 regions: ellipses at their half-light or scale radius, in pixels or on the sky."""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from sersiclab.parameters import own_parameters
from sersiclab.profiles import AbstractSource
from sersiclab.profiles.base import size_name
from sersiclab.runtime.errors import InputError


CoordinateSystem = Literal["image", "icrs"]


def ds9_regions(components: Mapping[str, Any], wcs: Any = None, *, frame: CoordinateSystem = "image") -> str:
    """Return ellipses, or crosses for components without a size, of components with a number for every parameter.

    The `frame` is "image" for pixels, which DS9 counts from 1, or "icrs" by an astropy `wcs`. DS9's angle is that of
    the first axis, counter-clockwise from +x; on the sky, position angle + 90 degrees. Raises `ValueError` for "icrs"
    without a WCS.
    """
    if frame not in get_args(CoordinateSystem):
        raise InputError(f"frame must be one of {', '.join(map(repr, get_args(CoordinateSystem)))}, got {frame!r}")
    if frame == "icrs" and wcs is None:
        raise InputError('regions in the frame "icrs" need a WCS, and the image has none')
    lines = ["# Region file format: DS9", "global color=green", frame]
    for name, component in components.items():
        if not isinstance(component, AbstractSource):
            continue
        own = {key: float(value) for key, value in own_parameters(component).items()}
        length = size_name(component)
        text = "{" + (name if length is None else f"{name} {length}") + "}"
        place = (own["xc"], own["yc"])
        if length is None:
            shape = f"point({_centre(place, wcs, frame)}) # point=cross"
        else:
            major, angle = own[length], own.get("theta", 0.0)
            axes = (major, major * (1.0 - own.get("ellip", 0.0)), angle)
            shape = f"ellipse({_centre(place, wcs, frame)},{_axes(place, axes, wcs, frame)}) #"
        lines.append(f"{shape} text={text}")
    return "\n".join([*lines, ""])


def _centre(place: tuple[float, float], wcs: Any, frame: CoordinateSystem) -> str:
    if frame == "image":
        return f"{place[0] + 1:.4f},{place[1] + 1:.4f}"
    sky = wcs.pixel_to_world(*place).icrs
    return f"{sky.ra.deg:.8f},{sky.dec.deg:.8f}"


def _axes(place: tuple[float, float], axes: tuple[float, float, float], wcs: Any, frame: CoordinateSystem) -> str:
    """Return both semi-axes and the angle of the first; on the sky, each axis is found from its end."""
    major, minor, theta = axes
    if frame == "image":
        return f"{major:.4f},{minor:.4f},{math.degrees(theta) % 180.0 + 90.0:.3f}"
    centre = wcs.pixel_to_world(*place).icrs
    end, side = (
        wcs.pixel_to_world(place[0] - size * math.sin(turn), place[1] + size * math.cos(turn)).icrs
        for size, turn in ((major, theta), (minor, theta + math.pi / 2))
    )
    lengths = (centre.separation(point).arcsec for point in (end, side))
    angle = (centre.position_angle(end).deg + 90.0) % 180.0
    first, second = lengths
    return f'{first:.5f}",{second:.5f}",{angle:.3f}'
