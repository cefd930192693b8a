"""The canvas that renderers share: a padded grid of pixels, its frequencies and the PSF's transfer function."""

import itertools
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float
from scipy.fft import next_fast_len

from sersiclab.image import Image
from sersiclab.profiles import AbstractSky
from sersiclab.psf import transfer_function
from sersiclab.rendering.base import AbstractCanvas


# Parts of a PSF's spectrum below this fraction of the flux are left out.
_NEGLIGIBLE = 1e-7

# Light before the PSF: a spectrum on the canvas's frequencies, and surface brightness on its pixels.
Planes = tuple[Complex[Array, "tile ky kx"], Float[Array, "1 padded_y padded_x"]]


class Canvas(AbstractCanvas):
    """What a renderer derives from an image.

    `y` and `x` are the pixels of the padded grid, negative ones at the end. The spectrum lies on the
    frequencies `ky` and `kx` (radians per pixel). An oversampled PSF passes frequencies beyond those of
    the grid: they follow as further tiles, shifted by the multiples of 2 pi in `orders`, which the
    sampling folds back onto the first. `transfer` is the PSF's transfer function on all tiles.
    """

    shape: tuple[int, int] = eqx.field(static=True)
    orders: tuple[tuple[int, int], ...] = eqx.field(static=True)
    y: Float[Array, "1 y"]
    x: Float[Array, "1 x"]
    ky: Float[Array, "tile ky"]
    kx: Float[Array, "tile kx"]
    transfer: Complex[Array, "tile ky kx"]

    @property
    def padded(self) -> tuple[int, int]:
        """Shape of the padded grid."""
        return self.y.shape[1], self.x.shape[1]


def canvas_of(image: Image, padding: int) -> Canvas:
    """The canvas of an image, padded by at least `padding` pixels and by the PSF's size."""
    ny, nx = image.data.shape
    psf, oversampling = image.psf, image.psf_oversampling
    sides = (0, 0) if psf is None else psf.shape
    y = _padded(ny, max(padding, sides[0] / oversampling))
    x = _padded(nx, max(padding, sides[1] / oversampling))
    ky, kx = 2 * np.pi * np.fft.fftfreq(y.size), 2 * np.pi * np.fft.rfftfreq(x.size)
    # Without a PSF the spectrum has no end; we take its first aliases.
    reach = 1 if psf is None else oversampling // 2
    candidates = sorted(range(-reach, reach + 1), key=abs)
    orders: list[tuple[int, int]] = []
    tiles: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for order in itertools.product(candidates, candidates):
        rows, columns = ky + 2 * np.pi * order[0], kx + 2 * np.pi * order[1]
        transfer = transfer_function(
            psf, rows, columns, oversampling=oversampling, includes_pixel=image.psf_includes_pixel
        )
        if not tiles or np.abs(transfer).max() > _NEGLIGIBLE:
            orders.append(order)
            tiles.append((rows, columns, transfer))
    rows, columns, transfer = (np.array(part) for part in zip(*tiles, strict=True))
    return Canvas(
        shape=(int(ny), int(nx)),
        orders=tuple(orders),
        y=jnp.asarray(y[None], dtype=float),
        x=jnp.asarray(x[None], dtype=float),
        ky=jnp.asarray(rows, dtype=float),
        kx=jnp.asarray(columns, dtype=float),
        transfer=jnp.asarray(transfer, dtype=complex),
    )


def observe(planes: Planes, canvas: Canvas) -> Float[Array, "y x"]:
    """What the detector sees of a spectrum and a plane of light in real space."""
    spectrum, plane = planes
    seen = jnp.sum(canvas.transfer * spectrum, axis=0) + canvas.transfer[0] * jnp.fft.rfft2(plane[0])
    return jnp.fft.irfft2(seen, s=canvas.padded)[: canvas.shape[0], : canvas.shape[1]]


def sky_brightness(sky: AbstractSky, canvas: Canvas) -> Any:
    """A sky on the image's pixels, which the PSF doesn't blur."""
    y = canvas.y[0, : canvas.shape[0]] - (canvas.shape[0] - 1) / 2
    x = canvas.x[0, : canvas.shape[1]] - (canvas.shape[1] - 1) / 2
    return sky.brightness(*jnp.meshgrid(x, y))


def _padded(size: int, padding: float) -> Float[np.ndarray, " p"]:
    """Pixel coordinates of a grid of an even side that transforms fast, negative ones at the end."""
    half: Any = next_fast_len(math.ceil((size + padding) / 2), real=True)
    side = 2 * half
    pixels = np.arange(side)
    return np.where(pixels < (size + side) // 2, pixels, pixels - side).astype(float)
