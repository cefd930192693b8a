"""The posterior density of a model given an image, on which every inference method works."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int

from sersiclab import parameters
from sersiclab.data.image import Image
from sersiclab.model import scaling
from sersiclab.model.lowering import lower
from sersiclab.model.model import Model
from sersiclab.noise import AbstractNoise, AbstractNormalNoise
from sersiclab.parameters import AbstractPrior
from sersiclab.parameters.quantiles import quantile
from sersiclab.parameters.stacks import Stacks, Values
from sersiclab.profiles import AbstractProfile, AbstractSource
from sersiclab.rendering import AbstractCanvas, AbstractRenderer
from sersiclab.runtime.errors import InputError


Vector = Float[Array | np.ndarray, " d"]


class Density(eqx.Module):
    """The posterior density in the unconstrained space of the free parameters.

    A point `u` is a vector with one real number per free parameter, in the order of `paths`. A density is a pytree: if
    it is an argument of a jitted function, one with a new prior, image or mask of the same structure and shape compiles
    nothing. Make one with `Density.of(model, image)`.

    `priors` are stacked by kind, and `members` lists the parameters that have a prior of each kind. Compile time
    therefore does not grow with the number of parameters, nor, because of `stacks`, with that of components of one
    kind.

    If single precision can't hold the image's numbers, the density is that of a scaled image and model
    (`sersiclab.model.scaling`): its values are the user's times two to the power of `shift`, and its images and sigma
    are the user's times two to the power of `exponent`. `inward` and `outward` convert values; `u` and quantities
    without a unit are unchanged.
    """

    stacks: Stacks
    noise: AbstractNoise
    renderer: AbstractRenderer
    canvas: AbstractCanvas
    priors: tuple[AbstractPrior, ...]
    data: Float[Array | np.ndarray, "y x"]
    sigma: Float[Array | np.ndarray, "y x"]
    valid: Bool[Array | np.ndarray, "y x"]
    shift: Int[Array | np.ndarray, " d"]
    exponent: Int[Array | np.ndarray, ""]
    members: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    paths: tuple[str, ...] = eqx.field(static=True)

    @staticmethod
    def of(model: Model, image: Image) -> "Density":
        """Return the density of a model given an image, as an argument for jitted functions."""
        exponent = scaling.exponent_of(image)
        owners = scaling.scaled(model.owners, exponent)
        free = parameters.free(owners)
        paths = tuple(free)
        members, priors = _by_kind(list(free.values()))

        def together(owner: eqx.Module) -> bool:
            return model.renderer.takes_stacks and isinstance(owner, AbstractSource)

        noise = owners["noise"].among(image.valid)
        return lower(
            Density(
                stacks=Stacks.of({**owners, "noise": noise}, paths, together=together),
                noise=noise,
                renderer=model.renderer,
                canvas=model.renderer.prepare(image),
                priors=priors,
                # Masked pixels may hold anything, even NaN, which would spread through gradients.
                data=scaling.times(np.where(image.mask, 0.0, image.data), exponent),
                sigma=np.where(image.mask, 1.0, scaling.times(image.sigma, exponent)),
                valid=~image.mask,
                shift=scaling.shifts(owners, paths, exponent),
                exponent=np.array(exponent),
                members=members,
                paths=paths,
            )
        )

    def inward(self, values: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Convert the user's values, in the order of `paths`, to the scaled ones of this density."""
        return scaling.times(values, np.asarray(self.shift))

    def outward(self, values: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
        """Convert values of this density to the user's."""
        return scaling.times(values, -np.asarray(self.shift))

    def values(self, given: Mapping[str, float]) -> Values:
        """Return the user's values by path as the scaled ones of this density."""
        vector = self.inward(np.array([given[path] for path in self.paths], float))
        return Values(self.paths, jnp.asarray(vector, dtype=float))

    @property
    def log_unit(self) -> float:
        """The number to add to the log likelihood to get that of the user's data: ln 2^exponent for each pixel."""
        return float(self.exponent) * math.log(2) * int(np.sum(self.valid))

    def constrain(self, u: Vector) -> Values:
        """Return the parameters' values at `u`, by path."""
        parts = [
            jax.vmap(lambda prior, ui: prior.transform()(ui))(prior, ui)
            for prior, ui in zip(self.priors, self._split(u), strict=True)
        ]
        return Values(self.paths, self._join(parts))

    def unconstrain(self, values: Mapping[str, Any]) -> Float[Array, " d"]:
        """Return the point `u` at which the parameters have these values; none of the free ones may be missing."""
        vector = Values.of(values, self.paths).vector
        return self._join(
            [
                jax.vmap(lambda prior, xi: prior.transform().inv(xi))(prior, x)
                for prior, x in zip(self.priors, self._split(vector), strict=True)
            ]
        )

    def quantiles(self, shares: Vector) -> Values:
        """Return the values below which the priors have these shares, between 0 and 1, of their probability.

        Raises `ValueError` naming a parameter if its prior is a distribution without quantiles.
        """
        parts = []
        for prior, members, q in zip(self.priors, self.members, self._split(shares), strict=True):
            try:
                parts.append(jax.vmap(quantile)(prior, q))
            except NotImplementedError:
                path, law = self.paths[members[0]], type(prior.distribution()).__name__
                raise InputError(f"{path} has no prior_transform: its prior, {law}, has neither icdf nor cdf") from None
        return Values(self.paths, self._join(parts))

    def log_prior(self, u: Vector, *, jacobian: bool = True) -> Float[Array, ""]:
        """Return the log prior density of `u` or, without `jacobian`, of the parameters themselves."""

        def one(prior: AbstractPrior, ui: Any) -> Float[Array, ""]:
            transform = prior.transform()
            x = transform(ui)
            log_density = prior.distribution().log_prob(x)
            if jacobian:
                log_density = log_density + transform.log_abs_det_jacobian(ui, x)
            return jnp.asarray(log_density)

        total = jnp.zeros(())
        for prior, ui in zip(self.priors, self._split(u), strict=True):
            total += jnp.sum(jax.vmap(one)(prior, ui))
        return total

    def noise_at(self, values: Mapping[str, Any]) -> AbstractNoise:
        """Return the noise model with a number for every parameter."""
        return self._owners(values)["noise"]

    def mean(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Return the model image."""
        return self._mean(self._owners(values))

    def distribution(self, values: Mapping[str, Any]) -> dist.Distribution:
        """Return the distribution of the data."""
        owners = self._owners(values)
        return owners["noise"].distribution(self._mean(owners), jnp.asarray(self.sigma))

    def pointwise_log_likelihood(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Return the log likelihood of each pixel; zero where masked."""
        return jnp.where(self.valid, self.distribution(values).log_prob(self.data), 0.0)

    def residuals(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Return (data - model) / sigma, whitened if the noise is correlated; zero where masked."""
        residual, sigma = jnp.asarray(self.data) - self.mean(values), jnp.asarray(self.sigma)
        white = residual / sigma
        if isinstance(self.noise, AbstractNormalNoise):
            white = self.noise.whitened(residual, sigma)
        return jnp.where(self.valid, white, 0.0)

    def log_density(self, u: Vector) -> Float[Array, ""]:
        """Return the log posterior density of `u`, up to a constant."""
        return self.log_prior(u) + jnp.sum(self.pointwise_log_likelihood(self.constrain(u)))

    def _owners(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return self.stacks.at(Values.of(values, self.paths).vector)

    def _mean(self, owners: Mapping[str, Any]) -> Float[Array, "y x"]:
        components = {name: owner for name, owner in owners.items() if isinstance(owner, AbstractProfile)}
        return self.renderer.render(components, self.canvas)

    def _split(self, vector: Vector) -> list[Float[Array, " _"]]:
        """Split a vector into the numbers that belong to each kind of prior."""
        ends = np.cumsum([len(members) for members in self.members])
        return jnp.split(_reordered(jnp.asarray(vector), self._order), ends[:-1])

    def _join(self, parts: list[Float[Array, " _"]]) -> Float[Array, " d"]:
        """Return the vector that `_split` splits into these parts."""
        return _reordered(jnp.concatenate(parts), np.argsort(self._order))

    @property
    def _order(self) -> Int[np.ndarray, " d"]:
        """The indices of the parameters, sorted by kind of prior."""
        return np.array([i for members in self.members for i in members], int)


def _reordered(vector: Float[Array, " d"], order: Int[np.ndarray, " d"]) -> Float[Array, " d"]:
    # With unique indices, JAX computes the adjoint without adding up entries.
    return vector.at[order].get(mode="promise_in_bounds", unique_indices=True)


def _by_kind(priors: list[AbstractPrior]) -> tuple[tuple[tuple[int, ...], ...], tuple[AbstractPrior, ...]]:
    """Return the indices of the priors of each kind, and the stacked priors of each kind."""
    priors = [dataclasses.replace(prior, init=None) for prior in priors]
    kinds: dict[Any, list[int]] = {}
    for i, prior in enumerate(priors):
        shapes = tuple(np.shape(leaf) for leaf in jax.tree.leaves(prior))
        kinds.setdefault((jax.tree.structure(prior), shapes), []).append(i)
    stacked = [jax.tree.map(_column, *(priors[i] for i in members)) for members in kinds.values()]
    return tuple(tuple(members) for members in kinds.values()), tuple(stacked)


def _column(*numbers: Any) -> Any:
    traced = any(isinstance(number, jax.Array) for number in numbers)
    return jnp.array(numbers) if traced else np.array(numbers)
