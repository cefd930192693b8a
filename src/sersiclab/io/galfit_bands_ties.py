"""The freedom and the ties of parameters in several bands, as GALFITM expresses them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sersiclab import parameters
from sersiclab.io.describe import Described
from sersiclab.io.functions import Conventions, Linear, Link
from sersiclab.io.galfit_courses import Bands, Course
from sersiclab.io.galfit_joint_limits import node_at, node_name
from sersiclab.io.galfit_menu_lines import tie_word
from sersiclab.io.tie_laws import tie_line
from sersiclab.model import Model
from sersiclab.parameters import AbstractPrior, Tied
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.tree import base_path, expanded, nodes_of
from sersiclab.parameters.varying import Polynomial


def freedom_of(
    path: str, link: Link, model: Model, conventions: Sequence[Conventions], notes: list[str]
) -> tuple[int, bool]:
    """Return the number of free coefficients of a parameter, and whether it is written as a polynomial.

    Anything that GALFITM lacks is noted.
    """
    held, number = parameters.parameters(model.owners), len(model.images)
    value = held[path]
    while isinstance(value, Tied):
        if value.by is not None or base_path(value.to) != value.to:
            varies = any(isinstance(held.get(base_path(to)), AbstractVarying) for to in value.targets)
            return number if value.by is not None and varies else 1, False
        path = value.to
        value = held[path]
    if not isinstance(value, AbstractVarying):
        return int(isinstance(value, AbstractPrior)), False
    nodes = nodes_of(path, value, model.images)
    fixed = [name for name, node in nodes.items() if not isinstance(node, parameters.AbstractParameter)]
    if len(fixed) == len(nodes) or len(nodes) == 1:
        return (0 if fixed else 1), False
    if fixed:
        notes.append(f"{path}: GALFITM can't fix some values of a function of the band; all are written free")
    if not value.is_smooth and _is_offset(link, nodes, conventions[0]):
        return 1, False
    for name, tie in nodes.items():
        if isinstance(tie, Tied) and base_path(tie.to) == path:
            notes.append(f"{name}: GALFITM can't express its tie to {tie.to}; it is written untied")
    if not value.is_smooth:
        if len(nodes) < number:
            notes.append(f"{path}: GALFITM can't express one value for several images; each has its own")
        return number, False
    kind = type(value).__name__
    if isinstance(value, Polynomial) and len(nodes) < number:
        if isinstance(link.conversion, Linear) or np.ptp([each.zeropoint for each in conventions]) < 1e-9:
            return len(nodes), True
        notes.append(
            f"{path}: the images have different zero-points, so that this polynomial is not one of magnitudes; it is "
            "written with a value for each band"
        )
        return number, False
    notes.append(f"{path}: GALFITM has no {kind} of this kind; it is written with a value for each band")
    return number, False


def node_number(path: str, model: Model) -> float:
    """Return the starting value of a parameter or node."""
    value = expanded(parameters.parameters(model.owners), model.images)[path]
    if isinstance(value, Tied):
        factor = 1.0
        if value.by is not None:
            factor = float(value.by.scale) * node_number(value.by.to, model) + float(value.by.offset)
        return factor * (float(value.scale) * node_number(value.to, model) + float(value.offset))
    return float(parameters.start(path, value)) if isinstance(value, AbstractPrior) else float(value)


def tie_lines(
    model: Model,
    components: Sequence[Described],
    courses: Sequence[Mapping[str, Course]],
    bands: Bands,
    conventions: Conventions,
    notes: list[str],
) -> list[str]:
    """Return the ties that keep an offset or a ratio of the same parameter; others are noted."""
    places = {component.name: place for place, component in enumerate(components)}
    lines: list[str] = []
    for path, value in parameters.parameters(model.owners).items():
        if path.startswith("noise.") or path.split(".")[0] not in places:
            continue
        if isinstance(value, Tied):
            found = _whole(path, value, components, places, courses, bands, conventions)
            if found is None:
                target = " and ".join(value.targets)
                notes.append(f"{path}: GALFITM can't express its tie to {target}; it is written untied")
            lines += found or []
        elif isinstance(value, AbstractVarying):
            lines += _of_nodes(path, value, model, components, places, bands, conventions, notes)
    return lines


def _whole(
    path: str,
    tie: Tied,
    components: Sequence[Described],
    places: Mapping[str, int],
    courses: Sequence[Mapping[str, Course]],
    bands: Bands,
    conventions: Conventions,
) -> list[str] | None:
    """Return the lines for a parameter that follows another as a function of the band; None if there are none."""
    start = _between(path, tie, components, places, conventions)
    if start is None or base_path(tie.to) != tie.to:
        return None
    pair, alias, word = start
    link = components[places[tie.to.split(".")[0]]].link(tie.to.split(".")[1])
    free = courses[places[tie.to.split(".")[0]]][link.key].free if link is not None else 0
    if free <= 1:
        return [f"{pair} {alias} {word}"]
    if word == "offset":  # the coefficients of the differences are constant
        return [f"{pair} {alias}_{order} offset" for order in range(free)]
    return [f"{pair} {alias}_{label} ratio" for label in bands.labels]


def _of_nodes(
    path: str,
    value: AbstractVarying,
    model: Model,
    components: Sequence[Described],
    places: Mapping[str, int],
    bands: Bands,
    conventions: Conventions,
    notes: list[str],
) -> list[str]:
    """Return the lines for nodes that follow other components."""
    nodes = nodes_of(path, value, model.images)
    ties = {name: tie for name, tie in nodes.items() if isinstance(tie, Tied) and base_path(tie.to) != path}
    found = {name: _between(path, tie, components, places, conventions) for name, tie in ties.items()}
    words = {each[2] for each in found.values() if each is not None}
    same = all(node_name(tie.to) == node_name(name) for name, tie in ties.items())
    if same and value.is_smooth and len(ties) == len(nodes) and None not in found.values() and words == {"offset"}:
        pair, alias, _ = next(each for each in found.values() if each is not None)
        return [f"{pair} {alias}_{order} offset" for order in range(len(nodes))]
    lines = []
    for name, tie in ties.items():
        band = _band_of(name, tie, value, model, bands)
        each = found[name]
        if each is None or band is None:
            notes.append(f"{name}: GALFITM can't express its tie to {' and '.join(tie.targets)}; it is written untied")
        else:
            pair, alias, word = each
            lines.append(f"{pair} {alias}_{bands.labels[band]} {word}")
    return lines


def _between(
    path: str, tie: Tied, components: Sequence[Described], places: Mapping[str, int], conventions: Conventions
) -> tuple[str, str, str] | None:
    """Return the components, the parameter and the word of a constraint; None if there is none."""
    name, key = path.split(".")[:2]
    leader, other = tie.to.split(".")[:2]
    if leader not in places or leader == name or tie.by is not None:
        return None
    follower, anchor = components[places[name]], components[places[leader]]
    link = follower.link(key)
    word = tie_word(link, anchor.link(other), conventions, tie)
    if word is None or link is None:
        return None
    return f"{places[leader] + 1}_{places[name] + 1}", link.alias or link.key, word


def _band_of(name: str, tie: Tied, value: AbstractVarying, model: Model, bands: Bands) -> int | None:
    """Return the band of a node if the node that it follows is in the same one; None if not."""
    path = base_path(name)
    own = _bands_of_nodes(path, value, model, bands).get(name)
    leader = parameters.parameters(model.owners)[base_path(tie.to)]
    if own is None or not isinstance(leader, AbstractVarying):
        return own
    return own if _bands_of_nodes(base_path(tie.to), leader, model, bands).get(tie.to) == own else None


def _bands_of_nodes(path: str, value: AbstractVarying, model: Model, bands: Bands) -> dict[str, int]:
    """Return the band of each node that lies in one, by path."""
    names = value.nodes(path, model.images)
    if not value.is_smooth:
        weights = value.weights(path, model.images)
        return {f"{path}.{name}": int(np.argmax(weights[:, i])) for i, name in enumerate(names)}
    if not isinstance(value, Polynomial) or bands.wavelengths is None:
        return {}
    near = {node_at(band, len(names), bands): band for band in range(bands.number)}
    return {f"{path}.{names[node]}": band for node, band in near.items() if node is not None}


def _is_offset(link: Link, nodes: Mapping[str, Any], conventions: Conventions) -> bool:
    """Return whether all nodes keep constant differences in the file to one of them, the only one that is free."""
    free = [name for name, node in nodes.items() if isinstance(node, AbstractPrior)]
    ties = [node for node in nodes.values() if isinstance(node, Tied)]
    if len(free) != 1 or len(ties) + 1 != len(nodes):
        return False
    for tie in ties:
        if tie.to != free[0] or tie.by is not None:
            return False
        line = tie_line(link, link, conventions, tie)
        if not (tie.offset == 0.0 if line is None else abs(line[0] - 1.0) < 1e-9):
            return False
    return True
