"""Surface-brightness profiles in elliptical annuli."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.plots.isophotes import MODEL, Ellipse, colours, ellipses, sky_image
from sersiclab.profiles.base import elliptical_radius


if TYPE_CHECKING:
    from matplotlib.axes import Axes

DATA = "0.35"
ANNULUS_GROWTH = 0.1  # width of an annulus per radius, at least a pixel
CENTRAL_RADIUS = 0.38  # the mean distance of points in a pixel from its centre: the smallest mean radius of an annulus
ANNULUS_COVERAGE = 0.25  # fraction of an annulus that must lie on unmasked pixels of the image
BAND = 2**21  # pixels whose annuli are found at a time: of a large image, not those of all
RESIDUAL_LIMIT = 5.0  # standard errors: the residual axis spans at least this much on either side


class Annuli(NamedTuple):
    """The annulus of each unmasked pixel, and the number of pixels and the mean radius of each annulus."""

    label: Int[np.ndarray, " pixel"]
    valid: Bool[np.ndarray, "y x"]
    number: Int[np.ndarray, " annulus"]
    radius: Float[np.ndarray, " annulus"]

    def mean(self, array: Float[np.ndarray, "y x"]) -> Float[np.ndarray, " annulus"]:
        """Return the mean of an image over the unmasked pixels of each annulus."""
        return self._sum(array, 1) / self.number

    def error(self, sigma: Float[np.ndarray, "y x"]) -> Float[np.ndarray, " annulus"]:
        """Return the standard error of that mean."""
        return np.sqrt(self._sum(sigma, 2)) / self.number

    def _sum(self, array: Float[np.ndarray, "y x"], power: int) -> Float[np.ndarray, " annulus"]:
        """Return the sum of a power of the unmasked pixels of each annulus, a band of rows at a time."""
        total, first = np.zeros(len(self.number)), 0
        for rows in _bands(self.valid.shape):
            values = array[rows][self.valid[rows]].astype(float) ** power
            total += _sums(self.label[first : first + values.size], values, len(total))
            first += values.size
        return total


def annuli(image: Image, ellipse: Ellipse) -> Annuli:
    """Return elliptical annuli at least a pixel wide, except those with too few pixels on the image."""
    axis_ratio, valid = 1.0 - ellipse.ellip, image.valid
    radius = _radii(valid, ellipse)
    edges, largest = [0.0], radius.max()
    while edges[-1] < largest:
        edges.append(edges[-1] + max(1.0, ANNULUS_GROWTH * edges[-1]))
    pieces = range(0, radius.size, BAND)
    label = np.concatenate([_annulus(radius[first : first + BAND], np.array(edges)) for first in pieces])
    number = _sums(label, np.ones_like(radius), len(edges) - 1).astype(int)
    keep = number >= np.maximum(1, ANNULUS_COVERAGE * np.pi * axis_ratio * np.diff(np.square(edges)))
    new = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    mean_radius = _sums(label, radius, len(number))[keep] / number[keep]
    return Annuli(new[label], valid, number[keep], np.maximum(mean_radius, CENTRAL_RADIUS))


def _sums(
    label: Int[np.ndarray, " pixel"], values: Float[np.ndarray, " pixel"], number: int
) -> Float[np.ndarray, " annulus"]:
    """Return the sums over the pixels of each annulus; label -1 belongs to none."""
    total = np.zeros(number + 1)
    for first in range(0, label.size, BAND):
        piece = slice(first, first + BAND)
        total += np.bincount(label[piece] + 1, values[piece], number + 1)
    return total[1:]


def _radii(valid: Bool[np.ndarray, "y x"], ellipse: Ellipse) -> Float[np.ndarray, " pixel"]:
    """Return the semi-major axis of the ellipse through each valid pixel."""
    found = []
    for rows in _bands(valid.shape):
        y, x = jnp.indices(valid[rows].shape, dtype=np.float32)
        radius = elliptical_radius(x - ellipse.xc, (y + rows.start) - ellipse.yc, ellipse.ellip, ellipse.theta)
        found.append(np.asarray(radius)[valid[rows]])
    return np.concatenate(found)


def _bands(shape: tuple[int, int]) -> list[slice]:
    """Return the rows of an image, about `BAND` pixels at a time."""
    number = max(1, BAND // shape[1])
    return [slice(first, first + number) for first in range(0, shape[0], number)]


def _annulus(radius: Float[np.ndarray, " pixel"], edges: Float[np.ndarray, " edge"]) -> Int[np.ndarray, " pixel"]:
    """Return the index of the last edge not beyond each radius. Edges at least a pixel apart need no search."""
    whole = radius.astype(np.int32)
    label = (np.searchsorted(edges, np.arange(whole.max() + 1), side="right") - 1).astype(np.int32)[whole]
    return label + (radius >= np.append(edges, np.inf)[label + 1])


def plot_profile(
    upper: "Axes",
    lower: "Axes",
    model: Model,
    image: Image,
    best: Mapping[str, float],
    parts: Mapping[str, Any],
) -> None:
    """Plot the brightness about the first source in elliptical annuli, and its deviation from the model."""
    shapes = ellipses(model, best)
    upper.sharex(lower)
    upper.tick_params(labelbottom=False)
    if not shapes:
        upper.set_title("no source")
        return
    first = next(iter(shapes))
    rings = annuli(image, shapes[first])
    sky = sky_image(model, parts)
    data, error = rings.mean(image.data) - rings.mean(sky), rings.error(image.sigma)
    sources = {name: rings.mean(np.asarray(parts[name])) for name in shapes}
    total = np.sum(list(sources.values()), axis=0)
    _draw_data(upper, image, rings.radius, data, error)
    upper.plot(rings.radius, brightness(image, total), color=MODEL, lw=1.8, label="model")
    if len(sources) > 1:
        for name, values in sources.items():
            upper.plot(rings.radius, brightness(image, values), "--", color=colours(model)[name], label=name)
    _set_brightness_axis(upper, image, data, error, total)
    lines, labels = upper.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] != "data")
    upper.legend([lines[i] for i in order], [labels[i] for i in order], frameon=False)
    lower.errorbar(rings.radius, (data - total) / error, np.ones_like(data), fmt="o", ms=3.5, color=DATA, lw=0.9)
    lower.axhline(0.0, color=MODEL, lw=1.2)
    reach = max(RESIDUAL_LIMIT, 1.15 * float(np.max(np.abs((data - total) / error))) + 1.0)
    lower.set(xlabel=f"semi-major axis about {first} [pixel]", ylabel="residual / σ", ylim=(-reach, reach))
    _set_radius_axis(lower, float(rings.radius[-1]))


def _set_radius_axis(axes: "Axes", largest: float) -> None:
    """Give the axis a square-root scale, which shows both the centre and the outskirts."""
    # matplotlib also evaluates the scale left of zero.
    axes.set_xscale("function", functions=(lambda r: np.sqrt(np.maximum(r, 0.0)), np.square))
    axes.set_xlim(0.0, 1.05 * largest + 0.5)
    steps = np.outer(10.0 ** np.arange(6), (1, 2, 5)).ravel()
    axes.set_xticks([0.0, *steps[steps <= largest]])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _draw_data(axes: "Axes", image: Image, radius: Any, data: Any, error: Any) -> None:
    seen = data > error  # on a logarithmic axis, the others are shown as upper limits
    ends = np.abs(brightness(image, np.array([data - error, data + error])[:, seen]) - brightness(image, data[seen]))
    if in_magnitudes(image):
        ends = ends[::-1]
    values = brightness(image, data[seen])
    axes.errorbar(radius[seen], values, ends, fmt="o", ms=3.5, color=DATA, lw=0.9, label="data")
    if not seen.all():
        limit = brightness(image, np.maximum(data, 0.0)[~seen] + 2 * error[~seen])
        axes.plot(radius[~seen], limit, linestyle="none", marker=7, ms=4, color=DATA, label="data, 2σ limits")


def in_magnitudes(image: Image) -> bool:
    return image.zeropoint is not None and image.pixel_scale is not None


def brightness(image: Image, flux: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """Return surface brightness: in mag/arcsec² if the zero-point and pixel scale are known, else per pixel."""
    positive = np.where(flux > 0, flux, np.nan)
    if image.zeropoint is None or image.pixel_scale is None:
        return positive
    return image.zeropoint - 2.5 * np.log10(positive / image.pixel_scale**2)


def _set_brightness_axis(axes: "Axes", image: Image, data: Any, error: Any, total: Any) -> None:
    faint = max(0.3 * float(np.min(error)), 1e-8 * float(np.max(np.abs(data))))
    bright = 2.0 * max(float(np.max(data)), float(np.max(total)), 2.0 * faint)
    low, high = brightness(image, np.array([faint, bright]))
    if not in_magnitudes(image):
        axes.set_yscale("log")
    axes.set_ylim(low, high)
    unit = "mag/arcsec²" if in_magnitudes(image) else "flux / pixel"
    axes.set_ylabel(f"brightness [{unit}]")
