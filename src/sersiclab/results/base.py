"""The part of a fit that everything in `results` builds on: its data, and its model image at the best values."""

import abc
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.model.accuracy import RenderError, render_error
from sersiclab.noise import AbstractNormalNoise
from sersiclab.parameters import ParameterInfo, parameter_info
from sersiclab.results import log_likelihood
from sersiclab.results.draws import Derived, Draws
from sersiclab.results.verdict.deviations import ApproximationCheck
from sersiclab.results.verdict.levels import Verdict
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    import xarray as xr


class AbstractFit(abc.ABC):
    """A model that was fitted to an image: draws, best values and how they were found. `Fit` describes the fields."""

    model: Model
    image: Image
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

    @cached_property
    def model_image(self) -> Plane:
        """The model at `best`, PSF-convolved and with sky, in image units."""
        return render(self.model, self.image, self.best)

    @cached_property
    def residual(self) -> Plane:
        """(data - model) / sigma at `best`; zero where masked."""
        image, valid = self.image, self.image.valid
        scaled = np.zeros(image.shape)
        np.subtract(image.data, self.model_image, out=scaled, where=valid)
        return np.divide(scaled, image.sigma, out=scaled, where=valid)

    @cached_property
    def white_residual(self) -> Plane:
        """The residual at `best`, transformed to independent numbers of unit variance if the noise is correlated."""
        noise, valid = self.model.noise.among(self.image.valid), self.image.valid
        if not isinstance(noise, AbstractNormalNoise):
            return self.residual
        white = noise.whitened(jnp.asarray(self.residual), jnp.ones(self.image.shape))
        return np.where(valid, np.asarray(white, dtype=float), 0.0)

    @cached_property
    def render_error(self) -> RenderError:
        """How exactly the model is rendered at `best`, compared with a reference."""
        return render_error(self.model, self.image, self.best)

    @property
    def chi2(self) -> float:
        """The sum of squared residuals over the unmasked pixels, at `best`."""
        return float(np.sum(self.residual**2))

    @property
    def dof(self) -> int:
        """Degrees of freedom: unmasked pixels less free parameters."""
        return int(self.image.valid.sum()) - len(self.model.free)

    @property
    def reduced_chi2(self) -> float:
        """`chi2` per degree of freedom; NaN without degrees of freedom."""
        return self.chi2 / self.dof if self.dof > 0 else float("nan")

    @property
    def infos(self) -> dict[str, ParameterInfo]:
        """The declarations of the free parameters (range, unit and meaning), by path."""
        owners = self.model.owners
        return {path: parameter_info(owners[path.split(".")[0]])[path.split(".", 1)[1]] for path in self.model.free}

    @cached_property
    def log_likelihood(self) -> "xr.Dataset":
        """The log likelihood at every draw, as the variable `data` of an xarray Dataset.

        One number for each unmasked pixel (chain, draw, pixel), with the pixels' `y` and `x`. Where those would not
        fit in memory, one for each square patch of pixels (chain, draw, patch). Raises `ValueError` without draws.
        """
        self.need_draws("log_likelihood")
        return log_likelihood.pointwise(self.model, self.image, self.draws)

    def need_draws(self, what: str) -> None:
        """Raise `ValueError`, which names what was asked for, if the method made no draws."""
        if not self.draws:
            method = type(self.method).__name__
            raise InputError(f"{what} needs draws, and {method} made none: use Laplace() or NUTS()")
