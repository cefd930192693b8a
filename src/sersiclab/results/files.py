"""A fit as a FITS file of its images and as DS9 regions."""

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.model import render_components
from sersiclab.parameters import at, own_parameters
from sersiclab.profiles import AbstractSource
from sersiclab.profiles.base import size_name


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit


def write_fits(fit: "Fit", path: str | Path, *, overwrite: bool) -> Path:
    """SCI, MODEL, RESIDUAL, SIGMA, MASK, PSF, each component and the PARAMETERS; see `Fit.write_fits`."""
    from astropy.io import fits

    image = fit.image
    header = _image_header(fit)
    planes = {
        "SCI": image.data,
        "MODEL": fit.model_image,
        "RESIDUAL": image.data - fit.model_image,
        "SIGMA": image.sigma,
        "MASK": image.mask.astype(np.uint8),
    }
    planes |= {f"COMP_{name.upper()}": part for name, part in render_components(fit.model, image, fit.best).items()}
    hdus: list[Any] = [fits.PrimaryHDU(header=_origin(fit))]
    hdus += [fits.ImageHDU(np.asarray(plane), header, name=name) for name, plane in planes.items()]
    if image.psf is not None:
        psf = fits.ImageHDU(np.asarray(image.psf), name="PSF")
        psf.header["OVERSAMP"] = (image.psf_oversampling, "samples per pixel")
        psf.header["PIXRESP"] = (image.psf_includes_pixel, "whether the pixel's response is in it")
        hdus.append(psf)
    hdus.append(_parameters(fit))
    path = Path(path).expanduser()
    fits.HDUList(hdus).writeto(path, overwrite=overwrite)
    return path


def _parameters(fit: "Fit") -> Any:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    table = fit.to_table()
    with warnings.catch_warnings():
        # The standard lacks nanomaggies, and keywords longer than eight letters; astropy reads both.
        warnings.simplefilter("ignore", AstropyUserWarning)
        hdu = fits.table_to_hdu(table)
    for name in table.colnames:
        unit = getattr(table[name], "unit", None)
        if unit is not None:
            hdu.columns[name].unit = unit.to_string()
    hdu.name = "PARAMETERS"
    return hdu


def _image_header(fit: "Fit") -> Any:
    """WCS, unit, zero-point and band, under the keywords that `Image.read` looks for."""
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    image = fit.image
    header = Header()
    if isinstance(image.wcs, WCS):
        header.update(image.wcs.to_header(relax=True))
    elif isinstance(image.wcs, Header):
        header.update(image.wcs)
    cards = {"BUNIT": image.unit, "MAGZERO": image.zeropoint, "FILTER": image.band, "PIXSCALE": image.pixel_scale}
    header.update({name: value for name, value in cards.items() if value is not None})
    return header


def _origin(fit: "Fit") -> Any:
    """What was done: the method and its options, the seed, the versions, chi2 and the verdict."""
    from astropy.io.fits import Header

    header = Header()
    header["ORIGIN"] = f"sersiclab {fit.versions['sersiclab']}"
    header["METHOD"] = type(fit.method).__name__
    header["SEED"] = fit.seed
    header["STATUS"] = fit.status
    header["CHI2"], header["DOF"] = fit.chi2, fit.dof
    header["VERDICT"] = fit.verdict.level
    for name, version in fit.versions.items():
        header.add_history(f"{name} {version}")
    for text in (f"method: {fit.method!r}", *fit.verdict.reasons, *fit.image.provenance):
        header.add_history(text.replace("±", "+-").encode("ascii", "replace").decode())
    return header


def ds9_regions(fit: "Fit") -> str:
    """The components as ellipses at their half-light or scale radius, or crosses, in image pixels from 1."""
    lines = ["# Region file format: DS9", "global color=green", "image"]
    for name, component in at(fit.model.owners, fit.best).items():
        own = {key: float(value) for key, value in own_parameters(component).items()}
        if not isinstance(component, AbstractSource):
            continue
        centre = f"{own['xc'] + 1:.4f},{own['yc'] + 1:.4f}"
        length = size_name(component)
        if length is None:
            lines.append(f"point({centre}) # point=cross text={{{name}}}")
            continue
        minor = own[length] * (1.0 - own.get("ellip", 0.0))
        angle = math.degrees(own.get("theta", 0.0)) % 180.0 + 90.0  # DS9's is from +x
        lines.append(f"ellipse({centre},{own[length]:.4f},{minor:.4f},{angle:.3f}) # text={{{name} {length}}}")
    return "\n".join([*lines, ""])
