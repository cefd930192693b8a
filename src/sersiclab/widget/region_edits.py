"""Applying DS9 regions to a session: they set shapes, add components, and mask pixels.

An ellipse whose text begins with the name of a component sets that component's centre, size and shape. A single
ellipse without text sets those of the selected component. All others become components. Points do the same for
centres. Areas are masked.
"""

import dataclasses
import math
from collections.abc import Collection
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.detection.measuring import Source, coordinates
from sersiclab.documents.spec import to_document
from sersiclab.guess import component_of
from sersiclab.io.ds9 import EllipseRegion, Mask, Region, Regions, mask_of
from sersiclab.model import Model, is_name
from sersiclab.parameters import own_parameters
from sersiclab.profiles import PointSource, Sersic
from sersiclab.profiles.base import size_name
from sersiclab.widget.session import Session, placed, with_values


PLACE_ERROR = 0.1  # uncertainty of a centre drawn by hand, as a fraction of the size
DIGITS = 7


@dataclasses.dataclass(frozen=True)
class Change:
    """A session and a mask after regions were applied, the changes made, and notes on regions that were left out."""

    session: Session
    mask: Mask | None
    done: list[str]
    notes: list[str]


def with_regions(
    session: Session, everything: Model, image: Image, regions: Regions, *, selected: str, locked: Collection[str]
) -> Change:
    """Apply regions to a session, whose components are those of `everything`."""
    notes = list(regions.notes)
    areas = [region.shape for region in regions.found if _is_area(region)]
    shapes = [region for region in regions.found if not _is_area(region)]
    unnamed = [region for region in shapes if not region.text]
    done: list[str] = []
    for region in shapes:
        name = (region.text.split() or [""])[0]
        if not region.text and len(unnamed) == 1:
            name = selected
        component = everything.components.get(name)
        if component is None or "xc" not in own_parameters(component):
            free = _free_name(name, region, session)
            session = _with_component(session, free, region.shape, image)
            done.append(f"{free} added")
        elif name in locked:
            notes.append(f"line {region.line}: {name} is locked and was not changed")
        else:
            session = placed(session, _values(name, component, region.shape))
            done.append(f"{name} set")
    mask = None
    if areas:
        drawn: Any = areas
        mask = image.mask | mask_of(drawn, image.shape)
        done.append(f"{int(mask.sum() - image.mask.sum())} pixels masked")
    return Change(session, mask, done, notes)


def _is_area(region: Region) -> bool:
    return isinstance(region.shape, tuple) and isinstance(region.shape[0], tuple)


def _values(name: str, component: Any, shape: Any) -> dict[str, float]:
    """Return the values of the component's parameters that a shape determines."""
    own = own_parameters(component)
    xc, yc = (shape.xc, shape.yc) if isinstance(shape, EllipseRegion) else shape
    found, length = {"xc": xc, "yc": yc}, size_name(component)
    if isinstance(shape, EllipseRegion) and length is not None:
        found |= {length: shape.size, "ellip": shape.ellip, "theta": shape.theta}
    return {f"{name}.{key}": _rounded(value) for key, value in found.items() if key in own}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _free_name(wish: str, region: Region, session: Session) -> str:
    """Return the wished name if a component may have it, else "sersic" or "star", with a number if that is taken."""
    taken = {**session["model"]["components"], **session["model"].get("links", {})}
    if region.text and is_name(wish) and wish not in taken:
        return wish
    base = "sersic" if isinstance(region.shape, EllipseRegion) else "star"
    numbered = (base if k == 1 else f"{base}{k}" for k in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def _with_component(session: Session, name: str, shape: Any, image: Image) -> Session:
    """Add a component of this shape to the session, with its flux measured from the pixels."""
    cls = Sersic if isinstance(shape, EllipseRegion) else PointSource
    ellipse = shape if isinstance(shape, EllipseRegion) else EllipseRegion(shape[0], shape[1], 2.0, 0.0, 0.0)
    part = Model({name: component_of(_measured(ellipse, image), name, cls)})
    document = to_document(part)["components"]
    components = {**session["model"]["components"], **document}
    return with_values({**session, "model": {**session["model"], "components": components}}, part.initial)


def _measured(ellipse: EllipseRegion, image: Image) -> Source:
    """Measure the source in an ellipse at its half-light radius: twice the light inside, above the median sky."""
    y, x = coordinates(image.shape)
    dx, dy = x - ellipse.xc, y - ellipse.yc
    sine, cosine = math.sin(ellipse.theta), math.cos(ellipse.theta)
    along, across = dy * cosine - dx * sine, dx * cosine + dy * sine
    inside = np.hypot(along, across / max(1.0 - ellipse.ellip, 0.05)) <= ellipse.size
    used = inside & image.valid
    sky = float(np.median(image.data[image.valid]))
    noise = float(np.median(image.sigma[image.valid])) * math.sqrt(max(int(used.sum()), 1))
    light = float(np.sum(image.data[used] - sky))
    return Source(
        xc=_rounded(ellipse.xc),
        yc=_rounded(ellipse.yc),
        position_error=max(1.0, _rounded(PLACE_ERROR * ellipse.size)),
        flux=_rounded(2.0 * max(light, 3.0 * noise)),
        flux_error=noise,
        r_eff=_rounded(ellipse.size),
        ellip=_rounded(ellipse.ellip),
        theta=_rounded(ellipse.theta),
        detected=light > 3.0 * noise,
    )
