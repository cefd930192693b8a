"""Sources in the pixels of another image.

An affine map takes an ellipse to an ellipse, so that a source whose isophotes are similar ellipses stays one: the map
of its parameters is exact, and so is that of Fourier modes. A similarity (a rotation, a change of scale and possibly a
reflection) is exact for all profiles. If the map shears, as it does between the corners of a wide field, structure that
is fixed to the axes is approximate: boxiness and bends keep their place relative to the axes of the new ellipse, and an
edge-on disk stays perpendicular to itself.

How a parameter is mapped follows from its unit and, for lengths across the major axis, from its declaration. Angles
other than `theta` are relative to the major axis.
"""

import math
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.parameters import ParameterInfo, own_parameters, parameter_info
from sersiclab.parameters.frame import Frame, determinant
from sersiclab.parameters.tree import filled
from sersiclab.profiles.base import AbstractSource


P = TypeVar("P", bound=eqx.Module)

_NOTHING = 1e-30  # squares below this are those of zero


class MappedEllipse(NamedTuple):
    """An ellipse after a linear map.

    Arguments:
        ellip: its ellipticity.
        theta: its position angle, which is not reduced modulo pi.
        stretch: its semi-major axis over that of the original ellipse.
        across: its semi-minor axis over that of the original ellipse.
        turn: the angle that is added to angles from the major axis, in the plane in which the ellipse is a circle. It
            is zero if the map does not shear.
        parity: -1 if the map mirrors, else 1.
    """

    ellip: Any
    theta: Any
    stretch: Any
    across: Any
    turn: Any
    parity: Any


def mapped_ellipse(matrix: Float[Array | np.ndarray, "2 2"], ellip: Any, theta: Any) -> MappedEllipse:
    """Return the image of an ellipse under a linear map.

    In the complex plane, without the mirror, the map is z -> alpha z + beta conj(z), where beta is its shear. It takes
    the ellipse of axis ratio q to `P exp(it) + N exp(-it)`, of semi-axes |P| + |N| and |P| - |N|. With the shear
    relative to the major axis, kappa = -(beta / alpha) exp(-2i theta), P is proportional to 1 + q + kappa (1 - q) and N
    to 1 - q + kappa (1 + q). All derivatives are finite, also at `ellip` = 0.

    Arguments:
        matrix: of the map.
        ellip: the ellipticity; 1 for a line.
        theta: the position angle.

    Returns:
        The ellipse.
    """
    xp = _numbers(matrix, ellip, theta)
    det = determinant(matrix)
    parity = xp.where(det < 0.0, -1.0, 1.0)
    # The mirror x -> -x comes first, and takes theta to -theta.
    (a, b), (c, d) = (parity * matrix[0, 0], matrix[0, 1]), (parity * matrix[1, 0], matrix[1, 1])
    theta = parity * theta
    alpha, beta = (0.5 * (a + d), 0.5 * (c - b)), (0.5 * (a - d), 0.5 * (c + b))
    square = alpha[0] ** 2 + alpha[1] ** 2
    shear = (beta[0] * alpha[0] + beta[1] * alpha[1]) / square, (beta[1] * alpha[0] - beta[0] * alpha[1]) / square
    cosine, sine = xp.cos(2.0 * theta), xp.sin(2.0 * theta)
    real, imaginary = -(shear[0] * cosine + shear[1] * sine), shear[0] * sine - shear[1] * cosine

    q = 1.0 - ellip
    p_real, p_imaginary = (2.0 - ellip) + real * ellip, imaginary * ellip
    p, n = (
        _modulus(xp, p_real, p_imaginary),
        _modulus(xp, ellip + real * (2.0 - ellip), imaginary * (2.0 - ellip)),
    )
    even = ellip * (2.0 - ellip) * (1.0 + shear[0] ** 2 + shear[1] ** 2) + 2.0 * (1.0 + q**2) * real
    turn = 0.5 * _argument(xp, even, 4.0 * q * imaginary)
    stretch = xp.sqrt(square) * (0.5 * (p + n))
    return MappedEllipse(
        ellip=2.0 * n / (p + n),
        theta=theta + xp.arctan2(alpha[1], alpha[0]) + xp.arctan2(p_imaginary, p_real) + turn,
        stretch=stretch,
        across=abs(det) / stretch,
        turn=turn,
        parity=parity,
    )


