"""A catalogue as an astropy table with units."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.catalogue.columns import BANDS, CHI2, COMMON, COUNTS, DRAWS, Columns, units_of
from sersiclab.catalogue.measured import STATISTICS
from sersiclab.catalogue.method_texts import method_of


if TYPE_CHECKING:
    from astropy.table import QTable


# Columns of the parts that are of no use in a table.
LEFT_OUT = ("units", "recipe", "image", "model")
# Statistics and their names in a table, which are those of `Fit.to_table`.
SHOWN = {"mean": "", "sd": "_err", "best": "_best", "q16": "_q16", "q50": "_q50", "q84": "_q84"}


def quantity_table(columns: Columns, meta: dict[str, Any]) -> "QTable":
    """Return one row for each row of `columns`; see `Catalogue.table`."""
    from astropy.table import QTable

    arrays: dict[str, Any] = {}
    for name in COMMON:
        if name in columns.arrays and name not in LEFT_OUT and not _lacking(name, columns):
            arrays[name] = _common(name, columns.arrays[name])
    quantities = units_of(columns)
    arrays |= _of_images(quantities, columns)
    for name, units in _in_order(quantities, columns).items():
        arrays |= _quantity(name, units, columns)
    return QTable(arrays, meta=meta)


def _in_order(quantities: Mapping[str, list[str]], columns: Columns) -> Mapping[str, list[str]]:
    """Return the quantities of joint fits in the order of their columns: the first row may lack those of an image."""
    if BANDS not in columns.arrays:
        return quantities
    places = {name: place for place, name in enumerate(columns.arrays)}
    return {name: quantities[name] for name in sorted(quantities, key=lambda name: places[f"{name}_best"])}


def _of_images(quantities: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return the columns of joint fits: the bands that were used, and chi2 in each."""
    if BANDS not in columns.arrays:
        return {}
    statistics = {f"{name}_{key}" for name in quantities for key in (*STATISTICS, DRAWS[1:])}
    chi2 = [name for name in columns.arrays if name.startswith(CHI2) and name not in statistics]
    return {name: _common(name, columns.arrays[name]) for name in (BANDS, *chi2)}


def _lacking(name: str, columns: Columns) -> bool:
    """Whether no row has a place in a mosaic."""
    return name in ("x0", "y0") and bool(np.isnan(columns.arrays[name]).all())


def _common(name: str, array: np.ndarray) -> Any:
    from astropy.table import MaskedColumn

    if name == "method":
        return np.array([repr(method_of(text)) if text else "" for text in array.tolist()], dtype=str)
    if name in ("reasons", "notes"):
        return np.array([text.replace("\n", " ") for text in array.tolist()], dtype=str)
    if name in COUNTS:
        missing = np.isnan(array)
        whole = np.nan_to_num(array).astype(np.int64)
        return MaskedColumn(whole, mask=missing) if missing.any() else whole
    return np.array(array.tolist(), dtype=str) if array.dtype == object else array


def _quantity(name: str, units: list[str], columns: Columns) -> dict[str, Any]:
    """Return the columns of a quantity. Numbers in different units are converted, or left as they are with a note."""
    found = {key: columns.arrays[f"{name}_{key}"] for key in STATISTICS if f"{name}_{key}" in columns.arrays}
    if "mean" not in found:
        found["mean"] = found["best"]
    elif np.isnan(found["mean"]).any():  # of fits without draws
        found["mean"] = np.where(np.isnan(found["mean"]), found["best"], found["mean"])
    shown = {f"{name}{text}": found[key] for key, text in SHOWN.items() if key in found}
    if f"{name}{DRAWS}" in columns.arrays:
        shown[f"{name}{DRAWS}"] = _stacked(columns.arrays[f"{name}{DRAWS}"])
    held = np.array([each.get(name, "") for each in columns.units] or [""], dtype=object)[columns.arrays["units"]]
    factors = _factors(units)
    if factors is None:
        return {key: np.asarray(array) for key, array in shown.items()} | {f"{name}_unit": held.astype(str)}
    unit, scales = factors
    scale = np.array([scales.get(each, 1.0) for each in held.tolist()])
    return {key: _with_unit(array, unit, scale) for key, array in shown.items()}


def _factors(units: list[str]) -> tuple[str, dict[str, float]] | None:
    """Return one unit, and the factors by which numbers in these units are converted to it; None if there is none."""
    import astropy.units as u

    known: dict[str, u.UnitBase] = {}
    try:
        known = {text: u.Unit(text) for text in units}
        target = u.deg if units[0] == "rad" else known[units[0]]
        return target.to_string(), {text: float(np.real(unit.to(target))) for text, unit in known.items()}
    except (ValueError, TypeError):  # unknown to astropy, or not of one kind
        return ("", {}) if len(units) == 1 else None


def _with_unit(array: np.ndarray, unit: str, scale: np.ndarray) -> Any:
    import astropy.units as u

    if array.dtype == object:
        return array
    values = array if np.all(scale == 1.0) else (array.T * scale).T
    return u.Quantity(values, unit) if unit else values


def _stacked(draws: np.ndarray) -> np.ndarray:
    """Return draws as an array (row, draw), with NaN for rows without any; as they are if their numbers differ."""
    sizes = {len(each) for each in draws if each is not None}
    if len(sizes) != 1:
        return draws
    none = np.full(sizes.pop(), np.nan)
    return np.stack([none if each is None else each for each in draws])


def in_ascii(table: "QTable") -> "QTable":
    """Return a copy whose texts hold no characters that FITS does not know."""
    table = table.copy()
    for name in table.colnames:
        array = np.asarray(table[name])
        if array.dtype.kind == "U":
            table[name] = [_ascii(text) for text in array.tolist()]
    return table


def _ascii(text: str) -> str:
    return text.replace("±", "+-").replace("σ", "sigma").replace("χ²", "chi2").encode("ascii", "replace").decode()
