"""Ties between components in several bands, from GALFITM's constraints."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sersiclab import parameters
from sersiclab.io.describe import Described
from sersiclab.io.functions import Conventions, Link
from sersiclab.io.galfit_constraints import Constraint
from sersiclab.io.galfit_courses import Bands, Course
from sersiclab.io.galfit_joint_limits import band_of, node_at, node_name
from sersiclab.io.galfit_ties import link_of, where
from sersiclab.io.narrowing import narrowed
from sersiclab.io.tie_laws import tied
from sersiclab.parameters import ParameterInfo, Tied
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.tree import base_path
from sersiclab.parameters.varying import PerBand, Polynomial
from sersiclab.profiles import AbstractProfile


@dataclasses.dataclass(frozen=True)
class ReadComponent:
    """A component that was read: its description in each band, its courses, and whether its axes were exchanged."""

    described: tuple[Described, ...]
    courses: Mapping[str, Course]
    exchanged: bool


@dataclasses.dataclass(frozen=True)
class _Side:
    """A parameter of one of two components that are tied."""

    part: ReadComponent
    link: Link

    @property
    def path(self) -> str:
        return f"{self.part.described[0].name}.{self.link.name}"

    @property
    def course(self) -> Course:
        return self.part.courses[self.link.key]

    def values(self, count: int) -> tuple[float, ...]:
        """Return the values in the bands, or at the nodes of a polynomial with `count` coefficients."""
        if count:
            return self.course.nodes
        return tuple(each.entries[self.link.key].value for each in self.part.described)


@dataclasses.dataclass
class _Changes:
    """The components while ties are added to them, and the paths that are tied, with what they follow."""

    components: dict[str, Any]
    follows: dict[str, str] = dataclasses.field(default_factory=dict)

    def root(self, path: str) -> str:
        while path in self.follows:
            path = self.follows[path]
        return path

    def held(self, path: str) -> Any:
        name, key = path.split(".")
        return parameters.own_parameters(self.components[name])[key]

    def info(self, path: str) -> ParameterInfo:
        name, key = path.split(".")
        return parameters.parameter_info(self.components[name])[key]

    def put(self, changes: Mapping[str, Any]) -> None:
        self.components = dict(parameters.replace(self.components, changes))


def joint_ties(
    components: Mapping[str, AbstractProfile],
    parts: Mapping[int, ReadComponent],
    constraints: Sequence[Constraint],
    bands: Bands,
    conventions: Conventions,
    notes: list[str],
) -> dict[str, AbstractProfile]:
    """Return the components with the ties of constraints that keep offsets or ratios. Other constraints are noted."""
    changes = _Changes(dict(components))
    for group in _grouped(constraints, notes):
        first = group[0]
        anchor, *followers = first.components
        for follower in followers:
            sides = _sides(parts, first, (anchor, follower))
            problem = sides if isinstance(sides, str) else _tie(changes, group, sides, bands, conventions, notes)
            if problem:
                notes.append(f"{where(first)} of {anchor} and {follower} is left out: {problem}")
    return changes.components


def _grouped(constraints: Sequence[Constraint], notes: list[str]) -> list[list[Constraint]]:
    """Return the constraints that keep offsets or ratios, those on one parameter of the same components together."""
    found: dict[tuple[object, ...], list[Constraint]] = {}
    for constraint in constraints:
        equal = constraint.low == constraint.high and (constraint.kind == "difference" or bool(constraint.low))
        if constraint.kind not in ("offset", "ratio") and not equal:
            notes.append(f"{where(constraint)} bounds two components' {constraint.kind} and is left out")
            continue
        key = (constraint.components, constraint.parameter, constraint.kind, constraint.low)
        found.setdefault(key, []).append(constraint)
    return list(found.values())


def _sides(
    parts: Mapping[int, ReadComponent], constraint: Constraint, pair: tuple[int, int]
) -> tuple[_Side, _Side] | str:
    """Return the parameters that a constraint ties; the reason if it can't be."""
    if not all(number in parts for number in pair):
        return "one of them is missing"
    found = []
    for part in (parts[number] for number in pair):
        link = link_of(part.described[0].links, constraint.parameter)
        if link is None or link.key not in part.described[0].entries:
            return f"one of them has no {constraint.parameter}"
        found.append(_Side(part, link))
    if any(side.part.exchanged for side in found) and found[1].link.name not in ("xc", "yc", "flux", "theta"):
        return "the axes of one of them were exchanged"
    return found[0], found[1]


