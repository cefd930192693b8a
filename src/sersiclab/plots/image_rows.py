"""The figure of a fit of several images: data, model and residual of each in a row."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sersiclab.data.image import Image
from sersiclab.model import Model, render_components
from sersiclab.plots.images import draw, draw_ellipses, label_bar, shown


if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 10.5  # inches, for three panels
BAR = (1.03, 0.0, 0.05, 1.0)  # left, bottom, width and height of a colour bar, in units of its panel
ROOM = 0.6  # inches of a row for its title and ticks
TALLEST = 3.6  # inches of a panel, at most


class ImageRow(NamedTuple):
    """An image with its model: the titles of its data and of its residual, and the best values."""

    label: str
    quality: str
    model: Model
    image: Image
    best: Mapping[str, float]


def plot_rows(rows: Sequence[ImageRow], *, title: str = "") -> "Figure":
    """Plot data, model and residual in sigma of every image, each row with a stretch of its own."""
    from sersiclab.plots.picture import Picture

    heights = [min(TALLEST, 0.26 * WIDTH * row.image.shape[0] / row.image.shape[1]) + ROOM for row in rows]
    figure = Picture(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    grid: Any = figure.subplots(len(rows), 3, squeeze=False, height_ratios=heights)
    for panels, row in zip(grid, rows, strict=True):
        _plot_row(panels, row)
    for axes in grid[-1]:
        axes.set_xlabel("x [pixel]")
    figure.suptitle(title, fontsize="medium")
    return figure


def _plot_row(panels: Any, row: ImageRow) -> None:
    parts = render_components(row.model, row.image, row.best)
    for axes, panel in zip(panels, shown(row.model, row.image, parts), strict=True):
        drawn = draw(axes, panel, row.image.shape)
        if panel.name != "data":  # which has the scale of the model
            label_bar(axes.get_figure().colorbar(drawn, cax=axes.inset_axes(BAR)), panel)
    data, model, residual = panels
    draw_ellipses(model, row.model, row.best)
    data.set(title=row.label, ylabel="y [pixel]")
    residual.set_title(row.quality)
