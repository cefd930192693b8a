"""Sessions of several images: the document of one of them, as the page edits it, and the joint model behind it.

To the document of `session`, which is that of the image on the screen in its own pixels, are added:

- `"image"`, the name of the image, and `"masks"`, `{image: name}`, the edited masks of the others.
- `"joint"`, the document of the joint model when the image was opened. The joint model of the session is that with the
  edits of `"model"` since, so that every session, also one that the page undoes, describes a joint model by itself.
- `"varying"`, the functions of the image by path: `{"node"}`, the name of the band or image whose value is shown, or
  `{"weights", "low", "high", "tied"}` of a smooth function, whose value follows from its nodes; `"tied"` has those
  that can't be edited. The others stand beside their parameter: `"r_eff.at_0.47"` beside `"r_eff"`.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sersiclab.data.image_set import Images
from sersiclab.documents.spec import SpecError, from_dict, from_document, own_types, to_dict, to_document
from sersiclab.model import Model
from sersiclab.parameters import AbstractPrior, parameters
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.joint import image_links
from sersiclab.runtime.errors import InputError
from sersiclab.widget.incoming import short
from sersiclab.widget.joint_edits import ImageView, image_view, joint_model, node_starts, own_model
from sersiclab.widget.session import Reading, Session, from_model, holder, problem, read, without


def opened(view: ImageView) -> Session:
    """Return the session of an image, with all components switched on and no mask."""
    session = from_model(view.own)
    model = session["model"]
    for path, value in view.nodes.items():
        owner, key = path.split(".", 1)
        document = to_document(value) if isinstance(value, AbstractPrior) else value
        holder(_parts(model)[owner], key.split(".")[0])[key] = document
    joint = {"image": view.name, "joint": to_dict(view.joint), "varying": varying_of(view)}
    return {**session, **joint}


def varying_of(view: ImageView) -> dict[str, Any]:
    """Return what the page has to know of the functions of the image, by path."""
    links = image_links(view.joint.owners, view.joint.images)
    curves = dict(zip(links.curve_paths, links.curves, strict=True))
    found: dict[str, Any] = {}
    for path, value in parameters(view.joint.owners).items():
        if path in curves and isinstance(value, AbstractVarying):
            curve, nodes = curves[path], value.nodes(path, view.joint.images)
            weights = dict(zip(nodes, map(float, curve.weights[view.place]), strict=True))
            ends = {"low": _end(curve.scale.low), "high": _end(curve.scale.high)}
            found[path] = {"weights": weights, **ends, "tied": _tied(view, path, nodes)}
        elif isinstance(value, AbstractVarying):
            found[path] = {"node": view.node_of(path, value)}
    return found


def _tied(view: ImageView, path: str, nodes: Sequence[str]) -> dict[str, float]:
    """Return the values of the nodes that are tied, which the page can't edit."""
    values = node_starts(view.joint, path)
    return {node: values[node] for node in nodes if f"{path}.{node}" not in view.nodes}


def _end(end: float) -> float | None:
    return end if math.isfinite(end) else None


def view_of(session: Session, images: Images, types: Sequence[type]) -> ImageView:
    """Return the image of a session, without its edits. Raises `ValueError` for an unknown one, or a bad document."""
    name = session.get("image")
    if not isinstance(name, str) or name not in images:
        raise InputError(f"the session's 'image' must be one of {', '.join(images)}, got {short(name)}")
    return image_view(from_dict(session.get("joint", {}), types).for_images(images), images, name)


def read_in(view: ImageView, session: Session, types: Sequence[type]) -> Reading:
    """Read the models that a session describes: those of its image, and the joint ones that follow.

    Nothing is raised: errors are listed in `problems`.
    """
    plain, documents = _split(session)
    reading = read(plain, types)
    if reading.everything is None:
        return reading
    view, problems = _renamed(view, reading.everything), []
    nodes = dict(view.nodes)
    for path, document in documents.items():
        try:
            nodes[path] = from_document(document, types) if isinstance(document, Mapping) else float(document)
        except SpecError as error:
            problems += [problem(path, each["message"]) for each in error.problems]
    if problems:
        return Reading(None, None, (), problems)
    off = [name for name in reading.everything.components if name not in reading.on]
    try:
        whole = joint_model(view, reading.everything, nodes)
        everything = _along(view, whole, reading.everything)
        if reading.model is None:
            return Reading(everything, None, reading.on, reading.problems, whole)
        return Reading(everything, without(everything, off), reading.on, [], whole, without(whole, off))
    except InputError as error:
        return Reading(None, None, (), [problem("", str(error))])


def _along(view: ImageView, whole: Model, everything: Model) -> Model:
    """Return the image's model with the values of smooth functions that follow from the joint one."""
    curves = [path for path, value in parameters(whole.owners).items() if _is_curve(value)]
    if not curves:
        return everything
    found = parameters(own_model(view, whole).owners)
    return everything.replace({path: found[path] for path in curves})


def _is_curve(value: Any) -> bool:
    return isinstance(value, AbstractVarying) and value.is_smooth


def _parts(model: Mapping[str, Any]) -> dict[str, Any]:
    return {**model["components"], **model.get("links", {}), "noise": model.get("noise", {})}


def _split(session: Session) -> tuple[Session, dict[str, Any]]:
    """Return the session without nodes, and the nodes by path."""
    if not isinstance(session.get("model"), Mapping) or not isinstance(session["model"].get("components"), Mapping):
        return session, {}
    plain, found = copy.deepcopy(session), {}
    for name, part in _parts(plain["model"]).items():
        for layer in _layers(part):
            for key in [key for key in layer if "." in key]:
                found[f"{name}.{key}"] = layer.pop(key)
    return plain, found


def _layers(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from _layers(inner)


def _renamed(view: ImageView, own: Model) -> ImageView:
    """Return the view after the component that was given another name, at its place, if there is one."""
    before, now = list(view.own.components), list(own.components)
    pairs = [(old, new) for old, new in zip(before, now, strict=False) if old != new]
    if len(before) != len(now) or len(pairs) != 1 or pairs[0][1] in before or pairs[0][0] in now:
        return view
    old, new = pairs[0]
    if type(view.own.components[old]) is not type(own.components[new]):
        return view
    nodes = {_moved(path, old, new): value for path, value in view.nodes.items()}
    return view._replace(joint=_with_name(view.joint, old, new), own=_with_name(view.own, old, new), nodes=nodes)


def _with_name(model: Model, old: str, new: str) -> Model:
    document = _retied(to_dict(model), old, new)
    components = {new if name == old else name: part for name, part in document["components"].items()}
    return from_dict({**document, "components": components}, own_types(model))


def _retied(document: Any, old: str, new: str) -> Any:
    """Return a document whose ties to one component lead to its new name."""
    if isinstance(document, dict):
        found = {key: _retied(value, old, new) for key, value in document.items()}
        return {**found, "to": _moved(found["to"], old, new)} if found.get("type") == "Tied" else found
    return document


def _moved(path: str, old: str, new: str) -> str:
    return f"{new}.{path.removeprefix(f'{old}.')}" if path.startswith(f"{old}.") else path
