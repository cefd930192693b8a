"""The posterior density of a model given an image, on which every inference method works."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int

from sersiclab import parameters
from sersiclab.data.image import Image
from sersiclab.model import scaling
from sersiclab.model.lowering import lower
from sersiclab.model.model import Model
from sersiclab.model.unconstrained import AbstractDensity, by_kind
from sersiclab.noise import AbstractNoise, AbstractNormalNoise
from sersiclab.parameters import AbstractPrior
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.image_shift import frame_with
from sersiclab.parameters.stacks import Stacks, Values
from sersiclab.profiles import AbstractProfile, AbstractSource
from sersiclab.profiles.mapping import mapped
from sersiclab.rendering import AbstractCanvas, AbstractRenderer


class Density(AbstractDensity):
    """The posterior density of a model given one image, in the unconstrained space of the free parameters.

    Make one with `Density.of(model, image)`.

    If single precision can't hold the image's numbers, the density is that of a scaled image and model
    (`sersiclab.model.scaling`): its values are the user's times two to the power of `shift`, and its images and sigma
    are the user's times two to the power of `exponent`. `inward` and `outward` convert values; `u` and quantities
    without a unit are unchanged.
    """

    stacks: Stacks
    noise: AbstractNoise
    renderer: AbstractRenderer
    canvas: AbstractCanvas
    priors: tuple[AbstractPrior, ...]
    data: Float[Array | np.ndarray, "y x"]
    sigma: Float[Array | np.ndarray, "y x"]
    valid: Bool[Array | np.ndarray, "y x"]
    shift: Int[Array | np.ndarray, " d"]
    exponent: Int[Array | np.ndarray, ""]
    members: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    paths: tuple[str, ...] = eqx.field(static=True)
    frame: Frame | None = None

    @staticmethod
    def of(model: Model, image: Image, *, exponent: int | None = None, frame: Frame | None = None) -> "Density":
        """Return the density of a model given an image, as an argument for jitted functions.

        The image is scaled by two to the power of `exponent`, which by default is that of the image. The model's
        parameters are in the pixels of another image if a `frame` is given, which maps these to the image's.
        """
        exponent = scaling.exponent_of(image) if exponent is None else exponent
        owners = scaling.scaled(model.owners, exponent)
        free = parameters.free(owners)
        paths = tuple(free)
        members, priors = by_kind(list(free.values()))

        def together(owner: eqx.Module) -> bool:
            return model.renderer.takes_stacks and isinstance(owner, AbstractSource)

        noise = owners["noise"].among(image.valid)
        return lower(
            Density(
                stacks=Stacks.of({**owners, "noise": noise}, paths, together=together),
                noise=noise,
                renderer=model.renderer,
                canvas=model.renderer.prepare(image),
                priors=priors,
                # Masked pixels may hold anything, even NaN, which would spread through gradients.
                data=scaling.times(np.where(image.mask, 0.0, image.data), exponent),
                sigma=np.where(image.mask, 1.0, scaling.times(image.sigma, exponent)),
                valid=~image.mask,
                shift=scaling.shifts(owners, paths, exponent),
                exponent=np.array(exponent),
                members=members,
                paths=paths,
                frame=frame,
            )
        )

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def used(self) -> int:
        return int(np.sum(self.valid))

    @property
    def is_least_squares(self) -> bool:
        return isinstance(self.noise, AbstractNormalNoise)

    @property
    def log_unit(self) -> float:
        """The number to add to the log likelihood to get that of the user's data: ln 2^exponent for each pixel."""
        return float(self.exponent) * math.log(2) * int(np.sum(self.valid))

    def noise_at(self, values: Mapping[str, Any]) -> AbstractNoise:
        """Return the noise model with a number for every parameter."""
        return self._owners(values)["noise"]

    def mean(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Return the model image."""
        return self._mean(self._owners(values))

    def distribution(self, values: Mapping[str, Any]) -> dist.Distribution:
        """Return the distribution of the data."""
        owners = self._owners(values)
        return owners["noise"].distribution(self._mean(owners), jnp.asarray(self.sigma))

    def pointwise_log_likelihood(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Return the log likelihood of each pixel; zero where masked."""
        return jnp.where(self.valid, self.distribution(values).log_prob(self.data), 0.0)

    def residuals(self, values: Mapping[str, Any]) -> Float[Array, "y x"]:
        """Return (data - model) / sigma, whitened if the noise is correlated; zero where masked."""
        residual, sigma = jnp.asarray(self.data) - self.mean(values), jnp.asarray(self.sigma)
        white = residual / sigma
        if isinstance(self.noise, AbstractNormalNoise):
            white = self.noise.whitened(residual, sigma)
        return jnp.where(self.valid, white, 0.0)

    def _owners(self, values: Mapping[str, Any]) -> dict[str, Any]:
        owners = self.stacks.at(Values.of(values, self.paths).vector)
        if self.frame is None:
            return owners
        frame = frame_with(self.frame, owners)
        return {name: mapped(owner, frame) for name, owner in owners.items()}

    def _mean(self, owners: Mapping[str, Any]) -> Float[Array, "y x"]:
        components = {name: owner for name, owner in owners.items() if isinstance(owner, AbstractProfile)}
        return self.renderer.render(components, self.canvas)