def mapped(profile: P, frame: Frame) -> P:
    """Return a source in the pixels and the unit of another image; anything else, such as a sky, is returned unchanged.

    Arguments:
        profile: filled with numbers, which may be traced, or with arrays of them.
        frame: the map to the other image.

    Returns:
        The profile with the mapped parameters, which are not checked.
    """
    return filled(profile, mapped_parameters(profile, frame)) if isinstance(profile, AbstractSource) else profile


def mapped_parameters(profile: AbstractSource, frame: Frame) -> dict[str, Any]:
    """Return the parameters of a source in the pixels and the unit of another image, by name."""
    numbers, infos = own_parameters(profile), parameter_info(profile)
    ellipse = ellipse_of(profile, frame)
    place = frame.to_image(numbers["xc"], numbers["yc"])
    found = {"xc": place[0], "yc": place[1], "ellip": ellipse.ellip, "theta": ellipse.theta}
    return {
        name: found[name] if name in found else mapped_number(infos[name], value, ellipse, frame)
        for name, value in numbers.items()
    }


def ellipse_of(profile: AbstractSource, frame: Frame) -> MappedEllipse:
    """Return the mapped ellipse of a source: a line if it has no `ellip`, as an edge-on disk; a circle without `theta`.

    A circle stays a circle of the right area.
    """
    numbers = own_parameters(profile)
    if "theta" in numbers:
        return mapped_ellipse(frame.matrix, numbers.get("ellip", 1.0), numbers["theta"])
    xp = _numbers(frame.matrix)
    size = xp.sqrt(frame.area)
    return MappedEllipse(0.0, 0.0, size, size, 0.0, xp.where(determinant(frame.matrix) < 0.0, -1.0, 1.0))


def mapped_number(info: ParameterInfo, value: Any, ellipse: MappedEllipse, frame: Frame) -> Any:
    """Return a parameter, other than those of the centre and the ellipse, in the other image."""
    if info.unit == "rad":
        return _within(info, ellipse.parity * value + ellipse.turn)
    factor = unit_factor(info, ellipse, frame)
    return value if factor is None else value * factor


def unit_factor(info: ParameterInfo, ellipse: MappedEllipse, frame: Frame) -> Any:
    """Return the factor by which a parameter is multiplied; None if the map does not change it."""
    length = ellipse.stretch
    if info.across:
        length = ellipse.across * (ellipse.parity if info.low < 0.0 else 1.0)
    factors = {
        "pixel": lambda: length,
        "1/pixel": lambda: 1.0 / length,
        "image": lambda: frame.flux,
        "image/pixel": lambda: frame.flux / frame.area,
        "image/pixel²": lambda: frame.flux / (frame.area * length),
    }
    return factors[info.unit]() if info.unit in factors else None


def _within(info: ParameterInfo, angle: Any) -> Any:
    """Return an angle, moved by a full circle if it lies outside a range that holds one."""
    if not info.high - info.low >= 2.0 * math.pi or math.isinf(info.low):
        return angle
    xp = _numbers(angle)
    outside = (angle < info.low) | (angle > info.high)
    return xp.where(outside, info.low + xp.mod(angle - info.low, 2.0 * math.pi), angle)


def _modulus(xp: Any, real: Any, imaginary: Any) -> Any:
    """Return the modulus of a complex number; near zero, its real part, whose derivative is finite."""
    square = real**2 + imaginary**2
    nothing = square < _NOTHING
    return xp.where(nothing, real, xp.sqrt(xp.where(nothing, 1.0, square)))


def _argument(xp: Any, real: Any, imaginary: Any) -> Any:
    """Return the argument of a complex number, constant near zero, where it has no derivative."""
    nothing = real**2 + imaginary**2 < _NOTHING
    return xp.arctan2(xp.where(nothing, 0.0, imaginary), xp.where(nothing, 1.0, real))


def _numbers(*values: Any) -> Any:
    """Return the module that computes with these values: that of JAX if it holds one of them, which may be traced."""
    return jnp if any(isinstance(value, jax.Array) for value in values) else np
