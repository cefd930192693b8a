"""The canvas that renderers share: a padded grid of pixels, its frequencies and the PSF's transfer function."""

import functools
import itertools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float
from scipy.fft import next_fast_len

from sersiclab.data.image import Image
from sersiclab.data.psf import extent, transfer_function
from sersiclab.profiles import AbstractSky
from sersiclab.rendering.base import AbstractCanvas
from sersiclab.runtime.memory import check_memory


# Tiles of a PSF's spectrum that lie below this fraction of the flux everywhere are left out.
_NEGLIGIBLE = 1e-7

BYTES_A_PIXEL = 100.0  # memory per pixel of the padded image, for several planes and spectra at once
# The number of transfer functions that are kept, and the most pixels that the padded grid of one may have.
_KEPT, _KEPT_PIXELS = 32, 2**18
FARTHEST = 1e12  # limit of the padding in pixels, when memory is estimated


class Light(eqx.Module):
    """Light before the PSF: the sum of a spectrum and of surface brightness at points, where present.

    The `spectrum` lies on the canvas's frequencies, `plane` on its pixels. `fine[a, b]` is a plane that
    lies a / count of a pixel above and b / count to the right. `aliases` is the true spectrum of the light that
    `plane` samples, on the canvas's tiles after the first: sampling folds it onto the first. `pixels` is light to which
    the PSF is not applied.
    """

    spectrum: Complex[Array, "tile ky kx"] | None = None
    plane: Float[Array, "1 padded_y padded_x"] | None = None
    aliases: Complex[Array, "tiles_after ky kx"] | None = None
    fine: Float[Array, "count count padded_y padded_x"] | None = None
    pixels: Float[Array, "y x"] | None = None


class Canvas(AbstractCanvas):
    """The grid, frequencies and transfer function that a renderer derives from an image.

    `y` and `x` are the pixels of the padded grid, with negative ones at the end. The spectrum lies on the
    frequencies `ky` and `kx` (radians per pixel). An oversampled PSF passes frequencies beyond those of
    the grid: they follow as further tiles, shifted by the multiples of 2 pi in `orders`, which the
    sampling folds back onto the first. `transfer` is the PSF's transfer function on all tiles. `blurred` says
    whether there is a PSF.
    """

    blurred: bool = eqx.field(static=True)
    shape: tuple[int, int] = eqx.field(static=True)
    orders: tuple[tuple[int, int], ...] = eqx.field(static=True)
    y: Float[Array, "1 y"]
    x: Float[Array, "1 x"]
    ky: Float[Array, "tile ky"]
    kx: Float[Array, "tile kx"]
    transfer: Complex[Array, "tile ky kx"]

    @property
    def padded(self) -> tuple[int, int]:
        """The shape of the padded grid."""
        return self.y.shape[1], self.x.shape[1]


def canvas_of(image: Image, padding: tuple[float, float]) -> Canvas:
    """Return the canvas of an image, padded by at least `padding` pixels (in y, in x) and by the PSF's size.

    The image's arrays may be traced.
    """
    ny, nx = image.data.shape
    psf, oversampling, origin = image.psf, image.psf_oversampling, image.psf_origin
    sides = (0, 0) if psf is None or origin is None else extent(psf.shape, origin)
    size = math.prod(side + float(min(more, FARTHEST)) for side, more in zip((ny, nx), padding, strict=True))
    check_memory("the renderer's padding of this image", BYTES_A_PIXEL * size, "give it a smaller padding=")
    y = _padded(ny, max(padding[0], sides[0] / oversampling))
    x = _padded(nx, max(padding[1], sides[1] / oversampling))
    response = _Response(oversampling, image.psf_includes_pixel, origin)
    tiles = _tiles_of(psf, response, (y.size, x.size))
    return Canvas(
        blurred=psf is not None,
        shape=(int(ny), int(nx)),
        orders=tiles.orders,
        y=jnp.asarray(y[None], dtype=float),
        x=jnp.asarray(x[None], dtype=float),
        ky=jnp.asarray(tiles.ky, dtype=float),
        kx=jnp.asarray(tiles.kx, dtype=float),
        transfer=jnp.asarray(tiles.transfer, dtype=complex),
    )


class _Response(NamedTuple):
    """How to read the samples of a PSF; see `transfer_function`."""

    oversampling: int
    includes_pixel: bool
    origin: tuple[float, float] | None


class _Tiles(NamedTuple):
    """The frequencies of a padded grid and the transfer function at them, in tiles; see `Canvas`."""

    orders: tuple[tuple[int, int], ...]
    ky: Float[np.ndarray, "tile ky"]
    kx: Float[np.ndarray, "tile kx"]
    transfer: Complex[Array | np.ndarray, "tile ky kx"]


def _tiles_of(psf: Float[Array | np.ndarray, "v u"] | None, response: _Response, padded: tuple[int, int]) -> _Tiles:
    """Return the tiles of a grid. Those of a small grid are kept for the next image with this PSF."""
    if isinstance(psf, np.ndarray) and math.prod(padded) <= _KEPT_PIXELS:
        return _kept_tiles(psf.tobytes(), psf.shape, psf.dtype, response, padded)
    return _tiles(psf, response, padded)


@functools.lru_cache(maxsize=_KEPT)
def _kept_tiles(
    samples: bytes, shape: tuple[int, int], dtype: np.dtype, response: _Response, padded: tuple[int, int]
) -> _Tiles:
    return _tiles(np.frombuffer(samples, dtype).reshape(shape), response, padded)


