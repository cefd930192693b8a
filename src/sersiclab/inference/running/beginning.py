"""Where a run begins: at the priors' initial values, at the user's values, or where an earlier fit ended."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sersiclab import parameters
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference.running import checkpoints
from sersiclab.model import Model
from sersiclab.parameters import own_parameters
from sersiclab.profiles import AbstractProfile, AbstractSource
from sersiclab.profiles.base import size_name
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError, InputTypeError


# Smallest eigenvalue of a correlation matrix that single precision can use.
LEAST_EIGENVALUE = 1e-6
# Draws of an earlier fit that are enough for a covariance.
ENOUGH_DRAWS = 200

Init = Mapping[str, float] | Fit | JointFit | None


class Beginning(NamedTuple):
    """Where to begin, in parameter values."""

    values: dict[str, float]
    settled: bool = False
    covariance: np.ndarray | None = None
    draws: np.ndarray | None = None


def beginning_of(model: Model, image: Image | Images, init: Init) -> Beginning:
    """Return where to begin, and the covariance and draws of an earlier fit of the same model and data.

    Raises `TypeError` or `ValueError` if `init` is neither `{path: number}` of free parameters, nor a fit of some of
    them.
    """
    values, covariance, draws = model.initial, None, None
    if isinstance(init, Fit | JointFit):
        shared = {path: value for path, value in init.best.items() if path in values}
        if not shared:
            raise InputError(
                f"init is a fit of another model: it has {list(init.best)}, and none of this one's {list(values)}"
            )
        values |= shared
        if init.covariance is not None and init.model == model and _same_data(data_of(init), image):
            covariance = init.covariance if _is_definite(init.covariance) else None
        if covariance is not None and init.draws:
            rows = np.stack([array.ravel() for array in init.draws.values()], axis=1)
            draws = rows[np.unique(np.linspace(0, len(rows) - 1, ENOUGH_DRAWS).astype(int))]
    elif isinstance(init, Mapping):
        unknown = [path for path in init if path not in values]
        if unknown:
            raise InputError(f"init has {unknown}, which are not free parameters of this model; it has {list(values)}")
        parameters.check_values(model.owners, init, model.images)
        values |= {path: float(value) for path, value in init.items()}
    elif init is not None:
        raise InputTypeError(f"init must be {{path: number}}, a Fit or None, got {type(init).__name__}")
    for path, prior in model.free.items():
        low, high = prior.support()
        if not low <= values[path] <= high:
            raise InputError(f"init: {path} must lie in its prior's [{low:g}, {high:g}], got {values[path]:g}")
    return Beginning(values, init is not None, covariance, draws)


def overlap(model: Model, values: Mapping[str, float]) -> bool:
    """Return whether the centre of a source lies within the half-light radius of another, at these values."""
    names = [name for name, part in model.components.items() if isinstance(part, AbstractSource)]
    if len(names) < 2:
        return False
    components = model.at(values).first.at({}).components if model.images else model.at(values).components
    places: list[Any] = [own_parameters(components[name]) for name in names]
    centres = np.array([(float(place["xc"]), float(place["yc"])) for place in places])
    sizes = np.array([_size(components[name]) for name in names])
    apart = np.hypot(*(centres[:, None] - centres).T)
    return bool(np.any((apart <= sizes) & ~np.eye(len(names), dtype=bool)))


def _size(source: AbstractProfile) -> float:
    """Return the size of a source with numbers for parameters, in pixels; a point is as large as its pixel."""
    size: Any = own_parameters(source).get(size_name(source) or "", 1.0)
    return max(1.0, float(size))


def data_of(fit: Fit | JointFit) -> Image | Images:
    """Return the image of a fit, or its images."""
    return fit.images if isinstance(fit, JointFit) else fit.image


def _same_data(one: Image | Images, other: Image | Images) -> bool:
    """Return whether two images, or sets of images, are the same data; the values of masked pixels do not matter."""
    if isinstance(one, Images) or isinstance(other, Images):
        if not (isinstance(one, Images) and isinstance(other, Images)) or list(one) != list(other):
            return False
        return all(_same_data(one[name], other[name]) for name in one)
    return all(np.array_equal(a, b) for a, b in zip(checkpoints.content(one), checkpoints.content(other), strict=True))


def _is_definite(covariance: np.ndarray) -> bool:
    """Return whether a run can begin with a covariance; that of too few draws is singular."""
    if not np.isfinite(covariance).all():
        return False
    sds = np.sqrt(np.diag(covariance))
    return bool(np.all(sds > 0) and np.linalg.eigvalsh(covariance / np.outer(sds, sds))[0] > LEAST_EIGENVALUE)
