"""The format of a saved fit: an ASDF file of plain values and arrays, written and read here.

The parts of a fit (`PARTS`) go in and come out by name. This module knows neither the class of the fit nor those of
its methods, which are in higher layers.
"""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.data.planes import plane_of
from sersiclab.documents import storage
from sersiclab.documents.fit_parts import DERIVED, PARTS, check_derived, check_timing, check_versions, mapping
from sersiclab.documents.schema import check_classes
from sersiclab.documents.spec import from_dict, from_document, to_dict, to_document
from sersiclab.runtime.errors import InputError, InputTypeError


SINGLE, JOINT = "fit", "joint fit"  # kinds of files
NORMALISED = 1e-3  # by how much the sum of a saved PSF may differ from one


# -- writing -----------------------------------------------------------------------------------------------------------


def write_fit(path: str | Path, parts: Mapping[str, Any], *, overwrite: bool = False) -> Path:
    """Write the parts of a fit to an `.asdf` file, and return its path.

    Arguments:
        path: the file. One that sersiclab saved before is replaced.
        parts: a value for each of `PARTS`, derived quantities as objects with the fields `DERIVED`; and the `image`, or
            the `images`.
        overwrite: replace any other file too.

    Raises:
        FileExistsError: for any other file, unless `overwrite`.
    """
    return storage.write(path, JOINT if "images" in parts else SINGLE, to_tree(parts), overwrite=overwrite)