def _tiles(psf: Float[Array | np.ndarray, "v u"] | None, response: _Response, padded: tuple[int, int]) -> _Tiles:
    ky, kx = 2 * np.pi * np.fft.fftfreq(padded[0]), 2 * np.pi * np.fft.rfftfreq(padded[1])
    # Without a PSF the spectrum is unbounded. Sources that are drawn from it include its first aliases.
    reach = 1 if psf is None else response.oversampling // 2
    candidates = sorted(range(-reach, reach + 1), key=abs)
    orders: list[tuple[int, int]] = []
    tiles: list[tuple[np.ndarray, np.ndarray, Array | np.ndarray]] = []
    for order in itertools.product(candidates, candidates):
        rows, columns = ky + 2 * np.pi * order[0], kx + 2 * np.pi * order[1]
        transfer = transfer_function(psf, rows, columns, **response._asdict())
        # The values of a traced PSF are not known, so that all its tiles are kept.
        if not tiles or not isinstance(transfer, np.ndarray) or np.abs(transfer).max() > _NEGLIGIBLE:
            orders.append(order)
            tiles.append((rows, columns, transfer))
    rows, columns, transfers = zip(*tiles, strict=True)
    together = np.stack if all(isinstance(transfer, np.ndarray) for transfer in transfers) else jnp.stack
    return _Tiles(tuple(orders), np.array(rows), np.array(columns), together(transfers))


def observe(light: Light, canvas: Canvas) -> Float[Array, "y x"]:
    """Return the image on the detector: the light after the PSF."""
    if light.spectrum is None:
        assert light.pixels is not None
        return light.pixels
    seen = jnp.sum(canvas.transfer * light.spectrum, axis=0)
    if light.plane is not None:
        seen = seen + canvas.transfer[0] * jnp.fft.rfft2(light.plane[0])
    if light.aliases is not None:
        seen = seen + jnp.sum((canvas.transfer[1:] - canvas.transfer[:1]) * light.aliases, axis=0)
    if light.fine is not None:
        seen = seen + jnp.sum(canvas.transfer * fine_spectrum(light.fine, canvas), axis=0)
    image = jnp.fft.irfft2(seen, s=canvas.padded)[: canvas.shape[0], : canvas.shape[1]]
    return image if light.pixels is None else image + light.pixels


def fine_spectrum(fine: Float[Array, "count count y x"], canvas: Canvas) -> Complex[Array, "tile ky kx"]:
    """Return the spectrum of the planes of `Light.fine` together, up to the highest frequency that they carry."""
    count = fine.shape[0]
    planes = jnp.fft.rfft2(fine)
    steps = jnp.arange(count, dtype=canvas.y.dtype) / count
    rows, columns = (_steps_to_waves(steps, k) for k in (canvas.ky, canvas.kx))
    terms = [rows[a][:, :, None] * columns[b][:, None, :] * planes[a, b][None] for a, b in np.ndindex(count, count)]
    return functools.reduce(jnp.add, terms)


def _steps_to_waves(steps: Float[Array, " count"], k: Float[Array, "tile k"]) -> Complex[Array, "count tile k"]:
    """Return `exp(-i k step) / count`, which is zero beyond the frequencies that planes at these steps can carry."""
    angle = jnp.tensordot(steps, k, axes=0)
    waves = lax.complex(jnp.cos(angle), -jnp.sin(angle)) / steps.size
    return jnp.where((jnp.abs(k) <= 1.0001 * math.pi * steps.size)[None], waves, 0.0)


def phase(xc: Any, yc: Any, canvas: Canvas) -> Complex[Array, "tile ky kx"]:
    """Return `exp(-i (kx xc + ky yc))`, which moves a source from the corner pixel to its centre.

    The phase of whole pixels is computed in integers, so that float32 stays precise in large images.
    """
    waves = []
    for k, centre, side in zip((canvas.ky, canvas.kx), (yc, xc), canvas.padded, strict=True):
        near = jnp.where(jnp.abs(centre) < 4 * side, centre, 0.0)
        whole = jnp.round(lax.stop_gradient(near))
        turns = (jnp.arange(k.shape[1]) * whole.astype(int) % side).astype(k.dtype) * (2 * math.pi / side)
        angle = turns[None, :] + k * (near - whole)
        waves.append(lax.complex(jnp.cos(angle), -jnp.sin(angle)))
    return waves[0][:, :, None] * waves[1][:, None, :]


def sky_brightness(sky: AbstractSky, canvas: Canvas) -> Any:
    """Return a sky on the image's pixels, which the PSF doesn't blur."""
    y = canvas.y[0, : canvas.shape[0]] - (canvas.shape[0] - 1) / 2
    x = canvas.x[0, : canvas.shape[1]] - (canvas.shape[1] - 1) / 2
    return sky.brightness(*jnp.meshgrid(x, y))


def _padded(size: int, padding: float) -> Float[np.ndarray, " p"]:
    """Return pixel coordinates, negative ones at the end, of a grid with an even side whose transform is fast."""
    half: Any = next_fast_len(math.ceil((size + padding) / 2), real=True)
    side = 2 * half
    pixels = np.arange(side)
    return np.where(pixels < (size + side) // 2, pixels, pixels - side).astype(float)
