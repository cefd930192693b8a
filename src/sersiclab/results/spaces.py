"""The unconstrained space of each parameter of a fit, in which its covariance is given."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro.distributions.transforms import Transform

from sersiclab.model import scaling
from sersiclab.parameters import free
from sersiclab.results.drawn import AbstractDrawn


class Space(NamedTuple):
    """The unconstrained space of a parameter as its density has it, scaled by a power of two, and its best point."""

    transform: Transform
    u: Float[Array, ""]
    shift: int

    def value(self, u: Float[Array, ""]) -> Any:
        """Return the parameter, in the user's unit."""
        value = self.transform(u)
        return jnp.ldexp(value, -self.shift) if self.shift else value

    def inverse(self, value: Float[Array, ""]) -> Any:
        """Return u, from the parameter in the user's unit."""
        return self.transform.inv(jnp.ldexp(value, self.shift) if self.shift else value)

    def slope(self) -> float:
        """Return the derivative of the parameter by u at the best point."""
        return math.ldexp(float(abs(jax.grad(self.transform)(self.u))), -self.shift)


def spaces_of(fit: AbstractDrawn) -> dict[str, Space]:
    """Return the space of every free parameter, by path."""
    exponent, spaces = fit.exponent, {}
    priors = free(scaling.scaled(fit.model.owners, exponent), fit.model.images)
    shifts = scaling.shifts(fit.model.owners, tuple(priors), exponent)
    for (path, prior), shift in zip(priors.items(), shifts.tolist(), strict=True):
        transform = prior.transform()
        u = jnp.asarray(transform.inv(math.ldexp(fit.best[path], shift)), dtype=float)
        spaces[path] = Space(transform, u, shift)
    return spaces
