"""Mock images: a model's picture with noise drawn."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.data.image import Image
from sersiclab.model import scaling
from sersiclab.model.model import Model, scaled
from sersiclab.model.pictures import render
from sersiclab.parameters.scalars import Scalar
from sersiclab.runtime.seeds import checked_seed, key_of


def simulate(model: Model, image: Image, values: Mapping[str, Scalar] | None = None, *, seed: int = 0) -> Image:
    """An image like `image` whose data are the model's, with noise drawn from `model.noise`.

    Everything else is that of `image`: sigma, PSF, mask, metadata. Free parameters that `values` lacks
    have their initial value. Masked pixels get data too; where sigma is unusable they get no noise.
    """
    seed, mean = checked_seed(seed), render(model, image, values)
    exponent = scaling.exponent_of(image)
    noise = scaled(model.at({**model.initial, **(values or {})}), exponent).noise
    usable = np.isfinite(image.sigma) & (image.sigma > 0)
    sigma = np.where(usable, image.sigma, 1.0)
    planes = (jnp.asarray(scaling.times(plane, exponent)) for plane in (mean, sigma))
    drawn = noise.distribution(*planes).sample(key_of(seed))
    data = np.where(usable, scaling.times(drawn, -exponent), mean).astype(image.data.dtype)
    data.flags.writeable = False
    return eqx.tree_at(lambda old: old.data, image, data)


def draw_prior(model: Model, *, seed: int = 0) -> dict[str, float]:
    """One draw of every free parameter from its prior, by path."""
    keys = jax.random.split(key_of(seed), max(len(model.free), 1))
    return {
        path: float(jnp.asarray(prior.distribution().sample(key)))
        for key, (path, prior) in zip(keys, model.free.items(), strict=False)
    }
