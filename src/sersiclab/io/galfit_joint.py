"""Models of several bands from GALFITM's menus: each parameter is a number, a prior or a function of the band."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.io.axes import upright
from sersiclab.io.describe import Described
from sersiclab.io.entries import Entry, Nonsense, component_of, infos_of
from sersiclab.io.functions import Equivalent, Linear, Link, Modifier, SurfaceBrightness, build, links_of
from sersiclab.io.galfit_components import drawable, function_of, name_of
from sersiclab.io.galfit_constraints import Constraint
from sersiclab.io.galfit_courses import Bands, Course, course_of
from sersiclab.io.galfit_image_set import Planes, in_one_unit
from sersiclab.io.galfit_joint_limits import Limits, limits_of
from sersiclab.io.galfit_joint_ties import ReadComponent, joint_ties
from sersiclab.io.galfit_text import Component, Menu
from sersiclab.io.narrowing import narrowed
from sersiclab.io.text import Lines
from sersiclab.model import Model
from sersiclab.parameters import Parameter, ParameterInfo, Tied, own_parameters, start
from sersiclab.parameters.varying import PerBand, Polynomial
from sersiclab.profiles import AbstractProfile
from sersiclab.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class Point:
    """A wavelength at which the model is described: a band, or a node of polynomials with `count` coefficients.

    `band` is the nearest band to a node.
    """

    band: int
    count: int = 0
    node: int = 0

    def value(self, course: Course) -> float:
        """Return a parameter's value here; that of the nearest band if it has no node here."""
        return course.nodes[self.node] if self.of(course) else course.values[self.band]

    def of(self, course: Course) -> bool:
        """Return whether a parameter is a polynomial with this node."""
        return self.count > 0 and len(course.nodes) == self.count


@dataclasses.dataclass(frozen=True)
class _Block:
    """A component of the menu: our name for it, its number, its courses by key, our function, and modifiers."""

    component: Component
    name: str
    number: int
    courses: Mapping[str, Course]
    function: Equivalent
    modifiers: tuple[Modifier, ...]


def joint_model(
    lines: Lines, menu: Menu, bands: Bands, planes: Planes, constraints: Sequence[Constraint], notes: list[str]
) -> tuple[Model, Planes]:
    """Return the model of a menu of several bands, and the images in one unit if it needs that."""
    courses = [
        {key: course_of(menu, key, value, bands, notes) for key, value in component.parameters.items()}
        for component in menu.components
    ]
    magnitudes = {
        str(i): each["3"]
        for i, (component, each) in enumerate(zip(menu.components, courses, strict=True))
        if "3" in each and component.name != "sky"
    }
    planes = in_one_unit(menu, planes, magnitudes, notes)
    limits, rest = limits_of(menu, courses, bands, constraints, notes)
    components: dict[str, AbstractProfile] = {}
    parts: dict[int, ReadComponent] = {}
    for number, (component, own) in enumerate(zip(menu.components, courses, strict=True), start=1):
        name = name_of(lines, component, number, components)
        function, modifiers = function_of(component, _merged_entries(own), notes)
        if function is None:
            continue
        block = _Block(component, name, number, _with_absent(function, own), function, modifiers)
        try:
            components[name], parts[number] = _read(block, bands, planes, limits, notes)
        except Nonsense as error:
            raise InputError(f"{menu.source}, {error}") from error
        except InputError as error:
            notes.append(f"line {component.line}: {component.name} is left out ({error})")
    if not components:
        raise InputError(f"{menu.source}: no component can be read: {'; '.join(notes) or 'there is none'}")
    return drawable(joint_ties(components, parts, rest, bands, planes.conventions[0], notes)), planes


def points_of(counts: Sequence[int], bands: Bands) -> list[Point]:
    """Return the bands, and the nodes of polynomials with a number of coefficients in `counts`."""
    found = [Point(band) for band in range(bands.number)]
    for count in sorted(set(counts)):
        for node, length in enumerate(bands.nodes(count)):
            found.append(Point(int(np.argmin(np.abs(bands.lengths - length))), count, node))
    return found


def _merged_entries(courses: Mapping[str, Course]) -> dict[str, Entry]:
    """Return entries that tell which parameters are in use: free, or not zero in some band."""
    return {
        key: Entry(next((value for value in course.values if value), 0.0), course.free > 0, line=course.line)
        for key, course in courses.items()
    }


def _with_absent(function: Equivalent, courses: Mapping[str, Course]) -> dict[str, Course]:
    """Return the courses with those that a sky may lack, which are zero."""
    number = len(next(iter(courses.values())).values)
    absent = {link.key: Course(0, (0.0,) * number, 0) for link in function.links if link.key not in courses}
    return {**courses, **absent}


