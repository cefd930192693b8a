"""The session: the JSON document that the page edits, and its interpretation as a model.

`{"version": 1, "model": <document of spec.to_dict>, "off": [names]}`, and `"mask"`, a name (see
`masks`), if the image's mask was edited. Every prior in it has a numeric `init`, the value that is shown. `"order"`,
the names of the components, makes a new order visible when sessions are compared as dictionaries. All components stay
in `model`, including those that are switched off.
"""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from sersiclab.documents.spec import SpecError, from_dict, to_dict
from sersiclab.model import Model
from sersiclab.noise import AbstractNoise
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import PRIORS
from sersiclab.profiles import FlatSky
from sersiclab.runtime.errors import InputError, SersiclabError
from sersiclab.widget.failures import in_words, log_internal
from sersiclab.widget.incoming import short


VERSION = 1
_PRIORS = frozenset(cls.__name__ for cls in PRIORS)

Session = dict[str, Any]
SessionProblem = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Reading:
    """The contents of a session: the model of all components, that of those switched on, and the problems.

    A model that can't be read is None, and `problems` has the reasons. For several images, the models are those of the
    image on the screen, and `whole` and `fitted` the joint ones.
    """

    everything: Model | None
    model: Model | None
    on: tuple[str, ...]
    problems: list[SessionProblem]
    whole: Model | None = None
    fitted: Model | None = None


@dataclasses.dataclass(frozen=True)
class Shown:
    """The contents of the pictures: the last valid model of all components, that of those switched on, their names.

    For several images, these are models of the image on the screen; `whole` and `fitted` are the joint ones, which for
    one image are the same.
    """

    everything: Model
    model: Model
    on: tuple[str, ...]
    whole: Model
    fitted: Model


class Problems(traitlets.List):
    """The problems of the last session, which is read before they are returned."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        obj.read()
        return super().get(obj, cls)


def from_model(model: Model) -> Session:
    """Return the session of a model, with all components switched on."""
    return with_values({"version": VERSION, "model": to_dict(model), "off": []}, model.initial)


def with_noise(session: Session, noise: AbstractNoise) -> Session:
    """Return a copy of a session with another noise model."""
    return {**session, "model": {**session["model"], "noise": noise_document(noise)}}


def noise_document(noise: AbstractNoise) -> dict[str, Any]:
    """Return the document of a noise model in a session, with an `init` for every prior."""
    return from_model(Model({"sky": FlatSky(level=0.0)}, noise=noise))["model"]["noise"]


def with_values(session: Session, values: Mapping[str, float]) -> Session:
    """Return a copy of a session in which free parameters have these values, `{path: number}`, as their `init`.

    The value of a tied parameter is passed on to the free one at the end of its ties. Paths that are not free in the
    session are ignored.
    """
    model = copy.deepcopy(session["model"])
    for path, value in values.items():
        owner, name, end = _end_of_ties(model, path, value)
        if owner is not None and _is_prior(owner[name]):
            owner[name] = {**owner[name], "init": float(end)}
    return {**session, "model": model}


def placed(session: Session, values: Mapping[str, float]) -> Session:
    """Return a copy in which parameters have these values, including fixed ones, as after dragging an ellipse.

    Normal priors of centres move too. Raises `ValueError` for a parameter whose tie can't be inverted.
    """
    model = copy.deepcopy(session["model"])
    for path, value in values.items():
        owner, name, end = _end_of_ties(model, path, value)
        if owner is None or not (_is_prior(owner[name]) or not isinstance(owner[name], dict)):
            raise InputError(f"{path} follows other parameters, and can't be set: give it a prior of its own first")
        owner[name] = _moved(owner[name], name, float(end)) if isinstance(owner[name], dict) else float(end)
    return {**session, "model": model}


def _moved(prior: dict[str, Any], name: str, value: float) -> dict[str, Any]:
    moved = {**prior, "init": value}
    if name in ("xc", "yc") and prior["type"] in ("Normal", "TruncatedNormal"):
        moved["loc"] = prior["loc"] + value - prior["init"]
    return moved


def _end_of_ties(model: Mapping[str, Any], path: str, value: float) -> tuple[Any, str, float]:
    """Return the owner of the parameter at the end of the ties from `path`, its name there, and its value.

    The owner is None if there is none; a tie to a product, `by`, is an end.
    """
    parts = {**model["components"], **model.get("links", {}), "noise": model.get("noise", {})}
    while True:
        part, _, name = path.partition(".")
        owner = holder(parts.get(part, {}), name)
        field = None if owner is None else owner[name]
        if not isinstance(field, dict) or field["type"] != "Tied" or field.get("by") is not None:
            return owner, name, value
        value = (value - field.get("offset", 0.0)) / field.get("scale", 1.0)
        path = field["to"]


def holder(part: Mapping[str, Any], name: str) -> Any:
    """Return the document that holds the parameter `name`: the part itself, or one nested in it."""
    if name in part:
        return part
    inner = (holder(each, name) for each in part.values() if isinstance(each, dict) and not _is_parameter(each))
    return next((each for each in inner if each is not None), None)


def _is_parameter(document: Mapping[str, Any]) -> bool:
    return document["type"] == Tied.__name__ or _is_prior(document)


def _is_prior(document: Any) -> bool:
    return isinstance(document, dict) and document["type"] in _PRIORS


def allowed(model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that belong to free parameters of the model and lie within their priors' supports."""
    supports = {path: prior.support() for path, prior in model.free.items()}
    return {path: x for path, x in values.items() if path in supports and supports[path][0] <= x <= supports[path][1]}


