"""The figure of parameters against wavelength."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3  # panels in a row, at most
WIDE = 10.0  # ratio of the largest value to the smallest, from which on the axis is logarithmic


class SmoothCurve(NamedTuple):
    """A smooth function of wavelength: its median over the draws, and the ends of its 68 % band."""

    wavelength: Float[np.ndarray, " point"]
    middle: Float[np.ndarray, " point"]
    low: Float[np.ndarray, " point"]
    high: Float[np.ndarray, " point"]


class BandSeries(NamedTuple):
    """The values of one parameter in the images, at the places `x`, with errors, and the curve if it is smooth."""

    name: str
    colour: str
    x: Float[np.ndarray, " image"]
    value: Float[np.ndarray, " image"]
    sd: Float[np.ndarray, " image"]
    curve: SmoothCurve | None


class BandPanel(NamedTuple):
    """A panel: the parameter's name with its unit, and a series for each component that has it.

    Magnitudes are `inverted`: brighter is above.
    """

    label: str
    series: Sequence[BandSeries]
    inverted: bool = False


def plot_panels(
    panels: Sequence[BandPanel],
    names: Sequence[str],
    wavelengths: Float[np.ndarray, " image"] | None,
    *,
    title: str = "",
) -> "Figure":
    """Plot every panel against wavelength in micrometres or, without wavelengths, against the images by name."""
    from sersiclab.plots.picture import Picture

    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = Picture(figsize=(max(4.6, 3.6 * across), 2.9 * down + 0.5), layout="constrained")
    grid: Any = figure.subplots(down, across, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _plot_panel(axes, panel)
        _set_places(axes, names, wavelengths)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    figure.suptitle(title, fontsize="medium")
    return figure


def _plot_panel(axes: "Axes", panel: BandPanel) -> None:
    for series in panel.series:
        if series.curve is not None:
            curve = series.curve
            axes.fill_between(curve.wavelength, curve.low, curve.high, color=series.colour, alpha=0.25, lw=0)
            axes.plot(curve.wavelength, curve.middle, color=series.colour, lw=1.4)
        sd = np.where(np.isfinite(series.sd), series.sd, 0.0)
        axes.errorbar(
            series.x, series.value, sd, fmt="o", ms=4.5, capsize=2.5, lw=1.1, color=series.colour, label=series.name
        )
    lowest = min(float(np.nanmin(series.value - np.nan_to_num(series.sd))) for series in panel.series)
    values = np.concatenate([series.value for series in panel.series])
    if lowest > 0 and np.nanmax(values) > WIDE * np.nanmin(values) and not panel.inverted:
        axes.set_yscale("log")
    if panel.inverted:
        axes.invert_yaxis()
    if len(panel.series) > 1:
        axes.set_ylabel(panel.label)
        axes.legend(frameon=False, fontsize="small")
    else:
        axes.set_ylabel(".".join(filter(None, (panel.series[0].name, panel.label))))


def _set_places(axes: "Axes", names: Sequence[str], wavelengths: Float[np.ndarray, " image"] | None) -> None:
    if wavelengths is None:
        axes.set_xticks(range(len(names)), list(names))
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_xlabel("image")
        return
    reach = max(float(np.ptp(wavelengths)), 0.1 * float(wavelengths.max()))
    axes.set_xlim(wavelengths.min() - 0.07 * reach, wavelengths.max() + 0.07 * reach)
    axes.set_xlabel("wavelength [µm]")
    top = axes.secondary_xaxis("top")
    top.set_xticks(wavelengths, list(names), fontsize="small")
    top.tick_params(length=3)
