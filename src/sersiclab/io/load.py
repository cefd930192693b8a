"""Load saved fits."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.documents.fit_format import naming, read_fit
from sersiclab.documents.schema import check_classes
from sersiclab.inference import METHODS, AbstractMethod
from sersiclab.results import Fit
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputTypeError


ROUNDING = 1e-5  # distance by which draws in single precision may exceed a bound, relative to bounds or their range


def load(path: str | Path, *, types: Sequence[type] = ()) -> Any:
    """Read a fit that `Fit.save` wrote, with its model, image, draws and everything else.

    All parts pass the checks of a new fit. A part that a fit can do without, such as its timing, is left out with a
    warning if it is damaged.

    Arguments:
        path: the `.asdf` file.
        types: the user's own classes of profiles, priors, noise, renderers and methods that the fit uses.

    Returns:
        The `Fit`, or the `JointFit` of several images.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a fit, names an unknown class, or has a damaged part.

    Example:
        With a fit from `sl.fit(model, image, sl.NUTS())`:

        >>> path = fit.save("galaxy.asdf")
        >>> sl.load(path).summary().equals(fit.summary())
        True
    """
    check_classes(types)
    parts = read_fit(path, types=(*METHODS, *types))
    with naming(path, "method"):
        if not isinstance(parts["method"], AbstractMethod | None):
            raise InputTypeError(f"expected a method such as NUTS, got {parts['method']!r}")
    parts["derived"] = {name: Derived(**quantity) for name, quantity in parts["derived"].items()}
    with naming(path):
        fit = JointFit(**parts) if "images" in parts else Fit(**parts)
    for doubt in _doubts(fit):
        warnings.warn(f"{path}: {doubt}", stacklevel=2)
    return fit


def _doubts(fit: AbstractDrawn) -> Iterator[str]:
    """Describe values that make a fit unreliable, but not invalid: not finite, or outside their priors."""
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
