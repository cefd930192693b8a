"""Radial profiles of the light about the first source, with their uncertainty over the draws."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from sersiclab.model import render_components
from sersiclab.plots.isophotes import Ellipse, ellipses, sky_image
from sersiclab.profiles.base import axis_ratio, elliptical_radius
from sersiclab.results import per_draw
from sersiclab.results.base import AbstractFit
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    import pandas as pd

    from sersiclab.data.image import Image

MOST_DRAWS = 400  # for quantiles of 16 and 84 %
GROWTH = 0.1  # width of a ring per radius, at least a pixel
COVERAGE = 0.25  # of a ring that must lie on unmasked pixels, for its mean brightness
WHOLE = 0.8  # of a ring that must lie on the image, for a sum of its light
BANDS = {"q16": 0.16, "q50": 0.5, "q84": 0.84}


class Rings(NamedTuple):
    """Elliptical rings: the ring of each pixel (-1 for none), the outer edges, and the mean radius of the pixels.

    `used` counts the unmasked pixels, `number` all pixels; `area` is that of the whole ring.
    """

    label: Int[np.ndarray, "y x"]
    edge: Float[np.ndarray, " ring"]
    radius: Float[np.ndarray, " ring"]
    used: Int[np.ndarray, " ring"]
    number: Int[np.ndarray, " ring"]
    area: Float[np.ndarray, " ring"]

    def sum(self, array: Float[np.ndarray, "y x"], *, where: Any = True) -> Float[np.ndarray, " ring"]:
        """Return the sums of an image over each ring."""
        chosen = (self.label >= 0) & where
        return np.bincount(self.label[chosen], array[chosen], len(self.edge))


def radial_profile(fit: AbstractFit) -> "pd.DataFrame":
    """Return the mean brightness in elliptical rings; see `Fit.radial_profile`."""
    import pandas as pd

    rings, image, sky = _rings(fit), fit.image, _sky(fit)
    label = np.where(image.valid, rings.label, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        data = rings.sum(np.where(image.valid, image.data - sky, 0.0)) / rings.used
        error = np.sqrt(rings.sum(np.where(image.valid, image.sigma, 0.0) ** 2)) / rings.used
        sums = _source_sums(fit, rings, label)
        bands = {name: array / rings.used for name, array in sums.items()}
    table: Any = pd.DataFrame({"radius": rings.radius, "data": data, "error": error, **_columns(bands)})
    return table[rings.used >= np.maximum(1, COVERAGE * rings.area)].reset_index(drop=True)


def curve_of_growth(fit: AbstractFit) -> "pd.DataFrame":
    """Return the light within ellipses; see `Fit.curve_of_growth`."""
    import pandas as pd

    rings, image, sky = _rings(fit), fit.image, _sky(fit)
    # The model replaces masked data.
    filled = np.where(image.valid, image.data, fit.model_image) - sky
    variance = np.where(image.valid, image.sigma, 0.0) ** 2
    sums = {name: np.cumsum(array, axis=-1) for name, array in _source_sums(fit, rings, rings.label).items()}
    data, error = np.cumsum(rings.sum(filled)), np.sqrt(np.cumsum(rings.sum(variance)))
    table: Any = pd.DataFrame({"radius": rings.edge, "data": data, "error": error, **_columns(sums)})
    broken = rings.number < WHOLE * rings.area
    broken[0] = False  # the first ring has few pixels
    return table[: int(np.argmax(broken)) if broken.any() else None]


def _rings(fit: AbstractFit) -> Rings:
    """Return rings about the first source, at least a pixel wide, out to the farthest corner of the image."""
    image = fit.image
    shapes = ellipses(fit.model, fit.best)
    if not shapes:
        raise InputError("the model has no source: it has no radial profile")
    ellipse = next(iter(shapes.values()))
    radius = _radius(image, ellipse)
    edges = [0.0]
    while edges[-1] < radius.max():
        edges.append(edges[-1] + max(1.0, GROWTH * edges[-1]))
    label = np.digitize(radius, edges) - 1
    size = len(edges) - 1
    number = np.bincount(label.ravel(), minlength=size)
    used = np.bincount(label[image.valid], minlength=size)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(label[image.valid], radius[image.valid], size) / used
    area = np.pi * float(axis_ratio(ellipse.ellip)) * np.diff(np.square(edges))
    return Rings(label, np.array(edges[1:]), mean, used, number, area)


def _radius(image: "Image", ellipse: Ellipse) -> Float[np.ndarray, "y x"]:
    y, x = map(jnp.asarray, np.indices(image.shape, dtype=np.float32))
    return np.asarray(elliptical_radius(x - ellipse.xc, y - ellipse.yc, ellipse.ellip, ellipse.theta), dtype=float)


def _sky(fit: AbstractFit) -> Float[np.ndarray, "y x"]:
    return sky_image(fit.model, render_components(fit.model, fit.image, fit.best))


def _source_sums(fit: AbstractFit, rings: Rings, label: Any) -> dict[str, Float[np.ndarray, "draw ring"]]:
    """Return the light in rings of all sources together, as "model", and of each if there are several."""
    rows = per_draw.flat(fit.draws, MOST_DRAWS) if fit.draws else {path: np.array([v]) for path, v in fit.best.items()}
    parts = per_draw.ring_sums(fit.model, fit.image, rows, label, len(rings.edge))
    total = {"model": np.sum(list(parts.values()), axis=0)}
    return total | (parts if len(parts) > 1 else {})


def _columns(bands: dict[str, Float[np.ndarray, "draw ring"]]) -> dict[str, Float[np.ndarray, " ring"]]:
    return {
        f"{name}_{label}": np.quantile(array, share, axis=0)
        for name, array in bands.items()
        for label, share in BANDS.items()
    }
