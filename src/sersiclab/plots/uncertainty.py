"""The figure of the posterior's uncertainty: an uncertainty map, and profiles with bands."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.plots.images import asinh_norm, asinh_ticks, colormap
from sersiclab.plots.isophotes import MODEL, colours
from sersiclab.plots.profile import DATA, in_magnitudes
from sersiclab.plots.profile import brightness as brightness_of


if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUANTILES = ("q50", "q16", "q84")


def plot_posterior(
    model: Model,
    image: Image,
    model_sd: Float[np.ndarray, "y x"],
    predicted: Float[np.ndarray, "y x"],
    profile: "pd.DataFrame",
    growth: "pd.DataFrame",
    *,
    title: str = "",
) -> "Figure":
    """Plot the data, a predicted image and the model's uncertainty; below, brightness and growth with bands."""
    from sersiclab.plots.picture import Picture

    figure = Picture(figsize=(10.5, 7.6), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.05))
    upper, lower = parts
    panels: Any = upper.subplots(1, 3)
    _plot_images(panels, image, predicted, model_sd)
    left, right = lower.subplots(1, 2)
    _plot_profile(left, model, image, profile)
    _plot_growth(right, model, image, growth)
    figure.suptitle(title, fontsize="medium")
    return figure


def _plot_images(panels: Any, image: Image, predicted: Any, model_sd: Any) -> None:
    stretch = asinh_norm(image, predicted, np.full(image.shape, np.median(predicted[image.valid])))
    shown = [
        ("data", np.ma.array(image.data, mask=image.mask), {"norm": stretch}, "flux per pixel"),
        ("predicted by one draw", np.ma.array(predicted, mask=image.mask), {"norm": stretch}, "flux per pixel"),
        ("uncertainty of the model", model_sd / image.sigma, {"vmin": 0.0}, "sd of the model / σ of the data"),
    ]
    for axes, (name, array, options, label) in zip(panels, shown, strict=True):
        drawn = axes.imshow(array, origin="lower", interpolation="nearest", cmap=colormap("magma"), **options)
        axes.set(title=name, xlabel="x [pixel]")
        bar = axes.get_figure().colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.95, aspect=30)
        bar.set_label(label)
        if "norm" in options:
            bar.set_ticks(asinh_ticks(stretch))
        bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        bar.minorticks_off()
    panels[0].set_ylabel("y [pixel]")


def _plot_profile(axes: "Axes", model: Model, image: Image, profile: "pd.DataFrame") -> None:
    radius, data, error = (profile[name].to_numpy() for name in ("radius", "data", "error"))
    seen = data > error  # noise about zero has no meaningful logarithm
    ends = np.abs(
        brightness_of(image, np.array([data - error, data + error])[:, seen]) - brightness_of(image, data[seen])
    )
    ends = ends[::-1] if in_magnitudes(image) else ends
    axes.errorbar(
        radius[seen], brightness_of(image, data[seen]), ends, fmt="o", ms=3.5, color=DATA, lw=0.9, label="data"
    )
    for name, colour in _bands(model, profile):
        _band(axes, radius, [brightness_of(image, profile[f"{name}_{q}"].to_numpy()) for q in QUANTILES], name, colour)
    faint = max(0.3 * float(np.min(error)), 1e-8 * float(np.max(np.abs(data))))
    bright = 2.0 * float(max(np.max(data), np.max(profile["model_q84"]), 2 * faint))
    unit = "mag/arcsec²" if in_magnitudes(image) else "flux / pixel"
    if not in_magnitudes(image):
        axes.set_yscale("log")
    axes.set_ylim(*brightness_of(image, np.array([faint, bright])))
    axes.set(xlabel="semi-major axis [pixel]", ylabel=f"brightness [{unit}]", title="radial profile")
    axes.set_xscale("function", functions=(lambda r: np.sqrt(np.maximum(r, 0.0)), np.square))
    axes.set_xlim(0.0, 1.05 * float(radius[-1]))
    axes.legend(frameon=False)


def _plot_growth(axes: "Axes", model: Model, image: Image, growth: "pd.DataFrame") -> None:
    radius = growth["radius"].to_numpy()
    axes.errorbar(radius, growth["data"], growth["error"], fmt="o", ms=3.5, color=DATA, lw=0.9, label="data")
    for name, colour in _bands(model, growth):
        _band(axes, radius, [growth[f"{name}_{q}"].to_numpy() for q in QUANTILES], name, colour)
    unit = "" if image.unit is None else f" [{image.unit}]"
    axes.set(xlabel="semi-major axis [pixel]", ylabel=f"flux within{unit}", title="curve of growth")
    axes.set_xlim(0.0, None)
    axes.legend(frameon=False, loc="lower right")


def _bands(model: Model, table: "pd.DataFrame") -> list[tuple[str, str]]:
    """Return name and colour of the model and of each source for which the table has quantiles."""
    known = {"model": MODEL, **colours(model)}
    return [(name, colour) for name, colour in known.items() if f"{name}_q50" in table]


def _band(axes: "Axes", radius: Any, quantiles: Any, name: str, colour: str) -> None:
    middle, low, high = quantiles
    axes.plot(radius, middle, color=colour, lw=1.4, label=name)
    axes.fill_between(radius, low, high, color=colour, alpha=0.3, lw=0)