def read(session: Session, types: Sequence[type] = ()) -> Reading:
    """Read the models that a session describes; `types` holds the user's own profiles.

    Nothing is raised: errors are listed in `problems`.
    """
    off, version = session.get("off", []), session.get("version", VERSION)
    if not isinstance(off, list) or not all(isinstance(name, str) for name in off):
        return _nothing(f"the session's 'off' must be a list of names, got {short(off)}")
    if type(version) is not int or version != VERSION:
        return _nothing(f"the session's version must be {VERSION}, got {short(version)}")
    try:
        everything = from_dict(session.get("model", {}), types)
        everything.at(everything.initial)  # raises if a tie takes a parameter out of its range
    except SpecError as error:
        return Reading(None, None, (), error.problems)
    except RecursionError:
        return _nothing("the session is nested too deeply to be read")
    except (SersiclabError, ArithmeticError) as error:
        return _nothing(f"the session can't be read: {error}")
    except Exception as error:
        log_internal(error)
        return _nothing(in_words(error))
    unknown = [name for name in off if name not in everything.components]
    if unknown:
        there = ", ".join(everything.components)
        return _nothing(f"the session's 'off' names {short(unknown[0])}, which is not a component; there are {there}")
    off = [name for name in everything.components if name in off]
    on = tuple(name for name in everything.components if name not in off)
    if not on:
        return Reading(everything, None, on, [problem("", "every component is switched off: switch at least one on")])
    try:
        return Reading(everything, without(everything, off), on, [])
    except InputError as error:
        return Reading(everything, None, on, [problem(off[0], str(error))])


def without(model: Model, off: list[str]) -> Model:
    """Return the model without some components.

    Components that no other follows are removed first, so that nothing needs to be inherited by a component that is
    removed too. Raises `ValueError` if a remaining component depends on a removed one.
    """
    left = list(off)
    reason: ValueError | None = None
    while left:
        for name in left:
            try:
                model = model.without(name)
            except InputError as error:
                reason = error
            else:
                left.remove(name)
                break
        else:
            raise InputError(f"{left[-1]} can't be switched off: {reason}")
    return model


def problem(path: str, message: str) -> SessionProblem:
    """Return a problem of the parameter, or other part, at a path."""
    return {"path": path, "message": message}


def _nothing(message: str) -> Reading:
    return Reading(None, None, (), [problem("", message)])