def _read(
    block: _Block, bands: Bands, planes: Planes, limits: Limits, notes: list[str]
) -> tuple[AbstractProfile, ReadComponent]:
    """Return a component with the functions of the band that its parameters are, and what ties need to know of it."""
    points = points_of([len(course.nodes) for course in block.courses.values() if course.nodes], bands)
    entries = {point: _entries(block, point, bands, planes, limits) for point in points}
    modifiers, entries, exchanged = _upright(block, entries, notes)
    held = {}
    for point in points:
        profile = component_of(block.function, modifiers, entries[point], planes.conventions[point.band], notes)
        held[point] = own_parameters(profile)
    links = {link.name: link for link in links_of(block.function, modifiers)}
    infos = infos_of(block.function, modifiers)
    values: dict[str, Parameter] = {}
    for key, first in held[points[0]].items():
        link = links.get(key)
        if link is None or link.key not in block.courses:
            values[key] = first
            continue
        along = {point: parameters[key] for point, parameters in held.items()}
        values[key] = _course(block, link, infos[key], along, bands, notes)
    described = [
        Described(block.name, block.function, modifiers, each) for point, each in entries.items() if not point.count
    ]
    part = ReadComponent(tuple(described), block.courses, exchanged)
    return build(block.function, modifiers, values), part


def _entries(block: _Block, point: Point, bands: Bands, planes: Planes, limits: Limits) -> dict[str, Entry]:
    """Return the entries at a point. The numbers of a sky are in the unit of its image."""
    factor = planes.factors[point.band] if block.component.name == "sky" else 1.0
    found = {}
    for key, course in block.courses.items():
        value, here = point.value(course), None
        if course.free and (point.of(course) if course.nodes else point.count == 0):
            here = limits.at(block.number, key, course, point.band, bands, node=point.node if point.count else None)
        ends = None if here is None else (here[0] * factor, here[1] * factor)
        found[key] = Entry(value * factor, course.free > 0, ends, course.line)
    return found


def _upright(
    block: _Block, entries: Mapping[Point, dict[str, Entry]], notes: list[str]
) -> tuple[tuple[Modifier, ...], dict[Point, dict[str, Entry]], bool]:
    """Return modifiers and entries with the axes exchanged if the axis ratio is above 1 in every band."""
    own: list[str] = []
    turned = {point: upright(block.function, block.modifiers, each, own) for point, each in entries.items()}
    if not all(each[2] for each in turned.values()):
        return block.modifiers, dict(entries), False
    notes += own
    return next(iter(turned.values()))[0], {point: each[1] for point, each in turned.items()}, True


def _course(
    block: _Block, link: Link, info: ParameterInfo, along: Mapping[Point, Parameter], bands: Bands, notes: list[str]
) -> Parameter:
    """Return a parameter as a number, a prior, or a function of the band, from what it is at each point."""
    course = block.courses[link.key]
    by_band = {bands.names[point.band]: value for point, value in along.items() if point.count == 0}
    first, *others = by_band.values()
    if course.free == 0:
        same = all(math.isclose(value, first, rel_tol=1e-12) for value in others)
        return first if same else PerBand(by_band)
    if course.nodes:
        nodes = [value for point, value in along.items() if point.of(course)]
        empty = Polynomial(nodes[0], degree=course.free - 1)
        names = empty.nodes("a parameter", bands.image_labels)
        return dataclasses.replace(empty, prior=_together(dict(zip(names, nodes, strict=True))))
    if course.free == bands.number:
        return PerBand(_together(by_band))
    starts = [float(start(name, value)) for name, value in by_band.items()]
    if np.allclose(starts, starts[0], rtol=1e-9, atol=1e-12):
        return first
    if isinstance(link.conversion, SurfaceBrightness) and _changes_shape(block, link):
        notes.append(
            f"line {course.line}: {link.key}) is a surface brightness with constant differences between bands, which "
            "are no ratios of fluxes if the shape changes: the flux has a value of its own in each band"
        )
        return PerBand(by_band)
    ties = _offsets(link, f"{block.name}.{info.name}", dict(zip(by_band, starts, strict=True)))
    leader = narrowed(first, info, [(float(tie.scale), float(tie.offset)) for tie in ties.values()])
    if leader is None:
        notes.append(
            f"line {course.line}: {link.key}) has constant differences between the bands that would leave the range of "
            f"{info.name}: it has a value of its own in each band"
        )
        return PerBand(by_band)
    return PerBand({bands.names[0]: leader, **ties})


def _offsets(link: Link, path: str, starts: Mapping[str, float]) -> dict[str, Tied]:
    """Return ties of the other bands to the first that keep the file's differences, which are ratios of fluxes."""
    (first, base), *others = starts.items()
    if isinstance(link.conversion, Linear):
        return {name: Tied(f"{path}.{first}", offset=value - base) for name, value in others}
    return {name: Tied(f"{path}.{first}", scale=value / base) for name, value in others}


def _changes_shape(block: _Block, link: Link) -> bool:
    """Return whether a parameter of the shape has other values in other bands, and is free."""
    shape = [block.courses[other.key] for other in block.function.links if other is not link]
    return any(course.free > 1 or (course.free and len(set(course.values)) > 1) for course in shape)


def _together(priors: Mapping[str, Any]) -> Any:
    """Return one prior for all nodes if theirs are the same."""
    first, *others = priors.values()
    return first if all(eqx.tree_equal(first, other) for other in others) else dict(priors)
