"""Parameters that are functions of the image: a value for each band or image, or a smooth curve of wavelength.

A curve is given by its values at a few wavelengths, its nodes, so that priors have the parameter's own unit and range.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from sersiclab.parameters.base import AbstractPrior, AbstractVarying, ImageLabel, Tied
from sersiclab.parameters.scalars import check_count, check_finite, described, to_float
from sersiclab.runtime.errors import InputError, InputTypeError


def _settled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): to_float(each) for name, each in value.items()}
    return to_float(value)


def _check_given(varying: AbstractVarying) -> None:
    """Raise unless what the user gave is a prior, or a mapping of priors, numbers and ties."""
    name = f"{type(varying).__name__}.prior"
    if not isinstance(varying.prior, AbstractPrior | Mapping):
        raise InputTypeError(f"{name} must be a prior, or {{name: prior}}, got {described(varying.prior)}")
    if not varying.given:
        raise InputError(f"{name} must hold a prior for at least one value, got none")
    for key, given in varying.given.items():
        if not isinstance(given, AbstractPrior | Tied):
            check_finite(f"{name}[{key!r}]", given)


class PerImage(AbstractVarying):
    """A parameter with a value of its own in every image, such as the level of the sky.

    The paths of the values end in the names of the images: `sky.level.g`.

    Arguments:
        prior: the prior of each value; or `{name of the image: prior, number or tie}`, with all images of the fit;
            those of an image that an object lacks are left out.

    Raises:
        TypeError: if `prior` is anything else.

    Example:
        >>> import sersiclab as sl
        >>> sky = sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.01)))
    """

    prior: Any = eqx.field(converter=_settled)

    def __check_init__(self) -> None:
        _check_given(self)

    @property
    def is_smooth(self) -> bool:
        return False

    def nodes(self, path: str, labels: Sequence[ImageLabel]) -> tuple[str, ...]:
        return tuple(label.name for label in labels)

    def weights(self, path: str, labels: Sequence[ImageLabel]) -> Float[np.ndarray, "image node"]:
        return np.eye(len(labels))


class PerBand(AbstractVarying):
    """A parameter with a value of its own in every band, such as a flux. Images of one band share it.

    The paths of the values end in the names of the bands: `galaxy.flux.g`. A flux is in the unit of the first image of
    its band.

    Arguments:
        prior: the prior of each value; or `{band: prior, number or tie}`, with all bands of the fit; those of a
            band that an object lacks are left out.

    Raises:
        TypeError: if `prior` is anything else.

    Example:
        >>> import sersiclab as sl
        >>> place = {"xc": sl.Normal(20, 1), "yc": sl.Normal(20, 1)}
        >>> star = sl.PointSource(**place, flux=sl.PerBand(sl.LogUniform(1.0, 1e4)))
    """

    prior: Any = eqx.field(converter=_settled)

    def __check_init__(self) -> None:
        _check_given(self)

    @property
    def is_smooth(self) -> bool:
        return False

    def nodes(self, path: str, labels: Sequence[ImageLabel]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label.band for label in labels))

    def weights(self, path: str, labels: Sequence[ImageLabel]) -> Float[np.ndarray, "image node"]:
        names = self.nodes(path, labels)
        return np.array([[float(label.band == name) for name in names] for label in labels])


class Polynomial(AbstractVarying):
    """A parameter that is a polynomial of wavelength, given by its values at evenly spaced wavelengths, the nodes.

    The nodes reach from the shortest wavelength of the images to the longest; their paths are such as
    `galaxy.r_eff.at_0.48`. Between them the parameter's logarithm is interpolated if its range begins at zero, as that
    of a size does, or if its prior is positive, as that of a flux is; its logit if the range has two ends, within those
    of the prior; and the value itself otherwise. So no value leaves the range.

    Arguments:
        prior: the prior of each value; or `{"at_0.40": prior, number or tie, ...}`, by wavelength in micrometres. Nodes
            that are named stay where they are when an object lacks the first or the last band.
        degree: the degree of the polynomial; zero means one value for all images. If the images have fewer different
            wavelengths than `degree + 1`, the degree is lower.

    Raises:
        TypeError: if `prior` is anything else, or `degree` is not a whole number.
        ValueError: if `degree` is negative.

    Example:
        >>> import sersiclab as sl
        >>> r_eff = sl.Polynomial(sl.LogUniform(0.5, 40.0), degree=1)
    """

    prior: Any = eqx.field(converter=_settled)
    degree: int = eqx.field(default=1, static=True)

    def __check_init__(self) -> None:
        _check_given(self)
        check_count("Polynomial.degree", self.degree, least=0)

    @property
    def is_smooth(self) -> bool:
        return True

    def nodes(self, path: str, labels: Sequence[ImageLabel]) -> tuple[str, ...]:
        return self._named_knots(path, labels)[0]

    def weights(self, path: str, labels: Sequence[ImageLabel]) -> Float[np.ndarray, "image node"]:
        return self.weights_at(path, labels, np.array(wavelengths(path, labels)))

    def weights_at(
        self, path: str, labels: Sequence[ImageLabel], wavelength: Float[np.ndarray, " image"]
    ) -> Float[np.ndarray, "image node"]:
        """Return the weights of the nodes at other wavelengths.

        Arguments:
            path: of the parameter, for messages.
            labels: of the images.
            wavelength: the wavelengths, in micrometres.

        Returns:
            The weights; those of a wavelength sum to one.
        """
        from scipy.interpolate import BarycentricInterpolator  # which is slow to import

        knots = self._named_knots(path, labels)[1]
        if len(knots) == 1:
            return np.ones((len(wavelength), 1))
        return BarycentricInterpolator(knots, np.eye(len(knots)))(wavelength)

    def _named_knots(
        self, path: str, labels: Sequence[ImageLabel]
    ) -> tuple[tuple[str, ...], Float[np.ndarray, " node"]]:
        """Return the names of the nodes, and their wavelengths."""
        known = wavelengths(path, labels)
        degree, low, high = min(self.degree, len(set(known)) - 1), min(known), max(known)
        knots = np.linspace(low, high, degree + 1) if degree else np.array([0.5 * (low + high)])
        names = _names(knots)
        named = {} if "" in self.given or set(names) == set(self.given) else _places(self.given)
        if len(named) != self.degree + 1:
            return names, knots
        given = np.array(list(named.values()))
        if not (given[0] - ROUNDED <= low and high <= given[-1] + ROUNDED):
            raise InputError(
                f"{path}: the nodes {list(named)} must enclose the wavelengths of the images, {low:g} to {high:g} "
                "micrometres"
            )
        return tuple(named), given


class Spline(AbstractVarying):
    """A parameter that is a natural cubic spline of wavelength, given by its values at knots.

    As for a `Polynomial`, it is the logarithm or the logit of the parameter that is interpolated, so that no value
    leaves the range. The paths of the values are such as `galaxy.n.at_0.60`.

    Arguments:
        prior: the prior of each value; or `{"at_0.40": prior, number or tie, ...}`, by wavelength in micrometres.
        knots: two or more wavelengths in micrometres, in ascending order, that enclose those of the images.

    Raises:
        TypeError: if `prior` is anything else, or `knots` are not numbers.
        ValueError: if the knots are not two or more ascending wavelengths.

    Example:
        >>> import sersiclab as sl
        >>> n = sl.Spline(sl.Uniform(0.5, 8.0), knots=(0.4, 0.6, 0.9))
    """

    prior: Any = eqx.field(converter=_settled)
    knots: tuple[float, ...] = eqx.field(static=True, converter=lambda knots: _knots_of(knots))

    def __check_init__(self) -> None:
        _check_given(self)
        if len(self.knots) < 2 or not np.all(np.diff(self.knots) > 0) or self.knots[0] <= 0:
            raise InputError(f"Spline.knots must be two or more ascending wavelengths, got {self.knots}")

    @property
    def is_smooth(self) -> bool:
        return True

    def nodes(self, path: str, labels: Sequence[ImageLabel]) -> tuple[str, ...]:
        return _names(np.array(self.knots))

    def weights(self, path: str, labels: Sequence[ImageLabel]) -> Float[np.ndarray, "image node"]:
        known = wavelengths(path, labels)
        if not (self.knots[0] <= min(known) and max(known) <= self.knots[-1]):
            raise InputError(
                f"{path}: the knots of a spline must enclose the wavelengths of the images, {min(known):g} to "
                f"{max(known):g} micrometres; they reach from {self.knots[0]:g} to {self.knots[-1]:g}"
            )
        return self.weights_at(path, labels, np.array(known))

    def weights_at(
        self, path: str, labels: Sequence[ImageLabel], wavelength: Float[np.ndarray, " image"]
    ) -> Float[np.ndarray, "image node"]:
        """Return the weights of the nodes at other wavelengths.

        Arguments:
            path: of the parameter, for messages.
            labels: of the images.
            wavelength: the wavelengths, in micrometres.

        Returns:
            The weights; those of a wavelength sum to one.
        """
        from scipy.interpolate import CubicSpline  # which is slow to import

        return CubicSpline(self.knots, np.eye(len(self.knots)), bc_type="natural")(wavelength)


ROUNDED = 0.005  # micrometres: what the name of a node leaves out
LACKS = 1e-6  # a larger share of a power of wavelength that is left is no rounding error
VARYING: tuple[type[AbstractVarying], ...] = (PerImage, PerBand, Polynomial, Spline)


def wavelengths(path: str, labels: Sequence[ImageLabel]) -> list[float]:
    """Return the wavelengths of the images. Raises `ValueError` if one is not known."""
    unknown = [label.name for label in labels if label.wavelength is None]
    if unknown:
        raise InputError(
            f"{path} is a function of wavelength, and the wavelength of image {unknown[0]!r} is not known: give "
            "Images(..., wavelengths={name: micrometres})"
        )
    return [float(label.wavelength) for label in labels if label.wavelength is not None]


def next_power(
    weights: Float[np.ndarray, "image node"], wavelength: Sequence[float]
) -> Float[np.ndarray, " image"] | None:
    """Return the lowest power of wavelength that a curve lacks, as values in the images; None if it lacks none.

    What the curve can follow is subtracted, and the largest value is one.

    Arguments:
        weights: of the curve's nodes in each image.
        wavelength: of each image, in micrometres.
    """
    x = np.asarray(wavelength)
    x = (x - x.mean()) / np.ptp(x) if np.ptp(x) else x - x
    for power in range(len(set(wavelength))):
        values = x**power
        left = values - weights @ np.linalg.lstsq(weights, values, rcond=None)[0]
        if np.max(np.abs(left)) > LACKS * np.max(np.abs(values)):
            return left / np.max(np.abs(left))
    return None


def _knots_of(knots: Any) -> tuple[float, ...]:
    if isinstance(knots, str) or not isinstance(knots, Sequence | np.ndarray):
        raise InputTypeError(f"Spline.knots must be a sequence of wavelengths in micrometres, got {described(knots)}")
    for i, knot in enumerate(knots):
        check_finite(f"Spline.knots[{i}]", knot)
    return tuple(float(knot) for knot in knots)


def _places(names: Iterable[str]) -> dict[str, float]:
    """Return the wavelengths of nodes by their names, such as "at_0.40", in ascending order; nothing if one is none."""
    found = {name: re.fullmatch(r"at_(\d+\.\d+)", name) for name in names}
    places = {name: float(match[1]) for name, match in found.items() if match}
    if len(places) < len(found) or len(set(places.values())) < len(places):
        return {}
    return dict(sorted(places.items(), key=lambda item: item[1]))


def _names(knots: Float[np.ndarray, " node"]) -> tuple[str, ...]:
    """Return names such as "at_0.40", with as many digits as make them different."""
    for digits in range(2, 12):
        names = tuple(f"at_{knot:.{digits}f}" for knot in knots)
        if len(set(names)) == len(names):
            return names
    raise InputError(f"wavelengths must differ, got {knots.tolist()}")
