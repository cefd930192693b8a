"""Figures of a fit of several images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.parameters import Tied, parameters
from sersiclab.parameters.priors import Angle
from sersiclab.parameters.tree import base_path
from sersiclab.plots import isophotes, plot_panels, plot_rows
from sersiclab.plots.band_curves import BandPanel, BandSeries, SmoothCurve
from sersiclab.plots.image_rows import ImageRow
from sersiclab.results import circular
from sersiclab.results.fit import Fit
from sersiclab.results.joint import band_tables
from sersiclab.results.joint.joint_base import AbstractJoint
from sersiclab.results.joint.joint_table import varying
from sersiclab.results.observables import is_angle
from sersiclab.results.table import unit_text
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

POINTS = 100  # of a smooth curve
PLAIN = "0.35"  # the colour of what is no component


def plot(fit: AbstractJoint) -> "Figure":
    """Plot data, model and residual of every image; see `JointFit.plot`."""
    rows = [
        ImageRow(_label(fit, name), f"residual, χ²/pixel = {_per_pixel(each):.3f}", each.model, each.image, each.best)
        for name, each in fit.each().items()
    ]
    return plot_rows(rows, title=title(fit))


def plot_bands(fit: AbstractJoint, paths: Sequence[str] | None) -> "Figure":
    """Plot what varies against wavelength; see `JointFit.plot_bands`."""
    table = band_tables.bands(fit.each())
    chosen = _varying_paths(fit) if paths is None else _checked_paths(paths, table)
    if not chosen:
        raise InputError("no parameter varies between the images: name those to plot, such as paths=['galaxy.mag']")
    known = [label.wavelength for label in fit.model.images]
    wavelengths = None if None in known else np.array(known, dtype=float)
    names = list(fit.fitted_images)
    x = np.arange(len(names), dtype=float) if wavelengths is None else wavelengths
    curves = {} if wavelengths is None else _smooth(fit, chosen, wavelengths)
    colours = isophotes.colours(fit.model)
    panels: dict[tuple[str, str], list[BandSeries]] = {}
    for path in chosen:
        owner, _, key = path.rpartition(".")
        value, sd = (np.array([table.loc[path, (name, column)] for name in names], float) for column in ("value", "sd"))
        value = _near_first(fit, path, value)
        series = BandSeries(owner, colours.get(owner, PLAIN), x, value, sd, curves.get(path))
        panels.setdefault((key, unit_text(str(table.loc[path, ("unit", "")]), None)), []).append(series)
    shown = [
        BandPanel(f"{key} [{unit}]" if unit else key, series, inverted=unit.startswith("mag"))
        for (key, unit), series in panels.items()
    ]
    return plot_panels(shown, names, wavelengths, title=title(fit))


def title(fit: AbstractJoint) -> str:
    """Return the title of a figure: method, χ² and verdict."""
    return f"{type(fit.method).__name__}, χ²/dof = {fit.reduced_chi2:.3f}, {fit.verdict.level}"


def _label(fit: AbstractJoint, name: str) -> str:
    label = next(each for each in fit.model.images if each.name == name)
    band = fit.images.bands[name]
    length = "" if label.wavelength is None else f", {label.wavelength:.3g} µm"
    return f"{name}{'' if band == name else f', band {band}'}{length}"


def _per_pixel(fit: Fit) -> float:
    return fit.chi2 / int(fit.image.valid.sum())


def _varying_paths(fit: AbstractJoint) -> list[str]:
    """Return the parameters that differ between images, except those that only repeat another."""
    held, differs = parameters(fit.model.owners), varying(fit)

    def repeats(value: Any) -> bool:
        return isinstance(value, Tied) and value.by is None and (float(value.scale), float(value.offset)) == (1.0, 0.0)

    return [path for path in held if path in differs and not repeats(held[path])]


def _checked_paths(paths: Any, table: "pd.DataFrame") -> list[str]:
    if isinstance(paths, str) or not isinstance(paths, Sequence):
        raise InputTypeError(f"paths must be a list of paths, such as ['galaxy.r_eff'], got {paths!r}")
    unknown = [path for path in paths if path not in table.index]
    if unknown or not paths:
        got = repr(unknown[0]) if unknown else "none"
        raise InputError(f"paths must be rows of bands(), {list(table.index)}, got {got}")
    return list(dict.fromkeys(paths))


def _near_first(fit: AbstractJoint, path: str, values: Float[np.ndarray, " image"]) -> Float[np.ndarray, " image"]:
    """Return angles near that of the first image: 0.01 and 3.13 rad are almost the same."""
    if is_angle(path):
        return np.degrees(circular.near(np.radians(values), np.radians(values[0])))
    angles = {base_path(other) for other, prior in fit.model.free.items() if isinstance(prior, Angle)}
    return circular.near(values, values[0]) if path in angles else values


def _smooth(
    fit: AbstractJoint, paths: Sequence[str], wavelengths: Float[np.ndarray, " image"]
) -> dict[str, SmoothCurve]:
    """Return the curves of the parameters that are smooth functions of wavelength, or tied to such."""
    at = np.linspace(wavelengths.min(), wavelengths.max(), POINTS)
    known, differs, found = band_tables.known_at(fit, at), varying(fit), {}
    for path in (path for path in paths if path in known and path in differs):
        low, middle, high = np.quantile(known[path], (0.16, 0.5, 0.84), axis=0)
        found[path] = SmoothCurve(at, middle, low, high)
    return found
