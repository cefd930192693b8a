"""The part of a fit that everything in `results` builds on: its data, and its model image at the best values."""

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import render, scaling
from sersiclab.model.accuracy import RenderError, render_error
from sersiclab.model.density import Density
from sersiclab.noise import AbstractNormalNoise
from sersiclab.rendering import AbstractRenderer
from sersiclab.results import log_likelihood
from sersiclab.results.declared_units import parameter_units
from sersiclab.results.drawn import AbstractDrawn


if TYPE_CHECKING:
    import xarray as xr


class AbstractFit(AbstractDrawn):
    """A model that was fitted to an image."""

    image: Image

    @property
    def fitted_images(self) -> dict[str, Image]:
        """The fitted image."""
        return {"": self.image}

    def log_likelihood_of(self, name: str) -> "xr.Dataset":
        """Return `log_likelihood`, whatever the `name`: a fit of one image has no other."""
        return self.log_likelihood

    @property
    def exponent(self) -> int:
        return scaling.exponent_of(self.image)

    @property
    def units(self) -> dict[str, str]:
        return parameter_units(self.model, self.image.unit)

    def density(self, renderer: AbstractRenderer | None = None) -> Density:
        model = self.model if renderer is None else dataclasses.replace(self.model, renderer=renderer)
        return Density.of(model, self.image)

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

    @cached_property
    def log_likelihood(self) -> "xr.Dataset":
        """The log likelihood at every draw, as the variable `data` of an xarray Dataset.

        One number for each unmasked pixel (chain, draw, pixel), with the pixels' `y` and `x`. Where those would not
        fit in memory, one for each square patch of pixels (chain, draw, patch). Raises `ValueError` without draws.
        """
        self.need_draws("log_likelihood")
        return log_likelihood.pointwise(self.model, self.image, self.draws)