def to_tree(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a fit as a tree of plain values and arrays."""
    covariance, method = parts["covariance"], parts["method"]
    if "images" in parts:
        data: dict[str, Any] = {"images": images_to_tree(parts["images"])}
    else:
        data = {"image": image_to_tree(parts["image"])}
    return (
        {name: parts[name] for name in PARTS}
        | data
        | {
            "model": to_dict(parts["model"]),
            "method": None if method is None else to_document(method),
            "covariance": None if covariance is None else np.asarray(covariance),
            "timing": {name: float(seconds) for name, seconds in parts["timing"].items()},
            "derived": {
                name: {key: getattr(quantity, key) for key in DERIVED} for name, quantity in parts["derived"].items()
            },
        }
    )


def images_to_tree(images: Images) -> list[dict[str, Any]]:
    """Return the images in their order, each with its name and the wavelength that was given; then missing ones."""
    given = zip(images.names, images.given, strict=True)
    found = [{"name": name, "given": length, "image": image_to_tree(images[name])} for name, length in given]
    return [*found, *({"name": name, "given": None, "image": None} for name in images.missing)]


def image_to_tree(image: Image) -> dict[str, Any]:
    """Return the image's fields by name; its WCS as the text of a FITS header."""
    return {field.name: getattr(image, field.name) for field in dataclasses.fields(image)} | {
        "wcs": wcs_to_text(image.wcs)
    }


def wcs_to_text(wcs: Any) -> str | None:
    """Return the cards of an astropy WCS or FITS header; warn, and return None, for any other kind."""
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    if wcs is None:
        return None
    if isinstance(wcs, WCS):
        return wcs.to_header(relax=True).tostring()
    if isinstance(wcs, Header):
        return wcs.tostring()
    warnings.warn(f"the file keeps an astropy WCS, not a {type(wcs).__name__}: it is left out", stacklevel=5)
    return None


# -- reading -----------------------------------------------------------------------------------------------------------


def read_fit(path: str | Path, *, types: Sequence[type] = ()) -> dict[str, Any]:
    """Read the parts of a fit that `write_fit` wrote.

    Arguments:
        path: the file.
        types: the classes of methods, and the user's own classes of profiles, priors, noise and renderers.

    Returns:
        A value for each of `PARTS`, and the `image` or the `images`; derived quantities as mappings with the keys
        `DERIVED`. A part that a fit can do without, such as its timing, is replaced by an empty one, with a warning,
        if it is damaged.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a fit, names an unknown class, or has a damaged part.
    """
    check_classes(types)
    tree = storage.read(path, SINGLE, JOINT)
    data = "images" if tree["kind"] == JOINT else "image"
    missing = [name for name in (*PARTS, data) if name not in tree]
    if missing:
        raise InputError(f"{path} is damaged: it lacks {', '.join(missing)}")
    spare = _Spare(path)
    parts = {name: tree[name] for name in PARTS}
    with naming(path, "model"):
        parts["model"] = from_dict(tree["model"], types=types)
    with naming(path, data):
        parts[data] = _images(tree[data], spare) if data == "images" else _image(tree[data], spare)
    with naming(path, "method"):
        parts["method"] = None if tree["method"] is None else from_document(tree["method"], types=types)
    parts["timing"] = spare.read("timing", tree["timing"], _passing(check_timing), {})
    parts["versions"] = spare.read(
        "versions", tree["versions"], _passing(check_versions), {"sersiclab": str(tree.get("version"))}
    )
    parts["derived"] = _derived(tree["derived"], tree["draws"], spare)
    return parts


@contextlib.contextmanager
def naming(path: str | Path, part: str = "") -> Iterator[None]:
    """Put the file, and the part of it, before the message of an error."""
    try:
        yield
    except (InputError, InputTypeError) as error:
        raise InputError(": ".join(filter(None, (str(path), part, str(error))))) from error


@dataclasses.dataclass(frozen=True)
class _Spare:
    """Reads the parts of a file that a fit can do without."""

    path: str | Path

    def read(self, part: str, value: Any, reader: Callable[[Any], Any], instead: Any) -> Any:
        """Return `reader(value)`, or `instead` with a warning if that fails."""
        try:
            return reader(value)
        except (InputError, InputTypeError) as error:
            warnings.warn(f"{self.path}: {part} is damaged and left out: {error}", stacklevel=5)
            return instead


def _passing(check: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Return a reader that returns every value that passes a check."""

    def read(value: Any) -> Any:
        check(value)
        return value

    return read


def _images(tree: Any, spare: _Spare) -> Images:
    if not isinstance(tree, list) or not all(
        isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in tree
    ):
        raise InputError(f"expected a list of images with names, got {type(tree).__name__}")
    names = [each["name"] for each in tree]
    if len(set(names)) < len(names):
        raise InputError(f"the names must differ, got {', '.join(names)}")
    images = {each["name"]: _named_image(each, spare) for each in tree}
    given = {each["name"]: each["given"] for each in tree if each.get("given") is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # they were given when the images were put together
        return Images(images, wavelengths=given)


def _named_image(tree: Mapping[str, Any], spare: _Spare) -> Image | None:
    """Return an image, which may have no usable pixel; None for one that was missing. An error names the image."""
    fields: Any = tree.get("image")
    mask = fields.get("mask") if isinstance(fields, Mapping) else None
    try:
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or not mask.all():
            return None if fields is None else _image(fields, spare)
        # The constructor of an image takes none without a usable pixel.
        image = _image({**fields, "mask": np.zeros_like(mask)}, spare)
        return eqx.tree_at(lambda one: one.mask, image, mask)
    except (InputError, InputTypeError) as error:
        raise InputError(f"{tree['name']}: {error}") from error


def _image(tree: Any, spare: _Spare) -> Image:
    fields = dict(mapping("it", tree))
    known = [field.name for field in dataclasses.fields(Image)]
    for name in fields:
        if name not in known:
            raise InputError(f"{name} is unknown; an image has {', '.join(known)}")
    missing = [name for name in ("data", "sigma", "mask", "psf") if name not in fields]
    if missing:
        raise InputError(f"it lacks {', '.join(missing)}")
    fields["wcs"] = spare.read("image: wcs", fields.get("wcs"), _wcs, None)
    fields["provenance"] = spare.read("image: provenance", fields.get("provenance", ()), _texts, ())
    psf = fields["psf"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # they were given when the image was made
        image = Image(**fields)
    if psf is None:
        return image
    # A PSF is normalised already: dividing by a sum of 1 + 1e-7 would change it.
    exact = plane_of("psf", psf)
    total = float(exact.sum(dtype=float))
    if not abs(total - 1.0) <= NORMALISED:
        raise InputError(f"psf must sum to 1, got {total:g}")
    return Image.restored(**{**image.fields, "psf": exact})


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise InputTypeError(f"expected a list of texts, got {value!r}")
    return tuple(value)


def _wcs(text: Any) -> Any:
    from astropy.io.fits import Header
    from astropy.utils.exceptions import AstropyUserWarning
    from astropy.wcs import WCS, FITSFixedWarning

    if text is None:
        return None
    if not isinstance(text, str):
        raise InputTypeError(f"expected the cards of a FITS header, got {text!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", AstropyUserWarning)  # of lines that are not cards
        warnings.simplefilter("ignore", FITSFixedWarning)
        try:
            header = Header.fromstring(text)
            for card in header.cards:
                card.verify("exception")
            return WCS(header)
        except Exception as error:  # wcslib's errors have no common class
            raise InputError(str(error)) from error


def _derived(tree: Any, draws: Any, spare: _Spare) -> dict[str, dict[str, Any]]:
    """Return the derived quantities that are not damaged."""
    first = next(iter(draws.values()), ()) if isinstance(draws, Mapping) else ()
    shape = np.shape(first) or (0, 0)
    found = spare.read("derived", tree, lambda value: mapping("it", value), {})
    read = {
        name: spare.read(f"derived: {name}", each, lambda value: check_derived(value, shape), None)
        for name, each in found.items()
    }
    return {name: quantity for name, quantity in read.items() if quantity is not None}
