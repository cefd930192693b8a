"""The posterior density of a model as plain functions, for samplers and optimisers of other packages."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model.checked_models import check_one_image, checked_model
from sersiclab.model.joint_density import density_of
from sersiclab.model.joint_pictures import bound
from sersiclab.model.model import Model
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.parameters.stacks import Values


class Posterior(eqx.Module):
    """The posterior density of a model given an image, or several, for your own samplers and optimisers.

    A point `u` is a vector of real numbers without bounds, one per free parameter, in the order of `paths`, as
    Hamiltonian samplers and optimisers need it. Values are a mapping `{path: number}` in the parameters' own units.
    Returned values keep the order of `paths`, and hold all numbers in one array as `values.vector`. If a method takes
    both, a vector is a point and a mapping holds values.

    All methods are compiled and may be called inside `jax.jit`, `jax.grad` and `jax.vmap`. A posterior is a pytree: if
    it is an argument of a jitted function, that of another image of the same shape compiles nothing.

    Log likelihoods are those of the image's numbers. If single precision can't hold these, such as 1e-30, they are
    those of the numbers times a power of two: add `log_unit` to compare evidences with other programs.

    Arguments:
        model: the model.
        image: the data: an `Image`, or `Images`.

    Raises:
        TypeError: `model` is not a `Model`, or `image` neither an `Image` nor `Images`.

    Example:
        >>> image = sl.datasets.example()
        >>> posterior = sl.Posterior(sl.guess(image, "sersic"), image)
        >>> u = posterior.unconstrain(posterior.initial)
        >>> bool(jnp.isfinite(posterior.log_density(u)))
        True
    """

    density: AbstractDensity
    start: Float[Array | np.ndarray, " d"]

    def __init__(self, model: Model, image: Image | Images) -> None:
        """Raise `TypeError` if `model` is not a `Model`, or `image` neither an `Image` nor `Images`."""
        if isinstance(image, Images):
            model = bound(checked_model(model), image)
        else:
            checked_image(image)
            check_one_image(checked_model(model))
        self.density = density_of(model, image)
        self.start = np.array(list(model.initial.values()), float)

    @property
    def paths(self) -> tuple[str, ...]:
        """The free parameters, such as "galaxy.n", in the order of a point's numbers."""
        return self.density.paths

    @property
    def initial(self) -> dict[str, Any]:
        """The starting value of every free parameter."""
        return dict(zip(self.paths, self.start, strict=True))

    @property
    def log_unit(self) -> float:
        """The difference between the log likelihood of the data in the image's unit and ours; usually zero."""
        return self.density.log_unit

    @eqx.filter_jit
    def log_density(self, u: Float[Array | np.ndarray, " d"]) -> Float[Array, ""]:
        """Return the log posterior density at the point `u`, `log_prior(u) + log_likelihood(u)`, up to the evidence."""
        return self.log_prior(u) + self.log_likelihood(u)

    @eqx.filter_jit
    def log_prior(self, at: Float[Array | np.ndarray, " d"] | Mapping[str, Any]) -> Float[Array, ""]:
        """Return the log prior density.

        Arguments:
            at: a point, whose density includes the Jacobian of `constrain`, or values `{path: number}`.

        Returns:
            The log density; minus infinity for values that the priors exclude.
        """
        density = self.density
        if not isinstance(at, Mapping):
            return density.log_prior(jnp.asarray(at, dtype=float))
        found = density.log_prior(self.unconstrain(at), jacobian=False) + math.log(2) * jnp.sum(density.shift)
        return jnp.where(jnp.isnan(found), -jnp.inf, found)

    @eqx.filter_jit
    def log_likelihood(self, at: Float[Array | np.ndarray, " d"] | Mapping[str, Any]) -> Float[Array, ""]:
        """Return the log likelihood of the unmasked pixels; `at` is a point, or values `{path: number}`."""
        density = self.density
        values = self._inward(at) if isinstance(at, Mapping) else density.constrain(jnp.asarray(at, dtype=float))
        return jnp.sum(density.pointwise_log_likelihood(values))

    @eqx.filter_jit
    def constrain(self, u: Float[Array | np.ndarray, " d"]) -> Values:
        """Return the values of the parameters, `{path: number}`, at the point `u` of the unconstrained space."""
        return self._outward(self.density.constrain(jnp.asarray(u, dtype=float)))

    @eqx.filter_jit
    def unconstrain(self, values: Mapping[str, Any]) -> Float[Array, " d"]:
        """Return the point of `values`, which must hold all free parameters; NaN where a prior excludes them."""
        return self.density.unconstrain(self._inward(values))

    @eqx.filter_jit
    def prior_transform(self, cube: Float[Array | np.ndarray, " d"]) -> Values:
        """Return the values at a point of the unit cube, for nested samplers: uniform numbers become prior draws.

        Arguments:
            cube: a number from 0 to 1 for each free parameter, in the order of `paths`.

        Raises:
            ValueError: a prior is a numpyro distribution without `icdf` and `cdf`; the message names its parameter.
        """
        shares = jnp.asarray(cube, dtype=float)
        kind = jnp.finfo(shares.dtype)
        return self._outward(self.density.quantiles(jnp.clip(shares, kind.tiny, 1.0 - kind.epsneg)))

    def _inward(self, values: Mapping[str, Any]) -> Values:
        given = Values.of(values, self.paths)
        return Values(self.paths, jnp.ldexp(given.vector, jnp.asarray(self.density.shift)))

    def _outward(self, values: Values) -> Values:
        return Values(self.paths, jnp.ldexp(values.vector, -jnp.asarray(self.density.shift)))
