"""How exact a rendered image is: a comparison with a slow reference."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from sersiclab.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters import Scalar
from sersiclab.profiles import AbstractProfile, AbstractSky
from sersiclab.rendering import PixelRenderer


try:
    from jax import enable_x64
except ImportError:  # JAX before 0.8
    from jax.experimental import enable_x64  # pyright: ignore[reportAttributeAccessIssue]


# So many points along a side the reference samples at most, to spare memory.
_MOST_POINTS = 1200


@dataclasses.dataclass(frozen=True, repr=False)
class RenderError:
    """How far a rendered image is from the exact one.

    `max_sigma` is the largest error of an unmasked pixel in units of its sigma, and `pixel` (y, x) where it
    is. `flux` is the error of the light in the image, skies excepted, as a fraction of that light.
    """

    max_sigma: float
    pixel: tuple[int, int]
    flux: float

    def __repr__(self) -> str:
        return f"RenderError(max_sigma={self.max_sigma:.2g} at pixel (y, x) = {self.pixel}, flux={self.flux:.2g})"


def render_error(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> RenderError:
    """Compare `render(model, image, values)` with a slow and exact reference in double precision.

    The reference draws every source from its surface brightness, a Sérsic from its formula, whatever the
    model's renderer. Raises `TypeError` for a source that has no brightness(x, y).
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
    """The exact image of the sources and that of the skies.

    It is good to 2e-6 of the brightest pixel, where nothing is sharper than a quarter of a pixel.
    """
    components = model.at({**model.initial, **({} if values is None else values)}).components
    skies = {name: component for name, component in components.items() if isinstance(component, AbstractSky)}
    sources = {name: component for name, component in components.items() if name not in skies}
    oversampling = min(max(_MOST_POINTS // max(image.shape), 2), 4)
    renderer = PixelRenderer(cells=96, levels=4, oversampling=oversampling, padding=128)

    def exact(part: Mapping[str, AbstractProfile]) -> Float[np.ndarray, "y x"]:
        return render(Model(dict(part), renderer=renderer), image) if part else np.zeros(image.shape)

    with enable_x64():
        return exact(sources), exact(skies)
