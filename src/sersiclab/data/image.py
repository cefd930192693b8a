"""The observed image; every check on a user's arrays is here."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.data.astrometry import checked_wcs, settled_scale
from sersiclab.data.blanks import blanks, without_data
from sersiclab.data.planes import (
    check_finite,
    check_sides,
    detector_sigma,
    exclude_unusable,
    finite_number,
    inverse_variance,
    mask_of,
    optional_number,
    place_of,
    plane_of,
    positive_integer,
    true_or_false,
)
from sersiclab.data.psf_shape import Centre, centre_name, judge_psf, normalised_psf, origin_of
from sersiclab.runtime.errors import InputError, InputTypeError


class Image(eqx.Module):
    """An observed image with its error map, PSF and mask.

    Arrays are `[y, x]`, of any real dtype and byte order. `sigma` is the standard deviation of each
    pixel; without one it comes from `weight` or `invvar` (1/sigma²), or from the detector's `gain`
    (electrons per image unit), `read_noise` (electrons) and `sky_level` (the subtracted sky, image
    units): `sigma² = (data + sky_level)/gain + (read_noise/gain)²`. `mask` is True (non-zero) where a
    pixel is excluded; so are the masked pixels of a numpy masked array, and, with a warning, those whose
    `sigma` is zero or not finite. The `psf` is normalised here; `None` means no blurring. Its centre is that of
    its `"array"`, its `"peak"`, or its `"centroid"` in a Gaussian window of its width, as `psf_centre` says; nothing is
    interpolated. `zeropoint` is the magnitude of one image unit, `pixel_scale` is in arcsec, by default that of
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
    psf_centre: Centre = eqx.field(static=True)
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
        psf_centre: Centre = "array",
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
        self.data = plane_of("data", data)
        shape = self.data.shape
        user_mask = np.zeros(shape, bool) if mask is None else mask_of(mask, shape)
        for plane in (data, sigma, weight, invvar):
            if np.ma.isMaskedArray(plane) and plane.ndim:
                user_mask = user_mask | mask_of(np.ma.getmaskarray(plane), shape)
        check_finite(self.data, user_mask)
        self.gain = electrons = optional_number("gain", gain, positive=True)
        read_noise, sky_level = finite_number("read_noise", read_noise), finite_number("sky_level", sky_level)
        if read_noise < 0:
            raise InputError(f"read_noise must not be negative, got {read_noise:g}")
        given = {"sigma": sigma, "weight": weight, "invvar": invvar}
        noise: dict[str, Any] = {
            "sigma": lambda: plane_of("sigma", sigma, shape),
            "weight": lambda: inverse_variance("weight", weight, shape, user_mask),
            "invvar": lambda: inverse_variance("invvar", invvar, shape, user_mask),
            "gain": lambda: detector_sigma(self.data, user_mask, electrons or 1.0, read_noise, sky_level),
        }
        named = [name for name in given if given[name] is not None]
        if len(named) > 1:
            raise InputError(f"give one of sigma, weight and invvar, got {' and '.join(named)}")
        if not named and gain is None:
            raise InputError("the image needs an error map: give sigma, weight, invvar, or the detector's gain")
        if named and (read_noise or sky_level):
            raise InputError(f"give {named[0]}, or the detector's gain, read_noise and sky_level, not both")
        blank = [] if named else blanks(self.data, ~user_mask)
        if blank:
            warnings.warn(
                f"{without_data(blank)}: they are excluded from the fit (give sigma= to use them)", stacklevel=4
            )
            user_mask = user_mask | np.any([part.pixels for part in blank], axis=0)
        self.sigma, self.mask = exclude_unusable(noise[(named or ["gain"])[0]](), user_mask)
        if self.mask.all():
            why = "mask excludes every pixel" if user_mask.all() else "sigma is usable in no pixel that mask leaves"
            raise InputError(f"{why}: nothing is left to fit (True means excluded)")
        self.psf = None if psf is None else normalised_psf(psf)
        self.psf_oversampling = positive_integer("psf_oversampling", psf_oversampling)
        self.psf_includes_pixel = true_or_false("psf_includes_pixel", psf_includes_pixel)
        self.psf_centre = centre_name(psf_centre)
        if self.psf is not None:
            sampling = {"oversampling": self.psf_oversampling, "centre": self.psf_centre, "pixels": self.data.size}
            judge_psf(self.psf, includes_pixel=self.psf_includes_pixel, **sampling)
        self.zeropoint = optional_number("zeropoint", zeropoint)
        self.wcs = checked_wcs(wcs)
        self.pixel_scale = settled_scale(optional_number("pixel_scale", pixel_scale, positive=True), wcs)
        if not isinstance(band, str | None):
            raise InputTypeError(f"band must be a name such as 'r', got {band!r}")
        self.band = band
        self.provenance = (*_texts("provenance", provenance), *([f"mask: {without_data(blank)}"] if blank else []))
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
        psf_centre: Centre | None = None,
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
        from sersiclab.data.reading import gather

        given = {"data": data, "sigma": sigma, "weight": weight, "invvar": invvar, "psf": psf, "mask": mask}
        given |= {"psf_oversampling": psf_oversampling, "psf_includes_pixel": psf_includes_pixel, "gain": gain}
        given |= {"psf_centre": psf_centre}
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
            raise InputError("position is a SkyCoord and the image has no WCS; give (x, y) in pixels")
        place = position if isinstance(position, SkyCoord) else place_of(position)
        check_sides(size)
        if not isinstance(place, SkyCoord) and not np.isfinite(place).all():
            raise InputError(f"position must be finite, got {position}")
        try:
            part = Cutout2D(self.data, place, size, wcs=self.wcs, mode="trim")
        except (NoOverlapError, OverflowError, ValueError) as error:  # the last for a position on another sky
            raise InputError(f"position must lie in the image of shape {self.shape}, got {position}") from error
        fields = self.fields
        for name in ("data", "sigma", "mask"):
            fields[name] = fields[name][part.slices_original]
        return self.restored(**{**fields, "wcs": part.wcs})

    def with_mask(self, mask: Any) -> "Image":
        """The image with another mask, True (non-zero) where a pixel is excluded.

        Pixels without a finite value and a positive, finite sigma stay excluded. Raises what `Image` raises of a
        mask.
        """
        unusable = ~(np.isfinite(self.data) & np.isfinite(self.sigma) & (self.sigma > 0))
        return self.restored(**{**self.fields, "mask": mask_of(mask, self.shape) | unusable})

    @classmethod
    def restored(cls, *, psf: np.ndarray | None, **fields: Any) -> "Image":
        """An image from the fields of another; its PSF is neither normalised nor judged again."""
        image = cls(**fields)
        return eqx.tree_at(lambda image: image.psf, image, psf, is_leaf=lambda leaf: leaf is None)

    @property
    def fields(self) -> dict[str, Any]:
        """What `restored` takes, by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __repr__(self) -> str:
        scale = "" if self.pixel_scale is None else f' of {self.pixel_scale:.4g}"'
        psf = "no PSF" if self.psf is None else f"PSF {' x '.join(map(str, self.psf.shape))}"
        zeropoint = None if self.zeropoint is None else f"{self.zeropoint:.6g}"
        known = {"band": self.band, "unit": self.unit, "zeropoint": zeropoint}
        parts = [f"{self.shape[0]} x {self.shape[1]} pixels{scale}", psf, f"{self.mask.sum()} masked"]
        parts += [f"{name} {value}" for name, value in known.items() if value is not None]
        parts += ["wcs"] if self.wcs is not None else []
        return "\n  ".join([f"Image({', '.join(parts)})", *self.provenance])

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.data.shape

    @property
    def psf_origin(self) -> tuple[float, float] | None:
        """Where the PSF's centre is in its array, (y, x) in samples from 0; None without a PSF."""
        return None if self.psf is None else origin_of(self.psf, self.psf_centre)

    @property
    def valid(self) -> Bool[np.ndarray, "y x"]:
        """True where a pixel counts."""
        return ~self.mask


