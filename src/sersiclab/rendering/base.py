"""Base class of renderers."""

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
    """Everything that a renderer derives once from an image: shape, grids, the transfer function of the PSF.

    The shape is static and arrays are leaves, so that a canvas can be an argument of jitted functions.
    """

    shape: eqx.AbstractVar[tuple[int, int]]


class AbstractRenderer(eqx.Module):
    """Draws components, whose parameters are all numbers, as the detector sees them."""

    takes_stacks: ClassVar[bool] = False
    """Whether `render` also accepts sources whose parameters are vectors, each for several sources of a kind."""

    @abstractmethod
    def check(self, name: str, component: AbstractProfile) -> None:
        """Raise unless this renderer can draw the component `name` wherever its priors allow.

        `TypeError` if it can't draw this kind at all, `ValueError` naming the parameter whose range is too wide.
        """

    @abstractmethod
    def prepare(self, image: Image) -> AbstractCanvas:
        """Return the canvas of an image. Raises an `InputError` if this renderer can't draw the image."""

    @abstractmethod
    def render(self, components: Mapping[str, AbstractProfile], canvas: AbstractCanvas) -> Float[Array, "y x"]:
        """Return the sum of all components."""

    @abstractmethod
    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: AbstractCanvas
    ) -> dict[str, Float[Array, "y x"]]:
        """Return an image of each component alone."""


def check_limits(renderer: AbstractRenderer, name: str, component: AbstractMixture) -> None:
    """Raise `ValueError` if a parameter may leave the range in which the mixture exists."""
    infos, found = parameter_info(component), own_parameters(component)
    for key, (low, high) in component.limits.items():
        try:
            narrower = dataclasses.replace(infos[key], low=low, high=high)
            narrower.check(f"{name}.{key} in {type(renderer).__name__}", found[key])
        except ValueError as error:
            instead = ", or choose renderer=PixelRenderer()" if isinstance(component, AbstractExtended) else ""
            raise InputError(f"{error}{instead}") from None


def cannot_draw(renderer: AbstractRenderer, name: str, component: AbstractProfile, needed: str) -> InputTypeError:
    """Return the error for a component of a kind that a renderer can't draw; `needed` lists the kinds that it can."""
    return InputTypeError(
        f"{type(renderer).__name__} can't draw components[{name!r}], a {type(component).__name__}: it draws {needed}"
    )
