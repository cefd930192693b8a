"""Quantities computed from the model image of every draw, a chunk of draws at a time; no image is kept."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, lower, scaled, scaling
from sersiclab.model.density import Density
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.parameters import at, own_parameters
from sersiclab.parameters.stacks import Values
from sersiclab.profiles import AbstractSource
from sersiclab.rendering import AbstractCanvas


CHUNK = 64  # draws between two copies to the host, compiled once
BATCH = 8  # draws rendered at once

Flat = Mapping[str, Float[np.ndarray, " draw"]]


class Moments(NamedTuple):
    """The mean model image and its standard deviation over the draws."""

    mean: Plane
    sd: Plane


def flat(draws: Mapping[str, Float[np.ndarray, "chain draw"]], most: int | None = None) -> dict[str, Any]:
    """Return the draws of all chains in one row, or `most` of them, evenly spaced."""
    rows = {path: array.reshape(-1) for path, array in draws.items()}
    total = len(next(iter(rows.values())))
    if most is None or most >= total:
        return rows
    chosen = np.linspace(0, total - 1, most).round().astype(int)
    return {path: array[chosen] for path, array in rows.items()}


def chunks(draws: Flat, shift: Int[Array | np.ndarray, " d"]) -> Iterator[tuple[Values, slice]]:
    """Yield chunks of draws of one length, so that they compile once (the last is padded), and their slices.

    `shift` holds the powers of two by which their density scales them.
    """
    number = len(next(iter(draws.values())))
    for start in range(0, number, CHUNK):
        index = np.minimum(np.arange(start, start + CHUNK), number - 1)
        vectors = np.stack([array[index] for array in draws.values()], axis=-1)
        yield (
            Values(tuple(draws), jnp.asarray(scaling.times(vectors, np.asarray(shift)), dtype=float)),
            slice(start, min(start + CHUNK, number)),
        )


def parameters(model: Model, draws: Mapping[str, Float[np.ndarray, "..."]]) -> dict[str, Float[np.ndarray, " draw"]]:
    """Return every parameter of the model at each draw, by path: free, tied and fixed ones."""
    rows: dict[str, Any] = {path: np.ravel(np.asarray(values, dtype=float)) for path, values in draws.items()}
    number = len(next(iter(rows.values())))
    return {
        f"{name}.{key}": np.broadcast_to(np.asarray(value, dtype=float), number)
        for name, owner in at(model.owners, rows).items()
        for key, value in own_parameters(owner).items()
    }


def moments(density: Density, draws: Flat, best: Mapping[str, float]) -> Moments:
    """Return the mean and the standard deviation of the model image, by sums about the image at `best`."""
    number = len(next(iter(draws.values())))
    reference = _mean(density, density.values(best))
    sums = np.zeros((2, *density.data.shape))
    for values, part in chunks(draws, density.shift):
        counted = jnp.asarray(np.arange(CHUNK) < part.stop - part.start, dtype=float)
        sums += np.asarray(_sums(density, values, counted, reference), dtype=float)
    mean, square = sums / number
    variance = np.maximum(square - mean**2, 0.0) * number / max(number - 1, 1)
    planes = np.asarray(reference, dtype=float) + mean, np.sqrt(variance)
    return Moments(*(scaling.times(plane, -np.asarray(density.exponent)) for plane in planes))


def log_posterior(
    density: AbstractDensity, draws: Flat, best: Mapping[str, float]
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, "draw d"]]:
    """Return the log posterior density of `u` less the log likelihood at `best`, and the points `u`."""
    reference = _pointwise(density, density.values(best))
    gains, points = [], []
    for values, part in chunks(draws, density.shift):
        gain, u = _gains(density, values, reference)
        gains.append(np.asarray(gain, dtype=float)[: part.stop - part.start])
        points.append(np.asarray(u, dtype=float)[: part.stop - part.start])
    return np.concatenate(gains), np.concatenate(points)


def point(density: AbstractDensity, values: Mapping[str, float]) -> Float[np.ndarray, " d"]:
    """Return the point `u` at which the parameters have these values."""
    return np.asarray(_point(density, density.values(values)), dtype=float)


def log_likelihood_at(density: AbstractDensity, best: Mapping[str, float]) -> float:
    """Return the log likelihood at one point."""
    pixels = np.asarray(_pointwise(density, density.values(best)), dtype=float)
    return float(np.sum(pixels)) + density.log_unit


def ring_sums(
    model: Model, image: Image, draws: Flat, label: Int[np.ndarray, "y x"], rings: int
) -> dict[str, Float[np.ndarray, "draw ring"]]:
    """Return the light of each source in rings, for every draw; `label` is the ring of a pixel, or -1."""
    names = [name for name, part in model.components.items() if isinstance(part, AbstractSource)]
    exponent = scaling.exponent_of(image)
    canvas, lowered = model.renderer.prepare(image), lower(scaled(model, exponent))
    shift = scaling.shifts(model.owners, tuple(draws), exponent)
    places = jnp.asarray(np.where(label < 0, rings, label).ravel())
    counts = jnp.zeros(rings + 1)
    found: dict[str, list[Any]] = {name: [] for name in names}
    for values, part in chunks(draws, shift):
        sums = _ring_sums(lowered, canvas, values, places, counts)
        for name in names:
            found[name].append(np.asarray(sums[name], dtype=float)[: part.stop - part.start, :rings])
    return {name: scaling.times(np.concatenate(blocks), -exponent) for name, blocks in found.items()}


@jax.jit
def _mean(density: Density, values: Values) -> Float[Array, "y x"]:
    return density.mean(values)


@jax.jit
def _pointwise(density: AbstractDensity, values: Values) -> Float[Array, "*pixels"]:
    return density.pointwise_log_likelihood(values)


@jax.jit
def _point(density: AbstractDensity, values: Values) -> Float[Array, " d"]:
    return density.unconstrain(values)


@jax.jit
def _sums(density: Density, values: Values, counted: Array, reference: Array) -> Float[Array, "2 y x"]:
    def add(total: Array, each: tuple[Values, Array]) -> tuple[Array, None]:
        images = jax.vmap(lambda v: density.mean(v) - reference)(each[0])
        weights = each[1][:, None, None]
        return total + jnp.stack([jnp.sum(weights * images, 0), jnp.sum(weights * images**2, 0)]), None

    split = jax.tree.map(lambda leaf: jnp.reshape(leaf, (-1, BATCH, *leaf.shape[1:])), (values, counted))
    return jax.lax.scan(add, jnp.zeros((2, *reference.shape)), split)[0]


@jax.jit
def _gains(density: AbstractDensity, values: Values, reference: Array) -> tuple[Array, Array]:
    def one(v: Values) -> tuple[Array, Array]:
        # Pixel by pixel: the difference of two sums would be lost in single precision.
        gain, u = jnp.sum(density.pointwise_log_likelihood(v) - reference), density.unconstrain(v)
        return gain + density.log_prior(u), u

    return jax.lax.map(one, values, batch_size=BATCH)


@jax.jit
def _ring_sums(model: Model, canvas: AbstractCanvas, values: Values, places: Array, counts: Array) -> dict[str, Array]:
    def one(v: Values) -> dict[str, Array]:
        parts = model.renderer.render_components(model.at(v).components, canvas)
        return {name: counts.at[places].add(jnp.ravel(part)) for name, part in parts.items()}

    return jax.lax.map(one, values, batch_size=BATCH)
