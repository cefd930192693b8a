"""Edits of a model of several images in one of them: its own model, in its own pixels, and the way back.

A change of the own model changes the joint one: a shared parameter in all images, the value of a band or an image there
alone, and a smooth function of wavelength as a whole, by a shift of its nodes. What was not changed stays as it was.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from sersiclab.data.image_set import Images
from sersiclab.model import Model
from sersiclab.model.accuracy import enable_x64
from sersiclab.model.joint_frames import frames_of
from sersiclab.model.reprojection import AXES, mapped_model, mapped_values
from sersiclab.parameters import AbstractPrior, Parameter, Tied, at, parameter_info, parameters
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.interpolation import Curve
from sersiclab.parameters.joint import image_links
from sersiclab.parameters.priors import Normal, TruncatedNormal
from sersiclab.parameters.scalars import is_scalar
from sersiclab.parameters.tree import expanded, in_order, nodes_of, start, with_parameters
from sersiclab.parameters.varying import PerBand, PerImage
from sersiclab.profiles import AbstractSky
from sersiclab.widget.session import allowed


ROUNDING = 1e-9  # relative difference of numbers that were mapped to other pixels and back
LEAST_WEIGHT = 1e-3  # of the free nodes of a curve: with less, no shift of theirs moves it

Held = Mapping[str, Parameter]


class ImageView(NamedTuple):
    """A model of several images, and one of them as it is edited.

    Arguments:
        joint: the model of all images.
        name: the name of the image.
        frame: the map to its pixels; None if they are those of the first image.
        own: its own model, in which every prior has an `init`.
        nodes: the nodes of smooth functions in its pixels, by path; those that are tied are left out.
    """

    joint: Model
    name: str
    frame: Frame | None
    own: Model
    nodes: dict[str, Parameter]

    @property
    def place(self) -> int:
        """The number of the image."""
        return [label.name for label in self.joint.images].index(self.name)

    def node_of(self, path: str, varying: AbstractVarying) -> str:
        """Return the name of the node that a parameter is in this image."""
        weights = varying.weights(path, self.joint.images)[self.place]
        return varying.nodes(path, self.joint.images)[int(np.argmax(weights))]


def image_view(joint: Model, images: Images, name: str) -> ImageView:
    """Return an image of a model that is bound to the images."""
    frame = frames_of(joint, images)[name]
    bare = ImageView(joint, name, frame, joint, {})
    own = own_model(bare, joint)
    return bare._replace(own=restarted(own, own.initial), nodes=_own_nodes(bare))


def restarted(model: Model, values: Mapping[str, float]) -> Model:
    """Return a model whose free parameters start at these values, where their priors allow that."""
    changes = {path: _started(model.free[path], value) for path, value in allowed(model, values).items()}
    return model.replace(changes)


def own_model(view: ImageView, joint: Model) -> Model:
    """Return the own model of the view's image that follows from a joint one; a number stands for a tie to a node."""
    with enable_x64():  # the values of smooth functions are computed by JAX
        model, labels = joint.of(view.name), joint.images
    held, starts = parameters(model.owners), parameters(at(model.owners, model.initial))
    fixed = {}
    for path, was in parameters(joint.owners).items():
        node = was
        if isinstance(was, AbstractVarying) and not was.is_smooth:
            node = nodes_of(path, was, labels)[f"{path}.{view.node_of(path, was)}"]
        if isinstance(node, Tied) and not isinstance(held[path], Tied):
            fixed[path] = float(starts[path])
    model = model.replace(fixed) if fixed else model
    return model if view.frame is None else mapped_model(model, view.frame)


def _own_nodes(view: ImageView) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    with enable_x64():
        model, labels = view.joint.of(view.name), view.joint.images
    for path, was in parameters(view.joint.owners).items():
        if isinstance(was, AbstractVarying) and was.is_smooth:
            for node, given in nodes_of(path, was, labels).items():
                if not isinstance(given, Tied):
                    found[node] = _mapped(model, path, _begun(node, given), view.frame)
    return found


def _mapped(model: Model, path: str, value: Parameter, frame: Frame | None) -> Parameter:
    """Return another value of one parameter in other pixels."""
    return value if frame is None else parameters(mapped_model(model.replace({path: value}), frame).owners)[path]


def _begun(path: str, value: Parameter) -> Parameter:
    return _started(value, start(path, value)) if isinstance(value, AbstractPrior) else value


def _started(prior: AbstractPrior, value: float) -> AbstractPrior:
    """Return a prior that starts at the value, or at the end of its range."""
    low, high = prior.support()
    return dataclasses.replace(prior, init=float(min(max(value, low), high)))


