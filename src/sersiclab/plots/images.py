"""The overview figure of a fit: data, model and residual as images, with the radial profile below."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.data.image import Image
from sersiclab.model import Model, render_components
from sersiclab.plots.isophotes import colours, ellipses, sky_image
from sersiclab.plots.profile import plot_profile
from sersiclab.profiles.base import size_name


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

MASKED = "0.7"
RESIDUAL_LIMIT = 5.0  # sigma
PANEL = 2048  # pixels along a side of a panel, at most: in a figure more can't be distinguished


def plot_fit(model: Model, image: Image, best: Mapping[str, float], *, title: str = "") -> "Figure":
    """Plot data, model and residual in sigma, and the radial profile of the first source with its residual."""
    from sersiclab.plots.picture import Picture

    parts = render_components(model, image, best)
    figure = Picture(figsize=(10.5, 8.2), layout="constrained")
    rows: Any = [["data", "model", "residual"], ["profile"] * 3, ["deviation"] * 3]
    axes = figure.subplot_mosaic(rows, height_ratios=(2.6, 1.8, 0.7))
    _plot_images([axes[name] for name in rows[0]], model, image, best, parts)
    plot_profile(axes["profile"], axes["deviation"], model, image, best, parts)
    figure.align_ylabels([axes["profile"], axes["deviation"]])
    figure.suptitle(title, fontsize="medium")
    return figure


class PanelImage(NamedTuple):
    """What a panel shows: pixels, masked or not, and the options of `imshow`."""

    name: str
    pixels: Any
    options: dict[str, Any]


def shown(model: Model, image: Image, parts: Mapping[str, Any]) -> list[PanelImage]:
    """Return data and model, with one colour scale, and the residual in sigma."""
    total = np.zeros(image.shape)
    for part in parts.values():
        total += np.asarray(part)
    norm = asinh_norm(image, total, sky_image(model, parts))
    few, extent = _panel(image.shape)
    data, mask, total = image.data[few], image.mask[few], total[few]
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = (data - total) / image.sigma[few]
    light = {"cmap": colormap("magma"), "norm": norm}
    deviation = {"cmap": colormap("RdBu_r"), "vmin": -RESIDUAL_LIMIT, "vmax": RESIDUAL_LIMIT}
    grid = {"origin": "lower", "interpolation": "nearest", "extent": extent}
    return [
        PanelImage("data", np.ma.array(data, mask=mask), grid | light),
        PanelImage("model", np.ma.array(total, mask=np.zeros_like(mask)), grid | light),
        PanelImage("residual", np.ma.array(residual, mask=mask), grid | deviation),
    ]


def draw(axes: "Axes", panel: PanelImage, shape: tuple[int, int]) -> Any:
    """Draw a panel, and return what a colour bar needs."""
    drawn = axes.imshow(panel.pixels, **panel.options)
    axes.set(title=panel.name, xlim=(-0.5, shape[1] - 0.5), ylim=(-0.5, shape[0] - 0.5))
    return drawn


def label_bar(bar: Any, panel: PanelImage) -> None:
    """Label a colour bar, and set its ticks."""
    bar.set_label("(data − model) / σ" if panel.name == "residual" else "flux per pixel")
    if panel.name != "residual":
        bar.set_ticks(asinh_ticks(panel.options["norm"]))
        axis = bar.ax.xaxis if bar.orientation == "horizontal" else bar.ax.yaxis
        axis.set_major_formatter(lambda value, _: f"{value:.3g}")
        bar.minorticks_off()


def _plot_images(
    panels: Sequence["Axes"], model: Model, image: Image, best: Mapping[str, float], parts: Mapping[str, Any]
) -> None:
    for axes, panel in zip(panels, shown(model, image, parts), strict=True):
        figure: Any = axes.get_figure()
        drawn = draw(axes, panel, image.shape)
        label_bar(figure.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.95, aspect=30), panel)
        axes.set_xlabel("x [pixel]")
    left, middle, _ = panels
    left.set_ylabel("y [pixel]")
    draw_ellipses(middle, model, best)


def _panel(shape: tuple[int, int]) -> tuple[Any, tuple[float, float, float, float]]:
    """Return the rows and columns that a panel shows, and its ends in pixels."""
    step = math.ceil(max(shape) / PANEL)
    top, right = (math.ceil(side / step) * step - 0.5 for side in shape)
    return np.s_[::step, ::step], (-0.5, right, -0.5, top)


def draw_ellipses(axes: "Axes", model: Model, best: Mapping[str, float]) -> None:
    """Draw an ellipse at each source's radius, or a cross for a point source, and say so in the title."""
    from matplotlib.patches import Ellipse as Patch

    limits = axes.axis()
    shapes = ellipses(model, best)
    for name, shape in shapes.items():
        centre, minor, major = (shape.xc, shape.yc), 2 * shape.size * (1 - shape.ellip), 2 * shape.size
        colour = colours(model)[name]
        if not shape.size:
            axes.plot(*centre, "+", color=colour)
            continue
        for edge, width in (("w", 2.4), (colour, 1.3)):
            # The height of matplotlib's ellipse points along +y at angle 0, as the major axis does at theta = 0.
            angle = np.degrees(shape.theta)
            axes.add_patch(Patch(centre, minor, major, angle=angle, fill=False, ec=edge, lw=width))
    axes.axis(limits)
    if any(shape.size > 0 for shape in shapes.values()):
        names = {size_name(component) for component in model.components.values()} - {None}
        axes.set_title("model, half-light ellipses" if names == {"r_eff"} else "model, ellipses at its radii")


def colormap(name: str) -> Any:
    import matplotlib

    return matplotlib.colormaps[name].with_extremes(bad=MASKED)


def asinh_norm(image: Image, total: Float[np.ndarray, "y x"], sky: Float[np.ndarray, "y x"]) -> "Normalize":
    """Return a colour scale that is linear within the noise of the sky and logarithmic above it."""
    from matplotlib.colors import FuncNorm

    few, _ = _panel(image.shape)  # of a large image: the median of all would need as much memory as the image
    chosen = image.valid[few]
    sigma = image.sigma[few][chosen] if chosen.any() else image.sigma[image.valid]
    level, width = float(np.mean(sky)), 2.0 * float(np.median(sigma))
    brightest = float(np.max(image.data, where=image.valid, initial=-np.inf))
    high = max(brightest, float(total.max()), level + 2 * width)
    functions = (lambda x: np.arcsinh((x - level) / width), lambda t: level + width * np.sinh(t))
    return FuncNorm(functions, vmin=level - 1.5 * width, vmax=high)


def asinh_ticks(norm: "Normalize") -> Float[np.ndarray, " tick"]:
    """Return five ticks at round numbers, roughly evenly spaced."""
    values = np.asarray(norm.inverse(np.linspace(0.0, 1.0, 5)))
    small = 0.1 * np.abs(values[0])
    return np.array([0.0 if abs(value) < small else float(f"{value:.1g}") for value in values])
