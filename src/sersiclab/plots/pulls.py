"""Pulls of recovered parameters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sersiclab.plots.isophotes import MODEL


if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 5.0  # pulls beyond this are drawn at the edge


def plot_pulls(pulls: Mapping[str, Float[np.ndarray, " mock"]]) -> "Figure":
    """Plot a row for each parameter: the pulls, and their mean with their sd over the band that is expected."""
    from sersiclab.plots.picture import Picture

    figure = Picture(figsize=(6.4, 1.2 + 0.45 * len(pulls)), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-1.0, 1.0, color="0.9", zorder=0)
    axes.axvline(0.0, color="0.6", lw=0.8, zorder=1)
    scatter = np.random.default_rng(0)
    for row, values in enumerate(pulls.values()):
        height = row + scatter.uniform(-0.25, 0.25, len(values))
        axes.plot(np.clip(values, -LONGEST, LONGEST), height, ".", color="0.45", ms=3, alpha=0.6)
        axes.errorbar(
            np.mean(values), row, xerr=np.std(values, ddof=1), fmt="o", color=MODEL, capsize=4, ms=5, zorder=5
        )
    axes.set_yticks(range(len(pulls)), list(pulls))
    axes.set_ylim(len(pulls) - 0.4, -0.6)
    axes.set_xlim(-LONGEST - 0.2, LONGEST + 0.2)
    axes.set_xlabel("(found - true) / sd")
    return figure
