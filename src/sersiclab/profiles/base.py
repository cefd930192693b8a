"""Base classes of profiles, and the conventions of all profiles.

- Arrays are indexed `[y, x]`. Pixel centres lie at integers counted from 0; `xc` is the column, `yc`
  the row.
- `theta` is in radians, counter-clockwise from +y (up), defined modulo pi.
- `r_eff` is the semi-major axis of the ellipse that holds half the light, in pixels.
- `ellip` is 1 - b/a.
- `flux` is the total flux out to infinite radius, in image units. It may be negative if its prior allows it.
- A mask is True where a pixel is excluded.
"""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.parameters import (
    Parameter,
    ParameterInfo,
    check_parameters,
    document_parameters,
    parameter,
    parameter_info,
)


LogWidths = Float[np.ndarray, " k"]

CENTRE = 1e-12
"""The smallest radius at which a profile is evaluated, in pixels."""

LIGHT = ("flux", "i_b")
"""The names of parameters to which a source's light is proportional; every source has one of them."""

# The smallest scale length of a profile, in pixels.
_LEAST = 1e-6


class AbstractProfile(eqx.Module):
    """Base class of the components of a model: sources of light and skies."""

    def __init_subclass__(cls) -> None:
        document_parameters(cls)

    def __check_init__(self) -> None:
        check_parameters(self)


class AbstractSource(AbstractProfile):
    """Base class of profiles that the PSF blurs."""

    xc: eqx.AbstractVar[Parameter]
    yc: eqx.AbstractVar[Parameter]
    flux: eqx.AbstractVar[Parameter]


