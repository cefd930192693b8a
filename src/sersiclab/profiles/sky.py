"""Sky backgrounds, which the PSF does not blur."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, parameter
from sersiclab.profiles.base import AbstractSky


class FlatSky(AbstractSky):
    """Flat sky: a constant level.

    Example:
        >>> sl.FlatSky(level=sl.Normal(0.0, 0.1)).level
        Normal(loc=0.0, scale=0.1)
    """

    level: Parameter = parameter(unit="image/pixel", doc="sky level")

    def brightness(self, x: Float[Array, "y x"], y: Float[Array, "y x"]) -> Float[Array, "y x"]:
        return jnp.full_like(x, self.level)


class TiltedSky(AbstractSky):
    """Tilted sky: a plane, `level` at the image's centre, with slopes along x and y."""

    level: Parameter = parameter(unit="image/pixel", doc="sky level at the image's centre")
    slope_x: Parameter = parameter(unit="image/pixel²", doc="change of the sky level per pixel in x")
    slope_y: Parameter = parameter(unit="image/pixel²", doc="change of the sky level per pixel in y")

    def brightness(self, x: Float[Array, "y x"], y: Float[Array, "y x"]) -> Float[Array, "y x"]:
        return self.level + self.slope_x * x + self.slope_y * y
