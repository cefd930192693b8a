"""Ellipses with an axis ratio above 1, which other programs allow. They are read with their axes exchanged."""

import dataclasses
import math
from collections.abc import Mapping

from sersiclab.io.entries import Entry, infos_of
from sersiclab.io.functions import Conventions, Equivalent, Link, Modifier, links_of
from sersiclab.profiles import Bent


TURN = 0.5 * math.pi
CONVENTIONS = Conventions()  # conversions of shapes do not depend on it


def upright(
    function: Equivalent, modifiers: tuple[Modifier, ...], entries: Mapping[str, Entry], notes: list[str]
) -> tuple[tuple[Modifier, ...], dict[str, Entry], bool]:
    """Return modifiers and entries with an axis ratio of at most 1, and whether the axes were exchanged.

    The new axis ratio is 1/q. Lengths along the major axis are multiplied by q, and 90 degrees are added to angles.
    Bends, which would then be along the other axis, are left out with a note that comes first.
    """
    ratio = next((link for link in function.links if link.name == "ellip" and link.key in entries), None)
    q = 1.0 if ratio is None else 1.0 - ratio.conversion.ours(entries[ratio.key].value, CONVENTIONS, 1.0)
    if ratio is None or not 1.0 < q < math.inf:
        return modifiers, dict(entries), False
    bends = [modifier for modifier in modifiers if modifier.cls is Bent]
    line = entries[ratio.key].line
    if any(entries[link.key].value != 0.0 for bend in bends for link in bend.links if link.key in entries):
        notes.append(
            f"not the same galaxy: the bends of a source with an axis ratio above 1 (line {line}) have no counterpart "
            "and are left out"
        )
    kept = tuple(modifier for modifier in modifiers if modifier not in bends)
    infos = infos_of(function, kept)
    found = {link.key: entries[link.key] for link in links_of(function, kept) if link.key in entries}
    for link in links_of(function, kept):
        if link.key in found:
            found[link.key] = _exchanged(link, found[link.key], infos[link.name].unit, q)
    notes.append(
        f"line {line}: the axis ratio {q:g}, which is above 1, is read as {1.0 / q:g} with the axes exchanged: lengths "
        f"are multiplied by {q:g} and 90 degrees are added to angles"
    )
    return kept, found, True


def _exchanged(link: Link, entry: Entry, unit: str, q: float) -> Entry:
    """Return a parameter of the same ellipse after its axes have been exchanged."""

    def change(theirs: float) -> float:
        ours = link.conversion.ours(theirs, CONVENTIONS, 1.0)
        if link.name == "ellip":
            other = 1.0 - ours
            return link.conversion.theirs(1.0 - 1.0 / other if other > 0.0 else -math.inf, CONVENTIONS, 1.0)
        if link.name == "theta" or link.name.startswith("phi"):
            return link.conversion.theirs(ours + TURN, CONVENTIONS, 1.0)
        if link.name not in ("xc", "yc") and unit in ("pixel", "1/pixel"):
            return theirs * q if unit == "pixel" else theirs / q
        return theirs

    if link.name == "flux":
        return entry
    value = change(entry.value)
    turns = 0.0
    if link.name.startswith("phi"):  # brought into (-180, 180] degrees, together with its limits
        ours = link.conversion.ours(value, CONVENTIONS, 1.0)
        turns = link.conversion.theirs(ours, CONVENTIONS, 1.0) - link.conversion.theirs(
            math.remainder(ours, 4.0 * TURN), CONVENTIONS, 1.0
        )
    limits = None
    if entry.limits is not None:
        ends = sorted(change(end) - turns for end in entry.limits)
        limits = ends[0], ends[1]
    return dataclasses.replace(entry, value=value - turns, limits=limits)
