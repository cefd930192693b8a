"""A fit, or a model and its image, as a FITS file; a fit as DS9 regions."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sersiclab._version import __version__
from sersiclab.data.image import Image
from sersiclab.documents import storage
from sersiclab.documents.spec import to_python
from sersiclab.model import Model, render_components
from sersiclab.parameters import at, parameters
from sersiclab.results import regions
from sersiclab.results.base import AbstractFit
from sersiclab.results.drawn import AbstractDrawn


if TYPE_CHECKING:
    from astropy.table import QTable


def write_fits(fit: AbstractFit, table: "QTable", path: str | Path, *, overwrite: bool) -> Path:
    """Write SCI, MODEL, RESIDUAL, SIGMA, MASK, PSF, each component and the PARAMETERS; see `Fit.write_fits`."""
    from astropy.io import fits

    header = origin(fit, fit.image.provenance)
    hdus = [fits.PrimaryHDU(header=header), *planes(fit.image, fit.model, fit.best), parameters_hdu(table)]
    path = storage.user_path(path)
    with storage.writing(path, overwrite=overwrite) as temporary:
        fits.HDUList(hdus).writeto(temporary)
    return path


def write_model_fits(model: Model, image: Image, target: Path | IO[bytes]) -> None:
    """Write the same extensions for a model at its initial values, which was not fitted.

    PARAMETERS has the path and the value of every parameter, and whether it is free; the history has the Python code
    of the model.
    """
    from astropy.io import fits

    header = fits.Header()
    header["ORIGIN"] = f"sersiclab {__version__}"
    header.add_history("a model at its initial values, which were set by hand or by a fit:")
    for line in to_python(model).splitlines():
        header.add_history(line.encode("ascii", "replace").decode())
    values = parameters(at(model.owners, model.initial))
    columns = [
        fits.Column("path", f"{max(map(len, values), default=1)}A", array=list(values)),
        fits.Column("value", "D", array=[float(value) for value in values.values()]),
        fits.Column("free", "L", array=[path in model.free for path in values]),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="PARAMETERS")
    hdus = [fits.PrimaryHDU(header=header), *planes(image, model, model.initial), table]
    fits.HDUList(hdus).writeto(target)


def planes(image: Image, model: Model, values: Mapping[str, float]) -> list[Any]:
    """Return SCI, MODEL, RESIDUAL, SIGMA, MASK, each component and the PSF, all but the last with the WCS."""
    from astropy.io import fits

    header = _image_header(image)
    parts = render_components(model, image, values)
    total = sum(parts.values(), np.zeros(image.shape, image.data.dtype))
    planes = {
        "SCI": image.data,
        "MODEL": total,
        "RESIDUAL": image.data - total,
        "SIGMA": image.sigma,
        "MASK": image.mask.astype(np.uint8),
    }
    planes |= {f"COMP_{name.upper()}": part for name, part in parts.items()}
    hdus: list[Any] = [fits.ImageHDU(np.asarray(plane), header, name=name) for name, plane in planes.items()]
    if image.psf is not None:
        psf = fits.ImageHDU(np.asarray(image.psf), name="PSF")
        psf.header["OVERSAMP"] = (image.psf_oversampling, "samples per pixel")
        psf.header["PIXRESP"] = (image.psf_includes_pixel, "whether the pixel's response is in it")
        psf.header["PSFCENTR"] = (image.psf_centre, "definition of the PSF centre")
        hdus.append(psf)
    return hdus


def parameters_hdu(table: "QTable") -> Any:
    """Return the extension PARAMETERS."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        # The FITS standard lacks nanomaggies and keywords of more than eight letters; astropy reads both.
        warnings.simplefilter("ignore", AstropyUserWarning)
        hdu = fits.table_to_hdu(table)
    for name in table.colnames:
        unit = getattr(table[name], "unit", None)
        if unit is not None:
            hdu.columns[name].unit = _fits_unit(unit)
    hdu.name = "PARAMETERS"
    return hdu


def _fits_unit(unit: Any) -> str:
    """Return a unit as the FITS standard writes it, "pix-1" for "1 / pix"; as astropy does if the standard lacks it."""
    try:
        return unit.to_string("fits")
    except ValueError:
        return unit.to_string()


def _image_header(image: Image) -> Any:
    """WCS, unit, zero-point and band, under the keywords that `Image.read` looks for."""
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    header = Header()
    if isinstance(image.wcs, WCS):
        header.update(image.wcs.to_header(relax=True))
    elif isinstance(image.wcs, Header):
        header.update(image.wcs)
    cards = {"BUNIT": image.unit, "MAGZERO": image.zeropoint, "FILTER": image.band, "PIXSCALE": image.pixel_scale}
    header.update({name: value for name, value in cards.items() if value is not None})
    return header


def origin(fit: AbstractDrawn, provenance: Sequence[str]) -> Any:
    """Return a header that describes the fit: method and options, seed, versions, chi2, verdict and provenance."""
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
    for text in (f"method: {fit.method!r}", *fit.verdict.reasons, *provenance):
        header.add_history(text.replace("±", "+-").encode("ascii", "replace").decode())
    return header


def ds9_regions(fit: AbstractFit) -> str:
    """Return the components at `best` as DS9 regions in image pixels."""
    return regions.ds9_regions(at(fit.model.owners, fit.best))