def inverse(frame: Frame) -> Frame:
    """Return the map back to the first image's pixels."""
    return Frame(np.linalg.inv(frame.matrix), frame.place, frame.origin, 1.0 / frame.flux)


def joint_model(view: ImageView, own: Model, nodes: Held) -> Model:
    """Return the joint model after its image was edited.

    Arguments:
        view: the image before the edits.
        own: its own model after them.
        nodes: the nodes of smooth functions after them.

    Raises:
        ValueError: if a number lies outside its parameter's range, or a tie is impossible.
    """
    if own == view.own and all(nodes.get(path) == value for path, value in view.nodes.items()):
        return view.joint
    way = _WayBack.of(view, own, nodes)
    owners: dict[str, Any] = {
        name: with_parameters(owner, {key: way.parameter(f"{name}.{key}") for key in parameter_info(owner)})
        for name, owner in own.owners.items()
    }
    return Model(
        {name: owners[name] for name in own.components},
        noise=owners["noise"],
        renderer=own.renderer,
        links={name: owners[name] for name in own.links},
        images=view.joint.images,
    )


class _WayBack(NamedTuple):
    """What the edits of an image mean for the joint model.

    `was` are the joint parameters, `before` and `now` the image's own, `mapped` those of `now` in the first image's
    pixels; `old` and `new` are the numbers there.
    """

    view: ImageView
    own: Model
    nodes: Held
    back: Frame | None
    was: Held
    before: Held
    now: Held
    mapped: Held
    old: Mapping[str, Any]
    new: Mapping[str, Any]

    @staticmethod
    def of(view: ImageView, own: Model, nodes: Held) -> "_WayBack":
        back = None if view.frame is None else inverse(view.frame)
        return _WayBack(
            view=view,
            own=own,
            nodes=nodes,
            back=back,
            was=parameters(view.joint.owners),
            before=parameters(view.own.owners),
            now=parameters(own.owners),
            mapped=parameters(own.owners if back is None else mapped_model(own, back).owners),
            old=_numbers(view.own, back),
            new=_numbers(own, back),
        )

    def parameter(self, path: str) -> Parameter:
        """Return a parameter of the joint model."""
        if path not in self.was or path not in self.before:
            return self.added(path)
        was, before, now = self.was[path], self.before[path], self.now[path]
        if isinstance(was, AbstractVarying) and was.is_smooth and not isinstance(now, Tied):
            return self.curve(path, was)
        if now == before and (isinstance(was, Tied) or not self.is_moved(path)):
            return was
        if isinstance(now, Tied):
            return self.mapped[path]
        if isinstance(was, Tied):
            return self.untied(path, was)
        if isinstance(was, AbstractVarying):
            node = self.view.node_of(path, was)
            given = _by_name(path, was, self.view)
            return dataclasses.replace(was, prior={**given, node: self.changed(path, given[node])})
        return self.changed(path, was)

    def changed(self, path: str, was: Parameter) -> Parameter:
        """Return a number or a prior after its edit: it starts elsewhere, or is another one."""
        before, now = self.before[path], self.now[path]
        if is_scalar(now):
            return self.number(path)
        if isinstance(was, AbstractPrior) and _is_same_prior(path, before, now):
            return _started(_shifted(was, self.shift(path)), float(self.new[path]))
        return self.mapped[path]

    def shift(self, path: str) -> float:
        """Return by how much the prior of a centre is carried along."""
        name, key = path.split(".", 1)
        pairs = [(self.before.get(f"{name}.{axis}"), self.now.get(f"{name}.{axis}")) for axis in AXES]
        carried = any(getattr(one, "loc", None) != getattr(two, "loc", None) for one, two in pairs)
        return float(self.new[path] - self.old[path]) if key in AXES and carried else 0.0

    def number(self, path: str) -> float:
        name, key = path.split(".", 1)
        info = parameter_info(self.own.owners[name])[key]
        value = float(self.new[path])
        return value if self.back is None else float(np.clip(value, info.low, info.high))

    def is_moved(self, path: str) -> bool:
        """Whether a number differs in the first image's pixels, where a parameter may depend on several of the own."""
        if self.back is None:
            return False
        old, new = float(self.old[path]), float(self.new[path])
        return abs(new - old) > ROUNDING * max(1.0, abs(old))

    def untied(self, path: str, tie: Tied) -> Parameter:
        """Return a parameter that is no longer tied; what followed a value per band has a value per band."""
        followed: Parameter = tie
        while isinstance(followed, Tied) and followed.by is None:
            followed = self.was.get(followed.to)
        free = isinstance(self.mapped[path], AbstractPrior)
        if free and isinstance(followed, AbstractVarying) and not followed.is_smooth:
            return dataclasses.replace(followed, prior=self.mapped[path])
        return self.mapped[path]

    def added(self, path: str) -> Parameter:
        """Return a new parameter: one that depends on the image's unit has a value for each band, or each sky."""
        name, key = path.split(".", 1)
        owner, value = self.own.owners[name], self.mapped[path]
        if isinstance(value, AbstractPrior) and "image" in parameter_info(owner)[key].unit:
            return PerImage(value) if isinstance(owner, AbstractSky) else PerBand(value)
        return value

    def curve(self, path: str, was: AbstractVarying) -> Parameter:
        """Return a smooth function with other nodes; if its value in the image was changed instead, all are shifted."""
        given = _by_name(path, was, self.view)
        changed = {node: value for node in given if (value := self.node(path, node)) is not None}
        if not changed and self.now[path] != self.before[path]:
            changed = self.shifted(path, given)
        return dataclasses.replace(was, prior={**given, **changed}) if changed else was

    def node(self, path: str, node: str) -> Parameter | None:
        """Return a node of the joint model after its edit; None if there was none."""
        key = f"{path}.{node}"
        before, now = self.view.nodes.get(key), self.nodes.get(key)
        if before is None or now is None or now == before:
            return None
        return _mapped(self.own, path, now, self.back)

    def shifted(self, path: str, given: Held) -> dict[str, Parameter]:
        """Return the free nodes, shifted on the scale of the interpolation so that the curve has its new value."""
        links = image_links(self.view.joint.owners, self.view.joint.images)
        curve: Curve = links.curves[links.curve_paths.index(path)]
        begun = node_starts(self.view.joint, path)
        free = [node for node, value in given.items() if isinstance(value, AbstractPrior)]
        weight = dict(zip(given, np.asarray(curve.weights[self.view.place]), strict=True))
        total = sum(weight[node] for node in free)
        if abs(total) < LEAST_WEIGHT:
            return {}
        with enable_x64():
            of, to = (np.asarray(curve.scale.of(jnp.asarray(float(each[path])))) for each in (self.old, self.new))
            ends = {
                node: curve.scale.inverse(curve.scale.of(jnp.asarray(begun[node])) + (to - of) / total) for node in free
            }
        return {node: _started(given[node], float(end)) for node, end in ends.items()}


