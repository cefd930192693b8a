"""Smooth windows that divide a source into a core, rings around it, and the light outside."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


# A window falls as Q(ORDER, r² / 2), r in units of its scale: Q is the regularised incomplete gamma function.
# It is flat at the centre, where a source may have a cusp, and its spectrum falls as fast as a Gaussian's.
ORDER = 5
# The radius beyond which a window is below 1e-7, in units of its scale.
REACH = 7.2
# An exponent beyond which a window is negligible. Its polynomial could overflow.
_NOTHING = 1000.0


def window(u: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Return the window at `u = r² / 2`: `exp(-u) sum_{j < order} u^j / j!`."""
    u = jnp.minimum(u, _NOTHING)
    total = jnp.ones_like(u)
    for j in range(ORDER - 1, 0, -1):
        total = 1.0 + total * u / j
    return jnp.exp(-u) * total


def smooth_step(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Return 0 below 0, 1 above 1, and between them the cubic that is flat at both ends."""
    x = jnp.clip(x, 0.0, 1.0)
    return x**2 * (3.0 - 2.0 * x)


class WindowShape(eqx.Module):
    """The shape of an elliptical window, and the grid in which it is round.

    `u = (xx x² + 2 xy x y + yy y²) / 2` for an offset (x, y) from the centre. At the points
    `(width i, height j + slope width i)` it is `(i² + j²) / 2`, since any ellipse is a sheared circle.
    """

    xx: Float[Array, "*s"]
    xy: Float[Array, "*s"]
    yy: Float[Array, "*s"]

    @property
    def height(self) -> Float[Array, "*s"]:
        return 1.0 / jnp.sqrt(self.yy)

    @property
    def width(self) -> Float[Array, "*s"]:
        return jnp.sqrt(self.yy / (self.xx * self.yy - self.xy**2))

    @property
    def slope(self) -> Float[Array, "*s"]:
        return -self.xy / self.yy

    def exponent(self, x: Float[Array, "*g"], y: Float[Array, "*g"]) -> Float[Array, "*g"]:
        """Return `u` at (x, y)."""
        return 0.5 * (self.xx * x**2 + 2.0 * self.xy * x * y + self.yy * y**2)


def window_shapes(ratio: Float[Array, ""], theta: Any, core: float, outside: float, levels: int) -> WindowShape:
    """Return the `levels + 1` windows of a source, from that of the core to the outermost.

    The core's window has the axis ratio of the source, and the scale `core` along the major axis (pixels). The light
    outside the outermost window is sampled on the pixels. The scale of that window is therefore at least `outside` in
    all directions, and larger along the major axis of a thin source, so that the source has no finer structure across
    it. The windows between are spaced evenly in the logarithms of their axes.
    """
    major = outside * jnp.maximum(1.0, 0.5 / ratio)
    minor = jnp.maximum(outside, ratio * major)
    steps = jnp.arange(levels + 1, dtype=ratio.dtype) / levels
    along = core ** -(1 - steps) * major**-steps
    across = (core * ratio) ** -(1 - steps) * minor**-steps
    sine, cosine = jnp.sin(theta), jnp.cos(theta)
    return WindowShape(
        xx=(along * sine) ** 2 + (across * cosine) ** 2,
        xy=(across**2 - along**2) * sine * cosine,
        yy=(along * cosine) ** 2 + (across * sine) ** 2,
    )


def finest(oversampling: int) -> float:
    """Return the scale in pixels of the narrowest window outside which light can be sampled at the points of a plane.

    Its spectrum, negligible beyond 7 / scale, must not alias to frequencies that a PSF passes.
    """
    return 7.0 / (2 * math.pi * oversampling - 3.0)
