"""A fit as an object of the installed ArviZ."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.parameters.scalars import check_count
from sersiclab.results import log_likelihood, predictions, provenance
from sersiclab.results.diagnostics import arviz
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Draws, coordinates
from sersiclab.runtime.seeds import checked_seed


if TYPE_CHECKING:
    import xarray as xr


class Observed(NamedTuple):
    """One of the images of a fit, with its model and draws; `name` is empty if it is the only one."""

    name: str
    model: Model
    image: Image
    draws: Mapping[str, Draws]


def variable(name: str) -> str:
    """Return the name of a quantity in ArviZ's object, in which `/` separates groups."""
    return name.replace("/", "_")


def named(data: "xr.Dataset", name: str) -> "xr.Dataset":
    """Return the `data` of an image as a variable with the image's name, and with dimensions of its own."""
    if not name:
        return data
    own = {each: f"{each}_{name}" for each in {*data.dims, *data.coords, *data.data_vars} - {"chain", "draw", "data"}}
    return data.rename({"data": name, **own} if "data" in data else own)


def build(fit: AbstractDrawn, images: Sequence[Observed], *, prior: int = 0, predictive: int = 0, seed: int = 0) -> Any:
    """Return ArviZ's object of a fit with draws; see `Fit.posterior` and `Fit.to_arviz`."""
    check_count("prior", prior, least=0)
    check_count("predictive", predictive, least=0)
    checked_seed(seed)
    groups = _groups(fit, images)
    if prior:
        drawn = predictions.from_priors(fit.model, fit.exponent, prior, seed)
        groups["prior"] = _dataset(drawn, fit.units)
    if predictive:
        each = [_unmasked(image, place, predictive, seed) for place, image in enumerate(images)]
        groups |= {name: _merged([one[name] for one in each]) for name in each[0]}
    attributes = provenance.attributes(fit)
    return _object({name: data.assign_attrs(attributes) for name, data in groups.items() if data.data_vars}, attributes)


def _groups(fit: AbstractDrawn, images: Sequence[Observed]) -> "dict[str, xr.Dataset]":
    units = fit.units | {name: quantity.unit for name, quantity in fit.derived.items()}
    draws = fit.draws | {name: quantity.draws for name, quantity in fit.derived.items()}
    return {
        "posterior": _dataset(draws, units),
        "log_likelihood": _merged([_deferred_log_likelihood(fit, image, len(images)) for image in images]),
        "sample_stats": _dataset(fit.stats, {}),
        "observed_data": _merged([_planes(each.name, data=each.image.data) for each in images]),
        "constant_data": _merged([_planes(each.name, sigma=each.image.sigma, mask=each.image.mask) for each in images]),
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


def _merged(each: "Sequence[xr.Dataset]") -> "xr.Dataset":
    """Return the variables of all images together."""
    import xarray as xr

    return each[0] if len(each) == 1 else xr.merge(each, combine_attrs="drop")


def _planes(name: str, **planes: np.ndarray) -> "xr.Dataset":
    import xarray as xr

    return named(xr.Dataset({key: (("y", "x"), plane) for key, plane in planes.items()}), name)


def _unmasked(of: Observed, place: int, number: int, seed: int) -> "dict[str, xr.Dataset]":
    """Return the predicted and the observed data of the unmasked pixels, in the order of the log likelihood's.

    ArviZ's checks compare all numbers of both, and would judge the model by pixels to which it was not fitted.
    """
    import xarray as xr

    images = predictions.predictive(of.model, of.image, of.draws, number, seed, place=place)
    order, _ = log_likelihood.patches(of.image, 1)
    y, x = np.divmod(order, of.image.shape[1])
    places = {"y": ("pixel", y), "x": ("pixel", x)}
    predicted = images.reshape(1, len(images), -1)[..., order]
    groups = {
        "posterior_predictive": xr.Dataset(
            {"data": (("chain", "draw", "pixel"), predicted)}, coords=coordinates(1, len(images)) | places
        ),
        "observed_data": xr.Dataset({"data": ("pixel", of.image.data.ravel()[order])}, coords=places),
    }
    return {name: named(data, of.name) for name, data in groups.items()}


def _deferred_log_likelihood(fit: AbstractDrawn, of: Observed, images: int) -> "xr.Dataset":
    """Return the log likelihood of an image, computed when its numbers are first needed."""
    from sersiclab.results.deferred import deferred

    draws = next(iter(of.draws.values())).shape
    kind = np.dtype(jnp.result_type(float))
    numbers = partial(_numbers, fit, of.name)
    found = log_likelihood.placed(of.image, draws, lambda shape: deferred(shape, kind, numbers), images=images)
    return named(found, of.name)


def _numbers(fit: AbstractDrawn, name: str) -> np.ndarray:
    return fit.log_likelihood_of(name)["data"].values


def _dataset(arrays: Mapping[str, Draws], units: Mapping[str, str]) -> "xr.Dataset":
    import xarray as xr

    if not arrays:
        return xr.Dataset()
    return xr.Dataset(
        {variable(n): (("chain", "draw"), a, {"unit": units[n]} if n in units else {}) for n, a in arrays.items()},
        coords=coordinates(*next(iter(arrays.values())).shape),
    )
