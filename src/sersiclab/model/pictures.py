"""The picture of a model on the pixels of an image, and its joint density as a numpyro model."""

import warnings
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.core
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float

from sersiclab import parameters
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import scaling
from sersiclab.model.checked_models import check_one_image, checked_model, checked_values
from sersiclab.model.joint_pictures import bound, own_models
from sersiclab.model.lowering import lower
from sersiclab.model.model import Model, scaled
from sersiclab.parameters.scalars import Scalar
from sersiclab.rendering import AbstractCanvas
from sersiclab.rendering.groups import AbstractGroupRenderer, Stack, in_turn


def render(model: Model, image: Image | Images, values: Mapping[str, Scalar] | None = None) -> Any:
    """Return the picture of a model on the pixels of an image, convolved with the PSF and with the sky.

    For `Images` the result is `{name: picture}`, with each picture on the pixels and in the unit of its image.

    May be called inside `jax.jit`, `jax.grad` and `jax.vmap`, and inside a numpyro model: model, image and values may
    be traced. A traced number can't be refused where it lies outside its parameter's range; the picture is then finite
    but meaningless.

    Arguments:
        model: the model.
        image: an `Image`, or `Images`, for the shape, the PSF and the mask; the data are not used.
        values: `{path: number}`, in the parameters' units. Other free parameters have their initial values.

    Returns:
        The picture in the image's unit, of shape (y, x): a NumPy array, or an array of JAX if anything is traced; for
        `Images`, one for each image that has data. Warns if a pixel is not finite.

    Raises:
        ValueError: `values` has an unknown path, or a number outside its parameter's range.
        TypeError: `model` is not a `Model`, or `image` neither an `Image` nor `Images`.

    Example:
        >>> galaxy = sl.Sersic(xc=9.0, yc=7.0, flux=sl.LogUniform(1.0, 1e3), r_eff=2.0, n=1.0, ellip=0.0, theta=0.0)
        >>> image = sl.Image(np.zeros((16, 20)), sigma=1.0)
        >>> picture = sl.render(sl.Model({"galaxy": galaxy}), image, {"galaxy.flux": 100.0})
        >>> picture.shape, round(float(picture.sum()))
        ((16, 20), 100)
    """
    if isinstance(image, Images):
        models = own_models(checked_model(model), image, values)
        return {name: render(own, image[name]) for name, own in models.items()}
    check_one_image(checked_model(model))
    canvas, exponent = model.renderer.prepare(checked_image(image)), scaling.exponent_of(image)
    return _finite(scaling.times(_render(_drawn(model, values, exponent), canvas), -exponent))


def render_components(
    model: Model, image: Image | Images, values: Mapping[str, Scalar] | None = None
) -> dict[str, Any]:
    """Return the picture of each component; for `Images`, `{name of the image: {component: picture}}`.

    Errors and tracing are those of `render`.

    Arguments:
        model: the model.
        image: the image; its data are not used.
        values: as those of `render`.

    Returns:
        The pictures by name of component, each of shape (y, x). They sum to `render(model, image, values)`.

    Example:
        >>> model = sl.Model({"star": sl.PointSource(xc=9.0, yc=7.0, flux=5.0), "sky": sl.FlatSky(0.1)})
        >>> parts = sl.render_components(model, sl.Image(np.zeros((16, 20)), sigma=1.0))
        >>> {name: round(float(part.sum()), 3) for name, part in parts.items()}
        {'star': 5.0, 'sky': 32.0}
    """
    if isinstance(image, Images):
        models = own_models(checked_model(model), image, values)
        return {name: render_components(own, image[name]) for name, own in models.items()}
    check_one_image(checked_model(model))
    canvas, exponent = model.renderer.prepare(checked_image(image)), scaling.exponent_of(image)
    drawn = _drawn(model, values, exponent)
    if isinstance(drawn.renderer, AbstractGroupRenderer):
        parts = in_turn(model.components, [(names, _plain(images)) for names, images in _render_stacks(drawn, canvas)])
    else:
        parts = _render_components(drawn, canvas)
    return {name: _finite(scaling.times(parts[name], -exponent)) for name in model.components}


