"""The PSF's transfer function."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


def transfer_function(
    psf: Float[Array | np.ndarray, "v u"] | None,
    ky: Float[np.ndarray, " a"],
    kx: Float[np.ndarray, " b"],
    *,
    oversampling: int = 1,
    includes_pixel: bool = True,
    origin: tuple[float, float] | None = None,
) -> Complex[Array | np.ndarray, "a b"]:
    """Return the Fourier transform of the effective PSF (optics and pixel) at ky, kx (radians per pixel).

    `T(k) = sum_vu psf[v, u] exp(-i (kx (u - cu) + ky (v - cv)) / oversampling)`. The PSF's centre (cv, cu) is
    `origin`, in samples from 0; by default the centre of the array, (side - 1) / 2, which lies between two samples
    where a side is even. A PSF sampled at `oversampling` points per pixel is band-limited: T is zero beyond
    |k| = pi * oversampling. Without a PSF, or with one that lacks it, T holds the pixel's response
    sinc(kx / 2 pi) sinc(ky / 2 pi). It is computed by NumPy in double precision, or by JAX if `psf` is a JAX array,
    which may be traced.
    """
    transfer = np.ones((ky.size, kx.size), complex)
    if psf is not None:
        cv, cu = ((psf.shape[0] - 1) / 2, (psf.shape[1] - 1) / 2) if origin is None else origin
        rows = _band(ky, oversampling) * _waves(ky, psf.shape[0], cv, oversampling)
        columns = _band(kx, oversampling) * _waves(kx, psf.shape[1], cu, oversampling)
        if isinstance(psf, np.ndarray):
            transfer = rows.T @ (psf.astype(float) / psf.sum(dtype=float)) @ columns
        else:
            waves = (jnp.asarray(part, dtype=complex) for part in (rows.T, columns))
            transfer = next(waves) @ (psf / psf.sum()).astype(complex) @ next(waves)
    if psf is None or not includes_pixel:
        transfer = transfer * (np.sinc(ky[:, None] / (2 * np.pi)) * np.sinc(kx[None] / (2 * np.pi)))
    return transfer


def extent(shape: tuple[int, int], origin: tuple[float, float]) -> tuple[float, float]:
    """Return the sides of the smallest array about a PSF's centre that contains all its samples."""
    (height, width), (v, u) = shape, origin
    return 2.0 * max(v, height - 1 - v) + 1.0, 2.0 * max(u, width - 1 - u) + 1.0


def centred(
    psf: Float[np.ndarray, "v u"], origin: tuple[float, float]
) -> tuple[Float[np.ndarray, "b a"], tuple[float, float]]:
    """Return the PSF padded with zeros to be central in an array of odd sides, and the remaining offset, (v, u)."""
    nearest = [int(np.floor(place + 0.5)) for place in origin]
    after = [side - 1 - middle for side, middle in zip(psf.shape, nearest, strict=True)]
    padding = [(max(b - a, 0), max(a - b, 0)) for a, b in zip(nearest, after, strict=True)]
    return np.pad(psf, padding), (origin[0] - nearest[0], origin[1] - nearest[1])


def _waves(k: Float[np.ndarray, " k"], side: int, centre: float, oversampling: int) -> Complex[np.ndarray, "side k"]:
    position = (np.arange(side) - centre) / oversampling
    return np.exp(-1j * position[:, None] * k)


def _band(k: Float[np.ndarray, " k"], oversampling: int) -> Float[np.ndarray, " k"]:
    """Return one inside the band, zero outside, and half at its edge (which is its own alias)."""
    if oversampling == 1:
        return np.ones_like(k)
    excess = np.abs(k) - np.pi * oversampling
    return np.where(np.abs(excess) < 1e-9, 0.5, np.where(excess < 0, 1.0, 0.0))