def _tie(
    changes: _Changes,
    group: Sequence[Constraint],
    sides: tuple[_Side, _Side],
    bands: Bands,
    conventions: Conventions,
    notes: list[str],
) -> str | None:
    """Add the ties of one parameter. Returns the reason if that is not possible."""
    anchor, follower = sides
    if follower.path in changes.follows or changes.root(anchor.path) == follower.path:
        return "they are already tied"
    suffixes = {constraint.suffix for constraint in group}
    count = max(anchor.course.free, follower.course.free, 1)
    orders = {int(suffix) for suffix in suffixes if suffix is not None and suffix.isdecimal()}
    linear = group[0].kind in ("offset", "difference")
    named = [each for each in group if each.suffix is not None and not each.suffix.isdecimal()]
    chosen = {band for each in named if (band := band_of(each, bands, notes)) is not None}
    all_orders = set(range(count)) <= orders and (linear or count == 1)
    if None in suffixes or all_orders or chosen == set(range(bands.number)):
        if None in suffixes and count > 1:
            notes.append(f"{where(group[0])} changes with wavelength: it is kept in every band")
        return _tie_whole(changes, group[0], anchor, follower, bands, conventions)
    if orders:
        return "it is about some changes with wavelength alone"
    return _tie_bands(changes, group[0], anchor, follower, sorted(chosen), bands, conventions)


def _tie_whole(
    changes: _Changes,
    constraint: Constraint,
    anchor: _Side,
    follower: _Side,
    bands: Bands,
    conventions: Conventions,
) -> str | None:
    """Tie a parameter to another as a function of the band."""
    held = changes.held(anchor.path)
    targets = _targets(anchor.path, held, bands)
    smooth = isinstance(held, Polynomial) and len(follower.course.nodes) == len(targets)
    values = [side.values(len(targets) if smooth else 0) for side in (anchor, follower)]
    aligned = len(targets) == len(values[0])
    to = targets if aligned else [anchor.path] * len(values[0])
    laws = [
        _law(constraint, anchor, follower, target, a, b, conventions)
        for target, a, b in zip(to, values[0], values[1], strict=True)
    ]
    ties = [tie for tie in laws if tie is not None]
    if len(ties) < len(laws):
        return "the tie is not linear in our parameters"
    scales, offsets = [float(tie.scale) for tie in ties], [float(tie.offset) for tie in ties]
    if np.allclose(scales, scales[0], rtol=1e-9) and np.allclose(offsets, offsets[0], rtol=1e-9, atol=1e-9):
        tie = dataclasses.replace(ties[0], to=anchor.path)
        return _put(changes, follower.path, anchor.path, tie, [(anchor.path, tie)])
    if targets and not aligned:
        return "its differences between the bands are not those of a polynomial"
    names = [node_name(target) for target in targets] or list(bands.names)
    nodes: dict[str, Any] = dict(zip(names, ties, strict=True))
    whole = Polynomial(nodes, degree=len(nodes) - 1) if smooth else PerBand(nodes)
    return _put(changes, follower.path, anchor.path, whole, [(tie.to, tie) for tie in ties])


