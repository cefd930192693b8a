"""The accuracy of a rendered image, by comparison with a slow reference."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.data.image import Image
from sersiclab.model.cubature import Brightness, Scene
from sersiclab.model.lowering import lower
from sersiclab.model.model import Model
from sersiclab.model.pictures import render
from sersiclab.parameters.scalars import Scalar
from sersiclab.profiles import AbstractExtended, AbstractSky, PointSource
from sersiclab.runtime.errors import InputTypeError


try:
    from jax import enable_x64
except ImportError:  # JAX before 0.8
    from jax.experimental import enable_x64  # pyright: ignore[reportAttributeAccessIssue]


# Number of points at which a brightness is evaluated at once.
_BLOCK = 8192


@dataclasses.dataclass(frozen=True, repr=False)
class RenderError:
    """The error of a rendered image.

    `max_sigma` is the largest error of an unmasked pixel in units of its sigma, and `pixel` (y, x) its place. `flux` is
    the error of the sources' light in the image, as a fraction of that light.
    """

    max_sigma: float
    pixel: tuple[int, int]
    flux: float

    def __repr__(self) -> str:
        return f"RenderError(max_sigma={self.max_sigma:.2g} at pixel (y, x) = {self.pixel}, flux={self.flux:.2g})"


def render_error(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> RenderError:
    """Compare `render(model, image, values)` with an exact reference in double precision.

    The reference integrates the formula of every source's surface brightness by adaptive cubature, and has no code in
    common with the renderers. The PSF is interpolated as a band-limited function. It takes seconds to minutes.

    Arguments:
        model: the model.
        image: gives the shape, sigma, PSF and mask.
        values: `{path: number}`. Other free parameters have their initial values.

    Returns:
        The largest error in units of sigma, its place, and the error of the flux.

    Raises:
        TypeError: a source has no method brightness(x, y).
        ValueError: `values` has an unknown path, or a number outside its parameter's range.

    Example:
        >>> galaxy = sl.Gaussian(xc=7.0, yc=6.0, flux=100.0, fwhm=5.0, ellip=0.2, theta=0.3)
        >>> error = sl.render_error(sl.Model({"galaxy": galaxy}), sl.Image(np.zeros((14, 16)), sigma=0.1))
        >>> error.max_sigma < 0.01
        True
    """
    drawn = render(model, image, values)
    sources, skies = reference(model, image, values)
    error = drawn - (sources + skies)
    scaled = np.divide(np.abs(error), image.sigma, out=np.zeros(image.shape), where=image.valid)
    y, x = np.unravel_index(np.argmax(scaled), image.shape)
    light = float(np.sum(sources))
    flux = float(np.sum(error)) / light if light else 0.0
    return RenderError(max_sigma=float(scaled[y, x]), pixel=(int(y), int(x)), flux=flux)


def reference(
    model: Model, image: Image, values: Mapping[str, Scalar] | None = None
) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
    """Return the exact image of the sources, and that of the skies, by `cubature`.

    For sources without edges it is accurate to 1e-7 of the brightest pixel. The PSF is interpolated as a band-limited
    function.
    """
    chosen = model.at({**model.initial, **({} if values is None else values)}).components
    scene, skies = Scene(image), np.zeros(image.shape)
    with enable_x64():
        components = lower(chosen)
        for name, component in components.items():
            if isinstance(component, AbstractSky):
                skies += _sky(component, image.shape)
            elif isinstance(component, PointSource):
                scene.add_point(float(component.flux), float(component.xc), float(component.yc))
            elif isinstance(component, AbstractExtended):
                scene.add(_brightness(component), float(component.xc), float(component.yc))
            else:
                raise InputTypeError(
                    f"render_error needs a brightness(x, y) of each source, and components[{name!r}], "
                    f"a {type(component).__name__}, has none"
                )
    return scene.seen(), skies


def _sky(sky: AbstractSky, shape: tuple[int, int]) -> Float[np.ndarray, "y x"]:
    y, x = (np.arange(side) - (side - 1) / 2 for side in shape)
    return np.asarray(sky.brightness(*(jnp.asarray(part) for part in np.meshgrid(x, y))))


@jax.jit
def _evaluated(source: AbstractExtended, x: Float[Array, " p"], y: Float[Array, " p"]) -> Float[Array, " p"]:
    return jnp.broadcast_to(source.brightness(x, y), x.shape)


def _brightness(source: AbstractExtended) -> Brightness:
    """Return a function for the brightness of a source at any number of offsets, which compiles once."""

    def brightness(x: Float[np.ndarray, " p"], y: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        count = -(-x.size // _BLOCK) * _BLOCK
        blocks = [np.pad(part, (0, count - x.size), constant_values=1.0).reshape(-1, _BLOCK) for part in (x, y)]
        values = [np.asarray(_evaluated(source, *block)) for block in zip(*blocks, strict=True)]
        return np.concatenate([*values, np.zeros(0)])[: x.size]

    return brightness
