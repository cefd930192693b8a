"""A fit as a row of a catalogue (astropy), and as a LaTeX table."""

import math
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.model import Model
from sersiclab.parameters import Tied, at, own_parameters, parameter_info, parameters
from sersiclab.parameters.priors import Angle
from sersiclab.parameters.tree import base_path
from sersiclab.results.base import AbstractFit
from sersiclab.results.derived import parameter_sds
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived
from sersiclab.results.observables import is_angle
from sersiclab.results.summary import moments, summarise
from sersiclab.runtime.errors import InputTypeError


if TYPE_CHECKING:
    from astropy.table import QTable


def to_table(fit: AbstractFit, observables: Mapping[str, Derived]) -> "QTable":
    """Return one row: every parameter, observable and derived quantity, each with its `_err`; see `Fit.to_table`."""
    return row_of(fit, quantities(fit, observables), fit.image.unit)


def row_of(
    fit: AbstractDrawn,
    found: Mapping[str, tuple[float, float, str]],
    image_unit: str | None,
    more: Mapping[str, float] = MappingProxyType({}),
) -> "QTable":
    """Return the quantities, each a value, its error and its unit, as one row; `more` numbers follow chi2."""
    from astropy.table import QTable

    columns: dict[str, Any] = {}
    for path, (value, error, unit) in found.items():
        name = column(path)
        columns[name] = _quantity(value, unit, image_unit)
        columns[f"{name}_err"] = _quantity(error, unit, image_unit)
    columns |= {"chi2": [fit.chi2], "dof": [fit.dof], "reduced_chi2": [fit.reduced_chi2]}
    columns |= {name: [number] for name, number in more.items()}
    columns |= {"verdict": [fit.verdict.level], "status": [fit.status]}
    meta = {"method": type(fit.method).__name__, "seed": fit.seed, **{f"v_{k}": v for k, v in fit.versions.items()}}
    return QTable(columns, meta=meta)


def column(path: str) -> str:
    """Return the column of a quantity: `galaxy_r_eff` for `galaxy.r_eff`, which all catalogue tools accept."""
    return "".join(c if c.isalnum() or c == "_" else "_" for c in path)


def to_latex(
    fit: AbstractDrawn, more: Mapping[str, Derived], *, image_unit: str | None = None, caption: str = ""
) -> str:
    """Return a table of the free parameters and `more` quantities; see `Fit.to_latex`."""
    if not isinstance(caption, str):
        raise InputTypeError(f"caption must be a string, got {caption!r}")
    body, angles = [], {base_path(path) for path, prior in fit.model.free.items() if isinstance(prior, Angle)}
    for path, row in rows(fit, more).items():
        angle = base_path(path) in angles
        middle = row["q50"] if fit.draws else row["best"]
        up, down = (row["q84"] - row["q50"], row["q50"] - row["q16"]) if fit.draws else (row["sd"], row["sd"])
        value = middle % np.pi if angle else middle % 180.0 if is_angle(base_path(path)) else middle
        unit = _escaped(unit_text(row["unit"], image_unit))
        body.append(f"{_escaped(path)} & {with_errors(value, up, down)} & {unit} \\\\")
    head = [f"\\caption{{{caption}}}"] if caption else []
    lines = [r"\begin{table}", *head, r"\begin{tabular}{lll}", r"\hline", r"Quantity & Value & Unit \\", r"\hline"]
    return "\n".join([*lines, *body, r"\hline", r"\end{tabular}", r"\end{table}", ""])