def node_starts(joint: Model, path: str) -> dict[str, float]:
    """Return the starting values of the nodes of a function of the image."""
    names = {f"{path}.{node}" for node in parameters(joint.owners)[path].nodes(path, joint.images)}
    found: dict[str, Any] = {}
    known = expanded(parameters(joint.owners), joint.images)
    for name in in_order(known):
        value = known[name]
        if isinstance(value, Tied):
            found[name] = _end_of(value, found) * (1.0 if value.by is None else _end_of(value.by, found))
        elif not isinstance(value, AbstractVarying):
            found[name] = float(start(name, value)) if isinstance(value, AbstractPrior) else float(value)
    return {name.removeprefix(f"{path}."): found[name] for name in found if name in names}


def _end_of(tie: Tied, found: Mapping[str, float]) -> float:
    return float(tie.scale * found.get(tie.to, math.nan) + tie.offset)


def _numbers(model: Model, back: Frame | None) -> dict[str, Any]:
    """Return all numbers of a model, in the first image's pixels."""
    if back is None:
        return dict(parameters(at(model.owners, model.initial)))
    return mapped_values(model, model.initial, back)


def _by_name(path: str, varying: AbstractVarying, view: ImageView) -> dict[str, Parameter]:
    nodes = nodes_of(path, varying, view.joint.images)
    return {node.removeprefix(f"{path}."): value for node, value in nodes.items()}


def _is_same_prior(path: str, before: Parameter, now: Parameter) -> bool:
    """Whether a prior differs at most in where it starts and, that of a centre, where it lies."""
    if type(now) is not type(before) or not isinstance(now, AbstractPrior):
        return False
    alike = [dataclasses.replace(prior, init=None) for prior in (before, now)]
    if path.split(".", 1)[1] in AXES and isinstance(now, Normal | TruncatedNormal):
        alike = [dataclasses.replace(prior, loc=0.0) for prior in alike]
    return alike[0] == alike[1]


def _shifted(prior: AbstractPrior, by: float) -> AbstractPrior:
    return (
        dataclasses.replace(prior, loc=prior.loc + by) if by and isinstance(prior, Normal | TruncatedNormal) else prior
    )
