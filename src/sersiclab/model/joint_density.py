"""The posterior density of a model given several images.

Every image has the density of an ordinary model, in which each parameter that varies between images is an ordinary
one. Its values follow from those of the joint parameters: they are some of them or, for a smooth curve, weighted sums
of a function of them. Densities of one structure and shape are stacked and computed by `lax.map`, so that compile time
does not grow with the number of images.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab import parameters
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import scaling
from sersiclab.model.density import Density
from sersiclab.model.joint_frames import frames_of
from sersiclab.model.lowering import alike, lower
from sersiclab.model.model import Model
from sersiclab.model.unconstrained import AbstractDensity, Vector, by_kind
from sersiclab.parameters import AbstractPrior
from sersiclab.parameters.interpolation import Curve
from sersiclab.parameters.joint import image_links, known
from sersiclab.parameters.stacks import Affine, Values


class ImageGroup(eqx.Module):
    """Images whose densities share a structure and a shape, stacked.

    `places` says where the values of each image's parameters lie among what is known; see `ImageLinks`. `order` holds
    the place of each image among all that have data.
    """

    density: Density
    places: Int[Array | np.ndarray, "image parameter"]
    order: Int[Array | np.ndarray, " image"]

    @property
    def number(self) -> int:
        """The number of images."""
        return self.places.shape[0]

    def map(self, function: Callable[[Density, Float[Array, " p"]], Any], values: Float[Array, "image p"]) -> Any:
        """Return the function of each image's density and values, stacked."""
        if self.number == 1:
            one = function(jax.tree.map(lambda leaf: leaf[0], self.density), values[0])
            return jax.tree.map(lambda leaf: leaf[None], one)
        return jax.lax.map(lambda each: function(*each), (self.density, values))


class JointDensity(AbstractDensity):
    """The posterior density of the joint parameters, given all images."""

    groups: tuple[ImageGroup, ...]
    numbers: Affine
    curves: tuple[Curve, ...]
    priors: tuple[AbstractPrior, ...]
    shift: Int[Array | np.ndarray, " d"]
    members: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    paths: tuple[str, ...] = eqx.field(static=True)

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(group.density.data.size for group in self.groups),)

    @property
    def used(self) -> int:
        return sum(int(np.sum(group.density.valid)) for group in self.groups)

    @property
    def is_least_squares(self) -> bool:
        return all(group.density.is_least_squares for group in self.groups)

    @property
    def log_unit(self) -> float:
        return sum(
            float(e) * math.log(2) * int(np.sum(v))
            for group in self.groups
            for e, v in zip(np.atleast_1d(group.density.exponent), group.density.valid, strict=True)
        )

    def image_values(self, vector: Vector) -> list[Float[Array, "image p"]]:
        """Return the values of the parameters of each image, group by group."""
        found = known(self.numbers, self.curves, jnp.asarray(vector))
        return [found.at[jnp.asarray(group.places)].get(mode="promise_in_bounds") for group in self.groups]

    def pointwise_log_likelihood(self, values: Mapping[str, Any]) -> Float[Array, " pixels"]:
        return self._everywhere(Density.pointwise_log_likelihood, values)

    def residuals(self, values: Mapping[str, Any]) -> Float[Array, " pixels"]:
        return self._everywhere(Density.residuals, values)

    def _everywhere(self, function: Callable[..., Array], values: Mapping[str, Any]) -> Float[Array, " pixels"]:
        vector = Values.of(values, self.paths).vector
        found = [
            group.map(lambda density, own: function(density, Values(density.paths, own)), each)
            for group, each in zip(self.groups, self.image_values(vector), strict=True)
        ]
        return jnp.concatenate([each.ravel() for each in found])


def joint_density(model: Model, images: Images) -> JointDensity:
    """Return the posterior density of a model, which is bound to the images, given all that have data."""
    exponent = scaling.common_exponent(images[label.name] for label in model.images)
    frames = frames_of(model, images)
    links = image_links(scaling.scaled(model.owners, exponent), model.images)
    densities = [
        Density.of(model.of(name), images[name], exponent=exponent, frame=frame) for name, frame in frames.items()
    ]
    free = parameters.free(scaling.scaled(model.owners, exponent), model.images)
    members, priors = by_kind(list(free.values()))
    return lower(
        JointDensity(
            groups=_grouped(densities, links.places),
            numbers=links.numbers,
            curves=links.curves,
            priors=priors,
            shift=scaling.shifts(model.owners, tuple(free), exponent),
            members=members,
            paths=tuple(free),
        )
    )


def density_of(model: Model, data: Image | Images) -> Density | JointDensity:
    """Return the posterior density of a model given one image, or several.

    One image among `Images`, with a model in which nothing varies, has the density of that image alone, so that its
    results are the same to the last bit.
    """
    if not isinstance(data, Images):
        return Density.of(model, data)
    if len(model.images) > 1 or model.varies:
        return joint_density(model, data)
    ((name, frame),) = frames_of(model, data).items()
    return Density.of(model.of(name), data[name], frame=frame)


def _grouped(densities: Sequence[Density], places: Sequence[np.ndarray]) -> tuple[ImageGroup, ...]:
    """Return densities of one structure and shape as groups, with the places of their parameters."""

    def stacked(*leaves: Any) -> np.ndarray:
        return np.stack([np.asarray(leaf) for leaf in leaves])

    return tuple(
        ImageGroup(
            jax.tree.map(stacked, *(densities[i] for i in some)), np.stack([places[i] for i in some]), np.array(some)
        )
        for some in alike(densities)
    )
