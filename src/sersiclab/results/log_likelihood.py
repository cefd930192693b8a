"""The log likelihood of pixels, or of patches of pixels, at every draw."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.model.density import Density
from sersiclab.parameters.stacks import Values
from sersiclab.results.draws import Draws, coordinates
from sersiclab.results.per_draw import BATCH, chunks


if TYPE_CHECKING:
    import xarray as xr

LIMIT = 2**25  # numbers kept as log likelihood: 128 MiB in single precision


def pointwise(model: Model, image: Image, draws: Mapping[str, Draws], *, images: int = 1) -> "xr.Dataset":
    """Return the log likelihood `data` (chain, draw, pixel) of the unmasked pixels, with their `y` and `x`.

    If that would be more than `LIMIT` numbers, the pixels are summed in square patches (chain, draw, patch), which are
    as small as the limit allows; `y` and `x` are then their centres. Leaving one out at a time (LOO) is as sound for
    patches as for pixels. If a fit has several `images`, they share the limit.
    """
    chains, number = next(iter(draws.values())).shape
    order, starts = patches(image, patch_size(image, chains * number * images))
    density = Density.of(model, image)
    result = np.empty((chains * number, len(starts)), density.data.dtype)
    for values, part in chunks({path: array.reshape(-1) for path, array in draws.items()}, density.shift):
        pixels = np.asarray(_pointwise(density, values))
        rows = result[part]
        np.add.reduceat(pixels[: len(rows), order], starts, axis=1, out=rows)
    if density.log_unit:
        sizes = np.diff(starts, append=len(order))
        result += (density.log_unit * sizes / len(order)).astype(result.dtype)
    return placed(image, (chains, number), lambda shape: result.reshape(shape), images=images)


def placed(
    image: Image, draws: tuple[int, int], fill: Callable[[tuple[int, ...]], Any], *, images: int = 1
) -> "xr.Dataset":
    """Return the dataset of `pointwise` for draws of this shape (chain, draw); `fill` makes an array of its shape."""
    import xarray as xr

    size = patch_size(image, draws[0] * draws[1] * images)
    order, starts = patches(image, size)
    name = "pixel" if size == 1 else "patch"
    nx = image.shape[1]
    y, x = order[starts] // nx, order[starts] % nx
    middle = 0.5 * (size - 1)
    corners = {"y": y, "x": x} if size == 1 else {"y": y // size * size + middle, "x": x // size * size + middle}
    return xr.Dataset(
        {"data": (("chain", "draw", name), fill((*draws, len(starts))))},
        coords=coordinates(*draws) | {axis: (name, at) for axis, at in corners.items()},
        attrs={"patch_size": size},
    )


def patch_size(image: Image, number: int) -> int:
    """Return the smallest side of patches, in pixels, with which `number` draws keep within `LIMIT`."""
    size = 1
    while number * len(patches(image, size)[1]) > LIMIT and size < max(image.shape):
        size += 1
    return size


def patches(image: Image, size: int) -> tuple[Int[np.ndarray, " pixel"], Int[np.ndarray, " patch"]]:
    """Return the flat indices of the unmasked pixels, patch by patch, and where each patch starts among them."""
    y, x = np.nonzero(image.valid)
    label = y // size * (image.shape[1] // size + 1) + x // size
    order = np.argsort(label, kind="stable")
    starts = np.nonzero(np.diff(label[order], prepend=-1))[0]
    return (y * image.shape[1] + x)[order], starts


@jax.jit
def _pointwise(density: Density, values: Values) -> Float[Array, "draw pixel"]:
    return jax.lax.map(lambda v: density.pointwise_log_likelihood(v).reshape(-1), values, batch_size=BATCH)
