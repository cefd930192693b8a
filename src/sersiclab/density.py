"""The posterior density of a model, given an image: what every inference method works on."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from sersiclab.image import Image
from sersiclab.model import Model, lower
from sersiclab.parameters import AbstractPrior
from sersiclab.rendering import AbstractCanvas


Vector = Float[Array | np.ndarray, " d"]
Values = dict[str, Float[Array, ""]]


class Density(eqx.Module):
    """The posterior density in the unconstrained space of the free parameters.

    A point `u` is a vector with one real number per free parameter, in the order of `paths`. A density
    is a pytree: pass it to jitted functions as an argument, and a new prior, image or mask of the same
    structure and shape compiles nothing. Make one with `Density.of(model, image)`.
    """

    model: Model
    canvas: AbstractCanvas
    data: Float[Array, "y x"]
    sigma: Float[Array, "y x"]
    valid: Bool[Array, "y x"]
    paths: tuple[str, ...] = eqx.field(static=True)

    @staticmethod
    def of(model: Model, image: Image) -> "Density":
        """The density of a model given an image, ready for jitted functions."""
        return lower(
            Density(
                model=model,
                canvas=model.renderer.prepare(image),
                # Masked pixels may hold anything, even NaN, whose gradient would spread.
                data=jnp.asarray(np.where(image.mask, 0.0, image.data)),
                sigma=jnp.asarray(np.where(image.mask, 1.0, image.sigma)),
                valid=jnp.asarray(~image.mask),
                paths=tuple(model.free),
            )
        )

    def constrain(self, u: Vector) -> Values:
        """The parameters' values at `u`, by path."""
        values: Values = dict.fromkeys(self.paths, jnp.zeros(()))
        for _, indices, priors in self._groups():
            x = jax.vmap(lambda prior, ui: prior.transform()(ui))(priors, u[indices])
            values.update({self.paths[i]: x[k] for k, i in enumerate(indices)})
        return values

    def unconstrain(self, values: Mapping[str, Any]) -> Float[Array, " d"]:
        """The point `u` at which the parameters have these values (all free ones must be there)."""
        u = jnp.zeros(len(self.paths))
        for _, indices, priors in self._groups():
            x = jnp.stack([jnp.asarray(values[self.paths[i]], dtype=u.dtype) for i in indices])
            u = u.at[indices].set(jax.vmap(lambda prior, xi: prior.transform().inv(xi))(priors, x))
        return u

    def log_prior(self, u: Vector, *, jacobian: bool = True) -> Float[Array, ""]:
        """Log prior density: of `u`, or of the parameters themselves if not `jacobian`."""

        def one(prior: AbstractPrior, ui: Any) -> Float[Array, ""]:
            transform = prior.transform()
            x = transform(ui)
            log_density = prior.distribution().log_prob(x)
            if jacobian:
                log_density = log_density + transform.log_abs_det_jacobian(ui, x)
            return jnp.asarray(log_density)

        total = jnp.zeros(())
        for _, indices, priors in self._groups():
            total += jnp.sum(jax.vmap(one)(priors, u[indices]))
        return total

    def mean(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """The model image."""
        drawn = self.model.at(values)
        return drawn.renderer.render(drawn.components, self.canvas)

    def pointwise_log_likelihood(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Log likelihood of each pixel; zero where masked."""
        drawn = self.model.at(values)
        mean = drawn.renderer.render(drawn.components, self.canvas)
        return jnp.where(self.valid, drawn.noise.distribution(mean, self.sigma).log_prob(self.data), 0.0)

    def residuals(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """(data - model) / sigma; zero where masked."""
        return jnp.where(self.valid, (self.data - self.mean(values)) / self.sigma, 0.0)

    def log_density(self, u: Vector) -> Float[Array, ""]:
        """Log posterior density of `u`, up to a constant."""
        return self.log_prior(u) + jnp.sum(self.pointwise_log_likelihood(self.constrain(u)))

    def _groups(self) -> list[tuple[Any, np.ndarray, AbstractPrior]]:
        """The priors stacked by kind, so that compile time does not grow with their number."""
        free = self.model.free
        by_kind: dict[Any, list[int]] = {}
        for i, path in enumerate(self.paths):
            by_kind.setdefault(jax.tree.structure(free[path]), []).append(i)
        return [
            (kind, np.array(indices), jax.tree.map(lambda *x: jnp.stack(x), *(free[self.paths[i]] for i in indices)))
            for kind, indices in by_kind.items()
        ]