def _plain_numbers(data: Any, unit: Any, sigma: Any, weight: Any, invvar: Any) -> tuple[str | None, Any, Any, Any]:
    """The image's unit, and its noise map, which may be astropy's `Quantity`, as numbers in that unit."""
    if any(hasattr(plane, "to_value") for plane in (data, sigma, weight, invvar)):
        from sersiclab.data.photometry import in_unit, unit_of

        own = unit_of(data)
        if own is not None and unit is not None and _unit(unit) != _unit(own):
            raise InputError(f"unit must be that of data, {own}, got {unit}")
        unit = own if unit is None else unit
        sigma = in_unit("sigma", sigma, own, 1)
        weight, invvar = in_unit("weight", weight, own, -2), in_unit("invvar", invvar, own, -2)
    return None if unit is None else _unit(unit), sigma, weight, invvar


def _unit(value: Any) -> str:
    from astropy.units import UnitBase

    from sersiclab.data.photometry import parse_unit

    expected = f"unit must be a unit of light that astropy knows, such as 'nmgy' or 'electron/s', got {str(value)!r}"
    if not isinstance(value, str | UnitBase):
        raise InputTypeError(expected)
    unit = parse_unit(str(value))
    if unit is None:
        raise InputError(expected)
    return unit


def _texts(name: str, value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) or not isinstance(value, Sequence) else tuple(value)
    if isinstance(value, str) or not all(isinstance(text, str) for text in texts):
        raise InputTypeError(f"{name} must be a sequence of texts, got {value!r}")
    return texts
