"""Write models of several images as GALFITM's menus.

Häußler et al. 2013, MNRAS 430, 330. A parameter has a value for each band, or a Chebyshev series, and the number of its
free coefficients.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from sersiclab import parameters
from sersiclab.data.image_set import Images, path_name
from sersiclab.io.describe import Described, described
from sersiclab.io.entries import Entry
from sersiclab.io.functions import Bounds, Conventions
from sersiclab.io.galfit_bands_ties import freedom_of, node_number, tie_lines
from sersiclab.io.galfit_courses import Bands, Course, coefficients_of
from sersiclab.io.galfit_image_set import share_pixels
from sersiclab.io.galfit_joint import Point, points_of
from sersiclab.io.galfit_joint_limits import node_at
from sersiclab.io.galfit_menu_lines import Content, conventions_for, header, listed, number, tell_of_functions
from sersiclab.io.plane_files import plane_paths
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.model import Model
from sersiclab.parameters import Tied
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.image_shift import SHIFT
from sersiclab.parameters.tree import nodes_of
from sersiclab.runtime.errors import InputError


ANGSTROM = 1e-4  # micrometres
EQUAL = 1e-9  # relative difference of values that are written as one


@dataclasses.dataclass(frozen=True)
class Sheet:
    """What is written: the model, bound to its images, the bands, and the components at every point."""

    model: Model
    bands: Bands
    conventions: tuple[Conventions, ...]
    components: Mapping[Point, list[Described]]

    @property
    def first(self) -> list[Described]:
        """The components in the first band."""
        return self.components[Point(0)]

    def entries(self, place: int, key: str, course: Course) -> list[Entry]:
        """Return the entries of a parameter in the bands, or at the nodes of its polynomial."""
        points = [point for point in self.components if point.of(course) or not (course.nodes or point.count)]
        return [self.components[point][place].entries[key] for point in points]


def bands_content(model: Model, images: Images, path: Path, notes: list[str]) -> Content:
    """Return the menu of several images. Raises `ValueError` if they have different pixels."""
    share_pixels(images)
    model = model.for_images(images)
    if model.shift is not None:
        notes.append(f"{SHIFT}: GALFITM can't shift images against each other; the shift is left out")
        model = model.without(SHIFT)
    bands = _bands(images, notes)
    conventions = tuple(conventions_for(image, notes) for image in images.values())
    sheet = Sheet(model, bands, conventions, _components(model, bands, conventions, notes))
    courses = [_courses(sheet, place, notes) for place in range(len(sheet.first))]
    constraints = [line for place, each in enumerate(courses) for line in _ranges(sheet, place, each, notes)]
    constraints += tie_lines(model, sheet.first, courses, bands, conventions[0], notes)
    tell_of_functions(list(images.values()), sheet.first, notes)
    named = {f"_{name}": image for name, image in images.items()}
    files = [
        {kind: file.name for kind, file in plane_paths(image, path.with_name(f"{path.stem}{suffix}")).items()}
        for suffix, image in named.items()
    ]
    rules = path.with_suffix(".constraints").name if constraints else None
    lines = header(list(images.values()), path, files, conventions, rules, _band_fields(bands))
    blocks = [_block(place, component, courses[place], bands) for place, component in enumerate(sheet.first)]
    return Content("\n\n".join(["\n".join(lines), *blocks]) + "\n", constraints, named)


def _bands(images: Images, notes: list[str]) -> Bands:
    """Return the bands as GALFITM labels them: by their names, or by those of the images if it can't use these."""
    labels = []
    for name, band in images.bands.items():
        usable = path_name(band) == name and not set(band) & set(" ,#\t") and not band.isdecimal()
        labels.append(band if usable else name)
        if not usable and images[name].band is not None:
            notes.append(f"image {name!r}: its band {band!r} is written as {name!r}")
    if len({label.lower() for label in labels}) < len(labels):
        raise InputError(f"image must hold bands whose names differ in GALFITM, which ignores case, got {labels}")
    known = images.wavelengths.values()
    lengths = tuple(length for length in known if length is not None)
    if len(lengths) < len(labels):
        notes.append("image.wavelengths: not all are known; A2), which GALFITM needs, is left out")
    return Bands(tuple(labels), tuple(images), lengths if len(lengths) == len(labels) else None)


def _band_fields(bands: Bands) -> list[tuple[str, str, str]]:
    fields = [("A1", ",".join(bands.labels), "Band labels")]
    if bands.wavelengths is not None:
        lengths = ",".join(number(length / ANGSTROM) for length in bands.wavelengths)
        fields.append(("A2", lengths, "Band wavelengths [angstrom]"))
    return fields


def _components(
    model: Model, bands: Bands, conventions: Sequence[Conventions], notes: list[str]
) -> dict[Point, list[Described]]:
    """Return the components in each band and at each node of a polynomial."""
    counts = [
        len(nodes_of(path, value, model.images))
        for path, value in parameters.parameters(model.owners).items()
        if isinstance(value, AbstractVarying) and value.is_smooth
    ]
    counts = [count for count in counts if 1 < count < bands.number]
    return {
        point: described(
            _at_point(model, point, bands), "GALFIT", (GALFIT, GALFIT_MODIFIERS), conventions[point.band], notes
        )
        for point in points_of(counts, bands)
    }


