"""Conversion of GALFIT's constraints to limits and ties of our parameters, and of our ties to its constraints."""

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sersiclab import parameters
from sersiclab.io.describe import Described
from sersiclab.io.functions import Bounds, Conventions, Link
from sersiclab.io.galfit_constraints import Constraint
from sersiclab.io.galfit_text import Component
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.io.tie_laws import tied
from sersiclab.parameters import Tied
from sersiclab.parameters.ties import problems, products
from sersiclab.profiles import AbstractProfile


SAME = {"rs": "re", "c": "c0"}  # names that are synonyms in GALFIT


def link_of(links: Sequence[Link], parameter: str) -> Link | None:
    """Return the link of the parameter that a constraint calls by this name or number."""
    wanted = {"1": "x", "2": "y"}.get(parameter, parameter) if any(link.key == "x" for link in links) else parameter
    for same in (lambda name: name, lambda name: SAME.get(name, name)):
        for link in links:
            if same(wanted) in (same(link.alias), link.key.lower()):
                return link
    return None


def ranges(
    components: Sequence[Component], constraints: Sequence[Constraint], index: int, notes: list[str]
) -> tuple[dict[int, dict[str, Bounds]], list[Constraint]]:
    """Return limits by the component's number and the parameter's key, and the constraints that are not limits."""
    found: dict[int, dict[str, Bounds]] = {}
    rest = []
    for constraint in constraints:
        if constraint.kind not in ("range", "shift", "factor"):
            rest.append(constraint)
            continue
        (number,) = constraint.components
        component = components[number - 1] if number <= len(components) else None
        key = None if component is None else key_of(component, constraint.parameter)
        if component is None or key is None or key not in component.parameters:
            notes.append(f"{where(constraint)} is left out: there is no such parameter")
            continue
        values = component.parameters[key].values
        limits = bounds_about(constraint, values[index if index < len(values) else 0])
        if limits[0] < limits[1]:
            earlier = found.get(number, {}).get(key, limits)
            found.setdefault(number, {})[key] = max(limits[0], earlier[0]), min(limits[1], earlier[1])
        else:
            notes.append(f"{where(constraint)} allows no range and is left out")
    return found, rest


def bounds_about(constraint: Constraint, start: float) -> Bounds:
    """Return the limits that a constraint sets to a value that starts from `start`."""
    low, high = float(constraint.low or 0.0), float(constraint.high or 0.0)
    if constraint.kind == "factor":
        ends = sorted((low * start, high * start))
        return ends[0], ends[1]
    offset = start if constraint.kind == "shift" else 0.0
    return offset + low, offset + high


def ties(
    components: dict[str, AbstractProfile],
    kept: Mapping[int, Described],
    exchanged: Collection[int],
    constraints: Sequence[Constraint],
    conventions: Conventions,
    notes: list[str],
) -> dict[str, AbstractProfile]:
    """Return the components with the ties of constraints that keep offsets or ratios. Other constraints are noted.

    A difference or a quotient whose bounds are equal is a tie too. In components whose axes were `exchanged`, sizes and
    axis ratios have other meanings and are not tied.
    """
    changes: dict[str, Tied] = {}
    for constraint in constraints:
        anchor, *followers = constraint.components
        equal = constraint.low == constraint.high and (constraint.kind == "difference" or bool(constraint.low))
        if constraint.kind not in ("offset", "ratio") and not equal:
            notes.append(f"{where(constraint)} bounds two components' {constraint.kind} and is left out")
            continue
        for follower in followers:
            problem = _tie(changes, kept, exchanged, constraint, (anchor, follower), conventions)
            if problem:
                notes.append(f"{where(constraint)} of {anchor} and {follower} is left out: {problem}")
    return _within_ranges(components, changes, notes)


