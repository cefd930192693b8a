"""Several images of one object: bands, exposures, instruments."""

import html
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx

from sersiclab.data.filters import micrometres, wavelength_of
from sersiclab.data.image import Image
from sersiclab.data.image_names import check_image_name, path_name
from sersiclab.data.sameness import same_image
from sersiclab.parameters.varying import ImageLabel
from sersiclab.runtime.errors import InputError, InputKeyError, InputTypeError


EXAMPLE = 'such as sl.Images({"g": image, "r": image})'


class Images(eqx.Module, Mapping[str, Image]):
    """Several images of one object, by name. Immutable.

    The images may differ in shape, pixel scale, orientation, PSF, zero-point and unit. Positions, sizes and angles are
    in the pixels of the first, the frame. The names become parts of paths, such as `galaxy.flux.g`.

    Arguments:
        images: `{name: Image}`, or a list of images of different bands, which then are the names: "HSC-g" becomes
            `HSC_g`. An image that is None is left out, with a warning.
        wavelengths: `{name: wavelength}` in micrometres or as astropy lengths. One that is not given is that of the
            image, or else that of its band in a table of common filters.

    Raises:
        ValueError: if a name is no identifier, if two are the same, or if no image has a usable pixel.
        TypeError: if something is not an `Image`.

    Example:
        >>> import numpy as np, sersiclab as sl
        >>> images = {band: sl.Image(np.zeros((40, 50)), sigma=0.1, band=band) for band in "gr"}
        >>> sl.Images(images)
        Images(2 images, in the pixels of g)
          g: 40 x 50 pixels, band g, 0.4702 µm, 0 masked
          r: 40 x 50 pixels, band r, 0.6176 µm, 0 masked
    """

    names: tuple[str, ...] = eqx.field(static=True)
    members: tuple[Image, ...]
    given: tuple[float | None, ...] = eqx.field(static=True)
    missing: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, images: Any, *, wavelengths: Mapping[str, Any] | None = None) -> None:
        named = _by_name(images)
        known = dict(zip(images.names, images.given, strict=True)) if isinstance(images, Images) else {}
        known |= _lengths(wavelengths, named)
        self.names = tuple(name for name, image in named.items() if image is not None)
        self.members = tuple(image for image in named.values() if image is not None)
        self.given = tuple(known.get(name) for name in self.names)
        self.missing = tuple(name for name, image in named.items() if image is None)
        if not self.used:
            raise InputError(f"images must hold an image with usable pixels, got {'; '.join(self.notes) or 'none'}")
        _check_bands(self.bands.values())
        for note in self.notes:
            warnings.warn(note, stacklevel=4)

    @classmethod
    def read(
        cls,
        data: Any,
        *,
        wavelengths: Mapping[str, Any] | None = None,
        sigma: Any = None,
        weight: Any = None,
        invvar: Any = None,
        psf: Any = None,
        mask: Any = None,
        psf_oversampling: Any = None,
        psf_includes_pixel: Any = None,
        psf_centre: Any = None,
        psf_position: Any = None,
        gain: Any = None,
        read_noise: Any = None,
        sky_level: Any = None,
        zeropoint: Any = None,
        pixel_scale: Any = None,
        wcs: Any = None,
        band: Any = None,
        unit: Any = None,
    ) -> "Images":
        """Read several images: `Images.read({"g": "g.fits", "r": "r.fits"}, psf={"g": "psf_g.fits"})`.

        Each image is read as by `Image.read`; one without usable pixels is kept, but not used, with a warning.

        Arguments:
            data: `{name: file}`, where None leaves the image out; a list of files of different bands; or one file with
                images of several bands, according to their headers (BAND, FILTER) or names. The names are then the
                bands. In place of a file, an open HDU, an array and so on may be given, as to `Image.read`.
            wavelengths: as for `Images`.

        The other arguments are those of `Image.read`: one value for all images, or `{name: value}`.

        Returns:
            The images.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if a file is unsuitable, and what `Images` raises; so is `TypeError`. Both name the image.

        Example:
            >>> import numpy as np, sersiclab as sl
            >>> from astropy.io import fits
            >>> bands = [fits.ImageHDU(np.zeros((40, 50)), fits.Header({"FILTER": band})) for band in "gr"]
            >>> sl.Images.read(fits.HDUList([fits.PrimaryHDU(), *bands]), sigma=0.1).names
            ('g', 'r')
        """
        from sersiclab.data.image_files import read_images

        options = {"sigma": sigma, "weight": weight, "invvar": invvar, "psf": psf, "mask": mask, "gain": gain}
        options |= {"psf_oversampling": psf_oversampling, "psf_includes_pixel": psf_includes_pixel, "unit": unit}
        options |= {"psf_centre": psf_centre, "psf_position": psf_position, "read_noise": read_noise, "wcs": wcs}
        options |= {"sky_level": sky_level, "zeropoint": zeropoint, "pixel_scale": pixel_scale, "band": band}
        images = _quietly(read_images(data, options), wavelengths)
        for note in images.notes:
            warnings.warn(note, stacklevel=2)
        return images

    def __getitem__(self, name: str) -> Image:
        if not isinstance(name, str) or name not in self.names:
            raise InputKeyError(f"there is no image {name!r}; the images are {', '.join(self.names)}")
        return self.members[self.names.index(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Images):
            return NotImplemented
        alike = all(getattr(self, name) == getattr(other, name) for name in ("names", "given", "missing"))
        return alike and all(same_image(one, two) for one, two in zip(self.members, other.members, strict=True))

    @property
    def frame(self) -> Image:
        """The first image: positions, sizes and angles are in its pixels."""
        return self.members[0]

    @property
    def used(self) -> tuple[str, ...]:
        """The names of the images that have a usable pixel."""
        return tuple(name for name, image in self.items() if not image.mask.all())

    @property
    def bands(self) -> dict[str, str]:
        """The band of each image; its name if it has none."""
        return {name: image.band or name for name, image in self.items()}

    @property
    def wavelengths(self) -> dict[str, float | None]:
        """The wavelength of each image in micrometres; None if it is not known."""
        given = dict(zip(self.names, self.given, strict=True))
        return {name: _wavelength(given[name], self[name], band) for name, band in self.bands.items()}

    @property
    def labels(self) -> tuple[ImageLabel, ...]:
        """What parameters know of each image: its name, its band as it is written in paths, and its wavelength."""
        lengths = self.wavelengths
        return tuple(ImageLabel(name, path_name(band) or name, lengths[name]) for name, band in self.bands.items())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the images that are left out or not used."""
        left_out = [f"image {name!r} is None: it is left out" for name in self.missing]
        unused = [name for name in self.names if name not in self.used]
        return (*left_out, *(f"image {name!r} has no usable pixel: it is not fitted" for name in unused))

    def without(self, *names: str) -> "Images":
        """Return the images without those of these `names`; if the first is among them, the next is the frame.

        Raises `KeyError` for an unknown name, and `ValueError` if no image is left.
        """
        for name in names:
            self[name]
        return self._with({name: image for name, image in self.items() if name not in names})

    def with_image(self, name: str, image: Image) -> "Images":
        """Return the images with another `image` of this `name`, in the place of the former one or else at the end.

        Raises the errors that `Images` raises.
        """
        check_image_name(name)
        _check_image(f"images[{name!r}]", image)
        return self._with({**self, name: image})

    def _with(self, images: Mapping[str, Image]) -> "Images":
        given = {name: length for name, length in zip(self.names, self.given, strict=True) if name in images}
        missing = [name for name in self.missing if name not in images]
        return _quietly({**images, **dict.fromkeys(missing)}, given)

    def __repr__(self) -> str:
        number = f"{len(self)} image{'' if len(self) == 1 else 's'}"
        words = {"band": "band {}", "masked": "{} masked", "zero-point": "zeropoint {}"}
        lines = [
            f"{name}: {', '.join(words.get(fact, '{}').format(value) for fact, value in self._facts(name).items())}"
            for name in self
        ]
        return "\n  ".join([f"Images({number}, in the pixels of {self.names[0]})", *lines, *self.notes])

    def _repr_html_(self) -> str:
        """Return a table with a row for each image."""
        rows = {name: self._facts(name) for name in self}
        columns = [*dict.fromkeys(column for facts in rows.values() for column in facts)]
        lines = [_row("th", ["", *columns])]
        lines += [_row("td", [name, *(facts.get(column, "") for column in columns)]) for name, facts in rows.items()]
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        listed = f"<ul>{notes}</ul>" if notes else ""
        return f"<div><b>Images</b>, in the pixels of {self.names[0]}<table>{''.join(lines)}</table>{listed}</div>"

    def _facts(self, name: str) -> dict[str, str]:
        image, length = self[name], self.wavelengths[name]
        scale = "" if image.pixel_scale is None else f' of {image.pixel_scale:.4g}"'
        facts = {"shape": f"{image.shape[0]} x {image.shape[1]} pixels{scale}", "band": self.bands[name]}
        facts["wavelength"] = "wavelength unknown" if length is None else f"{length:.4g} µm"
        facts["masked"] = str(image.mask.sum())
        return facts if image.zeropoint is None else {**facts, "zero-point": f"{image.zeropoint:.6g}"}


def _quietly(images: Mapping[str, Any], wavelengths: Mapping[str, Any] | None) -> Images:
    """Return the images without the warnings that their notes are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Images(images, wavelengths=wavelengths)


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _wavelength(given: float | None, image: Image, band: str) -> float | None:
    if given is not None:
        return given
    return wavelength_of(band) if image.wavelength is None else image.wavelength


def _by_name(images: Any) -> dict[str, Image | None]:
    """Return the images by name; None for one that is missing."""
    if isinstance(images, Images):
        return {**images, **dict.fromkeys(images.missing)}
    if isinstance(images, Mapping):
        for name, image in images.items():
            check_image_name(name)
            if image is not None:
                _check_image(f"images[{name!r}]", image)
        return dict(images)
    if not isinstance(images, list | tuple):
        kind = images.__name__ if isinstance(images, type) else type(images).__name__
        raise InputTypeError(f"images must be {{name: Image}} or a list of Image, {EXAMPLE}, got {kind}")
    return _by_band(images)


def _by_band(images: Sequence[Any]) -> dict[str, Image | None]:
    found: dict[str, Image] = {}
    for place, image in enumerate(images):
        _check_image(f"images[{place}]", image)
        name = path_name(image.band or "")
        if not name:
            got = "no band" if image.band is None else f"the band {image.band!r}"
            raise InputError(f"images[{place}] has {got}, which is no name; give {{name: Image}}, {EXAMPLE}")
        if name in found:
            both = f"{found[name].band!r} and {image.band!r}"
            raise InputError(f"images in a list must have different bands, got {both}; give {{name: Image}}, {EXAMPLE}")
        found[name] = image
    return {**found}


def _check_image(label: str, image: Any) -> None:
    if not isinstance(image, Image):
        kind = f"the class {image.__name__}" if isinstance(image, type) else type(image).__name__
        raise InputTypeError(f"{label} must be an Image, such as sl.Image(array, sigma=...), got {kind}")


def _lengths(wavelengths: Any, images: Mapping[str, Any]) -> dict[str, float]:
    """Return the wavelengths that the user gave, in micrometres."""
    if wavelengths is None:
        return {}
    if not isinstance(wavelengths, Mapping):
        raise InputTypeError(f"wavelengths must be {{name: micrometres}}, got {wavelengths!r}")
    unknown = [name for name in wavelengths if name not in images]
    if unknown:
        raise InputError(f"wavelengths has no image {unknown[0]!r}; the images are {', '.join(images)}")
    found = {name: micrometres(f"wavelengths[{name!r}]", value) for name, value in wavelengths.items()}
    return {name: value for name, value in found.items() if value is not None}


def _check_bands(bands: Iterable[str]) -> None:
    """Raise unless different bands are different in paths."""
    found: dict[str, str] = {}
    for band in bands:
        if found.setdefault(path_name(band), band) != band:
            both = f"{found[path_name(band)]!r} and {band!r}"
            raise InputError(f"images: the bands {both} would have one name in paths; give the images other band=")
