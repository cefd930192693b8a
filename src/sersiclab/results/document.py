"""A fit as a tree of plain values and arrays, for files and for ArviZ's attributes."""

import dataclasses
import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab._version import __version__
from sersiclab.data.image import Image
from sersiclab.documents.spec import to_dict, to_document


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit


def versions() -> dict[str, str]:
    """The versions of what computes a fit."""
    return {"sersiclab": __version__} | {name: metadata.version(name) for name in ("jax", "numpyro")}


def attributes(fit: "Fit") -> dict[str, Any]:
    """What ArviZ's object says of its origin."""
    return {
        "method": repr(fit.method),
        "seed": fit.seed,
        "status": fit.status,
        "message": fit.message,
        "sampling_time": float(fit.timing.get("run", np.nan)),
        "inference_library": "sersiclab",
        "inference_library_version": fit.versions["sersiclab"],
        **{f"{name}_version": version for name, version in fit.versions.items()},
    }


def to_tree(fit: "Fit") -> dict[str, Any]:
    """Everything a fit holds."""
    return {
        "model": to_dict(fit.model),
        "image": image_to_tree(fit.image),
        "method": None if fit.method is None else to_document(fit.method),
        "seed": fit.seed,
        "draws": fit.draws,
        "best": fit.best,
        "stats": fit.stats,
        "covariance": None if fit.covariance is None else np.asarray(fit.covariance),
        "status": fit.status,
        "message": fit.message,
        "timing": {name: float(seconds) for name, seconds in fit.timing.items()},
        "derived": {name: dataclasses.asdict(quantity) for name, quantity in fit.derived.items()},
        "versions": fit.versions,
    }


def image_to_tree(image: Image) -> dict[str, Any]:
    """The image's fields by name; its WCS as the text of a FITS header."""
    return {field.name: getattr(image, field.name) for field in dataclasses.fields(image)} | {
        "wcs": wcs_to_text(image.wcs)
    }


def wcs_to_text(wcs: Any) -> str | None:
    """The cards of an astropy WCS or FITS header; other kinds are left out, with a warning."""
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    if wcs is None:
        return None
    if isinstance(wcs, WCS):
        return wcs.to_header(relax=True).tostring()
    if isinstance(wcs, Header):
        return wcs.tostring()
    warnings.warn(f"the file keeps an astropy WCS, not a {type(wcs).__name__}: it is left out", stacklevel=4)
    return None
