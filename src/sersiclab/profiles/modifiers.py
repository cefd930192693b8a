"""Modifiers, which reshape the isophotes of any source with elliptical isophotes.

A modifier holds the source that it reshapes, which may itself be modified. Its parameters are those of the source
and its own: `Boxy(Sersic(xc=..., n=...), c0=...)`. In the frame of `principal_axes`, where the ellipse is a
circle, points are first bent and then stretched by a factor that depends only on their direction. The profile is then
evaluated at the resulting radius. The order in which modifiers are nested does not matter. `flux` remains the total
flux: bending preserves areas, and the mean square of the stretch is known.

The modifiers are those of GALFIT 3 (Peng et al. 2010; arXiv:0912.0731).
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import cache
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter, nested, own_parameters, parameter
from sersiclab.profiles.base import CENTRE, AbstractElliptical, axis_ratio, held, length, size_name
from sersiclab.runtime.errors import InputTypeError


# The number of directions in a quarter of the circle. They are dense at the axes, where boxy isophotes have kinks.
_QUARTER = 64
# The distance from the centre, in radii, beyond which a source is bent no further.
_FAR = 1e3


class AbstractModifier(AbstractElliptical):
    """Base class of modifiers: a source that reshapes the isophotes of another source."""

    profile: eqx.AbstractVar[AbstractElliptical]

    def __check_init__(self) -> None:
        if not isinstance(self.profile, AbstractElliptical):
            raise InputTypeError(
                f"{type(self).__name__}.profile must be a source with elliptical isophotes, such as Sersic(...), "
                f"got {self.profile!r}"
            )

    @property
    def xc(self) -> Parameter:
        """The centre's x, that of the modified source."""
        return self.profile.xc

    @property
    def yc(self) -> Parameter:
        """The centre's y, that of the modified source."""
        return self.profile.yc

    @property
    def flux(self) -> Parameter:
        """The total flux, in image units."""
        return self.total(self._area)

    @property
    def ellip(self) -> Parameter:
        """The ellipticity of the modified source."""
        return self.profile.ellip

    @property
    def theta(self) -> Parameter:
        """The position angle of the modified source."""
        return self.profile.theta

    def __getattr__(self, name: str) -> Any:
        # Other names are parameters of the modified source, such as `n` of `Boxy(Sersic(n=...))`.
        if not name.startswith("_") and "profile" in self.__dict__ and name in own_parameters(self.profile):
            return getattr(self.profile, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    @abstractmethod
    def bend(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Any:
        """Return the offset that this modifier adds to `v`.

        Arguments:
            u: offset from the centre along the major axis, in pixels.
            v: offset along the minor axis, divided by the axis ratio.

        Returns:
            The offset in the unit of `v`.
        """

    @abstractmethod
    def stretch(self, cosine: Float[Array, "*s"], sine: Float[Array, "*s"]) -> Any:
        """Return the factor by which this modifier multiplies the radius in a direction.

        Arguments:
            cosine: the cosine of the angle from the major axis, in the plane where the ellipse is a circle.
            sine: the sine of that angle.

        Returns:
            The factor, which is positive.
        """

    def radial(self, m: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return self.profile.radial(m)

    def isophote(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> tuple[Float[Array, "*s"], Any]:
        v = v + sum(modifier.bend(u, v) for modifier in self._modifiers())
        m = length(u, v)
        at_centre = m <= CENTRE
        cosine, sine = jnp.where(at_centre, 1.0, u / m), jnp.where(at_centre, 0.0, v / m)
        return m * self._stretch(cosine, sine), self._area(m.dtype)

    def scale(self, area: Any) -> Any:
        return self.profile.scale(area)

    def total(self, area: Callable[[], Any]) -> Any:
        return self.profile.total(area)

    def _area(self, dtype: Any = float) -> Any:
        """Return the area of an isophote over that of the ellipse: the mean square of its radius."""
        nodes = [jnp.asarray(part, dtype) for part in _directions()]
        return jnp.sum(nodes[2] * self._stretch(*nodes[:2]) ** -2.0)

    def _stretch(self, cosine: Float[Array, "*s"], sine: Float[Array, "*s"]) -> Any:
        return math.prod(modifier.stretch(cosine, sine) for modifier in self._modifiers())

    def _modifiers(self) -> list["AbstractModifier"]:
        """Return this modifier and the modifiers within it."""
        inner = self.profile._modifiers() if isinstance(self.profile, AbstractModifier) else []
        return [self, *inner]


@cache
def _directions() -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return cosines and sines of directions around the full circle, and weights for a mean."""
    t = (np.arange(_QUARTER) + 0.5) / _QUARTER
    quarter, weight = t - np.sin(2 * np.pi * t) / (2 * np.pi), (1 - np.cos(2 * np.pi * t)) / (4 * _QUARTER)
    angles = 0.5 * np.pi * (quarter + np.arange(4)[:, None]).ravel()
    return np.cos(angles), np.sin(angles), np.tile(weight, 4)


def boxy_stretch(cosine: Float[Array, "*s"], sine: Float[Array, "*s"], c0: Any) -> Float[Array, "*s"]:
    """Return `(|cos|^(c0 + 2) + |sin|^(c0 + 2))^(1/(c0 + 2))`."""
    power = jnp.clip(c0 + 2.0, 0.9, 7.0)
    logs = (0.5 * power * jnp.log(jnp.maximum(part**2, 1e-30)) for part in (cosine, sine))
    return jnp.exp(jnp.logaddexp(*logs) / power)


def fourier_stretch(
    cosine: Float[Array, "*s"], sine: Float[Array, "*s"], modes: dict[int, tuple[Any, Any]]
) -> Float[Array, "*s"]:
    """Return `1 + sum of a_m cos(m (angle + phi_m))`, kept above zero; `modes` is `{m: (a_m, phi_m)}`."""
    total, real, imaginary = jnp.ones_like(cosine), jnp.ones_like(cosine), jnp.zeros_like(cosine)
    for m in range(1, max(modes) + 1):
        real, imaginary = real * cosine - imaginary * sine, imaginary * cosine + real * sine
        if m in modes:
            a, phi = modes[m]
            total = total + a * (jnp.cos(m * phi) * real - jnp.sin(m * phi) * imaginary)
    return jnp.maximum(total, 0.05)


def amplitude_parameter(m: int) -> Any:
    """Return the declaration of the amplitude of a Fourier mode."""
    return parameter(low=-0.9, high=0.9, default=0.0, doc=f"amplitude of the isophotes' Fourier mode {m}")


def phase_parameter(m: int) -> Any:
    """Return the declaration of the phase of a Fourier mode."""
    doc = f"phase of the isophotes' Fourier mode {m}, periodic with 2 pi / {m}"
    return parameter(low=-math.pi, high=math.pi, default=0.0, unit="rad", doc=doc)


class Boxy(AbstractModifier):
    """Boxy (or disky) isophotes, |u|^(c0 + 2) + |v/q|^(c0 + 2) = m^(c0 + 2) (Athanassoula et al. 1990)."""

    profile: AbstractElliptical = nested("the source whose isophotes are reshaped")
    c0: Parameter = parameter(low=-1.0, high=4.0, default=0.0, doc="boxiness: positive is boxy, negative disky")

    def bend(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Any:
        return 0.0

    def stretch(self, cosine: Float[Array, "*s"], sine: Float[Array, "*s"]) -> Any:
        return boxy_stretch(cosine, sine, self.c0)


class FourierModes(AbstractModifier):
    """Fourier modes: isophotes m -> m {1 + sum over j of a_j cos[j (angle + phi_j)]}.

    The angle is measured counter-clockwise from the major axis, in the frame in which the ellipse is a circle.
    Mode 1 describes lopsidedness, mode 3 triangular isophotes, and mode 4 boxiness and diskiness.
    """

    profile: AbstractElliptical = nested("the source whose isophotes are reshaped")
    a1: Parameter = amplitude_parameter(1)
    phi1: Parameter = phase_parameter(1)
    a3: Parameter = amplitude_parameter(3)
    phi3: Parameter = phase_parameter(3)
    a4: Parameter = amplitude_parameter(4)
    phi4: Parameter = phase_parameter(4)
    a5: Parameter = amplitude_parameter(5)
    phi5: Parameter = phase_parameter(5)
    a6: Parameter = amplitude_parameter(6)
    phi6: Parameter = phase_parameter(6)

    def bend(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Any:
        return 0.0

    def stretch(self, cosine: Float[Array, "*s"], sine: Float[Array, "*s"]) -> Any:
        modes = {1: (self.a1, self.phi1), 3: (self.a3, self.phi3), 4: (self.a4, self.phi4)}
        return fourier_stretch(cosine, sine, modes | {5: (self.a5, self.phi5), 6: (self.a6, self.phi6)})


class Bent(AbstractModifier):
    """Bent isophotes, v -> v + b1 x + b2 x² + b3 x³, with x the offset along the major axis in units of the size.

    v is the offset across the major axis, positive on its counter-clockwise side, in pixels. The size is the profile's
    own radius, such as `r_eff`. b1 is a shear, b2 bends the source like a banana, and b3 like an S.
    """

    profile: AbstractElliptical = nested("the source whose isophotes are reshaped")
    b1: Parameter = parameter(unit="pixel", default=0.0, doc="shear, at the profile's radius", across=True)
    b2: Parameter = parameter(unit="pixel", default=0.0, doc="bend, at the profile's radius", across=True)
    b3: Parameter = parameter(unit="pixel", default=0.0, doc="S-shaped bend, at the profile's radius", across=True)

    def __check_init__(self) -> None:
        if isinstance(self.profile, AbstractElliptical) and size_name(self.profile) is None:
            raise InputTypeError(f"Bent.profile must have a length in pixels to scale with, got {self.profile!r}")

    def bend(self, u: Float[Array, "*s"], v: Float[Array, "*s"]) -> Any:
        size = held(own_parameters(self.profile)[str(size_name(self.profile))])
        x = jnp.clip(u / size, -_FAR, _FAR)
        return (self.b1 * x + self.b2 * x**2 + self.b3 * x**3) / axis_ratio(self.ellip)

    def stretch(self, cosine: Float[Array, "*s"], sine: Float[Array, "*s"]) -> Any:
        return 1.0
