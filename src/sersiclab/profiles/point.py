"""Unresolved sources."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from sersiclab.parameters import Parameter
from sersiclab.profiles.base import AbstractMixture, AbstractTransformed, LogWidths, centre_parameter, flux_parameter


class PointSource(AbstractMixture, AbstractTransformed):
    """A point source, which appears as the PSF, at any position.

    Example:
        >>> sl.PointSource(xc=50.0, yc=41.0, flux=80.0).flux
        80.0
    """

    xc: Parameter = centre_parameter("x")
    yc: Parameter = centre_parameter("y")
    flux: Parameter = flux_parameter()

    def shape(self) -> tuple[Any, Any]:
        return 0.0, 0.0

    def transform(self, k: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return jnp.ones_like(k)

    def scales(self) -> tuple[Any, ...]:
        return ()

    @staticmethod
    def weights(log_width: LogWidths, *scales: Any) -> tuple[Float[Array, " k"], Float[Array, ""]]:
        return jnp.zeros_like(log_width), jnp.ones((), log_width.dtype)
