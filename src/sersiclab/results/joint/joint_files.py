"""A fit of several images as one FITS file, and as DS9 regions of each image."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sersiclab.documents import storage
from sersiclab.results import files
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.fit import Fit
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    from astropy.table import QTable

READ = ("SIGMA", "MASK")  # extensions that `Image.read` finds by themselves, by their IMAGETYP


def write_fits(
    fit: AbstractDrawn, fits: Mapping[str, Fit], table: "QTable", path: str | Path, *, overwrite: bool
) -> Path:
    """Write the extensions of every image, then PARAMETERS; see `JointFit.write_fits`."""
    from astropy.io import fits as astropy_fits

    provenance = [line for each in fits.values() for line in each.image.provenance]
    hdus: list[Any] = [astropy_fits.PrimaryHDU(header=files.origin(fit, provenance))]
    for number, (name, each) in enumerate(fits.items(), start=1):
        for hdu in files.planes(each.image, each.model, each.best):
            kind = hdu.name
            # The setter of `name` would write capitals.
            hdu.header["EXTNAME"] = f"{kind}_{name}"
            hdu.header["EXTVER"] = (number, f"image {name}")
            if kind in READ:
                hdu.header["IMAGETYP"] = kind
            hdus.append(hdu)
    path = storage.user_path(path)
    with storage.writing(path, overwrite=overwrite) as temporary:
        astropy_fits.HDUList([*hdus, files.parameters_hdu(table)]).writeto(temporary)
    return path


def write_regions(fits: Mapping[str, Fit], folder: str | Path, *, overwrite: bool) -> dict[str, Path]:
    """Write a file of DS9 regions for each image; see `JointFit.write_regions`."""
    folder = storage.user_path(folder)
    if folder.suffix == ".reg" or folder.is_file():
        raise InputError(f"folder must be a folder, in which every image has a file of its own, got {str(folder)!r}")
    paths = {name: folder / f"{name}.reg" for name in fits}
    for path in paths.values():
        if path.exists():
            storage.check_free(path, overwrite=overwrite)  # of all, before the first is written
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: storage.write_text(path, files.ds9_regions(fits[name]), overwrite=overwrite)
        for name, path in paths.items()
    }