def _tie_bands(
    changes: _Changes,
    constraint: Constraint,
    anchor: _Side,
    follower: _Side,
    chosen: Sequence[int],
    bands: Bands,
    conventions: Conventions,
) -> str | None:
    """Tie the values in some bands."""
    held = changes.held(follower.path)
    if not isinstance(held, AbstractVarying):
        return "it is about some bands alone, and the parameter is the same in all"
    nodes = _nodes(follower.path, held, bands)
    tied_to = []
    for band in chosen:
        target = _node_in(anchor.path, changes.held(anchor.path), band, bands)
        own = _node_in(follower.path, held, band, bands)
        if target is None or own is None:
            return "it is about a band without a node of the polynomial"
        values = (anchor.values(0)[band], follower.values(0)[band])
        tie = _law(constraint, anchor, follower, target, *values, conventions)
        if tie is None:
            return "the tie is not linear in our parameters"
        nodes[node_name(own)] = tie
        tied_to.append((target, tie))
    if not tied_to:
        return "it names no band"
    whole = dataclasses.replace(held, prior=nodes)  # pyright: ignore[reportCallIssue]
    return _put(changes, follower.path, None, whole, tied_to)


def _put(changes: _Changes, path: str, follows: str | None, value: Any, ties: Sequence[tuple[str, Tied]]) -> str | None:
    """Replace a parameter, and narrow the priors that it follows. Returns the reason if that is not possible."""
    info = changes.info(path)
    narrower: dict[str, Any] = {}
    for target, tie in ties:
        base = base_path(target)
        leader = narrower.get(base, changes.held(base))
        found = _narrower(leader, node_name(target), info, tie)
        if found is None:
            return "it would leave its range"
        narrower[base] = found
    changes.put({**{key: each for key, each in narrower.items() if each is not changes.held(key)}, path: value})
    if follows is not None:
        changes.follows[path] = follows
    return None


def _narrower(leader: Any, node: str, info: ParameterInfo, tie: Tied) -> Any:
    """Return what a parameter follows, narrowed so that it stays in its range; None if that is not possible."""
    if isinstance(leader, AbstractVarying):
        given = leader.given
        names = [node] if node in given else list(given)
        changed = {name: _narrower(given[name], "", info, tie) for name in names}
        if any(each is None for each in changed.values()):
            return None
        priors = given | changed
        prior = priors[""] if list(priors) == [""] else priors
        return dataclasses.replace(leader, prior=prior)  # pyright: ignore[reportCallIssue]
    if isinstance(leader, parameters.AbstractPrior):
        return narrowed(leader, info, [(float(tie.scale), float(tie.offset))]) if tie.scale else leader
    if isinstance(leader, Tied):
        return leader
    value = float(tie.scale) * float(leader) + float(tie.offset)
    return leader if info.holds(value, value) else None


def _law(
    constraint: Constraint, anchor: _Side, follower: _Side, target: str, a: float, b: float, conventions: Conventions
) -> Tied | None:
    """Return the tie that keeps an offset or a ratio of two values of the file."""
    bound = float(constraint.low or 0.0)
    if constraint.kind in ("ratio", "quotient"):
        if constraint.kind == "ratio" and a == 0.0:
            return None
        line = (b / a if constraint.kind == "ratio" else 1.0 / bound, 0.0)
    else:
        line = (1.0, b - a if constraint.kind == "offset" else -bound)
    return tied(follower.link, anchor.link, target, conventions, line)


def _targets(path: str, held: Any, bands: Bands) -> list[str]:
    """Return the paths of a parameter's nodes; none if it is the same in all bands."""
    if not isinstance(held, AbstractVarying):
        return []
    return [f"{path}.{name}" for name in held.nodes(path, bands.image_labels)]


def _nodes(path: str, held: AbstractVarying, bands: Bands) -> dict[str, Any]:
    """Return the nodes of a parameter by name."""
    given = held.given
    return {name: given.get("", given.get(name)) for name in held.nodes(path, bands.image_labels)}


def _node_in(path: str, held: Any, band: int, bands: Bands) -> str | None:
    """Return the path of a parameter's value in a band; None if it lies between the nodes of a polynomial."""
    if not isinstance(held, AbstractVarying):
        return path
    names = held.nodes(path, bands.image_labels)
    place = node_at(band, len(names), bands) if held.is_smooth else band
    return None if place is None else f"{path}.{names[place]}"
