"""Posterior densities in the unconstrained space of the free parameters: what does not depend on images."""

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab.model import scaling
from sersiclab.parameters import AbstractPrior
from sersiclab.parameters.quantiles import quantile
from sersiclab.parameters.stacks import Values
from sersiclab.runtime.errors import InputError


Vector = Float[Array | np.ndarray, " d"]


class AbstractDensity(eqx.Module):
    """Base class of posterior densities of the free parameters, as functions of a point `u`.

    `u` is a vector with one real number per free parameter, in the order of `paths`. A density is a pytree: if it is an
    argument of a jitted function, one with a new prior, image or mask of the same structure and shape compiles nothing.

    `priors` are stacked by kind, and `members` lists the parameters that have a prior of each kind. Compile time
    therefore does not grow with the number of parameters. `shift` holds the powers of two by which the density's values
    exceed the user's; see `Density`.
    """

    priors: eqx.AbstractVar[tuple[AbstractPrior, ...]]
    members: eqx.AbstractVar[tuple[tuple[int, ...], ...]]
    paths: eqx.AbstractVar[tuple[str, ...]]
    shift: eqx.AbstractVar[Any]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of what has a number for each pixel."""

    @property
    def size(self) -> int:
        """The number of pixels."""
        return math.prod(self.shape)

    @property
    @abstractmethod
    def used(self) -> int:
        """The number of pixels that are not masked."""

    @property
    @abstractmethod
    def is_least_squares(self) -> bool:
        """Whether minus the log likelihood is half a sum of squares, up to a constant."""

    @property
    @abstractmethod
    def log_unit(self) -> float:
        """The number to add to the log likelihood to get that of the user's data."""

    @abstractmethod
    def pointwise_log_likelihood(self, values: Mapping[str, Any]) -> Float[Array, "*pixels"]:
        """Return the log likelihood of each pixel; zero where masked."""

    @abstractmethod
    def residuals(self, values: Mapping[str, Any]) -> Float[Array, "*pixels"]:
        """Return (data - model) / sigma, whitened if the noise is correlated; zero where masked."""

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

    def log_density(self, u: Vector) -> Float[Array, ""]:
        """Return the log posterior density of `u`, up to a constant."""
        return self.log_prior(u) + jnp.sum(self.pointwise_log_likelihood(self.constrain(u)))

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


def by_kind(priors: list[AbstractPrior]) -> tuple[tuple[tuple[int, ...], ...], tuple[AbstractPrior, ...]]:
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
