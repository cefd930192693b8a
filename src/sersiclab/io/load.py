"""Fits, back from their files."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab import storage
from sersiclab.image import Image
from sersiclab.inference import METHODS
from sersiclab.results import Fit
from sersiclab.results.derived import Derived
from sersiclab.spec import from_dict, from_document


def load(path: str | Path, *, types: Sequence[type] = ()) -> Fit:
    """Read a fit that `Fit.save` wrote: the same model, image, draws and all else.

    `types` holds the user's own classes of profiles, priors, noise, renderers or methods that the fit
    uses. Raises `FileNotFoundError`, or `ValueError` if the file is no fit or names an unknown class.
    """
    tree = storage.read(path, "fit")
    saved = [field.name for field in dataclasses.fields(Fit) if field.metadata.get("saved", True)]
    fields = {name: tree[name] for name in saved}
    return Fit(
        **fields
        | {
            "model": from_dict(tree["model"], types=types),
            "image": _image(tree["image"]),
            "method": from_document(tree["method"], types=(*METHODS, *types)),
            "derived": {name: Derived(**quantity) for name, quantity in tree["derived"].items()},
        }
    )


def _image(tree: Mapping[str, Any]) -> Image:
    fields = dict(tree) | {"wcs": _wcs(tree["wcs"])}
    # A PSF is normalised already: dividing by a sum of 1 + 1e-7 would change it.
    return Image.restored(**fields | {"psf": None if fields["psf"] is None else np.asarray(fields["psf"])})


def _wcs(text: str | None) -> Any:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    return None if text is None else WCS(Header.fromstring(text))
