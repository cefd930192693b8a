"""The frame of a model's parameters: the pixels of one image, as seen by another."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def _array(value: Any) -> Any:
    return value if isinstance(value, jax.Array) else np.asarray(value, float)


class Frame(eqx.Module):
    """The affine map from the pixels of the first image, in which parameters are given, to those of another image.

    All numbers are arrays, so that the frames of several images can be stacked. Positions are computed from their
    offsets from `origin`, which keeps them accurate in single precision.

    Arguments:
        matrix: of the linear part, pixels of the other image per pixel of the first. Its determinant is negative if
            one image is a mirror image of the other.
        origin: (x, y) in the pixels of the first image, about which the map was linearised.
        place: where the origin lies, (x, y) in the pixels of the other image.
        flux: the number by which a flux in the unit of the first image is multiplied.
    """

    matrix: Float[Array | np.ndarray, "2 2"] = eqx.field(converter=_array)
    origin: Float[Array | np.ndarray, " 2"] = eqx.field(converter=_array)
    place: Float[Array | np.ndarray, "2 *draws"] = eqx.field(converter=_array)
    flux: Float[Array | np.ndarray, ""] = eqx.field(converter=_array, default=1.0)

    def moved(self, dx: Any, dy: Any) -> "Frame":
        """Return the map whose positions in the other image are moved by `dx` and `dy`, numbers or arrays of draws."""
        return eqx.tree_at(lambda frame: frame.place, self, _pair(self.place[0] + dx, self.place[1] + dy))

    @property
    def area(self) -> Any:
        """The area of a pixel of the first image, in pixels of the other."""
        return abs(determinant(self.matrix))

    def to_image(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return positions in the other image's pixels."""
        m, x, y = self.matrix, x - self.origin[0], y - self.origin[1]
        return self.place[0] + (m[0, 0] * x + m[0, 1] * y), self.place[1] + (m[1, 0] * x + m[1, 1] * y)

    def to_frame(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return positions in the first image's pixels."""
        m, x, y = self.matrix, x - self.place[0], y - self.place[1]
        det = determinant(m)
        along_x, along_y = (m[1, 1] * x - m[0, 1] * y) / det, (m[0, 0] * y - m[1, 0] * x) / det
        return self.origin[0] + along_x, self.origin[1] + along_y


def _pair(x: Any, y: Any) -> Any:
    xp: Any = jnp if isinstance(x, jax.Array) or isinstance(y, jax.Array) else np
    return xp.stack(xp.broadcast_arrays(x, y))


def determinant(matrix: Float[Array | np.ndarray, "2 2"]) -> Any:
    """Return the determinant of a matrix of two rows, in plain arithmetic."""
    return matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