def with_errors(value: float, up: float, down: float) -> str:
    """Return `$2.81_{-0.12}^{+0.14}$`, or `$2.81 \\pm 0.12$` if both errors are equal, to two digits of the smaller.

    Very small and large numbers have a power of ten; a number without an error has six digits.
    """
    least = min((abs(error) for error in (up, down) if np.isfinite(error) and error != 0), default=None)
    if least is None:
        return f"${value:.6g}$"
    power = math.floor(math.log10(max(abs(value), least)))
    power = power if power < -3 or power > 6 else 0
    digits = max(0, 1 - math.floor(math.log10(least)) + power)
    middle, above, below = (f"{number / 10.0**power:.{digits}f}" for number in (value, up, down))
    text = f"{middle} \\pm {above}" if above == below else f"{middle}_{{-{below}}}^{{+{above}}}"
    if not power:
        return f"${text}$"
    return f"$({text}) \\times 10^{{{power}}}$" if above == below else f"${{{text}}} \\times 10^{{{power}}}$"


def rows(fit: AbstractDrawn, derived: Mapping[str, Derived]) -> dict[str, dict[str, Any]]:
    """Return the rows of the summary by name."""
    table = summarise(fit, derived)
    rows: Any = table.to_dict(orient="index")
    return rows


def quantities(fit: AbstractFit, observables: Mapping[str, Derived]) -> dict[str, tuple[float, float, str]]:
    """Return value, sd and unit of each quantity: the mean (circular for angles), or the best without draws."""
    found = {
        path: (float(row["mean"] if fit.draws else row["best"]), float(row["sd"]), str(row["unit"]))
        for path, row in rows(fit, fit.derived).items()
    }
    for path, quantity in _tied_and_fixed(fit).items():
        found.setdefault(path, quantity)
    for name, observed in observables.items():
        value = observed.best
        if fit.draws:
            value = moments(observed.draws, angle=False)["mean"]
        value = value % 180.0 if is_angle(name) else value % 360.0 if name.endswith(".ra") else value
        found[name] = (value, observed.sd, observed.unit)
    return found


def _tied_and_fixed(fit: AbstractFit) -> dict[str, tuple[float, float, str]]:
    """Return every parameter, at the mean of its draws or at the best; fixed ones have no error."""
    sds = {} if fit.draws else tied_sds(fit)
    values: Any = fit.draws or fit.best
    found = {}
    for name, owner in at(fit.model.owners, values).items():
        for key, info in parameter_info(owner).items():
            path = f"{name}.{key}"
            value = np.asarray(own_parameters(owner)[key], dtype=float)
            error = float(value.std(ddof=1)) if value.ndim else sds.get(path, 0.0)
            found[path] = (float(value.mean()), error, info.unit)
    return found


def tied_sds(fit: AbstractFit) -> dict[str, float]:
    """Return the standard deviation of every parameter of a fit without draws, tied and fixed ones among them."""
    sds = parameter_sds(fit)
    roots = {path: _root(fit.model, path) for path in parameters(fit.model.owners)}
    return {path: abs(factor) * sds.get(root, 0.0) for path, (root, factor) in roots.items()}


def _root(model: Model, path: str) -> tuple[str, float]:
    """Return the parameter at the end of a chain of ties, and the factor."""
    held, factor = parameters(model.owners), 1.0
    while isinstance(tie := held[path], Tied):
        if tie.by is not None:
            return "", float("nan")
        path, factor = tie.to, factor * float(tie.scale)
    return path, factor


def _quantity(value: float, unit: str, image_unit: str | None) -> Any:
    import astropy.units as u

    text = unit_text(unit, image_unit)
    try:
        return u.Quantity([value], text) if text else np.array([value])
    except (ValueError, TypeError):
        return np.array([value])  # a unit that astropy does not know


@cache
def unit_text(unit: str, image_unit: str | None) -> str:
    """Return a parameter's unit as astropy writes it: `image` and `pixel` are the image's own."""
    import astropy.units as u

    flux = f"({image_unit})" if image_unit else "1"
    text = unit.replace("²", "2").replace("pixel", "pix").replace("image", flux)
    try:
        return u.Unit(text).to_string()
    except (ValueError, TypeError):
        return text


def _escaped(text: str) -> str:
    return text.replace("\\", r"\textbackslash{}").replace("_", r"\_").replace("%", r"\%").replace("&", r"\&")
