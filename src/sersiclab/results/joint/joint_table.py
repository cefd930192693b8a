"""A fit of several images as a row of a catalogue, and as a LaTeX table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sersiclab.parameters import Tied, parameters
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.tree import in_order
from sersiclab.results import table
from sersiclab.results.declared_units import in_image_units
from sersiclab.results.derived import parameter_sds
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived
from sersiclab.results.fit import Fit


if TYPE_CHECKING:
    from astropy.table import QTable

CALIBRATED = ("mag", "mean_sb", "central_sb", "break_sb")  # observables that depend on an image's zero-point
SHAPE = ("xc", "yc", "ellip", "theta")


class Located(NamedTuple):
    """The image whose fit has a quantity, and its path there."""

    image: str
    path: str


def to_table(fit: AbstractDrawn, fits: Mapping[str, Fit]) -> "QTable":
    """Return one row, with a column for each image of what differs between them; see `JointFit.to_table`."""
    found = {
        path: (float(row["mean"] if fit.draws else row["best"]), float(row["sd"]), str(row["unit"]))
        for path, row in table.rows(fit, fit.derived).items()
    }
    known = {name: table.quantities(each, each.observables) for name, each in fits.items()}
    for path, (image, own) in {**_parameters(fit), **_observables(fit, fits)}.items():
        if own not in known[image]:
            continue  # a fixed shift of the image, which its own fit has in the centres of its sources
        value, sd, unit = known[image][own]
        found[path] = (value, sd, in_image_units(unit, fits[image].image.unit))
    return table.row_of(fit, found, None, {f"chi2_{name}": each.chi2 for name, each in fits.items()})


def to_latex(fit: AbstractDrawn, fits: Mapping[str, Fit], *, caption: str) -> str:
    """Return a table of free parameters, of curves in every image, observables and derived quantities."""
    more = {path: fits[place.image].observables[place.path] for path, place in _observables(fit, fits).items()}
    return table.to_latex(fit, {**_curves(fit, fits), **more, **fit.derived}, caption=caption)


def varying(fit: AbstractDrawn) -> set[str]:
    """Return the paths of the parameters that differ between images, of their own or because they are tied to such."""
    held, found = parameters(fit.model.owners), set()
    for path in in_order(held):
        value = held[path]
        if isinstance(value, AbstractVarying) or (isinstance(value, Tied) and found.intersection(value.targets)):
            found.add(path)
    return found


def _parameters(fit: AbstractDrawn) -> dict[str, Located]:
    """Return the places of the parameters that are not free: curves in every image, and tied and fixed parameters."""
    labels, differs, found = fit.model.images, varying(fit), {}
    for path, value in parameters(fit.model.owners).items():
        names = [label.name for label in labels]
        if path not in differs:
            found.setdefault(path, Located(names[0], path))
            continue
        if isinstance(value, AbstractVarying) and not value.is_smooth:
            nodes, weights = value.nodes(path, labels), value.weights(path, labels)
            names = [nodes[int(np.argmax(row))] for row in weights]
        for label, name in zip(labels, names, strict=True):
            found.setdefault(f"{path}.{name}", Located(label.name, path))
    return {path: place for path, place in found.items() if path not in fit.model.free}


def _observables(fit: AbstractDrawn, fits: Mapping[str, Fit]) -> dict[str, Located]:
    """Return the places of the observables, once for those that all images share."""
    differs, found = varying(fit), {}
    for path in dict.fromkeys(path for each in fits.values() for path in each.observables):
        own = _differs(fit, path, differs)
        for image in (name for name, each in fits.items() if path in each.observables):
            found.setdefault(f"{path}.{image}" if own else path, Located(image, path))
    return found


def _differs(fit: AbstractDrawn, path: str, differs: set[str]) -> bool:
    """Whether an observable may differ between images."""
    name, key = path.split(".")
    if key in CALIBRATED:
        return True
    if key == "fraction":
        return any(other.endswith(".flux") for other in differs)
    length = key.removesuffix("_arcsec")
    return any(f"{name}.{own}" in differs for own in (*SHAPE, "r_eff" if length == "r_circ" else length))


def _curves(fit: AbstractDrawn, fits: Mapping[str, Fit]) -> dict[str, Derived]:
    """Return the values of the smooth functions of wavelength in every image."""
    found, sds = {}, {} if fit.draws else {name: parameter_sds(each) for name, each in fits.items()}
    for path, value in parameters(fit.model.owners).items():
        if not isinstance(value, AbstractVarying) or not value.is_smooth:
            continue
        for name, each in fits.items():
            if path in each.best:
                draws = each.draws.get(path, np.empty((0, 0)))
                sd = sds[name][path] if sds else float(np.std(draws, ddof=1))
                found[f"{path}.{name}"] = Derived(draws, each.best[path], sd, each.units[path])
    return found
