"""Smooth curves through the values of their nodes, which stay within the range of their parameter."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Scale(eqx.Module):
    """The function of a parameter that is interpolated: its logit, the log of its distance from an end, or itself.

    A value at an end, where the function is infinite, counts as one very near to it.
    """

    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def of(self, x: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Return the function's value."""
        least = jnp.finfo(x.dtype).tiny if math.isinf(self.low - self.high) else jnp.finfo(x.dtype).eps
        above = jnp.log(jnp.maximum(x - self.low, least)) if math.isfinite(self.low) else None
        below = jnp.log(jnp.maximum(self.high - x, least)) if math.isfinite(self.high) else None
        if above is not None and below is not None:
            return above - below
        return above if above is not None else -below if below is not None else x

    def inverse(self, y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Return the parameter with this value of the function."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return self.low + (self.high - self.low) * jax.nn.sigmoid(y)
        if math.isfinite(self.low):
            return self.low + jnp.exp(y)
        return self.high - jnp.exp(-y) if math.isfinite(self.high) else y


class Curve(eqx.Module):
    """The values of a smooth curve in every image, from those of its nodes, `places` among other numbers."""

    places: tuple[int, ...] = eqx.field(static=True)
    scale: Scale
    weights: Float[Array | np.ndarray, "image node"]

    def at(self, numbers: Float[Array, " number"]) -> Float[Array, " image"]:
        """Return the values in every image."""
        y = self.scale.of(numbers[np.array(self.places)])
        return self.scale.inverse(jnp.matmul(jnp.asarray(self.weights), y, precision=jax.lax.Precision.HIGHEST))

    def slopes(self, numbers: Float[Array, " number"]) -> Float[Array, " image"]:
        """Return the derivatives of the values in every image by what is interpolated there."""
        y = jnp.matmul(jnp.asarray(self.weights), self.scale.of(numbers[np.array(self.places)]))
        return jax.vmap(jax.grad(self.scale.inverse))(y)
