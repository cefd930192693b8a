"""Our counterparts of the components in GALFIT's menus: names, functions and modifiers."""

import re
from collections.abc import Collection, Mapping

from sersiclab.io.entries import Entry
from sersiclab.io.functions import Equivalent, Modifier
from sersiclab.io.galfit_text import Component
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.io.text import Lines
from sersiclab.model import Model
from sersiclab.profiles import AbstractProfile, FourierModes
from sersiclab.rendering import HybridRenderer, PixelRenderer
from sersiclab.runtime.errors import InputError


NAME = re.compile(r"#\s*component ([^\W\d]\w*)\s*$")  # the comment in which `write_galfit` keeps our names


def drawable(components: Mapping[str, AbstractProfile]) -> Model:
    """Return the model with the default renderer, or with `PixelRenderer` if that can't draw a low Sérsic index."""
    try:
        return Model(dict(components), renderer=HybridRenderer())
    except InputError:
        return Model(dict(components), renderer=PixelRenderer())


def name_of(lines: Lines, component: Component, number: int, taken: Collection[str]) -> str:
    """Return the name that `write_galfit` kept in a comment, or else one made of GALFIT's name and the number."""
    found = NAME.search(lines.lines[component.line - 1])
    if found and found[1] not in taken and found[1] not in ("noise", "renderer"):
        return found[1]
    name = re.sub(r"\W", "_", component.name)
    return name if name == "sky" and name not in taken else f"{name}_{number}"


def function_of(
    component: Component, entries: dict[str, Entry], notes: list[str]
) -> tuple[Equivalent | None, tuple[Modifier, ...]]:
    """Return our function for a component, and its modifiers. Parts without a counterpart are noted."""
    name = "ferrer" if component.name.startswith("ferrer") else component.name
    candidates = [function for function in GALFIT if function.name == name]
    if not candidates:
        notes.append(f"line {component.line}: the component {component.name!r} has no counterpart and is left out")
        return None, ()
    function = candidates[0]
    if name == "sky":
        tilted = any(entries[key].free or entries[key].value for key in ("2", "3") if key in entries)
        function = candidates[1] if tilted else candidates[0]
        entries |= {link.key: Entry(0.0, free=False) for link in function.links if link.key not in entries}
    modifiers: tuple[Modifier, ...] = tuple(
        modifier for modifier in GALFIT_MODIFIERS if any(link.key in entries for link in modifier.links)
    )
    elliptical = any(link.name == "ellip" for link in function.links)
    if not elliptical:
        modifiers = ()
    known = {link.key for holder in (*candidates, *modifiers) for link in holder.links}
    for key, entry in entries.items():
        unused = re.fullmatch(r"\d+", key) and entry.value == 0.0 and not entry.free
        if key not in known and not unused:
            notes.append(
                f"line {entry.line}: {key.rstrip('ap')}) of {component.name} has no counterpart and is left out"
            )
    if elliptical and component.options.get("R0", "none").lower().split()[:1] not in ([], ["none"]):
        fourier = any(modifier.cls is FourierModes for modifier in modifiers)
        modes = ", and its Fourier modes, which are kept, give another shape" if fourier else ""
        notes.append(
            f"not the same galaxy: the {component.name} of line {component.line} is a spiral (R0 to R10); its rotation "
            f"has no counterpart and is left out{modes}"
        )
    if {"Ti", "To"} & set(component.options):
        notes.append(
            f"not the same galaxy: the {component.name} of line {component.line} is truncated (Ti, To); its truncation "
            "has no counterpart and is left out"
        )
    for key, text in component.options.items():
        notes.append(f"line {component.line}: {key}) {text} of {component.name} has no counterpart and is left out")
    if component.skipped:
        notes.append(
            f"line {component.line}: Z) of {component.name} is ignored: it is fitted and subtracted like the others"
        )
    return function, modifiers
