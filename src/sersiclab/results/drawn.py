"""The part of a fit that does not depend on how many images there are: draws, best values and how they were found."""

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.parameters import ParameterInfo, parameter_info
from sersiclab.parameters.tree import base_path
from sersiclab.rendering import AbstractRenderer
from sersiclab.results.draws import Derived, Draws
from sersiclab.results.verdict.deviations import ApproximationCheck
from sersiclab.results.verdict.levels import Verdict
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    import xarray as xr


class AbstractDrawn(abc.ABC):
    """A model that was fitted: draws, best values and how they were found. `Fit` describes the fields."""

    model: Model
    method: Any
    seed: int
    draws: dict[str, Draws]
    best: dict[str, float]
    stats: dict[str, Draws]
    covariance: Float[np.ndarray, "d d"] | None
    status: str
    message: str
    timing: dict[str, float]
    derived: dict[str, Derived]
    versions: dict[str, str]

    @property
    @abc.abstractmethod
    def approximation(self) -> ApproximationCheck | None:
        """How closely the posterior resembles its approximation; None if the draws are those of the posterior."""

    @property
    @abc.abstractmethod
    def verdict(self) -> Verdict:
        """Whether to trust this fit."""

    @property
    @abc.abstractmethod
    def fitted_images(self) -> Mapping[str, Image]:
        """The fitted images by name; the name of the only image of a `Fit` is empty."""

    @abc.abstractmethod
    def log_likelihood_of(self, name: str) -> "xr.Dataset":
        """Return the log likelihood of the pixels of the image `name` at every draw, as the variable `data`."""

    @property
    @abc.abstractmethod
    def chi2(self) -> float:
        """The sum of squared residuals over the unmasked pixels, at `best`."""

    @property
    def dof(self) -> int:
        """Degrees of freedom: unmasked pixels less free parameters."""
        return sum(int(image.valid.sum()) for image in self.fitted_images.values()) - len(self.model.free)

    @property
    def reduced_chi2(self) -> float:
        """`chi2` per degree of freedom; NaN without degrees of freedom."""
        return self.chi2 / self.dof if self.dof > 0 else float("nan")

    @property
    @abc.abstractmethod
    def exponent(self) -> int:
        """The power of two by which the data are scaled during the fit; 0 for most units."""

    @property
    @abc.abstractmethod
    def units(self) -> dict[str, str]:
        """The unit of every free parameter, by path."""

    @abc.abstractmethod
    def density(self, renderer: AbstractRenderer | None = None) -> AbstractDensity:
        """Return the posterior density, by another renderer if one is given."""

    @property
    def infos(self) -> dict[str, ParameterInfo]:
        """The declarations of the free parameters (range, unit and meaning), by path."""
        return declarations(self.model)

    def need_draws(self, what: str) -> None:
        """Raise `ValueError`, which names what was asked for, if the method made no draws."""
        if not self.draws:
            method = type(self.method).__name__
            raise InputError(f"{what} needs draws, and {method} made none: use Laplace() or NUTS()")


def declarations(model: Model) -> dict[str, ParameterInfo]:
    """Return the declarations of a model's free parameters, by path."""
    owners, found = model.owners, {}
    for path in model.free:
        owner, name = base_path(path).split(".")
        found[path] = parameter_info(owners[owner])[name]
    return found
