"""Rendering Gaussian mixtures: narrow Gaussians in Fourier space, wide ones in real space."""

import dataclasses
import functools
import math
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from sersiclab.image import Image
from sersiclab.parameters import own_parameters, parameter_info
from sersiclab.profiles import AbstractMixture, AbstractProfile, AbstractSky
from sersiclab.profiles.base import LogWidths
from sersiclab.profiles.decomposition import SPACING
from sersiclab.rendering.base import AbstractRenderer
from sersiclab.rendering.canvas import Canvas, Planes, canvas_of, observe, sky_brightness
from sersiclab.rendering.sources import Sources, draw, stack


# The widest Gaussian, in sides of the padded grid; wider ones are drawn as parabolas.
_WIDEST = 8.0


class HybridRenderer(AbstractRenderer):
    """Draws narrow Gaussians in Fourier space and wide ones in real space, without wrap-around.

    The widths are fixed in pixels. Those between `narrowest` and `split` are drawn in Fourier space,
    where they are exact however small; those above on the padded grid in real space, where they are
    exact however large. `padding` is the least number of pixels by which the grid exceeds the image; ten
    times `split` keeps the light of a source outside the image from coming in at the other side.
    """

    narrowest: float = eqx.field(default=0.125, static=True, kw_only=True)
    split: float = eqx.field(default=7.0, static=True, kw_only=True)
    padding: int = eqx.field(default=64, static=True, kw_only=True)

    def __check_init__(self) -> None:
        if not 0 < self.narrowest < self.split:
            raise ValueError(
                f"HybridRenderer needs 0 < narrowest < split, got narrowest={self.narrowest}, split={self.split}"
            )
        if self.padding < 0:
            raise ValueError(f"HybridRenderer.padding must not be negative, got {self.padding}")

    def check(self, name: str, component: AbstractProfile) -> None:
        if not isinstance(component, AbstractMixture | AbstractSky):
            raise TypeError(f"HybridRenderer can't draw components[{name!r}], a {type(component).__name__}")
        if isinstance(component, AbstractMixture):
            infos, found = parameter_info(component), own_parameters(component)
            for key, (low, high) in component.limits.items():
                narrower = dataclasses.replace(infos[key], low=low, high=high)
                narrower.check(f"{name}.{key} in HybridRenderer", found[key])

    def prepare(self, image: Image) -> Canvas:
        return canvas_of(image, self.padding)

    def render(self, components: Mapping[str, AbstractProfile], canvas: Canvas) -> Float[Array, "y x"]:
        mixtures, skies = _sorted(components)
        groups = [self._sum(sources, canvas) for _, sources in stack(mixtures, canvas.x.dtype)]
        images = [sky_brightness(sky, canvas) for sky in skies.values()]
        if groups:
            images.append(observe(jax.tree.map(lambda *planes: sum(planes[1:], planes[0]), *groups), canvas))
        return functools.reduce(jnp.add, images)

    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: Canvas
    ) -> dict[str, Float[Array, "y x"]]:
        mixtures, skies = _sorted(components)
        parts = {name: sky_brightness(sky, canvas) for name, sky in skies.items()}
        for names, sources in stack(mixtures, canvas.x.dtype):
            images = lax.map(lambda source: observe(self._draw(source, canvas), canvas), sources)
            parts.update({name: images[i] for i, name in enumerate(names)})
        return {name: parts[name] for name in components}

    def _sum(self, sources: Sources, canvas: Canvas) -> Planes:
        """Stacked sources, added one after the other: compile time and memory don't grow with their number."""
        if sources.xc.size == 1:
            return self._draw(jax.tree.map(lambda leaf: leaf[0], sources), canvas)

        def step(total: Planes, source: Sources) -> tuple[Planes, None]:
            return jax.tree.map(jnp.add, total, self._draw(source, canvas)), None

        start = (jnp.zeros_like(canvas.transfer), jnp.zeros((1, *canvas.padded), canvas.x.dtype))
        # The backward pass draws a source again rather than keep the planes of all sources in memory.
        return lax.scan(jax.checkpoint(step, prevent_cse=False), start, sources)[0]

    def _draw(self, source: Sources, canvas: Canvas) -> Planes:
        """One source before the PSF."""
        log_width, split = self._log_widths(canvas)
        return draw(source, log_width, split, (canvas.ky, canvas.kx), (canvas.y, canvas.x), canvas.shape)

    def _log_widths(self, canvas: Canvas) -> tuple[LogWidths, int]:
        """ln sigma of all Gaussians, and how many are narrow."""
        first = math.log(self.narrowest)
        split = math.floor((math.log(self.split) - first) / SPACING + 1e-9) + 1
        count = math.ceil((math.log(_WIDEST * max(canvas.padded)) - first) / SPACING) + 1
        return (first + SPACING * np.arange(count)).astype(canvas.x.dtype), split


def _sorted(
    components: Mapping[str, AbstractProfile],
) -> tuple[dict[str, AbstractMixture], dict[str, AbstractSky]]:
    mixtures: dict[str, AbstractMixture] = {}
    skies: dict[str, AbstractSky] = {}
    for name, component in components.items():
        if isinstance(component, AbstractMixture):
            mixtures[name] = component
        elif isinstance(component, AbstractSky):
            skies[name] = component
    return mixtures, skies