class AbstractExtended(AbstractSource):
    """Base class of sources with a surface brightness, which `PixelRenderer` draws."""

    @abstractmethod
    def brightness(self, x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Return the surface brightness before convolution with the PSF.

        It may diverge at the centre if its integral is finite, because it is never evaluated there.

        Arguments:
            x: offset from the centre along x, in pixels.
            y: offset along y.

        Returns:
            The brightness in image units per pixel.
        """

    def shape(self) -> tuple[Any, Any]:
        """Return `ellip` and `theta` of ellipses similar to the isophotes, along which renderers place their samples.

        Returns:
            The two numbers; (0, 0), a circle, if the shape is unknown.
        """
        return 0.0, 0.0


class AbstractElliptical(AbstractExtended):
    """Base class of extended sources whose isophotes are similar ellipses. A subclass needs only `radial`.

    Modifiers (`modifiers.py`) reshape the isophotes of any such source.
    """

    ellip: eqx.AbstractVar[Parameter]
    theta: eqx.AbstractVar[Parameter]

    def shape(self) -> tuple[Any, Any]:
        """Return `ellip` and `theta` of the isophotes."""
        return self.ellip, self.theta

    @abstractmethod
    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Return the surface brightness of the round source of flux 1.

        Arguments:
            m: the radius in pixels, above zero. For an elliptical source it is the semi-major axis.

        Returns:
            The brightness, per square pixel. `scale` converts it to that of this source.
        """

    def scale(self, area: Any) -> Any:
        """Return the factor by which `radial` is multiplied: the flux over the area of an isophote.

        Arguments:
            area: the area of an isophote, divided by that of the ellipse with the same semi-major axis. It differs
                from 1 for isophotes that a modifier has reshaped.

        Returns:
            The factor.
        """
        return self.flux / (axis_ratio(self.shape()[0]) * area)

    def total(self, area: Callable[[], Any]) -> Any:
        """Return the total flux.

        Arguments:
            area: computes the `area` of `scale`, for profiles whose flux is not one of their parameters.

        Returns:
            The flux in image units.
        """
        return self.flux

    def isophote(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> tuple[Float[Array, "*s"], Any]:
        """Return the isophote through a point.

        Arguments:
            u: offset from the centre along the major axis, in pixels.
            v: offset along the minor axis, divided by the axis ratio.

        Returns:
            The semi-major axis `m` of the isophote, and its area in the plane of (u, v), divided by π m².
        """
        return length(u, v), 1.0

    def brightness(self, x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        m, area = self.isophote(*principal_axes(x, y, *self.shape()))
        return self.scale(area) * self.radial(m)


class AbstractMixture(AbstractSource):
    """Base class of mixtures of concentric, similar elliptical Gaussians, the sources that `HybridRenderer` draws fast.

    A point source is the mixture whose Gaussians all have zero width.
    """

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """The ranges of parameters in which the mixture exists, if they are narrower than the declared ones."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """Return `ellip` and `theta` of the Gaussians."""

    @abstractmethod
    def scales(self) -> tuple[Any, ...]:
        """Return the arguments of `weights` after the first.

        Returns:
            Numbers, or vectors if the parameters are vectors. Empty for a point source.
        """

    @staticmethod
    @abstractmethod
    def weights(log_width: LogWidths, *scales: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
        """Return how the flux is distributed over Gaussians of given widths. Profiles that share it are drawn together.

        Arguments:
            log_width: ln sigma of the Gaussians (sigma in pixels), evenly spaced by `decomposition.SPACING`. Its dtype
                is that of the result.
            scales: the numbers that `scales` returns.

        Returns:
            The fraction of the flux in each Gaussian, and the fraction in a point.
        """


class AbstractTransformed(AbstractSource):
    """Base class of sources whose Fourier transform has a closed form, which `FourierRenderer` draws."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """Return `ellip` and `theta` of the isophotes."""

    @abstractmethod
    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Return the Fourier transform of the round source of flux 1.

        Arguments:
            k: the wave number, in radians per pixel.

        Returns:
            The transform, 1 at `k` = 0.
        """


class AbstractSky(AbstractProfile):
    """Base class of smooth backgrounds, which the PSF does not blur."""

    @abstractmethod
    def brightness(self, x: Float[Array, "y x"], y: Float[Array, "y x"]) -> Float[Array, "y x"]:
        """Return the surface brightness at pixel centres.

        Arguments:
            x: the x of the pixels, counted from the image's centre.
            y: their y.

        Returns:
            The brightness in image units per pixel.
        """


def usual_parameters(cls: type[AbstractProfile]) -> dict[str, ParameterInfo]:
    """Return the declared parameters of a class, with ranges in which every renderer can draw it."""
    limits = cls.limits if issubclass(cls, AbstractMixture) else {}
    infos = parameter_info(cls)
    narrower = {name: dataclasses.replace(infos[name], low=low, high=high) for name, (low, high) in limits.items()}
    return infos | narrower


def size_name(owner: AbstractProfile | type[AbstractProfile]) -> str | None:
    """Return the parameter for the size of a source: `r_eff`, or else its first other length; None without one."""
    infos = parameter_info(owner)
    lengths = [name for name, info in infos.items() if info.unit == "pixel" and name not in ("xc", "yc")]
    return "r_eff" if "r_eff" in lengths else next(iter(lengths), None)


def centre_parameter(axis: str) -> Any:
    """Declare `xc` or `yc`, the same for every source."""
    return parameter(unit="pixel", doc=f"centre, {axis} (pixel centres at integers from 0)")


def flux_parameter() -> Any:
    """Declare `flux`, the same for every source."""
    return parameter(unit="image", doc="total flux, to infinity")


def r_eff_parameter() -> Any:
    """Declare `r_eff`, the same for every galaxy profile."""
    return parameter(low=0.0, open_low=True, unit="pixel", doc="half-light radius along the major axis")


def fwhm_parameter() -> Any:
    """Declare `fwhm`."""
    doc = "full width at half maximum along the major axis"
    return parameter(low=0.0, open_low=True, unit="pixel", doc=doc, start=1.5)


def ellip_parameter() -> Any:
    """Declare `ellip`, the same for every galaxy profile."""
    return parameter(low=0.0, high=0.95, doc="ellipticity, 1 - b/a")


def theta_parameter() -> Any:
    """Declare `theta`, the same for every galaxy profile."""
    return parameter(unit="rad", doc="position angle of the major axis, counter-clockwise from +y")


def held(radius: Any) -> Any:
    """Return a length in pixels, kept above zero so that no result is NaN."""
    return jnp.maximum(radius, _LEAST)


def axis_ratio(ellip: Any) -> Any:
    """Return 1 - ellip, kept above zero."""
    return jnp.maximum(1.0 - ellip, 0.01)


def principal_axes(
    x: Float[Array, "*s"], y: Float[Array, "*s"], ellip: Any, theta: Any
) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """Return an offset (x, y) along the major axis, and along the minor axis divided by the axis ratio.

    In these coordinates the ellipse is a circle. The minor axis lies counter-clockwise of the major one.
    """
    along = -x * jnp.sin(theta) + y * jnp.cos(theta)
    across = -x * jnp.cos(theta) - y * jnp.sin(theta)
    return along, across / axis_ratio(ellip)


def length(u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Return `sqrt(u² + v²)`, or a tiny number at the centre, so that no cusp has an infinite value or slope there."""
    return jnp.sqrt(jnp.maximum(u**2 + v**2, CENTRE**2))


def elliptical_radius(x: Float[Array, "*s"], y: Float[Array, "*s"], ellip: Any, theta: Any) -> Float[Array, "*s"]:
    """Return the semi-major axis of the ellipse through (x, y), an offset from its centre."""
    return jnp.hypot(*principal_axes(x, y, ellip, theta))
