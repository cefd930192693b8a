"""Mock images: the picture of a model, with noise."""

from collections.abc import Mapping
from typing import Any, overload

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import scaling
from sersiclab.model.joint_pictures import own_models
from sersiclab.model.model import Model, scaled
from sersiclab.model.pictures import render
from sersiclab.parameters.scalars import Scalar
from sersiclab.runtime.seeds import checked_seed, key_of, subseed


@overload
def simulate(model: Model, image: Image, values: Mapping[str, Scalar] | None = None, *, seed: int = 0) -> Image: ...
@overload
def simulate(model: Model, image: Images, values: Mapping[str, Scalar] | None = None, *, seed: int = 0) -> Images: ...
def simulate(model: Model, image: Any, values: Mapping[str, Scalar] | None = None, *, seed: int = 0) -> Any:
    """Return a mock image, or several: the picture of the model, with noise drawn from `model.noise`.

    Arguments:
        model: the model.
        image: an `Image`, or `Images`, for everything but the data: shape, sigma, PSF, mask and metadata.
        values: `{path: number}`. Other free parameters have their initial values.
        seed: the seed of the noise.

    Returns:
        The image; of `Images`, all of them, with independent noise. Masked pixels have data too, but no noise where
        their sigma is not a positive number.

    Raises:
        ValueError: `values` has an unknown path, or a number outside its parameter's range.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(0.5)})
        >>> mock = sl.simulate(model, sl.Image(np.zeros((60, 70)), sigma=0.1), seed=3)
        >>> round(float(mock.data.mean()), 2), round(float(mock.data.std()), 2)
        (0.5, 0.1)
    """
    seed = checked_seed(seed)
    if isinstance(image, Images):
        for number, (name, own) in enumerate(own_models(model, image, values).items()):
            image = image.with_image(name, simulate(own, image[name], seed=subseed(seed, number)))
        return image
    mean = render(model, image, values)
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
    """Draw every free parameter from its prior once; returns values by path."""
    keys = jax.random.split(key_of(seed), max(len(model.free), 1))
    return {
        path: float(jnp.asarray(prior.distribution().sample(key)))
        for key, (path, prior) in zip(keys, model.free.items(), strict=False)
    }
