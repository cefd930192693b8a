"""What a profile is, and the conventions that every profile keeps.

- Arrays are indexed `[y, x]`. Pixel centres lie at integers counted from 0; `xc` is the column, `yc`
  the row.
- `theta` is in radians, counter-clockwise from +y (up), defined modulo pi.
- `r_eff` is the semi-major axis of the ellipse that holds half the light, in pixels.
- `ellip` is 1 - b/a.
- `flux` is the total to infinity, in the image's units. It may be negative where its prior allows it.
- A mask is True where a pixel is excluded.
"""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, ParameterInfo, check_parameters, parameter, parameter_info


LogWidths = Float[np.ndarray, " k"]

# The least radius in pixels at which a profile is evaluated.
_CENTRE = 1e-12


class AbstractProfile(eqx.Module):
    """A component of a model: a source of light, or a sky."""

    def __check_init__(self) -> None:
        check_parameters(self)


class AbstractSource(AbstractProfile):
    """A profile that is blurred by the PSF."""

    xc: eqx.AbstractVar[Parameter]
    yc: eqx.AbstractVar[Parameter]
    flux: eqx.AbstractVar[Parameter]


class AbstractExtended(AbstractSource):
    """A source with a surface brightness: what `PixelRenderer` draws."""

    @abstractmethod
    def brightness(self, x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Surface brightness per pixel at the offset (x, y) from the centre, before the PSF.

        It may diverge at the centre, if its integral doesn't, where it is never evaluated.
        """


class AbstractElliptical(AbstractExtended):
    """An extended source whose isophotes are similar ellipses, or such a source reshaped."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of the isophotes."""

    @abstractmethod
    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Surface brightness at the semi-major axis `m` > 0, were the source round and its flux 1."""

    def brightness(self, x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        ellip, theta = self.shape()
        return self.flux / (1.0 - ellip) * self.radial(elliptical_radius(x, y, ellip, theta))


class AbstractMixture(AbstractSource):
    """A source that is a mixture of concentric, similar elliptical Gaussians: what `HybridRenderer` draws fastest.

    A point source is the mixture whose Gaussians all have width zero.
    """

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """The ranges of parameters in which the mixture exists, where they are narrower than declared."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of the Gaussians."""

    @abstractmethod
    def scales(self) -> tuple[Any, ...]:
        """The numbers of which `weights` is a function; none if the source is a point."""

    @staticmethod
    @abstractmethod
    def weights(log_width: LogWidths, *scales: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
        """The fractions of the flux in Gaussians of the given ln sigma, and in a point.

        `log_width` (sigma in pixels) is evenly spaced by `decomposition.SPACING`, its dtype is that of the
        result. Profiles that share this function are drawn together.
        """


class AbstractTransformed(AbstractSource):
    """A source whose Fourier transform is known in closed form: what `FourierRenderer` draws."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of the isophotes."""

    @abstractmethod
    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Fourier transform at the wave number `k` (radians per pixel), were the source round and its flux 1."""


class AbstractSky(AbstractProfile):
    """A smooth background that is not blurred by the PSF."""

    @abstractmethod
    def brightness(self, x: Float[Array, "y x"], y: Float[Array, "y x"]) -> Float[Array, "y x"]:
        """Surface brightness per pixel at the pixel centres `x`, `y`, counted from the image's centre."""


def usual_parameters(cls: type[AbstractProfile]) -> dict[str, ParameterInfo]:
    """The declared parameters of a class, narrowed to where every renderer draws it."""
    limits = cls.limits if issubclass(cls, AbstractMixture) else {}
    infos = parameter_info(cls)
    narrower = {name: dataclasses.replace(infos[name], low=low, high=high) for name, (low, high) in limits.items()}
    return infos | narrower


def centre_parameter(axis: str) -> Any:
    """The declaration of `xc` or `yc`, the same in every source."""
    return parameter(unit="pixel", doc=f"centre, {axis} (pixel centres at integers from 0)")


def flux_parameter() -> Any:
    """The declaration of `flux`, the same in every source."""
    return parameter(unit="image", doc="total flux, to infinity")


def r_eff_parameter() -> Any:
    """The declaration of `r_eff`, the same in every galaxy profile."""
    return parameter(low=0.0, open_low=True, unit="pixel", doc="half-light radius along the major axis")


def fwhm_parameter() -> Any:
    """The declaration of `fwhm`."""
    doc = "full width at half maximum along the major axis"
    return parameter(low=0.0, open_low=True, unit="pixel", doc=doc, start=1.5)


def ellip_parameter() -> Any:
    """The declaration of `ellip`, the same in every galaxy profile."""
    return parameter(low=0.0, high=0.95, doc="ellipticity, 1 - b/a")


def theta_parameter() -> Any:
    """The declaration of `theta`, the same in every galaxy profile."""
    return parameter(unit="rad", doc="position angle of the major axis, counter-clockwise from +y")


def elliptical_radius(x: Float[Array, "*s"], y: Float[Array, "*s"], ellip: Any, theta: Any) -> Float[Array, "*s"]:
    """Semi-major axis of the ellipse through (x, y), an offset from its centre; never quite zero.

    `m^2 = u^2 + v^2 / (1 - ellip)^2`, with `u` along the major axis and `v` across it.
    """
    return length(*principal_axes(x, y, ellip, theta))


def principal_axes(
    x: Float[Array, "*s"], y: Float[Array, "*s"], ellip: Any, theta: Any
) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """The offset (x, y) along the major axis, and across it in units of the axis ratio: the ellipse as a circle."""
    along = -x * jnp.sin(theta) + y * jnp.cos(theta)
    across = x * jnp.cos(theta) + y * jnp.sin(theta)
    return along, across / (1.0 - ellip)


def length(u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """`sqrt(u² + v²)`, at the centre a tiny number: no cusp has an infinite value or slope there."""
    return jnp.sqrt(jnp.maximum(u**2 + v**2, _CENTRE**2))
