"""Draws as what the installed ArviZ calls native."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab.data.image import Image
from sersiclab.model import Model, scaling
from sersiclab.model.density import Density
from sersiclab.parameters.scalars import check_count
from sersiclab.parameters.stacks import Values
from sersiclab.results import document
from sersiclab.results.diagnostics import arviz
from sersiclab.results.per_draw import BATCH, CHUNK, chunks
from sersiclab.results.summary import parameter_units
from sersiclab.runtime.seeds import checked_seed, key_of


if TYPE_CHECKING:
    import xarray as xr

    from sersiclab.results.fit import Fit

LIMIT = 2**25  # numbers kept as log likelihood: 128 MiB in single precision

Draws = Float[np.ndarray, "chain draw"]


def variable(name: str) -> str:
    """The name of a quantity in ArviZ's object, in which `/` separates groups."""
    return name.replace("/", "_")


def build(fit: "Fit") -> Any:
    """ArviZ's object of a fit with draws; see `Fit.posterior`."""
    import xarray as xr

    units = parameter_units(fit.model, fit.image.unit) | {name: quantity.unit for name, quantity in fit.derived.items()}
    draws = fit.draws | {name: quantity.draws for name, quantity in fit.derived.items()}
    groups = {
        "posterior": _dataset(draws, units),
        "log_likelihood": _log_likelihood_to_come(fit),
        "sample_stats": _dataset(fit.stats, {}),
        "observed_data": xr.Dataset({"data": (("y", "x"), fit.image.data)}),
        "constant_data": xr.Dataset({"sigma": (("y", "x"), fit.image.sigma), "mask": (("y", "x"), fit.image.mask)}),
    }
    attributes = document.attributes(fit)
    groups = {name: data.assign_attrs(attributes) for name, data in groups.items() if data.data_vars}
    az = arviz()
    if az.__version__.startswith("0."):
        return az.InferenceData(attrs=attributes, **groups)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes)
    return tree


def log_likelihood(model: Model, image: Image, draws: Mapping[str, Draws]) -> "xr.Dataset":
    """Log likelihood `data` (chain, draw, pixel) of the unmasked pixels, with their `y` and `x`.

    If that were more than `LIMIT` numbers, of square patches of pixels (chain, draw, patch), just as
    large as need be, with the `y` and `x` of their centres. Leaving one out at a time (LOO) is as sound
    for patches as for pixels.
    """
    chains, number = next(iter(draws.values())).shape
    order, starts = patches(image, patch_size(image, chains * number))
    density = Density.of(model, image)
    result = np.empty((chains * number, len(starts)), density.data.dtype)
    for values, part in chunks({path: array.reshape(-1) for path, array in draws.items()}, density.shift):
        pixels = np.asarray(_pointwise(density, values))
        rows = result[part]
        np.add.reduceat(pixels[: len(rows), order], starts, axis=1, out=rows)
    if density.log_unit:
        sizes = np.diff(starts, append=len(order))
        result += (density.log_unit * sizes / len(order)).astype(result.dtype)
    return _placed(image, (chains, number), lambda shape: result.reshape(shape))


def _placed(image: Image, draws: tuple[int, int], fill: Callable[[tuple[int, ...]], Any]) -> "xr.Dataset":
    """The log likelihood's dataset for draws of this shape (chain, draw); `fill` gives its numbers for their shape."""
    import xarray as xr

    size = patch_size(image, draws[0] * draws[1])
    order, starts = patches(image, size)
    name = "pixel" if size == 1 else "patch"
    nx = image.shape[1]
    y, x = order[starts] // nx, order[starts] % nx
    middle = 0.5 * (size - 1)
    corners = {"y": y, "x": x} if size == 1 else {"y": y // size * size + middle, "x": x // size * size + middle}
    return xr.Dataset(
        {"data": (("chain", "draw", name), fill((*draws, len(starts))))},
        coords=_coordinates(*draws) | {axis: (name, at) for axis, at in corners.items()},
        attrs={"patch_size": size},
    )


def _log_likelihood_to_come(fit: "Fit") -> "xr.Dataset":
    """`fit.log_likelihood`, rendered when its numbers are first asked for."""
    from sersiclab.results.deferred import deferred

    draws = next(iter(fit.draws.values())).shape
    kind = np.dtype(jnp.result_type(float))
    return _placed(fit.image, draws, lambda shape: deferred(shape, kind, partial(_numbers, fit)))


def _numbers(fit: "Fit") -> np.ndarray:
    return fit.log_likelihood["data"].values


def patch_size(image: Image, number: int) -> int:
    """The smallest side of patches, in pixels, with which `number` draws keep within `LIMIT`."""
    size = 1
    while number * len(patches(image, size)[1]) > LIMIT and size < max(image.shape):
        size += 1
    return size


def patches(image: Image, size: int) -> tuple[Int[np.ndarray, " pixel"], Int[np.ndarray, " patch"]]:
    """The unmasked pixels' flat indices, patch by patch, and where each patch starts among them."""
    y, x = np.nonzero(image.valid)
    label = y // size * (image.shape[1] // size + 1) + x // size
    order = np.argsort(label, kind="stable")
    starts = np.nonzero(np.diff(label[order], prepend=-1))[0]
    return (y * image.shape[1] + x)[order], starts


def predictive(model: Model, image: Image, draws: Mapping[str, Draws], n: int, seed: int) -> Float[np.ndarray, "n y x"]:
    """Images with noise for `n` draws taken at random, with replacement only if there are fewer."""
    flat = {path: array.reshape(-1) for path, array in draws.items()}
    total = len(next(iter(flat.values())))
    check_count("n", n, least=1)
    seed = checked_seed(seed)
    chosen = np.random.default_rng(seed).choice(total, size=n, replace=n > total)
    density = Density.of(model, image)
    images = np.empty((n, *image.shape), density.data.dtype)
    for values, part in chunks({path: array[chosen] for path, array in flat.items()}, density.shift):
        key = jax.random.fold_in(key_of(seed), part.start)
        images[part] = np.asarray(_predictive(density, values, key))[: len(images[part])]
    return scaling.times(images, -np.asarray(density.exponent))


@jax.jit
def _pointwise(density: Density, values: Values) -> Float[Array, "draw pixel"]:
    return jax.lax.map(lambda v: density.pointwise_log_likelihood(v).reshape(-1), values, batch_size=BATCH)


@jax.jit
def _predictive(density: Density, values: Values, key: Array) -> Float[Array, "draw y x"]:
    def one(pair: tuple[Any, Array]) -> Any:
        return density.distribution(pair[0]).sample(pair[1])

    return jax.lax.map(one, (values, jax.random.split(key, CHUNK)), batch_size=BATCH)


def _dataset(arrays: Mapping[str, np.ndarray], units: Mapping[str, str]) -> "xr.Dataset":
    import xarray as xr

    if not arrays:
        return xr.Dataset()
    return xr.Dataset(
        {variable(n): (("chain", "draw"), a, {"unit": units[n]} if n in units else {}) for n, a in arrays.items()},
        coords=_coordinates(*next(iter(arrays.values())).shape),
    )


def _coordinates(chains: int, number: int) -> dict[str, np.ndarray]:
    return {"chain": np.arange(chains), "draw": np.arange(number)}
