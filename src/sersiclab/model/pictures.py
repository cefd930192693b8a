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
from sersiclab.model import scaling
from sersiclab.model.lowering import lower
from sersiclab.model.model import Model, checked_model, checked_values, scaled
from sersiclab.parameters.scalars import Scalar
from sersiclab.rendering import AbstractCanvas
from sersiclab.rendering.groups import AbstractGroupRenderer, Stack, in_turn


def render(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> Any:
    """Return the picture of a model on the pixels of an image, convolved with the PSF and with the sky.

    May be called inside `jax.jit`, `jax.grad` and `jax.vmap`, and inside a numpyro model: model, image and values may
    be traced. A traced number can't be refused where it lies outside its parameter's range; the picture is then finite
    but meaningless.

    Arguments:
        model: the model.
        image: gives the shape, the PSF and the mask; its data are not used.
        values: `{path: number}`, in the parameters' units. Other free parameters have their initial values.

    Returns:
        The picture in the image's unit, of shape (y, x): a NumPy array, or an array of JAX if anything is traced.
        Warns if a pixel is not finite.

    Raises:
        ValueError: `values` has an unknown path, or a number outside its parameter's range.
        TypeError: `model` is not a `Model`, or `image` not an `Image`.

    Example:
        >>> galaxy = sl.Sersic(xc=9.0, yc=7.0, flux=sl.LogUniform(1.0, 1e3), r_eff=2.0, n=1.0, ellip=0.0, theta=0.0)
        >>> image = sl.Image(np.zeros((16, 20)), sigma=1.0)
        >>> picture = sl.render(sl.Model({"galaxy": galaxy}), image, {"galaxy.flux": 100.0})
        >>> picture.shape, round(float(picture.sum()))
        ((16, 20), 100)
    """
    canvas, exponent = checked_model(model).renderer.prepare(checked_image(image)), scaling.exponent_of(image)
    return _finite(scaling.times(_render(_drawn(model, values, exponent), canvas), -exponent))


def render_components(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> dict[str, Any]:
    """Return the picture of each component.

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
    canvas, exponent = checked_model(model).renderer.prepare(checked_image(image)), scaling.exponent_of(image)
    drawn = _drawn(model, values, exponent)
    if isinstance(drawn.renderer, AbstractGroupRenderer):
        parts = in_turn(model.components, [(names, _plain(images)) for names, images in _render_stacks(drawn, canvas)])
    else:
        parts = _render_components(drawn, canvas)
    return {name: _finite(scaling.times(parts[name], -exponent)) for name in model.components}


def joint(model: Model, image: Image) -> None:
    """State the joint density of parameters and data, as a numpyro model for inference with numpyro itself.

    Every free parameter is a sample site with its path as its name, such as "galaxy.n"; the data are the site "data".
    Model and image may be arguments of a jitted function, as with `MCMC(..., jit_model_args=True)`.

    Arguments:
        model: the model.
        image: the data. Masked pixels do not count.

    Raises:
        TypeError: `model` is not a `Model`, or `image` not an `Image`.

    Example:
        >>> from numpyro.infer.util import log_density
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.zeros((4, 5)), sigma=1.0)
        >>> log, sites = log_density(sl.joint, (model, image), {}, {"sky.level": 0.5})
        >>> sorted(sites), round(float(log), 2)
        (['data', 'sky.level'], -21.92)
    """
    free, image = checked_model(model).free, checked_image(image)
    values: dict[str, Any] = {path: numpyro.sample(path, prior.distribution()) for path, prior in free.items()}
    drawn = model.at(values)
    mean = _render(lower(drawn), model.renderer.prepare(image))
    sigma = jnp.where(image.mask, 1.0, image.sigma)
    data = jnp.where(image.mask, 0.0, image.data)
    noise = drawn.noise.among(image.valid).distribution(mean, sigma).mask(jnp.asarray(~image.mask))
    numpyro.sample("data", noise, obs=data)


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
