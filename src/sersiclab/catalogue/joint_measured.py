"""The numbers of a joint fit that a catalogue keeps: a column for each image where a quantity varies, else one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sersiclab.catalogue.columns import CHI2
from sersiclab.catalogue.measured import STATISTICS, Measured, Quantity, flat, measured_of, quantities_of
from sersiclab.parameters import Tied, parameters
from sersiclab.parameters.base import AbstractVarying, Parameter
from sersiclab.parameters.priors import Angle
from sersiclab.results import circular
from sersiclab.results.derived import parameter_sds
from sersiclab.results.joint import JointFit
from sersiclab.results.table import column


WITHOUT_DRAWS = ("best", "sd")  # the statistics of a quantity without draws
ARCSEC = "_arcsec"
# The parameters on which observables depend. Others depend on the image itself, such as its zero-point.
DEPEND: dict[str, tuple[str, ...]] = {
    "axis_ratio": ("ellip", "theta"),
    "r_circ": ("r_eff", "ellip"),
    "r_circ_arcsec": ("r_eff", "ellip"),
    "ra": ("xc", "yc"),
    "dec": ("xc", "yc"),
    "pa": ("theta", "ellip"),
}


def measured_together(fit: JointFit, names: Sequence[str]) -> Measured:
    """Return the numbers of all parameters and observables, and chi2 by image.

    The columns of a quantity that varies end in the name of the image, as in `galaxy_flux_g`. Those of images in
    `names` that were not fitted are NaN.
    """
    fits = fit.each()
    each = {name: quantities_of(one) for name, one in fits.items()}
    order = dict.fromkeys((*names, *fits))
    found: dict[str, Quantity | None] = {**_shared(fit, next(iter(each.values())))}
    for path in dict.fromkeys(path for quantities in each.values() for path in quantities):
        if column(path) not in found:
            found |= {f"{column(path)}_{name}": each.get(name, {}).get(path) for name in order}
    result = measured_of({name: quantity for name, quantity in found.items() if quantity is not None})
    numbers = {f"{CHI2}{name}": fits[name].chi2 if name in fits else math.nan for name in order}
    for name, quantity in found.items():
        keys = [f"{name}_{key}" for key in (STATISTICS if fit.draws else WITHOUT_DRAWS)]
        known = keys if quantity is None else [key for key in keys if key in result.numbers]
        numbers |= {key: result.numbers.get(key, math.nan) for key in known}
    draws = {name: result.draws.get(name) for name, one in found.items() if one is None or name in result.draws}
    return Measured(numbers, result.units, draws if fit.draws else {})


def _shared(fit: JointFit, first: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Return what all images share, by the names of columns; positions are in the pixels of the first image."""
    held = parameters(fit.model.owners)
    varying = {path for path in held if _varies(path, held)}
    found = {path: one for path, one in first.items() if not _differs(path, held, varying)}
    sds = {} if fit.draws else parameter_sds(fit)
    for path, prior in fit.model.free.items():
        if path in found:
            angle = isinstance(prior, Angle)
            draws = flat(fit.draws[path], angle=angle) if fit.draws else None
            sd = sds[path] if draws is None else circular.sd(draws) if angle else float(np.std(draws, ddof=1))
            found[path] = found[path]._replace(best=fit.best[path], sd=sd, draws=draws)
    return {column(path): one for path, one in found.items()}


def _varies(path: str, held: Mapping[str, Parameter]) -> bool:
    """Return whether a parameter is a function of the image, or tied to one."""
    value: Any = held.get(path)
    if isinstance(value, Tied):
        return any(_varies(to, held) for to in value.targets)
    return isinstance(value, AbstractVarying)


def _differs(path: str, held: Mapping[str, Parameter], varying: set[str]) -> bool:
    """Return whether a parameter, or an observable, differs between images."""
    if path in held:
        return path in varying
    owner, _, name = path.partition(".")
    if name == "fraction":
        return any(each.endswith(".flux") for each in varying)
    if name not in DEPEND and not name.endswith(ARCSEC):
        return True
    return any(f"{owner}.{key}" in varying for key in DEPEND.get(name, (name.removesuffix(ARCSEC),)))
