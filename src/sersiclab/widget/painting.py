"""Drawing components on parts of a large image, tile by tile, so that the cost does not grow with the image."""

import math
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.data.psf import extent
from sersiclab.model import scaling
from sersiclab.parameters import own_parameters, with_parameters
from sersiclab.profiles import AbstractSky
from sersiclab.rendering import AbstractCanvas, AbstractRenderer, HybridRenderer, PixelRenderer
from sersiclab.widget.frames import draw_component, numbers_of


TILE = 1024
# Pixels beyond the tile and the PSF: the light in the tile of a source farther away is smooth.
MARGIN = 40


class Painter:
    """Draws components on any part of an image, with the PSF, exactly as on the whole image.

    Renderers that are not ours may be unable to draw a part alone: they draw the whole image, which is then cut.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self.exponent = scaling.exponent_of(image)
        self._halo = MARGIN
        if image.psf is not None and image.psf_origin is not None:
            self._halo += math.ceil(max(extent(image.psf.shape, image.psf_origin)) / 2 / image.psf_oversampling)
        self._of: AbstractRenderer | None = None
        self._lowered: tuple[AbstractRenderer, AbstractCanvas] | None = None

    def prepare(self, renderer: AbstractRenderer) -> bool:
        """Use this renderer, and return whether it has changed."""
        if self._of is not None and eqx.tree_equal(self._of, renderer):
            return False
        from sersiclab.model import lower

        tiled = isinstance(renderer, HybridRenderer | PixelRenderer)
        place = self._blank() if tiled else self.image
        self._of, self._lowered = renderer, (lower(renderer), lower(renderer.prepare(place)))
        return True

    def _blank(self) -> Image:
        side = TILE + 2 * self._halo
        fields = {**self.image.fields, "data": np.zeros((side, side)), "sigma": np.ones((side, side))}
        return Image.restored(**{**fields, "mask": np.zeros((side, side), bool), "wcs": None, "provenance": ()})

    def paint(self, component: Any, x: int, y: int, nx: int, ny: int) -> Plane:
        """Draw a component, all of whose parameters are numbers, on the pixels from (x, y)."""
        out = np.empty((ny, nx), np.float32)
        if isinstance(component, AbstractSky):
            self._sky(component, x, y, out)
        elif isinstance(self._of, HybridRenderer | PixelRenderer):
            for rows, columns in _tiles(ny, nx):
                tile = self._tile(component, x + columns.start, y + rows.start)
                out[rows, columns] = tile[: rows.stop - rows.start, : columns.stop - columns.start]
        else:
            out[:] = self._drawn(component)[y : y + ny, x : x + nx]
        return out

    def _tile(self, component: Any, x: int, y: int) -> Plane:
        own = own_parameters(component)
        at = {"xc": float(own["xc"]) - (x - self._halo), "yc": float(own["yc"]) - (y - self._halo)}  # type: ignore[arg-type]
        inner = slice(self._halo, self._halo + TILE)
        return self._drawn(with_parameters(component, at))[inner, inner]

    def _drawn(self, component: Any) -> Plane:
        assert self._lowered is not None
        profile, numbers = numbers_of(component)
        vector = np.asarray(numbers, dtype=jnp.result_type(float))
        drawn = draw_component(self._lowered[0], profile, vector, self._lowered[1])
        return np.asarray(scaling.times(drawn, -self.exponent), dtype=np.float32)

    def _sky(self, sky: AbstractSky, x: int, y: int, out: Plane) -> None:
        ny, nx = self.image.shape
        for rows, columns in _tiles(*out.shape):
            across = np.arange(x + columns.start, x + columns.stop) - (nx - 1) / 2
            up = np.arange(y + rows.start, y + rows.stop) - (ny - 1) / 2
            light = sky.brightness(*jnp.meshgrid(jnp.asarray(across, float), jnp.asarray(up, float)))
            out[rows, columns] = scaling.times(np.asarray(light), -self.exponent)


def _tiles(ny: int, nx: int) -> Iterator[tuple[slice, slice]]:
    for low in range(0, ny, TILE):
        for left in range(0, nx, TILE):
            yield slice(low, min(low + TILE, ny)), slice(left, min(left + TILE, nx))
