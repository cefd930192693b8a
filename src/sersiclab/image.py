"""The observed image; every check on a user's arrays is here."""

import dataclasses
import os
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.astrometry import settled_scale


class Image(eqx.Module):
    """An observed image with its error map, PSF and mask.

    Arrays are `[y, x]`, of any real dtype and byte order. `sigma` is the standard deviation of each
    pixel; without one it comes from `weight` or `invvar` (1/sigma²), or from the detector's `gain`
    (electrons per image unit), `read_noise` (electrons) and `sky_level` (the subtracted sky, image
    units): `sigma² = (data + sky_level)/gain + (read_noise/gain)²`. `mask` is True (non-zero) where a
    pixel is excluded; so are the masked pixels of a numpy masked array, and, with a warning, those whose
    `sigma` is zero or not finite. The `psf` is centred in its array and normalised here; `None` means no
    blurring. `zeropoint` is the magnitude of one image unit, `pixel_scale` is in arcsec, by default that of
    the `wcs`. `unit` is the image's unit as astropy writes it, such as "nmgy"; that of arrays which are
    `Quantity`s is kept. `provenance` says what was not given by the user.

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
    unit: str | None = eqx.field(static=True)
    provenance: tuple[str, ...] = eqx.field(static=True)

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
        unit: Any = None,
        provenance: Sequence[str] = (),
    ) -> None:
        self.unit, sigma, weight, invvar = _plain_numbers(data, unit, sigma, weight, invvar)
        self.data = _plane("data", data)
        shape = self.data.shape
        user_mask = np.zeros(shape, bool) if mask is None else _mask(mask, shape)
        for plane in (data, sigma, weight, invvar):
            if np.ma.isMaskedArray(plane) and plane.ndim:
                user_mask = user_mask | _mask(np.ma.getmaskarray(plane), shape)
        self._check_data(user_mask)
        given = {"sigma": sigma, "weight": weight, "invvar": invvar, "gain": gain}
        noise = {
            "sigma": lambda: _plane("sigma", sigma, shape),
            "weight": lambda: _inverse_variance("weight", weight, shape, user_mask),
            "invvar": lambda: _inverse_variance("invvar", invvar, shape, user_mask),
            "gain": lambda: _detector_sigma(self.data, user_mask, gain, read_noise, sky_level),
        }
        named = [name for name in given if given[name] is not None and name != "gain"]
        if len(named) > 1:
            raise ValueError(f"give one of sigma, weight and invvar, got {' and '.join(named)}")
        if not named and gain is None:
            raise ValueError("the image needs an error map: give sigma, weight, invvar, or the detector's gain")
        if named and (read_noise or sky_level):
            raise ValueError(f"give {named[0]}, or the detector's gain, read_noise and sky_level, not both")
        self.sigma, self.mask = _exclude_unusable(noise[(named or ["gain"])[0]](), user_mask)
        if self.mask.all():
            why = "mask excludes every pixel" if user_mask.all() else "sigma is usable in no pixel that mask leaves"
            raise ValueError(f"{why}: nothing is left to fit (True means excluded)")
        self.psf = None if psf is None else _normalised_psf(psf)
        self.psf_oversampling = _positive_integer("psf_oversampling", psf_oversampling)
        self.psf_includes_pixel = bool(psf_includes_pixel)
        self.zeropoint = _optional("zeropoint", zeropoint)
        self.pixel_scale = settled_scale(_optional("pixel_scale", pixel_scale, positive=True), wcs)
        self.gain = _optional("gain", gain, positive=True)
        self.wcs = wcs
        if not isinstance(band, str | None):
            raise TypeError(f"band must be a name such as 'r', got {band!r}")
        self.band = band
        self.provenance = tuple(provenance)
        for plane in (self.data, self.sigma, self.mask, self.psf):
            if plane is not None:
                plane.flags.writeable = False

    @classmethod
    def read(
        cls,
        data: Any,
        *,
        sigma: Any = None,
        weight: Any = None,
        invvar: Any = None,
        psf: Any = None,
        mask: Any = None,
        psf_oversampling: int | None = None,
        psf_includes_pixel: bool | None = None,
        psf_position: tuple[float, float] | None = None,
        gain: float | None = None,
        read_noise: float = 0.0,
        sky_level: float = 0.0,
        zeropoint: float | None = None,
        pixel_scale: float | None = None,
        wcs: Any = None,
        band: str | None = None,
        unit: Any = None,
    ) -> "Image":
        """An image from FITS files: `Image.read("sci.fits", sigma="rms.fits", psf="psf.fits")`.

        Each plane is a file, an open HDU or an array. `"f.fits[SCI,2]"` or `"f.fits[1]"` choose an extension, else it
        is the first 2-d image, or that of `band`; `"f.fits[1][11:80,11:90]"` a section, from 1, ends included. `data`
        may be an `NDData`, `CCDData`, `Cutout2D` or `Quantity`, `psf` a PSFEx or STPSF file, or a photutils
        `ImagePSF` or `GriddedPSFModel`, at `psf_position` (x, y from 0 in the whole mosaic; the image's centre).

        What is not given comes from the data's file: the error map and the mask from their extensions
        (ERR, VARIANCE, WHT, DQ, invvar ...), WCS, pixel scale, band, unit and zero-point from the header,
        and `provenance` says so. Without any error map sigma is measured: the scatter of the sky,
        with photon noise where the header has the gain; a warning says so. Pixels of noise that
        resampling correlated are less independent than that. Raises what `Image` and `read_plane` raise.
        """
        from sersiclab.reading import gather

        given = {"data": data, "sigma": sigma, "weight": weight, "invvar": invvar, "psf": psf, "mask": mask}
        given |= {"psf_oversampling": psf_oversampling, "psf_includes_pixel": psf_includes_pixel, "gain": gain}
        given |= {"zeropoint": zeropoint, "pixel_scale": pixel_scale, "wcs": wcs, "band": band}
        given |= {"unit": None if unit is None else _unit(unit)}
        found = gather(given, psf_position=psf_position)
        try:
            return cls(**found.arguments, read_noise=read_noise, sky_level=sky_level, provenance=found.notes)
        except (TypeError, ValueError) as error:
            files = ", ".join(f"{name}: {source}" for name, source in found.files.items())
            raise type(error)(f"{error} ({files})" if files else str(error)) from error

    def cutout(self, position: Any, size: Any) -> "Image":
        """The part of the image around `position`, (x, y) in pixels or a `SkyCoord`, with its sigma, mask and WCS.

        `size` is in pixels, or an angle with a unit: one number, or (height, width). At the edges the part
        is cut off. Raises `ValueError` where nothing of it lies inside.
        """
        from astropy.coordinates import SkyCoord
        from astropy.nddata import Cutout2D, NoOverlapError

        if isinstance(position, SkyCoord) and self.wcs is None:
            raise ValueError("position is a SkyCoord and the image has no WCS; give (x, y) in pixels")
        try:
            part = Cutout2D(self.data, position, size, wcs=self.wcs, mode="trim")
        except NoOverlapError as error:
            raise ValueError(f"position must lie in the image of shape {self.shape}, got {position}") from error
        fields: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("data", "sigma", "mask"):
            fields[name] = fields[name][part.slices_original]
        fields["wcs"] = part.wcs
        return type(self)(**fields)

    def with_mask(self, mask: Any) -> "Image":
        """The image with another mask, True (non-zero) where a pixel is excluded.

        Pixels without a finite value and a positive, finite sigma stay excluded. Raises what `Image` raises of a
        mask.
        """
        unusable = ~(np.isfinite(self.data) & np.isfinite(self.sigma) & (self.sigma > 0))
        fields: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return type(self)(**{**fields, "mask": _mask(mask, self.shape) | unusable})

    def __repr__(self) -> str:
        scale = "" if self.pixel_scale is None else f' of {self.pixel_scale:.4g}"'
        psf = "no PSF" if self.psf is None else f"PSF {' x '.join(map(str, self.psf.shape))}"
        zeropoint = None if self.zeropoint is None else f"{self.zeropoint:.6g}"
        known = {"band": self.band, "unit": self.unit, "zeropoint": zeropoint}
        parts = [f"{self.shape[0]} x {self.shape[1]} pixels{scale}", psf, f"{self.mask.sum()} masked"]
        parts += [f"{name} {value}" for name, value in known.items() if value is not None]
        parts += ["wcs"] if self.wcs is not None else []
        return "\n  ".join([f"Image({', '.join(parts)})", *self.provenance])

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


def _array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be an array, got {value!r}; Image.read reads files")
    if hasattr(value, "uncertainty"):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}; Image.read takes it with all it holds")
    try:
        array = np.ma.getdata(value) if np.ma.isMaskedArray(value) else np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a 2-d array of real numbers, got a {type(value).__name__} ({error})"
        ) from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    return array


def _plane(name: str, value: Any, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "y x"]:
    """A 2-d array of native floats; a scalar is spread over `shape`."""
    array = _array(name, value)
    if array.ndim == 0 and shape is not None:
        array = np.full(shape, array)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a 2-d array [y, x], got shape {array.shape}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have the shape of data, {shape}, got {array.shape}")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return np.array(array, dtype=np.float32 if single else np.float64, order="C")


def _mask(mask: Any, shape: tuple[int, ...]) -> Bool[np.ndarray, "y x"]:
    array = _array("mask", np.ma.filled(mask, 1) if np.ma.isMaskedArray(mask) else mask)
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


def _detector_sigma(
    data: Float[np.ndarray, "y x"], mask: Bool[np.ndarray, "y x"], gain: Any, read_noise: Any, sky_level: Any
) -> Float[np.ndarray, "y x"]:
    gain = _optional("gain", gain, positive=True)
    read_noise, sky_level = _optional("read_noise", read_noise), _optional("sky_level", sky_level)
    if read_noise < 0:
        raise ValueError(f"read_noise must not be negative, got {read_noise:g}")
    variance = np.maximum(data + sky_level, 0.0) / gain + (read_noise / gain) ** 2
    # To leave out the pixels that happen to be negative would make the rest too bright.
    noiseless = (variance == 0) & ~mask
    if noiseless.any():
        raise ValueError(
            f"gain gives no noise to the {noiseless.sum()} pixels where data + sky_level is not positive; "
            "give sky_level, the sky that was subtracted, or read_noise"
        )
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
            f"sigma is zero or not finite in {unusable.sum()} pixels: they are excluded from the fit", stacklevel=5
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
        warnings.warn(f"psf sums to {total:g}; it is normalised to 1", stacklevel=5)
    return array / array.dtype.type(total)


def _plain_numbers(data: Any, unit: Any, sigma: Any, weight: Any, invvar: Any) -> tuple[str | None, Any, Any, Any]:
    """The image's unit, and its noise map, which may be astropy's `Quantity`, as numbers in that unit."""
    if any(hasattr(plane, "to_value") for plane in (data, sigma, weight, invvar)):
        from sersiclab.photometry import in_unit, unit_of

        own = unit_of(data)
        if own is not None and unit is not None and _unit(unit) != _unit(own):
            raise ValueError(f"unit must be that of data, {own}, got {unit}")
        unit = own if unit is None else unit
        sigma = in_unit("sigma", sigma, own, 1)
        weight, invvar = in_unit("weight", weight, own, -2), in_unit("invvar", invvar, own, -2)
    return None if unit is None else _unit(unit), sigma, weight, invvar


def _unit(value: Any) -> str:
    from sersiclab.photometry import parse_unit

    unit = parse_unit(str(value))
    if unit is None:
        raise ValueError(f"unit must be a unit that astropy knows, such as 'nmgy' or 'electron/s', got {str(value)!r}")
    return unit


def _positive_integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer) or value < 1 or value % 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def _optional(name: str, value: Any, *, positive: bool = False) -> Any:
    if value is None:
        return None
    expected = f"{name} must be a {'positive ' if positive else ''}finite number, got {value!r}"
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(expected) from error
    if not np.isfinite(number) or (positive and number <= 0):
        raise ValueError(expected)
    return number
