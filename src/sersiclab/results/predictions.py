"""Random draws of data sets from the posterior predictive distribution, and of parameters from their priors."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.data.image import Image
from sersiclab.model import Model, scaling
from sersiclab.model.density import Density
from sersiclab.parameters import AbstractPrior, free
from sersiclab.parameters.scalars import check_count
from sersiclab.parameters.stacks import Values
from sersiclab.results.draws import Draws
from sersiclab.results.per_draw import BATCH, CHUNK, chunks
from sersiclab.runtime.seeds import checked_seed, key_of


PRIOR_STREAM = 2**31 - 1  # folded into the seed: draws of the priors are independent of the noise, which counts from 0


def predictive(
    model: Model, image: Image, draws: Mapping[str, Draws], n: int, seed: int, *, place: int = 0
) -> Float[np.ndarray, "n y x"]:
    """Return images with noise for `n` random draws, which are repeated only if there are fewer.

    For several images of one fit, the draws chosen are the same; their `place` among them makes their noise differ.
    """
    flat = {path: array.reshape(-1) for path, array in draws.items()}
    total = len(next(iter(flat.values())))
    check_count("n", n, least=1)
    seed = checked_seed(seed)
    chosen = np.random.default_rng(seed).choice(total, size=n, replace=n > total)
    density, noise = Density.of(model, image), key_of(seed)
    noise = jax.random.fold_in(noise, PRIOR_STREAM - place) if place else noise
    images = np.empty((n, *image.shape), density.data.dtype)
    for values, part in chunks({path: array[chosen] for path, array in flat.items()}, density.shift):
        key = jax.random.fold_in(noise, part.start)
        images[part] = np.asarray(_predictive(density, values, key))[: len(images[part])]
    return scaling.times(images, -np.asarray(density.exponent))


def from_priors(model: Model, exponent: int, n: int, seed: int) -> dict[str, Float[np.ndarray, "1 n"]]:
    """Return `n` draws of each free parameter from its prior.

    Like fits, they are drawn in a unit in which single precision holds the image's numbers, by this `exponent`.
    """
    priors = free(scaling.scaled(model.owners, exponent), model.images)
    shifts = scaling.shifts(model.owners, tuple(priors), exponent)
    samples = _samples(tuple(priors.values()), jax.random.fold_in(key_of(checked_seed(seed)), PRIOR_STREAM), n)
    return {
        path: scaling.times(np.asarray(drawn), -np.asarray(shift))
        for path, drawn, shift in zip(priors, samples, shifts, strict=True)
    }


@partial(jax.jit, static_argnames="n")
def _samples(priors: tuple[AbstractPrior, ...], key: Array, n: int) -> list[Float[Array, "1 n"]]:
    keys = jax.random.split(key, len(priors))
    return [jnp.asarray(prior.distribution().sample(each, (1, n))) for prior, each in zip(priors, keys, strict=True)]


@jax.jit
def _predictive(density: Density, values: Values, key: Array) -> Float[Array, "draw y x"]:
    def one(pair: tuple[Any, Array]) -> Any:
        return density.distribution(pair[0]).sample(pair[1])

    return jax.lax.map(one, (values, jax.random.split(key, CHUNK)), batch_size=BATCH)
