"""What a renderer is."""

from abc import abstractmethod
from collections.abc import Mapping

import equinox as eqx
from jaxtyping import Array, Float

from sersiclab.image import Image
from sersiclab.profiles import AbstractProfile


class AbstractCanvas(eqx.Module):
    """What a renderer derives once from an image: shape, grids, the PSF's transfer function.

    The shape is static; arrays are leaves, so a canvas is an argument of jitted functions.
    """

    shape: eqx.AbstractVar[tuple[int, int]]


class AbstractRenderer(eqx.Module):
    """Draws components, all of whose parameters are numbers, as the detector saw them."""

    @abstractmethod
    def check(self, name: str, component: AbstractProfile) -> None:
        """Raise unless this renderer can draw the component `name` wherever its priors allow.

        `TypeError` if it can't draw this kind at all, `ValueError` naming the parameter whose range is too wide.
        """

    @abstractmethod
    def prepare(self, image: Image) -> AbstractCanvas:
        """The canvas of an image. Raises if the image can't be rendered by this renderer."""

    @abstractmethod
    def render(self, components: Mapping[str, AbstractProfile], canvas: AbstractCanvas) -> Float[Array, "y x"]:
        """The sum of all components."""

    @abstractmethod
    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: AbstractCanvas
    ) -> dict[str, Float[Array, "y x"]]:
        """Each component alone."""
