"""The session: the JSON document that the front end edits, and its reading as a model.

`{"version": 1, "model": <document of spec.to_dict>, "off": [names]}`, and `"mask"`, a name (see
`masks`), where the image's mask was edited. Every prior in it has a numeric `init`, the
value that is shown. `"order"`, the components' names, is there for those who compare sessions as dictionaries, to whom
an order alone is no difference. All components stay in `model`, also those that are switched off.
"""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sersiclab.model import Model
from sersiclab.spec import SpecError, from_dict, to_dict


VERSION = 1

Session = dict[str, Any]
Problem = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a session says: all its components, those that are on, and what is wrong.

    A model that can't be read is None, and `problems` says why.
    """

    everything: Model | None
    model: Model | None
    on: tuple[str, ...]
    problems: list[Problem]


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the pictures show: the last valid reading of all components, of those that are on, and of the model."""

    everything: Model
    model: Model
    on: tuple[str, ...]


def from_model(model: Model) -> Session:
    """The session of a model, all of whose components are on."""
    return with_values({"version": VERSION, "model": to_dict(model), "off": []}, model.initial)


def with_values(session: Session, values: Mapping[str, float]) -> Session:
    """A copy of a session in which free parameters have these values, `{path: number}`, as their `init`.

    The value of a tied parameter goes to the free one at the end of its ties. Paths that are not free in the
    session are left alone.
    """
    components = copy.deepcopy(session["model"]["components"])

    def find(path: str) -> tuple[Any, str, Any]:
        """What holds the parameter at a path, its name there, and the parameter; None where there is none."""
        owner, _, name = path.partition(".")
        found = _holder(components.get(owner, {}), name)
        return found, name, None if found is None else found[name]

    for path, value in values.items():
        owner, name, field = find(path)
        while isinstance(field, dict) and field["type"] == "Tied":
            value = (value - field.get("offset", 0.0)) / field.get("scale", 1.0)
            owner, name, field = find(field["to"])
        if isinstance(field, dict):
            owner[name] = {**field, "init": float(value)}
    return {**session, "model": {**session["model"], "components": components}}


def _holder(component: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The part of a component's document that holds the parameter `name`: itself, or what is nested in it."""
    if name in component:
        return component
    inner = (_holder(part, name) for part in component.values() if isinstance(part, Mapping) and _has_centre(part))
    return next((part for part in inner if part is not None), None)


def _has_centre(document: Mapping[str, Any]) -> bool:
    """Whether a part of a component is itself a source, as a prior is not."""
    return "xc" in document or any(_has_centre(part) for part in document.values() if isinstance(part, Mapping))


def allowed(model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """Those of the values that are of free parameters of the model and within their priors' supports."""
    supports = {path: prior.support() for path, prior in model.free.items()}
    return {path: x for path, x in values.items() if path in supports and supports[path][0] <= x <= supports[path][1]}


def read(session: Session, types: Sequence[type] = ()) -> Reading:
    """The models that a session describes; `types` holds the user's own profiles.

    Nothing is raised: what is wrong is in `problems`.
    """
    if not isinstance(session.get("off", []), list):
        return _nothing(f"the session's 'off' must be a list of names, got {session['off']!r}")
    try:
        everything = from_dict(session.get("model", {}), types)
        everything.at(everything.initial)  # a tie may lead a parameter out of its range
    except SpecError as error:
        return Reading(None, None, (), error.problems)
    except (TypeError, ValueError) as error:
        return _nothing(str(error))
    off = [name for name in everything.components if name in session.get("off", [])]
    on = tuple(name for name in everything.components if name not in off)
    if not on:
        return Reading(everything, None, on, [_problem("", "every component is off: switch at least one on")])
    try:
        return Reading(everything, without(everything, off), on, [])
    except ValueError as error:
        return Reading(everything, None, on, [_problem(off[0], str(error))])


def without(model: Model, off: list[str]) -> Model:
    """The model without some components.

    Those that nobody follows go first: a component whose follower goes too leaves nothing to inherit. Raises
    `ValueError` if what is left would follow what is gone.
    """
    left = list(off)
    reason: ValueError | None = None
    while left:
        for name in left:
            try:
                model = model.without(name)
            except ValueError as error:
                reason = error
            else:
                left.remove(name)
                break
        else:
            raise ValueError(f"{left[-1]} can't be switched off: {reason}")
    return model


def _problem(path: str, message: str) -> Problem:
    return {"path": path, "message": message}


def _nothing(message: str) -> Reading:
    return Reading(None, None, (), [_problem("", message)])
