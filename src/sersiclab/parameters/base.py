"""Base classes of priors, ties and functions of the image: what a parameter field may hold besides a number."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import equinox as eqx
import numpy as np
from jaxtyping import Float
from numpyro.distributions import Distribution
from numpyro.distributions.transforms import Transform

from sersiclab.parameters.quantities import DIMENSIONLESS, check_number
from sersiclab.parameters.scalars import Scalar, to_float
from sersiclab.runtime.errors import InputTypeError


class AbstractParameter(eqx.Module):
    """Base class of everything that a parameter field may hold besides a number."""


class AbstractPrior(AbstractParameter):
    """Base class of priors: a free parameter, its distribution and, optionally, the value to start from."""

    unit: ClassVar[str | None] = None
    """The unit of the parameters for which this prior is made; None if it suits all."""

    init: eqx.AbstractVar[Scalar | None]

    def __check_init__(self) -> None:
        if self.init is not None:
            check_number(f"{type(self).__name__}.init", self.init)

    @abstractmethod
    def distribution(self) -> Distribution:
        """Return the prior as a numpyro distribution."""

    @abstractmethod
    def transform(self) -> Transform:
        """Return the bijection from the real line, on which methods work, to the support of the prior."""

    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Return the interval outside which the prior is zero."""

    @abstractmethod
    def median(self) -> float:
        """Return the median of the prior, from which methods start if `init` is None."""


class Tied(AbstractParameter):
    """A parameter that follows another: `scale * other + offset`, times the parameter that `by` follows, if given.

    Arguments:
        to: the path of the other parameter, such as "bulge.xc".
        scale: the factor.
        offset: the offset, in the unit of the parameter that is tied.
        by: another `Tied`, whose value multiplies the result; its own `by` must be None.

    Raises:
        TypeError: if `to` is not a string, `by` is not a `Tied`, or `scale` or `offset` is not a number.
        ValueError: from the model, if no parameter has this path, ties form a circle, or the parameter may leave its
            range.

    Example:
        >>> import sersiclab as sl
        >>> bulge = sl.PointSource(xc=sl.Normal(20, 1), yc=20.0, flux=9.0)
        >>> other = sl.PointSource(xc=sl.Tied("bulge.xc", offset=3.0), yc=22.0, flux=5.0)
        >>> sl.Model({"bulge": bulge, "other": other}).at({"bulge.xc": 21.0}).components["other"].xc
        24.0
    """

    to: str = eqx.field(static=True)
    scale: Scalar = eqx.field(default=1.0, converter=to_float, metadata={DIMENSIONLESS: True})
    offset: Scalar = eqx.field(default=0.0, converter=to_float)
    by: "Tied | None" = None

    def __check_init__(self) -> None:
        if not isinstance(self.to, str):
            raise InputTypeError(f"Tied.to must be a path such as 'bulge.xc', got {self.to!r}")
        if self.by is not None and (not isinstance(self.by, Tied) or self.by.by is not None):
            raise InputTypeError(
                f"Tied.by must be a Tied to one parameter, such as Tied('total.fraction'), got {self.by!r}"
            )
        check_number("Tied.scale", self.scale)
        check_number("Tied.offset", self.offset)

    @property
    def targets(self) -> tuple[str, ...]:
        """The paths of the parameters that this one follows."""
        return (self.to,) if self.by is None else (self.to, self.by.to)


class ImageLabel(NamedTuple):
    """What parameters know of an image: its name, its band, and the wavelength in micrometres, if it is known."""

    name: str
    band: str
    wavelength: float | None


class AbstractVarying(AbstractParameter):
    """Base class of parameters that are functions of the image.

    A function is given by a few values, its nodes, each of which is free, fixed or tied. `prior` is that of every node,
    or a mapping with a prior, a number or a tie for each, by its name.
    """

    prior: eqx.AbstractVar[Any]

    @property
    def given(self) -> dict[str, Any]:
        """What the user gave, by the name of the node; a prior for all nodes has the name ""."""
        return dict(self.prior) if isinstance(self.prior, Mapping) else {"": self.prior}

    @property
    @abstractmethod
    def is_smooth(self) -> bool:
        """Whether values between nodes are interpolated."""

    @abstractmethod
    def nodes(self, path: str, labels: Sequence[ImageLabel]) -> tuple[str, ...]:
        """Return the names of the nodes, the last parts of their paths.

        Arguments:
            path: of the parameter, for messages.
            labels: of the images.

        Returns:
            The names, such as "g" or "at_0.48".

        Raises:
            ValueError: if a wavelength has to be known and is not.
        """

    @abstractmethod
    def weights(self, path: str, labels: Sequence[ImageLabel]) -> Float[np.ndarray, "image node"]:
        """Return the weights with which the nodes count in each image.

        Arguments:
            path: of the parameter, for messages.
            labels: of the images.

        Returns:
            The weights; those of an image sum to one.

        Raises:
            ValueError: if a wavelength has to be known and is not, or lies outside the knots.
        """


if TYPE_CHECKING:
    # A profile's methods run only after `at` has filled in numbers, so type checkers may treat fields as numbers.
    Parameter: TypeAlias = Any
else:
    Parameter = Scalar | AbstractParameter
"""The annotation of a parameter field: a number, a prior or a `Tied`; see `parameter`."""