def _within_ranges(
    components: dict[str, AbstractProfile], changes: Mapping[str, Tied], notes: list[str]
) -> dict[str, AbstractProfile]:
    """Return the components with these ties.

    If a tied parameter could leave its range, the prior that it follows is narrowed. That excludes no value that the
    tie allows, so that it is not noted. A tie that could still leave its range is left out and noted.
    """
    found: dict[str, Any] = parameters.replace(components, changes)
    for path in problems(found):
        if path not in problems(found):
            continue  # the narrower prior of another parameter was sufficient
        narrower = _narrower(found, path)
        if not narrower:
            notes.append(f"constraints: {path} is not tied to {changes[path].to}: it would leave its range")
            name, key = path.split(".")
            narrower = {path: parameters.own_parameters(components[name])[key]}
        found = parameters.replace(found, narrower)
    return found


def _narrower(owners: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the free parameter that a tied one follows, with a prior that keeps both in their ranges, if possible."""
    term = products(owners)[path].first
    if term.path is None or term.scale == 0:
        return {}
    (leader, key), (name, own) = term.path.split("."), path.split(".")
    prior: Any = parameters.own_parameters(owners[leader])[key]
    info = parameters.parameter_info(owners[name])[own]
    ends = sorted((end - float(term.offset)) / float(term.scale) for end in (info.low, info.high))
    low, high = prior.support()
    low, high = max(low, ends[0]), min(high, ends[1])
    start = prior.median() if prior.init is None else prior.init
    if not low < start < high or not {"low", "high"} <= {field.name for field in dataclasses.fields(prior)}:
        return {}
    return {term.path: dataclasses.replace(prior, low=low, high=high)}


def _tie(
    changes: dict[str, Tied],
    kept: Mapping[int, Described],
    exchanged: Collection[int],
    constraint: Constraint,
    pair: tuple[int, int],
    conventions: Conventions,
) -> str | None:
    """Add a tie to the changes. Returns the reason if that is not possible."""
    if not all(number in kept for number in pair):
        return "one of them is missing"
    anchor, follower = (kept[number] for number in pair)
    first, second = (link_of(component.links, constraint.parameter) for component in (anchor, follower))
    if first is None or second is None or first.key not in anchor.entries or second.key not in follower.entries:
        return f"one of them has no {constraint.parameter}"
    if set(pair) & set(exchanged) and second.name not in ("xc", "yc", "flux", "theta"):
        return "the axes of one of them were exchanged"
    path, target = f"{follower.name}.{second.name}", f"{anchor.name}.{first.name}"
    root = target
    while root in changes:
        root = changes[root].to
    if path in changes or root == path:
        return "they are already tied"
    a, b = anchor.entries[first.key].value, follower.entries[second.key].value
    if constraint.kind == "ratio" and a == 0.0:
        return "the first is zero"
    bound = float(constraint.low or 0.0)
    if constraint.kind in ("ratio", "quotient"):
        line = (b / a if constraint.kind == "ratio" else 1.0 / bound, 0.0)
    else:
        line = (1.0, b - a if constraint.kind == "offset" else -bound)
    tie = tied(second, first, target, conventions, line)
    if tie is None:
        return "the tie is not linear in our parameters"
    changes[path] = tie
    return None


def key_of(component: Component, parameter: str) -> str | None:
    """Return the key of the parameter that a constraint calls by this name or number."""
    name = "ferrer" if component.name.startswith("ferrer") else component.name
    links = [link for f in reversed(GALFIT) if f.name == name for link in f.links]
    links += [link for modifier in GALFIT_MODIFIERS for link in modifier.links]
    link = link_of(links, parameter)
    if link is not None:
        return link.key
    mode = re.fullmatch(r"f(\d+[ap])", parameter)
    return f"F{mode[1]}" if mode else None


def where(constraint: Constraint) -> str:
    """Return a constraint in words, with its line."""
    name = constraint.parameter if constraint.suffix is None else f"{constraint.parameter}_{constraint.suffix}"
    return f"constraints, line {constraint.line}: the {constraint.kind} of {name!r}"
