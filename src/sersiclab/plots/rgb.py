"""Colour composites of three images, after Lupton et al. 2004 (PASP 116, 133), by astropy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8


if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINEAR = 8.0  # the default stretch in sigma of a channel: noise of one sigma then has 14 % of full brightness
RANGE = 95.0  # Lupton's brightness reaches white at about this many times the stretch, for Q = 8
GREY = 1.0  # stretches below zero at which the composite of residuals is black
BLACK = 1e-6  # stretches: a pixel that is black in all channels has no colour, by which astropy would divide

Channel = Float[np.ndarray, "y x"]


class Channels(NamedTuple):
    """Three channels, red first: data and models without the sky and in one unit, and the data's typical sigma."""

    names: tuple[str, str, str]
    data: tuple[Channel, Channel, Channel]
    models: tuple[Channel, Channel, Channel]
    sigma: tuple[float, float, float]


def plot_composites(channels: Channels, *, stretch: float | None = None, q: float = 8.0, title: str = "") -> "Figure":
    """Plot composites of data, model and residual, with one stretch."""
    from sersiclab.plots.picture import Picture

    width = default_stretch(channels) if stretch is None else stretch
    residual = [data - model for data, model in zip(channels.data, channels.models, strict=True)]
    shown = {
        "data": composite(channels.data, stretch=width, q=q),
        "model": composite(channels.models, stretch=width, q=q),
        "residual": composite(residual, stretch=width, q=q, minimum=-GREY * width),
    }
    ny, nx = channels.data[0].shape
    figure = Picture(figsize=(10.5, min(6.0, 3.3 * ny / nx) + 1.1), layout="constrained")
    panels: Any = figure.subplots(1, 3)
    for axes, (name, pixels) in zip(panels, shown.items(), strict=True):
        axes.imshow(pixels, origin="lower", interpolation="nearest")
        axes.set(title=name, xlabel="x [pixel]")
    panels[0].set_ylabel("y [pixel]")
    red, green, blue = channels.names
    named = f"red {red}, green {green}, blue {blue}"
    figure.suptitle("\n".join(filter(None, (title, named))), fontsize="medium")
    return figure


def composite(
    channels: Sequence[Channel], *, stretch: float, q: float = 8.0, minimum: float = 0.0
) -> UInt8[np.ndarray, "y x 3"]:
    """Return the composite of three images, red first. Pixels that are not finite are black."""
    from astropy.visualization import make_lupton_rgb

    black = minimum + BLACK * stretch
    red, green, blue = (np.maximum(np.nan_to_num(channel, nan=black), black) for channel in channels)
    options: Any = {"minimum": minimum, "stretch": stretch, "Q": q}
    return make_lupton_rgb(red, green, blue, **options)


def default_stretch(channels: Channels) -> float:
    """Return the brightness up to which the scale is linear: a few sigma, or more if the brightest pixel needs it."""
    noise = float(np.sqrt(np.mean(np.square(channels.sigma))))
    brightest = float(np.max(np.mean(channels.models, axis=0)))
    return max(LINEAR * noise, brightest / RANGE)
