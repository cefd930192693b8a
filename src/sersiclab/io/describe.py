"""Conversion of our components to those of another program: its functions and the entries of its parameters."""

import dataclasses
from collections.abc import Sequence

from sersiclab import parameters
from sersiclab.io.entries import Entry, entries_of
from sersiclab.io.functions import Conventions, Equivalent, Link, Modifier, links_of, unwrapped
from sersiclab.model import Model
from sersiclab.parameters import AbstractPrior, Parameter, Tied
from sersiclab.profiles import AbstractProfile, AbstractSky
from sersiclab.profiles.base import LIGHT
from sersiclab.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class Described:
    """A component: our name for it, the other program's function and modifiers, and entries by that program's keys."""

    name: str
    function: Equivalent
    modifiers: tuple[Modifier, ...]
    entries: dict[str, Entry]

    @property
    def links(self) -> list[Link]:
        """The other program's parameters, in its order."""
        return links_of(self.function, self.modifiers)

    def link(self, name: str) -> Link | None:
        """Return the link of our parameter `name`, or None if there is none."""
        return next((link for link in self.links if link.name == name), None)


def described(
    model: Model,
    program: str,
    tables: tuple[Sequence[Equivalent], Sequence[Modifier]],
    conventions: Conventions,
    notes: list[str],
) -> list[Described]:
    """Return every component of a model, with notes on priors that limits cannot express.

    Raises `ValueError` with the name of a component that the program lacks.
    """
    numbers = parameters.parameters(model.at(model.initial).owners)
    held = parameters.parameters(model.owners)
    result = []
    for name, component in model.components.items():
        function, modifiers = _function(name, component, program, tables)
        values = {key: float(numbers[f"{name}.{key}"]) for key in parameters.parameter_info(component)}
        for key, constant in function.constants.items():
            if values[key] != constant or isinstance(held[f"{name}.{key}"], AbstractPrior):
                raise InputError(
                    f"{program}'s {function.name} has {key} = {constant:g}, got {name}.{key} = {values[key]:g}"
                )
        for key in LIGHT:
            if program == "GALFIT" and not values.get(key, 1.0) > 0.0:
                raise InputError(f"{program} uses magnitudes: {name}.{key} must be positive, got {values[key]:g}")
        entries, richer = entries_of(function, modifiers, component, values, conventions)
        for key in richer:
            kind = type(held[f"{name}.{key}"]).__name__
            notes.append(f"{name}.{key}: {kind} becomes limits or is lost, since {program} has no priors")
        entries |= {
            link.key: dataclasses.replace(entries[link.key], free=True)
            for link in links_of(function, modifiers)
            if isinstance(root(held, held[f"{name}.{link.name}"]), AbstractPrior)
        }
        result.append(Described(name, function, modifiers, entries))
    if parameters.parameter_info(model.noise):
        notes.append(f"noise: {type(model.noise).__name__} has no counterpart in {program} and is left out")
    return result


def root(held: dict[str, Parameter], value: Parameter) -> Parameter:
    """Return the value at the end of a chain of ties."""
    while isinstance(value, Tied):
        value = held[value.to]
    return value


def _function(
    name: str, component: AbstractProfile, program: str, tables: tuple[Sequence[Equivalent], Sequence[Modifier]]
) -> tuple[Equivalent, tuple[Modifier, ...]]:
    profile, wrapped = unwrapped(component)
    classes = [type(modifier) for modifier in wrapped]
    modifiers = tuple(modifier for modifier in tables[1] if modifier.cls in classes)
    for function in tables[0]:
        own = tuple(modifier for modifier in function.modifiers if modifier.cls in classes)
        if (
            function.cls is type(profile)
            and {m.cls for m in (*own, *modifiers)} == set(classes)
            and (own == function.modifiers)
        ):
            if len(classes) != len(set(classes)):
                raise InputError(
                    f"{program} allows one modifier of each kind, got {name} = {type(component).__name__}(...)"
                )
            return function, (*own, *modifiers)
    what = type(profile).__name__ + (f" in {', '.join(cls.__name__ for cls in classes)}" if classes else "")
    kind = "sky" if isinstance(profile, AbstractSky) else "function"
    raise InputError(f"{program} has no {kind} for {name}, a {what}")
