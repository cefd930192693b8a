"""Base class of renderers, and the checks that they share."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from sersiclab.data.image import Image
from sersiclab.parameters import own_parameters, parameter_info
from sersiclab.profiles import AbstractExtended, AbstractMixture, AbstractProfile
from sersiclab.runtime.errors import InputError, InputTypeError


class AbstractCanvas(eqx.Module):
    """Base class of canvases: everything that a renderer derives once from an image, such as the PSF's transform.

    The shape is static, and arrays are leaves of the pytree, so a canvas can be an argument of jitted functions.
    """

    shape: eqx.AbstractVar[tuple[int, int]]


class AbstractRenderer(eqx.Module):
    """Base class of renderers, which draw components as the detector sees them: convolved with the PSF and pixels."""

    takes_stacks: ClassVar[bool] = False
    """Whether `render` also accepts a stack: one source whose parameters are vectors, for several of its kind."""

    @abstractmethod
    def check(self, name: str, component: AbstractProfile) -> None:
        """Raise an error unless this renderer can draw a component over the whole range of its priors.

        Arguments:
            name: the component's name in the model, for the message.
            component: the component; its parameters may be priors.

        Raises:
            TypeError: if components of this kind can't be drawn.
            ValueError: if the range of a parameter is too wide; the message names it.
        """

    @abstractmethod
    def prepare(self, image: Image) -> AbstractCanvas:
        """Return the canvas of an image, which `render` needs.

        Arguments:
            image: the image; its data are not used.

        Returns:
            The canvas, to be computed once for an image.

        Raises:
            ValueError: if this renderer can't draw on such an image.
        """

    @abstractmethod
    def render(self, components: Mapping[str, AbstractProfile], canvas: AbstractCanvas) -> Float[Array, "y x"]:
        """Draw all components together.

        Arguments:
            components: the components by name, with a number for every parameter.
            canvas: the canvas of the image.

        Returns:
            The sum of the components in each pixel (y, x), in image units.
        """

    @abstractmethod
    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: AbstractCanvas
    ) -> dict[str, Float[Array, "y x"]]:
        """Draw each component alone.

        Arguments:
            components: the components by name, with a number for every parameter.
            canvas: the canvas of the image.

        Returns:
            The picture (y, x) of each component, by its name.
        """


def check_limits(renderer: AbstractRenderer, name: str, component: AbstractMixture) -> None:
    """Raise an error if the priors of a mixture allow parameters for which it does not exist."""
    infos, found = parameter_info(component), own_parameters(component)
    for key, (low, high) in component.limits.items():
        try:
            narrower = dataclasses.replace(infos[key], low=low, high=high)
            narrower.check(f"{name}.{key} in {type(renderer).__name__}", found[key])
        except InputError as error:
            instead = ", or choose renderer=PixelRenderer()" if isinstance(component, AbstractExtended) else ""
            raise InputError(f"{error}{instead}") from None


def cannot_draw(renderer: AbstractRenderer, name: str, component: AbstractProfile, needed: str) -> InputTypeError:
    """Return the error for a component that a renderer can't draw; `needed` names the kinds that it draws."""
    return InputTypeError(
        f"{type(renderer).__name__} can't draw components[{name!r}], a {type(component).__name__}: it draws {needed}"
    )
