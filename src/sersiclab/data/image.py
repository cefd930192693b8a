"""The observed image. A user's arrays are checked here, and nowhere else."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from sersiclab.data.arrays import Mask, Plane
from sersiclab.data.astrometry import checked_wcs, settled_scale
from sersiclab.data.blanks import without_data
from sersiclab.data.error_maps import error_map
from sersiclab.data.filters import micrometres
from sersiclab.data.image_units import plain_numbers, unit_name
from sersiclab.data.interchange import mask_from_regions, position_of
from sersiclab.data.planes import (
    check_finite,
    check_sides,
    finite_number,
    mask_of,
    optional_number,
    place_of,
    plane_of,
    positive_integer,
    texts,
    true_or_false,
)
from sersiclab.data.psf_shape import Centre, centre_name, judge_psf, normalised_psf, origin_of
from sersiclab.runtime.errors import InputError, InputTypeError


class Image(eqx.Module):
    """An observed image with its error map, PSF and mask. Immutable.

    Arrays are indexed `[y, x]`, of any real dtype and byte order, and are copied. The error map is one of `sigma`,
    `weight` and `invvar`, or follows from the detector: `sigma² = (data + sky_level)/gain + (read_noise/gain)²`.
    `Image.read` reads files, and takes what is not given from their headers.

    Arguments:
        data: the pixels; a `Quantity` keeps its unit, and the masked pixels of a numpy masked array are excluded.
        sigma: the standard deviation of each pixel, or one number.
        weight: 1/sigma² of each pixel.
        invvar: another name for `weight`.
        psf: the point spread function, normalised here; None for no blurring.
        mask: True (non-zero) where a pixel is excluded, or regions of the `regions` package. Pixels whose `sigma` is
            zero or not finite are excluded too, with a warning.
        psf_oversampling: samples of the PSF per pixel.
        psf_includes_pixel: whether the PSF includes the response of a pixel (an effective PSF), or is optical alone.
        psf_centre: where the PSF's centre lies: the middle of its `"array"`, its `"peak"`, or its `"centroid"` in a
            Gaussian window of its width. Nothing is interpolated.
        gain: electrons per image unit.
        read_noise: of the detector, in electrons.
        sky_level: the sky that was subtracted, in image units.
        zeropoint: the magnitude of one image unit.
        pixel_scale: arcsec per pixel; by default that of `wcs`.
        wcs: an astropy `WCS`, or another object of its shared interface.
        band: the name of the filter.
        wavelength: of the band, in micrometres or as an astropy length.
        unit: the image's unit as astropy writes it, such as "nmgy".
        provenance: notes on the origin of values that the user did not give.

    Raises:
        ValueError: if a value is unsuitable, such as an array of another shape, or if no error map is given.
        TypeError: if an argument has an unsuitable type. Both name the argument, the expected value and the given one.

    Example:
        >>> import numpy as np, sersiclab as sl
        >>> sl.Image(np.zeros((40, 50)), sigma=0.1, zeropoint=22.5, band="r")
        Image(40 x 50 pixels, no PSF, 0 masked, band r, zeropoint 22.5)
    """

    data: Plane
    sigma: Plane
    psf: Float[np.ndarray, "v u"] | None
    mask: Mask
    psf_oversampling: int = eqx.field(static=True)
    psf_includes_pixel: bool = eqx.field(static=True)
    psf_centre: Centre = eqx.field(static=True)
    zeropoint: float | None
    pixel_scale: float | None
    wcs: Any = eqx.field(static=True)
    band: str | None = eqx.field(static=True)
    wavelength: float | None
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
        wavelength: Any = None,
        unit: Any = None,
        provenance: Sequence[str] = (),
    ) -> None:
        self.unit, sigma, weight, invvar = plain_numbers(data, unit, sigma, weight, invvar)
        self.data = plane_of("data", data)
        shape = self.data.shape
        user_mask = np.zeros(shape, bool) if mask is None else mask_of(mask_from_regions(mask, shape, wcs), shape)
        for plane in (data, sigma, weight, invvar):
            if np.ma.isMaskedArray(plane) and plane.ndim:
                user_mask = user_mask | mask_of(np.ma.getmaskarray(plane), shape)
        check_finite(self.data, user_mask)
        self.gain = optional_number("gain", gain, positive=True)
        self.sigma, self.mask, blank = error_map(
            self.data,
            user_mask,
            sigma=sigma,
            weight=weight,
            invvar=invvar,
            gain=self.gain,
            read_noise=finite_number("read_noise", read_noise),
            sky_level=finite_number("sky_level", sky_level),
        )
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
        self.band, self.wavelength = band, micrometres("wavelength", wavelength)
        self.provenance = (*texts("provenance", provenance), *([f"mask: {without_data(blank)}"] if blank else []))
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
        wavelength: Any = None,
        unit: Any = None,
    ) -> "Image":
        """Read an image from FITS files: `Image.read("sci.fits", sigma="rms.fits", psf="psf.fits")`.

        Values that are not given are taken from the file of the data: the error map and the mask from its extensions
        (ERR, VARIANCE, WHT, DQ, invvar ...), and WCS, pixel scale, band, wavelength, unit and zero-point from the
        header; `provenance` lists them. Without an error map, sigma is measured from the scatter of the sky, with
        photon noise if the header has the gain, and a warning is given: in a resampled image the noise is larger.

        Arguments:
            data: a file, an open HDU, an array, or an `NDData`, `CCDData`, `Cutout2D` or `Quantity`. `"f.fits[SCI,2]"`
                or `"f.fits[1]"` selects an extension, otherwise the first 2-d image, or that of `band`, is read.
                `"f.fits[1][11:80,11:90]"` selects a section: x first, counted from 1, both ends included.
            sigma: the error map, as a file, open HDU or array; so are `weight`, `invvar` and `mask`.
            psf: also a PSFEx or STPSF file, or a photutils `ImagePSF` or `GriddedPSFModel`.
            psf_position: where to evaluate a PSF that varies: (x, y) from 0 in the mosaic, by default its centre.

        The other arguments are those of `Image`.

        Returns:
            The image.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if a file is damaged or has no such image, and what `Image` raises; so is `TypeError`.

        Example:
            >>> import numpy as np, sersiclab as sl
            >>> from astropy.io import fits
            >>> hdu = fits.ImageHDU(np.zeros((40, 50)), fits.Header({"BUNIT": "nanomaggy"}))
            >>> sl.Image.read(hdu, sigma=0.1)
            Image(40 x 50 pixels, no PSF, 0 masked, unit nmgy, zeropoint 22.5)
              unit nmgy (BUNIT = nanomaggy)
              zeropoint 22.5 (BUNIT = nanomaggy)
        """
        from sersiclab.data.reading import gather

        given = {"data": data, "sigma": sigma, "weight": weight, "invvar": invvar, "psf": psf, "mask": mask}
        given |= {"psf_oversampling": psf_oversampling, "psf_includes_pixel": psf_includes_pixel, "gain": gain}
        given |= {"psf_centre": psf_centre, "zeropoint": zeropoint, "pixel_scale": pixel_scale, "wcs": wcs}
        given |= {"band": band, "wavelength": wavelength, "unit": None if unit is None else unit_name(unit)}
        found = gather(given, psf_position=psf_position)
        try:
            return cls(**found.arguments, read_noise=read_noise, sky_level=sky_level, provenance=found.notes)
        except (InputError, InputTypeError) as error:
            files = ", ".join(f"{name}: {source}" for name, source in found.files.items())
            raise type(error)(f"{error} ({files})" if files else str(error)) from error

    def cutout(self, position: Any, size: Any) -> "Image":
        """Cut out the part of the image around a position, with its sigma, mask and WCS.

        Arguments:
            position: the centre, (x, y) in pixels or a `SkyCoord`.
            size: in pixels, or an angle with a unit: one number, or (height, width).

        Returns:
            The part; it is smaller where the image's edge cuts it off.

        Raises:
            ValueError: if no part of it lies in the image, or if `position` is a `SkyCoord` and the image has no WCS.
            TypeError: if `position` or `size` has an unsuitable type.

        Example:
            >>> import sersiclab as sl
            >>> sl.datasets.example().cutout((50, 41), 21).shape
            (21, 21)
        """
        from astropy.coordinates import SkyCoord
        from astropy.nddata import Cutout2D, NoOverlapError

        position = position_of(position)
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
        """Return the image with another `mask`, True (non-zero) where a pixel is excluded, or regions.

        Pixels without a finite value and a positive, finite sigma remain excluded. Raises the errors that `Image`
        raises for a mask.
        """
        given = mask_from_regions(mask, self.shape, self.wcs)
        unusable = ~(np.isfinite(self.data) & np.isfinite(self.sigma) & (self.sigma > 0))
        return self.restored(**{**self.fields, "mask": mask_of(given, self.shape) | unusable})

    @classmethod
    def restored(cls, *, psf: np.ndarray | None, **fields: Any) -> "Image":
        """Return an image from the `fields` of another; its `psf` is neither normalised nor checked again."""
        image = cls(**fields)
        return eqx.tree_at(lambda image: image.psf, image, psf, is_leaf=lambda leaf: leaf is None)

    @property
    def fields(self) -> dict[str, Any]:
        """The arguments of `restored`, by name."""
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

    def _repr_html_(self) -> str:
        """Return a small picture, with masked pixels in orange, beside the facts about the image."""
        from sersiclab.data.thumbnail import as_html, projection

        ny, nx = self.shape
        scale = "" if self.pixel_scale is None else f", {self.pixel_scale:.4g} arcsec each"
        rows = [("shape", f"{ny} x {nx} pixels (y, x){scale}"), ("masked", f"{self.mask.sum()} pixels")]
        rows += [("PSF", self._psf_in_words()), ("WCS", "none" if self.wcs is None else projection(self.wcs))]
        zeropoint = None if self.zeropoint is None else f"{self.zeropoint:.6g} mag"
        wavelength = None if self.wavelength is None else f"{self.wavelength:.4g} µm"
        known = {"unit": self.unit, "zero-point": zeropoint, "band": self.band, "wavelength": wavelength}
        rows += [(name, value) for name, value in known.items() if value is not None]
        return as_html("Image", self.data, self.mask, rows, self.provenance)

    def _psf_in_words(self) -> str:
        if self.psf is None:
            return "none"
        sampling = f", {self.psf_oversampling} per pixel along each axis" if self.psf_oversampling > 1 else ""
        pixel = "" if self.psf_includes_pixel else ", without the pixel's response"
        return f"{self.psf.shape[0]} x {self.psf.shape[1]} samples{sampling}{pixel}"

    def convert(self, quantity: Any) -> float:
        """Convert an angular size to pixels, or a magnitude or a flux to image units, for parameters and priors.

        Arguments:
            quantity: astropy's: an angle (by `pixel_scale`), a magnitude (by `zeropoint`), a flux (in the image's
                `unit`, or as AB by `zeropoint`), or one per solid angle, which becomes a surface brightness per pixel.

        Returns:
            The number in pixels, image units, or image units per pixel.

        Raises:
            TypeError: if it is not one number with a unit.
            ValueError: if the image lacks what the conversion needs.

        Example:
            >>> import astropy.units as u
            >>> import numpy as np
            >>> import sersiclab as sl
            >>> image = sl.Image(np.ones((5, 6)), sigma=1.0, pixel_scale=0.25, zeropoint=22.5)
            >>> image.convert(2 * u.arcsec), round(image.convert(20 * u.mag), 6)
            (8.0, 10.0)
            >>> prior = sl.LogUniform(image.convert(0.5 * u.arcsec), image.convert(5 * u.arcsec))
        """
        from sersiclab.data.conversion import convert  # which imports astropy.units

        return convert(quantity, pixel_scale=self.pixel_scale, zeropoint=self.zeropoint, unit=self.unit)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.data.shape

    @property
    def psf_origin(self) -> tuple[float, float] | None:
        """The PSF's centre in its array, (y, x) in samples from 0; None without a PSF."""
        return None if self.psf is None else origin_of(self.psf, self.psf_centre)

    @property
    def valid(self) -> Mask:
        """True where a pixel is used."""
        return ~self.mask
