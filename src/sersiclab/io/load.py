"""Fits, back from their files."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.planes import plane_of
from sersiclab.documents import storage
from sersiclab.documents.schema import check_classes
from sersiclab.documents.spec import from_dict, from_document
from sersiclab.inference import METHODS, AbstractMethod
from sersiclab.parameters.scalars import is_number
from sersiclab.results import Fit
from sersiclab.results.contents import check_timing, check_versions, mapping, numbers
from sersiclab.results.derived import Derived
from sersiclab.runtime.errors import InputError, InputTypeError


NORMALISED = 1e-3  # how far from one the sum of a saved PSF may lie
ROUNDING = 1e-5  # of an end of a prior, or of its range: by how much draws in single precision may lie beyond it


def load(path: str | Path, *, types: Sequence[type] = ()) -> Fit:
    """Read a fit that `Fit.save` wrote: the same model, image, draws and all else.

    `types` holds the user's own classes of profiles, priors, noise, renderers or methods that the fit
    uses. All parts pass the checks of a new fit. Raises `FileNotFoundError`, or `ValueError` if the file is no fit,
    names an unknown class, or has a damaged part; one that the fit can do without, such as its timing, is left out
    with a warning.
    """
    check_classes(types)
    tree = storage.read(path, "fit")
    saved = [field.name for field in dataclasses.fields(Fit) if field.metadata.get("saved", True)]
    missing = [name for name in saved if name not in tree]
    if missing:
        raise InputError(f"{path} is damaged: it lacks {', '.join(missing)}")
    fields = {name: tree[name] for name in saved}
    spare = _Spare(path)
    with _naming(path, "model"):
        fields["model"] = from_dict(tree["model"], types=types)
    with _naming(path, "image"):
        fields["image"] = _image(tree["image"], spare)
    with _naming(path, "method"):
        fields["method"] = _method(tree["method"], types)
    fields["timing"] = spare.read("timing", tree["timing"], _passing(check_timing), {})
    fields["versions"] = spare.read(
        "versions", tree["versions"], _passing(check_versions), {"sersiclab": str(tree.get("version"))}
    )
    fields["derived"] = _derived(tree["derived"], tree["draws"], spare)
    with _naming(path):
        fit = Fit(**fields)
    for doubt in _doubts(fit):
        warnings.warn(f"{path}: {doubt}", stacklevel=2)
    return fit


@contextlib.contextmanager
def _naming(path: str | Path, part: str = "") -> Iterator[None]:
    """Put the file and the part of it before an error's message."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise InputError(": ".join(filter(None, (str(path), part, str(error))))) from error


@dataclasses.dataclass(frozen=True)
class _Spare:
    """Reads the parts of a file that a fit can do without."""

    path: str | Path

    def read(self, part: str, value: Any, reader: Callable[[Any], Any], instead: Any) -> Any:
        """What `reader` makes of a value; another, and a warning, where it can make nothing of it."""
        try:
            return reader(value)
        except Exception as error:  # wcslib's errors have no common class
            warnings.warn(f"{self.path}: {part} is damaged and left out: {error}", stacklevel=4)
            return instead


def _passing(check: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A reader that gives back what passes a check."""

    def read(value: Any) -> Any:
        check(value)
        return value

    return read


def _doubts(fit: Fit) -> Iterator[str]:
    """What makes a fit bad, though it is a fit: values that are not finite, or that no prior allows."""
    for path, prior in fit.model.free.items():
        low, high = prior.support()
        for name, values in ((f"best[{path!r}]", fit.best[path]), (f"draws[{path!r}]", fit.draws.get(path, ()))):
            array = np.asarray(values, dtype=float)
            lost = np.count_nonzero(~np.isfinite(array))
            slack = ROUNDING * np.max([abs(end) for end in (low, high, high - low) if np.isfinite(end)], initial=0.0)
            outside = np.count_nonzero((array < low - slack) | (array > high + slack))
            if lost:
                yield f"{name} has {lost} values that are not finite"
            elif outside:
                yield f"{name} has {outside} values outside its prior's [{low:g}, {high:g}]"


def _method(document: Any, types: Sequence[type]) -> AbstractMethod | None:
    if document is None:
        return None
    method = from_document(document, types=(*METHODS, *types))
    if not isinstance(method, AbstractMethod):
        raise InputTypeError(f"a method such as NUTS was expected, got {method!r}")
    return method


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
        warnings.simplefilter("ignore", UserWarning)  # the user heard them when the image was made
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
        raise InputTypeError(f"a list of texts was expected, got {value!r}")
    return tuple(value)


def _wcs(text: Any) -> Any:
    from astropy.io.fits import Header
    from astropy.utils.exceptions import AstropyUserWarning
    from astropy.wcs import WCS, FITSFixedWarning

    if text is None:
        return None
    if not isinstance(text, str):
        raise InputTypeError(f"the cards of a FITS header were expected, got {text!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", AstropyUserWarning)  # of lines that are no cards
        warnings.simplefilter("ignore", FITSFixedWarning)
        header = Header.fromstring(text)
        for card in header.cards:
            card.verify("exception")
        return WCS(header)


def _derived(tree: Any, draws: Any, spare: _Spare) -> dict[str, Derived]:
    """The derived quantities that are whole."""
    first = next(iter(draws.values()), ()) if isinstance(draws, Mapping) else ()
    shape = np.shape(first) or (0, 0)
    found = spare.read("derived", tree, lambda value: mapping("it", value), {})
    read = {
        name: spare.read(f"derived: {name}", each, lambda q: _quantity(q, shape), None) for name, each in found.items()
    }
    return {name: quantity for name, quantity in read.items() if quantity is not None}


def _quantity(tree: Any, shape: tuple[int, ...]) -> Derived:
    given = dict(mapping("it", tree))
    if set(given) != {field.name for field in dataclasses.fields(Derived)}:
        raise InputError(f"draws, best, sd and unit were expected, got {list(given)}")
    array = numbers("draws", given["draws"])
    if array.shape != shape:
        raise InputError(f"its draws must have the shape of the others, {shape}, got {array.shape}")
    if not isinstance(given["unit"], str):
        raise InputTypeError(f"unit must be a text, got {given['unit']!r}")
    for name in ("best", "sd"):
        if not is_number(given[name]):
            raise InputTypeError(f"{name} must be a number, got {given[name]!r}")
    return Derived(array, float(given["best"]), float(given["sd"]), given["unit"])
