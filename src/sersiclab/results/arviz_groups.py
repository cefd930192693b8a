"""A fit as an object of the installed ArviZ."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from sersiclab.parameters.scalars import check_count
from sersiclab.results import log_likelihood, predictions, provenance
from sersiclab.results.base import AbstractFit
from sersiclab.results.diagnostics import arviz
from sersiclab.results.draws import Draws, coordinates
from sersiclab.results.summary import parameter_units
from sersiclab.runtime.seeds import checked_seed


if TYPE_CHECKING:
    import xarray as xr


def variable(name: str) -> str:
    """Return the name of a quantity in ArviZ's object, in which `/` separates groups."""
    return name.replace("/", "_")


def build(fit: AbstractFit, *, prior: int = 0, predictive: int = 0, seed: int = 0) -> Any:
    """Return ArviZ's object of a fit with draws; see `Fit.posterior` and `Fit.to_arviz`."""
    check_count("prior", prior, least=0)
    check_count("predictive", predictive, least=0)
    checked_seed(seed)
    groups = _groups(fit)
    if prior:
        drawn = predictions.from_priors(fit.model, fit.image, prior, seed)
        groups["prior"] = _dataset(drawn, parameter_units(fit.model, fit.image.unit))
    if predictive:
        images = predictions.predictive(fit.model, fit.image, fit.draws, predictive, seed)
        groups |= _unmasked(fit, images)
    attributes = provenance.attributes(fit)
    return _object({name: data.assign_attrs(attributes) for name, data in groups.items() if data.data_vars}, attributes)


def _groups(fit: AbstractFit) -> "dict[str, xr.Dataset]":
    import xarray as xr

    units = parameter_units(fit.model, fit.image.unit) | {name: quantity.unit for name, quantity in fit.derived.items()}
    draws = fit.draws | {name: quantity.draws for name, quantity in fit.derived.items()}
    return {
        "posterior": _dataset(draws, units),
        "log_likelihood": _deferred_log_likelihood(fit),
        "sample_stats": _dataset(fit.stats, {}),
        "observed_data": xr.Dataset({"data": (("y", "x"), fit.image.data)}),
        "constant_data": xr.Dataset({"sigma": (("y", "x"), fit.image.sigma), "mask": (("y", "x"), fit.image.mask)}),
    }


def _object(groups: "dict[str, xr.Dataset]", attributes: Mapping[str, Any]) -> Any:
    """Return InferenceData with ArviZ 0.x, a DataTree with ArviZ 1.x."""
    import xarray as xr

    az = arviz()
    if az.__version__.startswith("0."):
        return az.InferenceData(attrs=attributes, **groups)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes)
    return tree


def _unmasked(fit: AbstractFit, images: np.ndarray) -> "dict[str, xr.Dataset]":
    """Return the predicted and the observed data of the unmasked pixels, in the order of the log likelihood's.

    ArviZ's checks compare all numbers of both, and would judge the model by pixels to which it was not fitted.
    """
    import xarray as xr

    order, _ = log_likelihood.patches(fit.image, 1)
    y, x = np.divmod(order, fit.image.shape[1])
    places = {"y": ("pixel", y), "x": ("pixel", x)}
    predicted = images.reshape(1, len(images), -1)[..., order]
    return {
        "posterior_predictive": xr.Dataset(
            {"data": (("chain", "draw", "pixel"), predicted)}, coords=coordinates(1, len(images)) | places
        ),
        "observed_data": xr.Dataset({"data": ("pixel", fit.image.data.ravel()[order])}, coords=places),
    }


def _deferred_log_likelihood(fit: AbstractFit) -> "xr.Dataset":
    """Return `fit.log_likelihood`, computed when its numbers are first needed."""
    from sersiclab.results.deferred import deferred

    draws = next(iter(fit.draws.values())).shape
    kind = np.dtype(jnp.result_type(float))
    return log_likelihood.placed(fit.image, draws, lambda shape: deferred(shape, kind, partial(_numbers, fit)))


def _numbers(fit: AbstractFit) -> np.ndarray:
    return fit.log_likelihood["data"].values


def _dataset(arrays: Mapping[str, Draws], units: Mapping[str, str]) -> "xr.Dataset":
    import xarray as xr

    if not arrays:
        return xr.Dataset()
    return xr.Dataset(
        {variable(n): (("chain", "draw"), a, {"unit": units[n]} if n in units else {}) for n, a in arrays.items()},
        coords=coordinates(*next(iter(arrays.values())).shape),
    )
