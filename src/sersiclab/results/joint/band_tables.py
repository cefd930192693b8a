"""Tables of parameters by band: in every image, and at any wavelength."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.data.filters import micrometres
from sersiclab.model.accuracy import enable_x64
from sersiclab.parameters import Tied, parameters
from sersiclab.parameters.interpolation import Curve
from sersiclab.parameters.joint import image_links
from sersiclab.parameters.priors import Angle
from sersiclab.parameters.scalars import is_number
from sersiclab.parameters.stacks import Affine
from sersiclab.parameters.tree import base_path, expanded, in_order
from sersiclab.parameters.varying import Polynomial, Spline, wavelengths
from sersiclab.results import circular
from sersiclab.results.declared_units import declared_units, in_image_units
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.fit import Fit
from sersiclab.results.summary import moments
from sersiclab.results.table import quantities
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    import pandas as pd


def bands(fits: dict[str, Fit]) -> "pd.DataFrame":
    """Return value and sd of every parameter and observable in every image; see `JointFit.bands`."""
    import pandas as pd

    found = {name: quantities(fit, {**fit.observables, **fit.derived}) for name, fit in fits.items()}
    paths = list(dict.fromkeys(path for each in found.values() for path in each))
    nothing = (float("nan"), float("nan"), "")
    columns: dict[tuple[str, str], list[Any]] = {}
    for name, each in found.items():
        columns[name, "value"] = [each.get(path, nothing)[0] for path in paths]
        columns[name, "sd"] = [each.get(path, nothing)[1] for path in paths]
    units = [_unit(path, fits, found) for path in paths]
    table = pd.DataFrame(columns, index=pd.Index(paths, name="parameter"))
    table.columns = pd.MultiIndex.from_tuples(table.columns, names=["image", ""])
    table["unit", ""] = units
    return table


def _unit(path: str, fits: Mapping[str, Fit], found: Mapping[str, Mapping[str, tuple[float, float, str]]]) -> str:
    """Return the unit of a quantity; as it is declared, with "image", if it differs between images."""
    units = {in_image_units(each[path][2], fits[name].image.unit) for name, each in found.items() if path in each}
    return units.pop() if len(units) == 1 else declared_units(next(iter(fits.values())).model)[path]


def at_wavelength(fit: AbstractDrawn, wavelength: Any) -> "pd.DataFrame":
    """Return what the smooth functions and the shared parameters are at a wavelength; see `JointFit.at_wavelength`."""
    import pandas as pd

    rows, angles = {}, {base_path(path) for path, prior in fit.model.free.items() if isinstance(prior, Angle)}
    for path, drawn in known_at(fit, np.array([_micrometres(fit, wavelength)])).items():
        values = drawn[:, 0]
        angle = path in angles
        sd = moments(values, angle=angle)["sd"] if fit.draws else float("nan")
        value = circular.mean(values) if angle else float(np.mean(values))
        low, middle, high = np.quantile(circular.unwrap(values) if angle else values, (0.16, 0.5, 0.84))
        rows[path] = {"value": value, "sd": sd, "q16": low, "q50": middle, "q84": high}
    return pd.DataFrame.from_dict(rows, orient="index")


def _micrometres(fit: AbstractDrawn, wavelength: Any) -> float:
    """Return a wavelength as a number. Raises `ValueError` outside the range of the images."""
    value = micrometres("wavelength", wavelength)
    if value is None:
        raise InputTypeError("wavelength must be a number of micrometres, got None")
    known = wavelengths("at_wavelength", fit.model.images)
    if not min(known) <= value <= max(known):
        raise InputError(
            f"wavelength must lie in the range of the images, [{min(known):g}, {max(known):g}] micrometres, "
            f"got {value:g}"
        )
    return value


def known_at(
    fit: AbstractDrawn, at: Float[np.ndarray, " wavelength"]
) -> dict[str, Float[np.ndarray, "draw wavelength"]]:
    """Return the shared, smooth and tied parameters at wavelengths, for every draw or at the best values."""
    held = parameters(fit.model.owners)
    curves = _curves(fit, at)
    every = {**expanded(held, fit.model.images), **curves}
    numbers: dict[str, Any] = {path: value for path, value in every.items() if is_number(value)}
    for path, values in (fit.draws or fit.best).items():
        numbers[path] = np.repeat(np.reshape(np.asarray(values, dtype=float), (-1, 1)), len(at), axis=1)
    numbers |= curves
    for path in in_order(every):
        tie = every[path]
        if isinstance(tie, Tied) and all(to in numbers for to in tie.targets):
            numbers[path] = _followed(tie, numbers) * (1.0 if tie.by is None else _followed(tie.by, numbers))
    return {path: numbers[path] for path in held if path in numbers and np.ndim(numbers[path])}


def _followed(tie: Tied, numbers: Mapping[str, Any]) -> Any:
    return tie.scale * numbers[tie.to] + tie.offset


def _curves(
    fit: AbstractDrawn, at: Float[np.ndarray, " wavelength"]
) -> dict[str, Float[np.ndarray, "draw wavelength"]]:
    """Return the values of the smooth functions of wavelength, for every draw or at the best values."""
    held, links = parameters(fit.model.owners), image_links(fit.model.owners, fit.model.images)
    rows = np.stack([np.ravel(np.asarray(each, dtype=float)) for each in (fit.draws or fit.best).values()], axis=-1)
    found = {}
    with enable_x64():
        for path, curve in zip(links.curve_paths, links.curves, strict=True):
            varying = held[path]
            assert isinstance(varying, Polynomial | Spline)
            there = Curve(curve.places, curve.scale, varying.weights_at(path, fit.model.images, at))
            found[path] = np.asarray(_along(links.numbers, there, jnp.asarray(rows)))
    return found


@jax.jit
def _along(numbers: Affine, curve: Curve, rows: Float[Array, "draw d"]) -> Float[Array, "draw wavelength"]:
    return jax.vmap(lambda row: curve.at(numbers.at(jnp.append(row, 0.0))))(rows)
