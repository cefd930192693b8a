"""Base classes of profiles, and the conventions of all profiles.

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
"""The least radius in pixels at which a profile is evaluated."""

LIGHT = ("flux", "i_b")
"""The parameters to which a source's light is proportional; each source has one."""

# The least length in pixels that a profile may have.
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
        """Surface brightness per pixel at the offset (x, y) from the centre, before the PSF.

        It may diverge at the centre, where it is never evaluated, if its integral is finite.
        """

    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of ellipses much like the isophotes, on which renderers sample; round if unknown."""
        return 0.0, 0.0


class AbstractElliptical(AbstractExtended):
    """Base class of extended sources whose isophotes are similar ellipses: a subclass needs `radial` alone.

    A modifier (`modifiers.py`) reshapes the isophotes of any such source.
    """

    ellip: eqx.AbstractVar[Parameter]
    theta: eqx.AbstractVar[Parameter]

    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of the isophotes."""
        return self.ellip, self.theta

    @abstractmethod
    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Surface brightness at the semi-major axis `m` > 0 in units of `scale`: of a round source of flux 1."""

    def scale(self, area: Any) -> Any:
        """The unit of `radial` where isophotes have this area in ellipses: here the flux over the area."""
        return self.flux / (axis_ratio(self.shape()[0]) * area)

    def total(self, area: Callable[[], Any]) -> Any:
        """The flux where isophotes have this area in ellipses, which is asked for only if it matters."""
        return self.flux

    def isophote(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> tuple[Float[Array, "*s"], Any]:
        """The `m` of the isophote through the point (u, v) of `principal_axes`, and its area in circles of radius m."""
        return length(u, v), 1.0

    def brightness(self, x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
        m, area = self.isophote(*principal_axes(x, y, *self.shape()))
        return self.scale(area) * self.radial(m)


class AbstractMixture(AbstractSource):
    """Base class of mixtures of concentric, similar elliptical Gaussians, which `HybridRenderer` draws fastest.

    A point source is the mixture whose Gaussians all have width zero.
    """

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """The ranges of parameters in which the mixture exists, where they are narrower than declared."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of the Gaussians."""

    @abstractmethod
    def scales(self) -> tuple[Any, ...]:
        """The numbers of which `weights` is a function; none if the source is a point.

        Vectors, if the parameters are: of as many sources.
        """

    @staticmethod
    @abstractmethod
    def weights(log_width: LogWidths, *scales: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
        """The fractions of the flux in Gaussians of the given ln sigma, and in a point.

        `log_width` (sigma in pixels) is evenly spaced by `decomposition.SPACING`, its dtype is that of the
        result. Profiles that share this function are drawn together.
        """


class AbstractTransformed(AbstractSource):
    """Base class of sources whose Fourier transform has a closed form, which `FourierRenderer` draws."""

    @abstractmethod
    def shape(self) -> tuple[Any, Any]:
        """`ellip` and `theta` of the isophotes."""

    @abstractmethod
    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Fourier transform at the wave number `k` (radians per pixel), were the source round and its flux 1."""


class AbstractSky(AbstractProfile):
    """Base class of smooth backgrounds, which the PSF does not blur."""

    @abstractmethod
    def brightness(self, x: Float[Array, "y x"], y: Float[Array, "y x"]) -> Float[Array, "y x"]:
        """Surface brightness per pixel at the pixel centres `x`, `y`, counted from the image's centre."""


def usual_parameters(cls: type[AbstractProfile]) -> dict[str, ParameterInfo]:
    """The declared parameters of a class, narrowed to where every renderer draws it."""
    limits = cls.limits if issubclass(cls, AbstractMixture) else {}
    infos = parameter_info(cls)
    narrower = {name: dataclasses.replace(infos[name], low=low, high=high) for name, (low, high) in limits.items()}
    return infos | narrower


def size_name(owner: AbstractProfile | type[AbstractProfile]) -> str | None:
    """The parameter that says how large a source is: `r_eff`, or its first other length; None if it has none."""
    infos = parameter_info(owner)
    lengths = [name for name, info in infos.items() if info.unit == "pixel" and name not in ("xc", "yc")]
    return "r_eff" if "r_eff" in lengths else next(iter(lengths), None)


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


def held(radius: Any) -> Any:
    """Hold a length in pixels above zero, so that nothing inside jit is NaN."""
    return jnp.maximum(radius, _LEAST)


def axis_ratio(ellip: Any) -> Any:
    """1 - ellip, held above zero."""
    return jnp.maximum(1.0 - ellip, 0.01)


def principal_axes(
    x: Float[Array, "*s"], y: Float[Array, "*s"], ellip: Any, theta: Any
) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """The offset (x, y) along the major axis, and across it in units of the axis ratio: the ellipse is a circle.

    The second axis lies counter-clockwise of the first.
    """
    along = -x * jnp.sin(theta) + y * jnp.cos(theta)
    across = -x * jnp.cos(theta) - y * jnp.sin(theta)
    return along, across / axis_ratio(ellip)


def length(u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """`sqrt(u² + v²)`, at the centre a tiny number: no cusp has an infinite value or slope there."""
    return jnp.sqrt(jnp.maximum(u**2 + v**2, CENTRE**2))


def elliptical_radius(x: Float[Array, "*s"], y: Float[Array, "*s"], ellip: Any, theta: Any) -> Float[Array, "*s"]:
    """Semi-major axis of the ellipse through (x, y), an offset from its centre."""
    return jnp.hypot(*principal_axes(x, y, ellip, theta))
