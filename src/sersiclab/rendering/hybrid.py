"""Rendering Gaussian mixtures: narrow Gaussians in Fourier space, wide ones in real space."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float
from scipy.fft import next_fast_len

from sersiclab.image import Image
from sersiclab.parameters import own_parameters, parameter_info
from sersiclab.profiles import AbstractMixture, AbstractProfile, AbstractSky
from sersiclab.profiles.base import LogWidths
from sersiclab.profiles.decomposition import SPACING
from sersiclab.psf import transfer_function
from sersiclab.rendering.base import AbstractCanvas, AbstractRenderer
from sersiclab.rendering.sources import Sources, draw, stack


# The widest Gaussian, in sides of the padded grid; wider ones are drawn as parabolas.
_WIDEST = 8.0
# Parts of a PSF's spectrum below this fraction of the flux are left out.
_NEGLIGIBLE = 1e-7

Planes = tuple[Complex[Array, "tile ky kx"], Float[Array, "1 padded_y padded_x"]]


class HybridCanvas(AbstractCanvas):
    """What `HybridRenderer` derives from an image.

    `y` and `x` are the pixels of the padded grid, negative ones at the end. The spectrum lies on the
    frequencies `ky` and `kx` (radians per pixel). An oversampled PSF passes frequencies beyond those of
    the grid: they follow as further tiles, shifted by multiples of 2 pi, which the sampling folds back
    onto the first. `transfer` is the PSF's transfer function on all tiles.
    """

    shape: tuple[int, int] = eqx.field(static=True)
    y: Float[Array, "1 y"]
    x: Float[Array, "1 x"]
    ky: Float[Array, "tile ky"]
    kx: Float[Array, "tile kx"]
    transfer: Complex[Array, "tile ky kx"]

    @property
    def padded(self) -> tuple[int, int]:
        """Shape of the padded grid."""
        return self.y.shape[1], self.x.shape[1]


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

    def prepare(self, image: Image) -> HybridCanvas:
        ny, nx = image.data.shape
        psf, oversampling = image.psf, image.psf_oversampling
        sides = (0, 0) if psf is None else psf.shape
        y = _padded(ny, max(self.padding, sides[0] / oversampling))
        x = _padded(nx, max(self.padding, sides[1] / oversampling))
        ky, kx = 2 * np.pi * np.fft.fftfreq(y.size), 2 * np.pi * np.fft.rfftfreq(x.size)
        # Without a PSF the spectrum has no end; we take its first aliases.
        reach = 1 if psf is None else oversampling // 2
        orders = sorted(range(-reach, reach + 1), key=abs)
        tiles: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for order_y, order_x in itertools.product(orders, orders):
            rows, columns = ky + 2 * np.pi * order_y, kx + 2 * np.pi * order_x
            transfer = transfer_function(
                psf, rows, columns, oversampling=oversampling, includes_pixel=image.psf_includes_pixel
            )
            if not tiles or np.abs(transfer).max() > _NEGLIGIBLE:
                tiles.append((rows, columns, transfer))
        rows, columns, transfer = (np.array(part) for part in zip(*tiles, strict=True))
        return HybridCanvas(
            shape=(int(ny), int(nx)),
            y=jnp.asarray(y[None], dtype=float),
            x=jnp.asarray(x[None], dtype=float),
            ky=jnp.asarray(rows, dtype=float),
            kx=jnp.asarray(columns, dtype=float),
            transfer=jnp.asarray(transfer, dtype=complex),
        )

    def render(self, components: Mapping[str, AbstractProfile], canvas: HybridCanvas) -> Float[Array, "y x"]:
        mixtures, skies = _sorted(components)
        groups = [self._sum(sources, canvas) for _, sources in stack(mixtures, canvas.x.dtype)]
        images = [_brightness(sky, canvas) for sky in skies.values()]
        if groups:
            images.append(_observe(jax.tree.map(lambda *planes: sum(planes[1:], planes[0]), *groups), canvas))
        return functools.reduce(jnp.add, images)

    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: HybridCanvas
    ) -> dict[str, Float[Array, "y x"]]:
        mixtures, skies = _sorted(components)
        parts = {name: _brightness(sky, canvas) for name, sky in skies.items()}
        for names, sources in stack(mixtures, canvas.x.dtype):
            images = lax.map(lambda source: _observe(self._draw(source, canvas), canvas), sources)
            parts.update({name: images[i] for i, name in enumerate(names)})
        return {name: parts[name] for name in components}

    def _sum(self, sources: Sources, canvas: HybridCanvas) -> Planes:
        """Stacked sources, added one after the other: compile time and memory don't grow with their number."""
        if sources.xc.size == 1:
            return self._draw(jax.tree.map(lambda leaf: leaf[0], sources), canvas)

        def step(total: Planes, source: Sources) -> tuple[Planes, None]:
            return jax.tree.map(jnp.add, total, self._draw(source, canvas)), None

        start = (jnp.zeros_like(canvas.transfer), jnp.zeros((1, *canvas.padded), canvas.x.dtype))
        # The backward pass draws a source again rather than keep the planes of all sources in memory.
        return lax.scan(jax.checkpoint(step, prevent_cse=False), start, sources)[0]

    def _draw(self, source: Sources, canvas: HybridCanvas) -> Planes:
        """One source before the PSF."""
        log_width, split = self._log_widths(canvas)
        return draw(source, log_width, split, (canvas.ky, canvas.kx), (canvas.y, canvas.x), canvas.shape)

    def _log_widths(self, canvas: HybridCanvas) -> tuple[LogWidths, int]:
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


def _padded(size: int, padding: float) -> Float[np.ndarray, " p"]:
    """Pixel coordinates of a grid of an even side that transforms fast, negative ones at the end."""
    half: Any = next_fast_len(math.ceil((size + padding) / 2), real=True)
    side = 2 * half
    pixels = np.arange(side)
    return np.where(pixels < (size + side) // 2, pixels, pixels - side).astype(float)


def _observe(planes: Planes, canvas: HybridCanvas) -> Float[Array, "y x"]:
    """What the detector sees of a spectrum and a plane of light in real space."""
    spectrum, plane = planes
    seen = jnp.sum(canvas.transfer * spectrum, axis=0) + canvas.transfer[0] * jnp.fft.rfft2(plane[0])
    return jnp.fft.irfft2(seen, s=canvas.padded)[: canvas.shape[0], : canvas.shape[1]]


def _brightness(sky: AbstractSky, canvas: HybridCanvas) -> Any:
    y = canvas.y[0, : canvas.shape[0]] - (canvas.shape[0] - 1) / 2
    x = canvas.x[0, : canvas.shape[1]] - (canvas.shape[1] - 1) / 2
    return sky.brightness(*jnp.meshgrid(x, y))
