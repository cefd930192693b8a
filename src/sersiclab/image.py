"""The observed image; every check on a user's arrays is here."""

import warnings
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float


class Image(eqx.Module):
    """An observed image with its error map, PSF and mask.

    Arrays are `[y, x]`, of any real dtype and byte order. `sigma` is the standard deviation of each
    pixel; without one it comes from `weight` or `invvar` (1/sigma²), or from the detector's `gain`
    (electrons per image unit), `read_noise` (electrons) and `sky_level` (the subtracted sky, image
    units): `sigma² = (data + sky_level)/gain + (read_noise/gain)²`. `mask` is True (non-zero) where a
    pixel is excluded; pixels whose `sigma` is zero or not finite are excluded too, with a warning. The
    `psf` is centred in its array and normalised here; `None` means no blurring.

    Raises `ValueError` or `TypeError` naming the argument, what was expected and what came.
    """

    data: Float[np.ndarray, "y x"]
    sigma: Float[np.ndarray, "y x"]
    psf: Float[np.ndarray, "v u"] | None
    mask: Bool[np.ndarray, "y x"]
    psf_oversampling: int = eqx.field(static=True)
    psf_includes_pixel: bool = eqx.field(static=True)
    zeropoint: float | None
    pixel_scale: float | None
    wcs: Any = eqx.field(static=True)
    band: str | None = eqx.field(static=True)
    gain: float | None

    def __init__(
        self,
        data: Any,
        *,
        sigma: Any = None,
        weight: Any = None,
        invvar: Any = None,
        psf: Any = None,
        mask: Any = None,
        psf_oversampling: int = 1,
        psf_includes_pixel: bool = True,
        gain: float | None = None,
        read_noise: float = 0.0,
        sky_level: float = 0.0,
        zeropoint: float | None = None,
        pixel_scale: float | None = None,
        wcs: Any = None,
        band: str | None = None,
    ) -> None:
        self.data = _plane("data", data)
        shape = self.data.shape
        user_mask = np.zeros(shape, bool) if mask is None else _mask(mask, shape)
        self._check_data(user_mask)
        given = {"sigma": sigma, "weight": weight, "invvar": invvar, "gain": gain}
        noise = {
            "sigma": lambda: _plane("sigma", sigma, shape),
            "weight": lambda: _inverse_variance("weight", weight, shape, user_mask),
            "invvar": lambda: _inverse_variance("invvar", invvar, shape, user_mask),
            "gain": lambda: _detector_sigma(self.data, gain, read_noise, sky_level),
        }
        named = [name for name in given if given[name] is not None and name != "gain"]
        if len(named) > 1:
            raise ValueError(f"give one of sigma, weight and invvar, got {' and '.join(named)}")
        if not named and gain is None:
            raise ValueError("the image needs an error map: give sigma, weight, invvar, or the detector's gain")
        self.sigma, self.mask = _exclude_unusable(noise[(named or ["gain"])[0]](), user_mask)
        if self.mask.all():
            raise ValueError("mask excludes every pixel: nothing is left to fit (True means excluded)")
        self.psf = None if psf is None else _normalised_psf(psf)
        if isinstance(psf_oversampling, bool) or int(psf_oversampling) != psf_oversampling or psf_oversampling < 1:
            raise ValueError(f"psf_oversampling must be a positive integer, got {psf_oversampling!r}")
        self.psf_oversampling = int(psf_oversampling)
        self.psf_includes_pixel = bool(psf_includes_pixel)
        self.zeropoint = _optional("zeropoint", zeropoint)
        self.pixel_scale = _optional("pixel_scale", pixel_scale, positive=True)
        self.gain = _optional("gain", gain, positive=True)
        self.wcs = wcs
        self.band = band

    def _check_data(self, mask: Bool[np.ndarray, "y x"]) -> None:
        bad = ~np.isfinite(self.data) & ~mask
        if bad.any():
            y, x = np.argwhere(bad)[0]
            raise ValueError(
                f"data must be finite where it is not masked, got {bad.sum()} bad pixels, the first at "
                f"[{y}, {x}]; exclude them with mask=~np.isfinite(data)"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.data.shape

    @property
    def valid(self) -> Bool[np.ndarray, "y x"]:
        """True where a pixel counts."""
        return ~self.mask


def _plane(name: str, value: Any, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "y x"]:
    """A 2-d array of native floats; a scalar is spread over `shape`."""
    array = np.ma.getdata(value) if np.ma.isMaskedArray(value) else np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    if array.ndim == 0 and shape is not None:
        array = np.full(shape, array)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a 2-d array [y, x], got shape {array.shape}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have the shape of data, {shape}, got {array.shape}")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return np.array(array, dtype=np.float32 if single else np.float64, order="C")


def _mask(mask: Any, shape: tuple[int, ...]) -> Bool[np.ndarray, "y x"]:
    array = np.asarray(mask)
    if array.shape != shape:
        raise ValueError(f"mask must have the shape of data, {shape}, got {array.shape}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError("mask must hold 0 (use) and 1 (exclude), got NaN")
    return np.array(array != 0)


def _inverse_variance(name: str, value: Any, shape: tuple[int, ...], mask: Any) -> Float[np.ndarray, "y x"]:
    invvar = _plane(name, value, shape)
    if ((invvar < 0) & ~mask).any():
        raise ValueError(f"{name} must not be negative (it is 1/sigma²), got {invvar[~mask].min():g}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 / np.sqrt(np.where(invvar > 0, invvar, 0.0))


def _detector_sigma(data: Any, gain: Any, read_noise: Any, sky_level: Any) -> Float[np.ndarray, "y x"]:
    gain = _optional("gain", gain, positive=True)
    if not read_noise >= 0:
        raise ValueError(f"read_noise must not be negative, got {read_noise!r}")
    variance = np.maximum(data + sky_level, 0.0) / gain + (read_noise / gain) ** 2
    return np.sqrt(variance)


def _exclude_unusable(
    sigma: Float[np.ndarray, "y x"], mask: Bool[np.ndarray, "y x"]
) -> tuple[Float[np.ndarray, "y x"], Bool[np.ndarray, "y x"]]:
    negative = (sigma < 0) & ~mask
    if negative.any():
        y, x = np.argwhere(negative)[0]
        raise ValueError(
            f"sigma must be positive, got {negative.sum()} negative pixels, the first {sigma[y, x]:g} at [{y}, {x}]"
        )
    unusable = ~(np.isfinite(sigma) & (sigma > 0)) & ~mask
    if unusable.any():
        warnings.warn(
            f"sigma is zero or not finite in {unusable.sum()} pixels: they are excluded from the fit", stacklevel=4
        )
    return sigma, mask | unusable


def _normalised_psf(psf: Any) -> Float[np.ndarray, "v u"]:
    array = _plane("psf", psf)
    if not np.isfinite(array).all():
        raise ValueError(f"psf must be finite, got {(~np.isfinite(array)).sum()} bad pixels")
    total = float(array.sum(dtype=np.float64))
    if not total > 0:
        raise ValueError(f"psf must have a positive sum, got {total:g}")
    if abs(total - 1) > 0.01:
        warnings.warn(f"psf sums to {total:g}; it is normalised to 1", stacklevel=4)
    return array / array.dtype.type(total)


def _optional(name: str, value: Any, *, positive: bool = False) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not np.isfinite(number) or (positive and number <= 0):
        raise ValueError(f"{name} must be a {'positive ' if positive else ''}finite number, got {value!r}")
    return number
