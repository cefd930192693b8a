"""Limits of parameters in several bands, from the constraints of GALFITM on single parameters."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from sersiclab.io.functions import Bounds
from sersiclab.io.galfit_constraints import Constraint
from sersiclab.io.galfit_courses import Bands, Course
from sersiclab.io.galfit_text import Menu
from sersiclab.io.galfit_ties import bounds_about, key_of, where
from sersiclab.parameters.tree import base_path


SAME_LENGTH = 1e-6  # relative


@dataclasses.dataclass(frozen=True)
class _Rule:
    """A constraint on the values in all bands, in one of them, or on their mean, the coefficient of order 0."""

    constraint: Constraint
    band: int | None = None
    mean: bool = False

    def in_band(self, course: Course, band: int) -> Bounds:
        """Return the limits of the value in a band."""
        if self.mean:  # all values have constant differences to it
            mean, value = float(np.mean(course.values)), course.values[band]
            low, high = bounds_about(self.constraint, mean)
            return low + value - mean, high + value - mean
        return bounds_about(self.constraint, course.values[band])


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits that constraints set to the values of parameters."""

    rules: Mapping[tuple[int, str], Sequence[_Rule]]

    def at(
        self, number: int, key: str, course: Course, band: int, bands: Bands, *, node: int | None = None
    ) -> Bounds | None:
        """Return the limits of a parameter of a component in a band or at a node; None if there are none.

        A parameter that is free up to a constant offset has them in the first band, for all.
        """
        rules = self.rules.get((number, key), ())
        if node is not None:
            length = bands.nodes(len(course.nodes))[node]
            found = [
                bounds_about(rule.constraint, course.nodes[node])
                for rule in rules
                if rule.band is None or is_near(bands.lengths[rule.band], length)
            ]
        elif course.free == 1:
            if band > 0:
                return None
            found = [
                tuple(end + course.values[0] - course.values[other] for end in rule.in_band(course, other))
                for rule in rules
                for other in (range(bands.number) if rule.band is None else [rule.band])
            ]
        else:
            found = [rule.in_band(course, band) for rule in rules if rule.band in (None, band)]
        return (max(low for low, _ in found), min(high for _, high in found)) if found else None


def limits_of(
    menu: Menu,
    courses: Sequence[Mapping[str, Course]],
    bands: Bands,
    constraints: Sequence[Constraint],
    notes: list[str],
) -> tuple[Limits, list[Constraint]]:
    """Return the limits, and the constraints between components. Constraints that can't be kept are noted."""
    found: dict[tuple[int, str], list[_Rule]] = {}
    rest = []
    for constraint in constraints:
        if constraint.kind not in ("range", "shift", "factor", "reference"):
            rest.append(constraint)
            continue
        (number,) = constraint.components
        component = menu.components[number - 1] if number <= len(menu.components) else None
        key = None if component is None else key_of(component, constraint.parameter)
        if key is None or key not in courses[number - 1]:
            notes.append(f"{where(constraint)} is left out: there is no such parameter")
            continue
        rule = _rule(constraint, courses[number - 1][key], bands, notes)
        if rule is not None:
            found.setdefault((number, key), []).append(rule)
    return Limits(found), rest


def band_of(constraint: Constraint, bands: Bands, notes: list[str]) -> int | None:
    """Return the band that a constraint's suffix names; None, with a note, if the menu lacks it."""
    labels = [label.lower() for label in bands.labels]
    if constraint.suffix in labels:
        return labels.index(constraint.suffix)
    notes.append(f"{where(constraint)} is left out: the menu has the bands {', '.join(bands.labels)}")
    return None


def node_at(band: int, count: int, bands: Bands) -> int | None:
    """Return the node of a polynomial that lies in a band; None if there is none."""
    near = [is_near(length, bands.lengths[band]) for length in bands.nodes(count)]
    return near.index(True) if any(near) else None


def node_name(path: str) -> str:
    """Return the name of a node, "at_0.40" of `galaxy.n.at_0.40`; "" for the path of a whole parameter."""
    return path.removeprefix(base_path(path)).removeprefix(".")


def is_near(length: float, other: float) -> bool:
    """Return whether two wavelengths are the same within rounding."""
    return abs(length - other) <= SAME_LENGTH * other


def _rule(constraint: Constraint, course: Course, bands: Bands, notes: list[str]) -> _Rule | None:
    """Return what a constraint says of values; None, with a note, if it can't be said of them."""
    suffix = constraint.suffix
    if constraint.kind == "reference":
        _tell_of_reference(constraint, course, notes)
        return None
    if suffix is not None and suffix.isdecimal():
        if int(suffix) == 0 and course.free <= 1:
            return _with_range(_Rule(constraint, mean=True), course, notes)
        notes.append(f"{where(constraint)} is about changes with wavelength and is left out")
        return None
    if suffix is None:
        return _with_range(_Rule(constraint), course, notes)
    band = band_of(constraint, bands, notes)
    if band is None:
        return None
    if course.nodes and node_at(band, len(course.nodes), bands) is None:
        notes.append(f"{where(constraint)} is about a band without a node of the polynomial and is left out")
        return None
    return _with_range(_Rule(constraint, band), course, notes)


def _with_range(rule: _Rule, course: Course, notes: list[str]) -> _Rule | None:
    """Return the rule if it allows more than one value."""
    low, high = rule.in_band(course, rule.band or 0)
    if low < high:
        return rule
    notes.append(f"{where(rule.constraint)} allows no range and is left out")
    return None


def _tell_of_reference(constraint: Constraint, course: Course, notes: list[str]) -> None:
    """Note a bound on differences to the first band, unless they are constant and within it."""
    low, high = float(constraint.low or 0.0), float(constraint.high or 0.0)
    kept = course.free <= 1 and all(low <= value - course.values[0] <= high for value in course.values)
    if not kept:
        notes.append(f"{where(constraint)} bounds differences to the first band and is left out")
