"""Noise: how the data scatter around the model image."""

from abc import abstractmethod

import equinox as eqx
import numpyro.distributions as dist
from jaxtyping import Array, Float

from sersiclab.parameters import check_parameters


class AbstractNoise(eqx.Module):
    """A likelihood. Its parameters, if any, are those of the model, under the name `noise`."""

    def __check_init__(self) -> None:
        check_parameters(self)

    @abstractmethod
    def distribution(self, mean: Float[Array, "y x"], sigma: Float[Array, "y x"]) -> dist.Distribution:
        """The distribution of the data, given the model image and the image's error map."""


class GaussianNoise(AbstractNoise):
    """Independent Gaussian noise with the image's `sigma`: the likelihood of chi square."""

    def distribution(self, mean: Float[Array, "y x"], sigma: Float[Array, "y x"]) -> dist.Distribution:
        return dist.Normal(mean, sigma)


NOISES: tuple[type[AbstractNoise], ...] = (GaussianNoise,)