def _at_point(model: Model, point: Point, bands: Bands) -> Model:
    """Return the model of one image, with the priors of nodes at a node. What follows a node is a number."""
    own = model.of(bands.names[point.band])
    before, after = parameters.parameters(model.owners), parameters.parameters(own.owners)
    numbers = parameters.parameters(own.at(own.initial).owners)
    changes: dict[str, Any] = {}
    for path, value in before.items():
        if isinstance(value, Tied) and not isinstance(after[path], Tied):
            changes[path] = numbers[path]
        if not isinstance(value, AbstractVarying):
            continue
        nodes = nodes_of(path, value, model.images)
        if not value.is_smooth:
            weights = value.weights(path, model.images)[point.band]
            if isinstance(list(nodes.values())[int(np.argmax(weights))], Tied):
                changes[path] = numbers[path]
        elif point.count == len(nodes):
            name, node = list(nodes.items())[point.node]
            changes[path] = node_number(name, model) if isinstance(node, Tied) else node
        elif 1 < len(nodes) < bands.number:
            changes[path] = numbers[path]
    return own.replace(changes) if changes else own


def _courses(sheet: Sheet, place: int, notes: list[str]) -> dict[str, Course]:
    """Return the parameters of a component as they are written, by key."""
    component = sheet.first[place]
    found = {}
    for link in component.links:
        path = f"{component.name}.{link.name}"
        free, smooth = freedom_of(path, link, sheet.model, sheet.conventions, notes)
        values = [sheet.components[Point(band)][place].entries[link.key].value for band in range(sheet.bands.number)]
        points = [point for point in sheet.components if smooth and point.count == free]
        nodes = [sheet.components[point][place].entries[link.key].value for point in points]
        found[link.key] = Course(0, tuple(values), free, tuple(nodes))
    return found


def _ranges(sheet: Sheet, place: int, courses: Mapping[str, Course], notes: list[str]) -> list[str]:
    """Return the ranges of a component's free parameters: for all bands, or one by one."""
    bands, component = sheet.bands, sheet.first[place]
    lines = []
    for link in component.links:
        course = courses[link.key]
        limits: list[Bounds | None] = [entry.limits for entry in sheet.entries(place, link.key, course)]
        labels: list[str | None] = list(bands.labels)
        if course.nodes:
            near = [node_at(band, len(limits), bands) for band in range(bands.number)]
            labels = [bands.labels[near.index(node)] if node in near else None for node in range(len(limits))]
        elif course.free == 1:
            same = np.allclose(course.values, course.values[0], rtol=EQUAL, atol=EQUAL)
            limits, labels = (limits[:1] * 2, labels) if same else (limits[:1], labels[:1])
        word = f"{place + 1} {link.alias or link.key}"
        lines += _range_lines(word, limits if course.free else [], labels, f"{component.name}.{link.name}", notes)
    return lines


def _range_lines(
    word: str, limits: Sequence[Bounds | None], labels: Sequence[str | None], path: str, notes: list[str]
) -> list[str]:
    given = [limit for limit in limits if limit is not None]
    if len(given) > 1 and len(given) == len(limits) and np.allclose(given, given[0], rtol=EQUAL, atol=EQUAL):
        return [f"{word} {number(given[0][0])} to {number(given[0][1])}"]
    lines = []
    for limit, label in zip(limits, labels, strict=False):
        if limit is not None and label is None:
            notes.append(f"{path}: GALFITM can't express the range of a node between two bands; it is left out")
        elif limit is not None:
            lines.append(f"{word}_{label} {number(limit[0])} to {number(limit[1])}")
    return lines


def _block(place: int, component: Described, courses: Mapping[str, Course], bands: Bands) -> str:
    lines = [f"# Component number: {place + 1}", f" 0) {component.function.name:<22} # component {component.name}"]
    for key, course in courses.items():
        # GALFIT reads a bend of zero as 0.01.
        straight = key.startswith("B") and not any(course.values) and not course.free
        written = {"x": "1", "y": "2"}.get(key, key)
        if not key.startswith("F") and not straight:
            lines.append(f"{written:>2}) {' '.join(_written(course, bands))}")
    for mode in [key[:-1] for key in courses if key.startswith("F") and key.endswith("a")]:
        pair = (courses[f"{mode}a"], courses[f"{mode}p"])
        if any(pair[0].values) or any(course.free for course in pair):
            series = any(course.nodes for course in pair)
            (a, toggle, *word), (p, other, *_) = (_written(course, bands, series=series) for course in pair)
            lines.append(f"{mode}) {' '.join([a, p, toggle, other, *word])}")
    return "\n".join([*lines, " Z) 0"])


def _written(course: Course, bands: Bands, *, series: bool = False) -> tuple[str, ...]:
    """Return the values and the number of free coefficients, and "cheb" for a Chebyshev series."""
    if not (course.nodes or series):
        return listed([number(value) for value in course.values]), str(course.free)
    if course.nodes:
        coefficients = coefficients_of(course.nodes, bands)
    else:
        degree = bands.number - 1 if len(set(course.values)) > 1 else 0
        coefficients = tuple(chebyshev.chebfit(bands.scaled(bands.lengths), course.values, degree).tolist())
    return ",".join(number(value) for value in coefficients), str(course.free), "cheb"