def joint(model: Model, image: Image | Images) -> None:
    """State the joint density of parameters and data, as a numpyro model for inference with numpyro itself.

    Every free parameter is a sample site with its path as its name, such as "galaxy.n"; the data are the site "data".
    Model and image may be arguments of a jitted function, as with `MCMC(..., jit_model_args=True)`. With several images
    the data of each are a site of their own, such as "data.g".

    Arguments:
        model: the model.
        image: the data: an `Image`, or `Images`. Masked pixels do not count.

    Raises:
        TypeError: `model` is not a `Model`, or `image` neither an `Image` nor `Images`.

    Example:
        >>> from numpyro.infer.util import log_density
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.zeros((4, 5)), sigma=1.0)
        >>> log, sites = log_density(sl.joint, (model, image), {}, {"sky.level": 0.5})
        >>> sorted(sites), round(float(log), 2)
        (['data', 'sky.level'], -21.92)
    """
    if isinstance(image, Images):
        model = bound(checked_model(model), image)
        values: dict[str, Any] = {
            path: numpyro.sample(path, prior.distribution()) for path, prior in model.free.items()
        }
        for name, own in own_models(model, image, values).items():
            _observe(f"data.{name}", own, image[name])
        return
    check_one_image(checked_model(model))
    image = checked_image(image)
    _observe("data", model.at(_sampled(model)), image)


def _sampled(model: Model) -> dict[str, Any]:
    """State the priors of the free parameters, and return their values."""
    return {path: numpyro.sample(path, prior.distribution()) for path, prior in model.free.items()}


def _observe(site: str, drawn: Model, image: Image) -> None:
    """State the density of the pixels of an image, given a model with numbers."""
    mean = _render(lower(drawn), drawn.renderer.prepare(image))
    sigma = jnp.where(image.mask, 1.0, image.sigma)
    data = jnp.where(image.mask, 0.0, image.data)
    noise = drawn.noise.among(image.valid).distribution(mean, sigma).mask(jnp.asarray(~image.mask))
    numpyro.sample(site, noise, obs=data)


def _drawn(model: Model, values: Mapping[str, Scalar] | None, exponent: int) -> Model:
    values = {} if values is None else checked_values(values)
    parameters.check_values(model.owners, values)
    others = {path: parameters.start(path, prior) for path, prior in model.free.items() if path not in values}
    return lower(scaled(model.at({**others, **values}), exponent))


def _finite(picture: Any) -> Any:
    """Return the picture; warn if some of its pixels are not finite, unless it is traced."""
    if isinstance(picture, np.ndarray) and not np.isfinite(picture).all():
        warnings.warn(
            f"{np.count_nonzero(~np.isfinite(picture))} pixels of the picture are not finite: the model's brightness "
            "exceeds the numbers of this precision somewhere",
            stacklevel=3,
        )
    return picture


@eqx.filter_jit
def _render(model: Model, canvas: AbstractCanvas) -> Float[Array, "y x"]:
    return model.renderer.render(model.components, canvas)


def _plain(images: Float[Array | np.ndarray, "component y x"]) -> Any:
    """Return the same images as an array of NumPy, whose parts are not copies, unless they are traced."""
    return images if isinstance(images, jax.core.Tracer) else np.asarray(images)


@eqx.filter_jit
def _render_stacks(model: Any, canvas: AbstractCanvas) -> list[Stack]:
    return model.renderer.render_stacks(model.components, canvas)


@eqx.filter_jit
def _render_components(model: Model, canvas: AbstractCanvas) -> dict[str, Float[Array, "y x"]]:
    return model.renderer.render_components(model.components, canvas)
