"""The parameters of a model of several images: which are free, and what each image makes of them.

A parameter that varies between images is replaced by its nodes, whose paths end in their names: `galaxy.flux.g`. The
owners of one image have an ordinary parameter in its place, which is one of the nodes, or a value of a curve.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from sersiclab.parameters.base import AbstractPrior, AbstractVarying, ImageLabel, Parameter, Tied
from sersiclab.parameters.declarations import ParameterInfo, own_parameters, parameter_info
from sersiclab.parameters.interpolation import Curve, Scale
from sersiclab.parameters.linear import LinearMap, linear_prior
from sersiclab.parameters.priors import Custom
from sersiclab.parameters.stacks import Affine
from sersiclab.parameters.ties import Product, Term, products_of, support
from sersiclab.parameters.tree import Owners, base_path, expanded, free, parameters, replace, start, with_parameters
from sersiclab.parameters.varying import PerBand, PerImage
from sersiclab.runtime.errors import InputError


Labels = Sequence[ImageLabel]


class ImageLinks(eqx.Module):
    """How the free parameters of each image follow from the joint ones.

    `numbers` holds the shared parameters and all nodes; the values of the curves are appended to them. `places` says
    where each image's free parameters, `paths`, lie among these. `curve_paths` are the parameters that are curves.
    """

    numbers: Affine
    curves: tuple[Curve, ...]
    places: tuple[Int[np.ndarray, " parameter"], ...]
    paths: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    curve_paths: tuple[str, ...] = eqx.field(static=True)

    def known(self, values: Float[Array, " d"]) -> Float[Array, " known"]:
        """Return the numbers and the values of the curves, from those of the joint parameters."""
        return known(self.numbers, self.curves, values)


def known(numbers: Affine, curves: Sequence[Curve], values: Float[Array, " d"]) -> Float[Array, " known"]:
    """Return the numbers and the values of the curves in every image, from the values of the joint parameters."""
    found = numbers.at(jnp.concatenate([values, jnp.zeros(1, values.dtype)]))
    return jnp.concatenate([found, *[curve.at(found) for curve in curves]])


def in_image(owners: Owners, labels: Labels, place: int) -> dict[str, eqx.Module]:
    """Return the owners of one image: the parameters that vary between images, and ties to nodes, are ordinary ones."""
    found = parameters(owners)
    joint = _Joint.of(owners, labels)
    changes: dict[str, Parameter] = {}
    for path, value in found.items():
        if isinstance(value, AbstractVarying):
            changes[path] = joint.ordinary(path, value, place)
        elif joint.is_tied_to_node(value):
            changes[path] = joint.parameter(path)
    return replace(owners, changes) if changes else dict(owners)


def image_links(owners: Owners, labels: Labels) -> ImageLinks:
    """Return how the free parameters of each image follow from the joint ones."""
    joint = _Joint.of(owners, labels)
    paths = tuple(free(owners, labels))
    order = {path: i for i, path in enumerate(joint.products)}
    curves, first = {}, len(order)
    for path, value in parameters(owners).items():
        if isinstance(value, AbstractVarying) and value.is_smooth:
            nodes = [order[f"{path}.{name}"] for name in value.nodes(path, labels)]
            curves[path] = (Curve(tuple(nodes), joint.scales[path], value.weights(path, labels)), first)
            first += len(labels)
    image_paths = [tuple(free(in_image(owners, labels, i))) for i in range(len(labels))]

    def place(path: str, i: int) -> int:
        if path in curves:
            return curves[path][1] + i
        return order[joint.node_of(path, i)]

    return ImageLinks(
        numbers=Affine.of([product.first for product in joint.products.values()], paths),
        curves=tuple(curve for curve, _ in curves.values()),
        places=tuple(np.array([place(path, i) for path in some], int) for i, some in enumerate(image_paths)),
        paths=tuple(image_paths),
        curve_paths=tuple(curves),
    )


def chosen(owners: Owners, name: str) -> dict[str, eqx.Module]:
    """Return the owners of one image, or band, of which only the name is known.

    Raises `ValueError` if a curve has a prior for each node: where they lie is not known.
    """
    changes: dict[str, Parameter] = {}
    for path, value in parameters(owners).items():
        if isinstance(value, AbstractVarying):
            known = [""] if value.is_smooth else ["", name]
            if not (found := [value.given[key] for key in known if key in value.given]):
                raise InputError(
                    f"{path} has values for {list(value.given)}, and what {name!r} makes of them is not known: use "
                    "model.for_images(images)"
                )
            changes[path] = found[0]
    return replace(owners, changes) if changes else dict(owners)


def without_nodes(owners: Owners, names: Collection[str]) -> dict[str, Parameter]:
    """Return the parameters with a value for each image or band, `{path: parameter}`, without those of these names."""
    changes: dict[str, Parameter] = {}
    for path, value in parameters(owners).items():
        if isinstance(value, PerBand | PerImage) and (gone := set(value.given) & set(names)):
            kept = {name: node for name, node in value.given.items() if name not in gone}
            changes[path] = dataclasses.replace(value, prior=kept)
    return changes


def first_of(owners: Owners) -> dict[str, eqx.Module]:
    """Return the owners with the first node that is not tied in place of each parameter that varies."""
    changes = {}
    for path, value in parameters(owners).items():
        if isinstance(value, AbstractVarying):
            changes[path] = next((node for node in value.given.values() if not isinstance(node, Tied)), value)
    return replace(owners, changes) if changes else dict(owners)


def variants(owner: eqx.Module) -> list[Any]:
    """Return an owner with each node in place of the parameter that varies; the owner itself if none does."""
    held = own_parameters(owner)
    nodes = {
        name: [node for node in value.given.values() if not isinstance(node, Tied)]
        for name, value in held.items()
        if isinstance(value, AbstractVarying)
    }
    if not nodes:
        return [owner]
    most = max(len(each) for each in nodes.values())
    return [
        with_parameters(owner, {name: each[min(i, len(each) - 1)] for name, each in nodes.items() if each})
        for i in range(max(most, 1))
    ]


def start_of(value: Parameter) -> float:
    """Return a number, or the starting value of a prior."""
    return float(start("a node", value)) if isinstance(value, AbstractPrior) else float(value)


class _Joint(NamedTuple):
    """What is known of the joint parameters: their products, which are terms, and the ranges of those that vary."""

    labels: Labels
    varying: Mapping[str, AbstractVarying]
    expanded: Mapping[str, Parameter]
    products: Mapping[str, Product]
    scales: Mapping[str, Scale]

    @staticmethod
    def of(owners: Owners, labels: Labels) -> "_Joint":
        found = parameters(owners)
        varying = {path: value for path, value in found.items() if isinstance(value, AbstractVarying)}
        joint = expanded(found, labels)
        # A tie to a parameter as a function of the image is kept in every image, and is no joint number.
        nodes = {path: value for path, value in joint.items() if not _follows(value, found)}
        products, wrong = products_of(nodes)
        for message in wrong.values():
            raise InputError(message)
        scales = {}
        for path, value in varying.items():
            owner, key = path.split(".", 1)
            scales[path] = _scale(parameter_info(owners[owner])[key], value)
        return _Joint(labels, varying, joint, products, scales)

    def is_tied_to_node(self, value: Parameter) -> bool:
        return isinstance(value, Tied) and any(
            base_path(to) in self.varying and to != base_path(to) for to in value.targets
        )

    def node_of(self, path: str, place: int) -> str:
        """Return the joint path of the number that an image's parameter is."""
        if path not in self.varying:
            return path
        value = self.varying[path]
        return f"{path}.{value.nodes(path, self.labels)[int(np.argmax(value.weights(path, self.labels)[place]))]}"

    def ordinary(self, path: str, value: AbstractVarying, place: int) -> Parameter:
        """Return the prior or the number of a parameter in one image."""
        if not value.is_smooth:
            return self.parameter(self.node_of(path, place))
        nodes = [f"{path}.{name}" for name in value.nodes(path, self.labels)]
        weights = value.weights(path, self.labels)[place]
        starts = jnp.asarray([self.start(node) for node in nodes], dtype=float)
        settled = float(Curve(tuple(range(len(nodes))), self.scales[path], weights[None]).at(starts)[0])
        priors = {node: self.parameter(node) for node in nodes}
        nearest = sorted(zip(np.abs(weights), nodes, strict=True), reverse=True)
        prior = next((priors[node] for _, node in nearest if isinstance(priors[node], AbstractPrior)), None)
        return settled if prior is None else started(prior, settled)

    def parameter(self, path: str) -> Parameter:
        """Return the prior or the number of a node, or of a parameter that is tied to one."""
        term = self.products[path].first
        if term.path is None:
            return term.offset
        prior: Any = self.expanded[term.path]
        if (term.scale, term.offset) == (1.0, 0.0):
            return prior
        known = linear_prior(prior, LinearMap(float(term.scale), float(term.offset)))
        if known is not None:
            return started(known, self.start(path))
        transform = dist.transforms.AffineTransform(term.offset, term.scale, domain=prior.distribution().support)
        law: Any = dist.TransformedDistribution(prior.distribution(), transform)
        return Custom(base=law, init=self.start(path))

    def start(self, path: str) -> float:
        """Return the starting value of a node."""
        term: Term = self.products[path].first
        if term.path is None:
            return float(term.offset)
        return float(term.scale * start(term.path, self.expanded[term.path]) + term.offset)


def started(prior: AbstractPrior, value: float) -> AbstractPrior:
    """Return a prior with another value to start from, if it allows that."""
    low, high = prior.support()
    return eqx.tree_at(lambda p: p.init, prior, value, is_leaf=lambda x: x is None) if low < value < high else prior


def _scale(info: ParameterInfo, value: AbstractVarying) -> Scale:
    """Return the scale of a parameter: the logit of its range, narrowed to what its priors allow, or its logarithm.

    A parameter without a lower end, such as a flux, has a logarithm if its priors allow no negative number.
    """
    low, high = support(value)
    if math.isinf(info.low - info.high):
        return Scale(0.0 if math.isinf(info.low) and low >= 0.0 else info.low, info.high)
    priors = any(isinstance(node, AbstractPrior) for node in value.given.values())
    return Scale(max(info.low, low), min(info.high, high)) if priors else Scale(info.low, info.high)


def _follows(value: Parameter, found: Mapping[str, Parameter]) -> bool:
    """Whether a parameter follows another as a function of the image, at any remove."""
    if not isinstance(value, Tied):
        return False
    if value.by is not None:
        return True
    target = found.get(value.to)
    return isinstance(target, AbstractVarying) or _follows(target, found)
