"""Rendering in Fourier space alone."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.data.image import Image
from sersiclab.parameters.scalars import check_between, plain
from sersiclab.profiles import (
    AbstractExtended,
    AbstractMixture,
    AbstractProfile,
    AbstractSky,
    AbstractSource,
    AbstractTransformed,
)
from sersiclab.profiles.decomposition import SPACING
from sersiclab.rendering import rays, unblurred
from sersiclab.rendering.base import cannot_draw, check_limits
from sersiclab.rendering.canvas import Canvas, Light, canvas_of, phase
from sersiclab.rendering.gaussians import chains_of, gaussian_sums
from sersiclab.rendering.groups import AbstractGroupRenderer, Group, by_kind, within_ranges
from sersiclab.rendering.patches import Fineness


# The narrowest Gaussian of a mixture, in pixels, and the widest, in sides of the padded grid.
_NARROWEST, _WIDEST = 0.125, 8.0


class FourierRenderer(AbstractGroupRenderer):
    """A renderer that draws sources from their Fourier transforms: in closed form, or as sums of Gaussians.

    Light that falls outside the padded grid wraps around. `padding` is the fraction of the image's size by which the
    grid exceeds the image: with 1, light wraps only if it is farther from the image than the image's side. It matters
    for galaxies with extended wings, and for centres outside the image.

    Without a PSF a spectrum is unbounded, and pixels are integrated in real space. Only a source that is neither a
    Gaussian mixture nor has a brightness(x, y) is then drawn from its spectrum, cut off at the first aliases.
    """

    padding: float = eqx.field(default=1.0, static=True, kw_only=True, converter=plain)

    def __check_init__(self) -> None:
        check_between("FourierRenderer.padding", self.padding, 0.0, math.inf)

    def check(self, name: str, component: AbstractProfile) -> None:
        if isinstance(component, AbstractMixture) and not isinstance(component, AbstractTransformed):
            check_limits(self, name, component)
        elif not isinstance(component, AbstractTransformed | AbstractSky):
            raise cannot_draw(self, name, component, "sources with a closed transform(k), Gaussian mixtures and skies")

    def prepare(self, image: Image) -> Canvas:
        ny, nx = image.shape
        return canvas_of(image, (self.padding * ny, self.padding * nx))

    def groups(self, sources: Mapping[str, AbstractSource], canvas: Canvas) -> list[Group]:
        def draw(source: Any, canvas: Canvas) -> Light:
            source = within_ranges(source)
            is_closed = isinstance(source, AbstractTransformed)
            spectrum = _transform(source, canvas) if is_closed else _mixture(source, canvas)
            return Light(spectrum=source.flux * spectrum * phase(source.xc, source.yc, canvas))

        groups: list[Group] = []
        if not canvas.blurred:
            # Without a PSF a spectrum is unbounded.
            mixtures = {name: source for name, source in sources.items() if isinstance(source, AbstractMixture)}
            sources = {name: source for name, source in sources.items() if name not in mixtures}
            formulas = {name: source for name, source in sources.items() if isinstance(source, AbstractExtended)}
            sources = {name: source for name, source in sources.items() if name not in formulas}
            groups = unblurred.groups(mixtures, canvas) + rays.groups(formulas, canvas, Fineness())
        return groups + [Group(names, stacked, draw) for names, stacked in by_kind(sources, canvas.x.dtype)]


def _transform(source: AbstractTransformed, canvas: Canvas) -> Float[Array, "tile ky kx"]:
    squared = _squared_wave_number(source.shape(), canvas)
    # At k = 0 the square root has no derivative; the transform of a source of flux 1 is 1 there.
    origin = squared == 0.0
    return jnp.where(origin, 1.0, source.transform(jnp.sqrt(jnp.where(origin, 1.0, squared))))


def _mixture(source: AbstractMixture, canvas: Canvas) -> Float[Array, "tile ky kx"]:
    """Return `point + sum_j w_j exp(-sigma_j² k² / 2)`."""
    first = math.log(_NARROWEST)
    count = math.ceil((math.log(_WIDEST * max(canvas.padded)) - first) / SPACING) + 1
    weights, point = source.weights((first + SPACING * np.arange(count)).astype(canvas.x.dtype), *source.scales())
    ellip, theta = source.shape()
    sine, cosine, none = jnp.sin(theta), jnp.cos(theta), jnp.zeros((), canvas.x.dtype)
    lines = jnp.stack([none, cosine, -sine, none, (1.0 - ellip) * sine, (1.0 - ellip) * cosine]).reshape(2, 3)
    lines = math.sqrt(0.5) * _NARROWEST * lines
    return gaussian_sums((canvas.ky, canvas.kx), lines, chains_of(weights[None]), point[None])[0]


def _squared_wave_number(shape: tuple[Any, Any], canvas: Canvas) -> Float[Array, "tile ky kx"]:
    """Return k² in the frame in which the ellipse is a circle with the radius of its major axis."""
    ellip, theta = shape
    ky, kx, sine, cosine = canvas.ky[:, :, None], canvas.kx[:, None, :], jnp.sin(theta), jnp.cos(theta)
    return (ky * cosine - kx * sine) ** 2 + ((1.0 - ellip) * (kx * cosine + ky * sine)) ** 2
