"""Corner plots of posterior draws."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.plots.isophotes import COMPONENTS, MODEL
from sersiclab.runtime.errors import InputError


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The 1 and 2 sigma contours of a two-dimensional normal contain 1 - exp(-1/2) and 1 - exp(-2) of its probability.
CONTOURS = (1.0 - np.exp(-2.0), 1.0 - np.exp(-0.5))

SMOOTHING = 1.4  # bins


def plot_corner(
    draws: Mapping[str, Float[np.ndarray, "chain draw"]],
    best: Mapping[str, float],
    units: Mapping[str, str],
    *,
    paths: Sequence[str] | None = None,
) -> "Figure":
    """Plot a histogram of each quantity and the density of each pair, with 1 and 2 sigma contours and `best`.

    `paths` selects the quantities; by default all are shown. Raises `ValueError` for an unknown one.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from sersiclab.plots.picture import Picture

    chosen = list(draws) if paths is None else paths
    if isinstance(chosen, str) or not isinstance(chosen, Sequence) or not chosen or not set(chosen) <= set(draws):
        raise InputError(f"paths must be some of {list(draws)}, got {paths!r}")
    paths = list(chosen)
    number = len(paths)
    side = 1.2 + max(1.9 * number, 2.4)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Picture(figsize=(side, side), layout=layout)
    grid = figure.subplots(number, number, sharex="col", squeeze=False)
    flat = {path: np.asarray(draws[path], dtype=float).reshape(-1) for path in paths}
    titles = {path: with_errors(*np.quantile(flat[path], (0.16, 0.5, 0.84))) for path in paths}
    powers = {path: _power(float(np.max(np.abs(flat[path])))) for path in paths}
    flat = {path: flat[path] / 10.0 ** powers[path] for path in paths}
    best = {path: best[path] / 10.0 ** powers[path] for path in paths}
    labels = {path: path + _unit(units[path], powers[path]) for path in paths}
    for row, y in enumerate(paths):
        for column, x in enumerate(paths):
            axes = grid[row, column]
            if column > row:
                axes.remove()
                continue
            if column == row:
                _draw_marginal(axes, flat[x], best[x])
                axes.set_title(f"{x}\n${titles[x]}$", fontsize="small")
            else:
                _draw_pair(axes, flat[x], flat[y], best[x], best[y])
            _label(axes, row, column, number, labels[x], labels[y])
    return figure


def _unit(unit: str, power: int) -> str:
    parts = [f"$10^{{{power}}}$"] * (power != 0) + [unit] * (unit != "")
    return f" [{' '.join(parts)}]" if parts else ""


def _power(size: float) -> int:
    """Return the power of ten to factor out of numbers of this size; 0 if they are readable without one."""
    return int(np.floor(np.log10(size))) if size > 0 and not 1e-3 <= size < 1e6 else 0


def _label(axes: "Axes", row: int, column: int, number: int, x: str, y: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.tick_params(labelsize="small", direction="in", top=True, right=True)
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
    if row == number - 1:
        axes.set_xlabel(x)
        axes.tick_params(axis="x", labelrotation=40)
    else:
        axes.tick_params(labelbottom=False)
    if row == column:
        axes.set_yticks([])
        return
    axes.yaxis.set_major_locator(MaxNLocator(3, prune="both"))
    if column == 0:
        axes.set_ylabel(y)
    else:
        axes.tick_params(labelleft=False)


def _draw_marginal(axes: "Axes", values: Float[np.ndarray, " draw"], best: float) -> None:
    low, middle, high = np.quantile(values, (0.16, 0.5, 0.84))
    axes.hist(values, bins=_bins(values), histtype="stepfilled", color=COMPONENTS[1], alpha=0.35)
    axes.axvline(middle, color=COMPONENTS[1], lw=1.4)
    axes.axvspan(low, high, color=COMPONENTS[1], alpha=0.12, lw=0)
    axes.axvline(best, color=COMPONENTS[0], lw=1.2, ls="--")


def with_errors(low: float, middle: float, high: float) -> str:
    """Return LaTeX for an estimate and its errors, to two digits of the smaller error: `3.50^{+0.12}_{-0.10}`."""
    power = _power(max(abs(low), abs(high)))
    upper, lower, middle = ((x / 10.0**power) for x in (high - middle, middle - low, middle))
    smaller = min(upper, lower)
    places = int(np.clip(1 - np.floor(np.log10(smaller)), 0, 12)) if smaller > 0 else 3
    figures = f"{middle:.{places}f}^{{+{upper:.{places}f}}}_{{-{lower:.{places}f}}}"
    return f"({figures}) \\times 10^{{{power}}}" if power else figures


def _bins(values: Float[np.ndarray, " draw"]) -> int:
    return int(np.clip(np.sqrt(len(values)), 8, 40))


def _draw_pair(axes: "Axes", x: Any, y: Any, best_x: float, best_y: float) -> None:
    from scipy.ndimage import gaussian_filter

    axes.plot(x, y, ".", ms=1.5, alpha=0.25, color=COMPONENTS[1], rasterized=True)
    axes.plot(best_x, best_y, "+", ms=8, mew=1.5, color=COMPONENTS[0])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=_bins(x))
    density = gaussian_filter(counts, SMOOTHING)
    ordered = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(ordered) / ordered.sum()
    levels = [ordered[np.searchsorted(mass, share)] for share in CONTOURS]
    if levels[0] < levels[1]:
        centres = [0.5 * (edges[1:] + edges[:-1]) for edges in (x_edges, y_edges)]
        axes.contour(*centres, density.T, levels=levels, colors=MODEL, linewidths=(0.9, 1.4))
