"""Figures of the posterior in bqplot: a marginal with its prior, a trace, and the radial profile."""

from collections.abc import Mapping
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from sersiclab.image import Image
from sersiclab.model import Model
from sersiclab.plots.profile import brightness, in_magnitudes
from sersiclab.plots.sources import COMPONENTS
from sersiclab.results.summary import parameter_units
from sersiclab.widget import curves


# Okabe & Ito's colours, which the colour-blind can tell apart, on light and on dark ground.
POSTERIOR = "#0072B2"
PRIOR = "#E69F00"
BEST = "#D55E00"
DATA = "#808080"
FLOOR = 1e-3  # of the brightest annulus: below it a logarithmic axis shows nothing of interest
MARGIN = {"top": 24, "bottom": 46, "left": 62, "right": 14}


def _figure(title: str, x_label: str, y_label: str, x: Any, y: Any, marks: list[Any]) -> bqplot.Figure:
    axes = [
        bqplot.Axis(scale=x, label=x_label, grid_lines="none", num_ticks=5),
        bqplot.Axis(
            scale=y, label=y_label, orientation="vertical", grid_lines="none", num_ticks=5, label_offset="48px"
        ),
    ]
    return bqplot.Figure(
        marks=marks,
        axes=axes,
        title=title,
        title_style={"font-size": "13px"},
        background_style={"fill": "transparent"},
        legend_style={"fill": "transparent", "stroke-width": "0"},
        legend_text={"font-size": "11px"},
        fig_margin=MARGIN,
        display_toolbar=False,
        animation_duration=0,
        layout=ipywidgets.Layout(width="auto", height="300px", min_width="280px", flex="1 1 300px"),
    )


def _set(widget: Any, **values: Any) -> None:
    """Several traits in one message."""
    with widget.hold_sync():
        for name, value in values.items():
            setattr(widget, name, value)


def _zero() -> Any:
    return np.zeros(1)


class Marginal:
    """The density of one parameter: prior, posterior and the current value."""

    def __init__(self) -> None:
        x, y = bqplot.LinearScale(), bqplot.LinearScale(min=0.0)
        scales = {"x": x, "y": y}
        common = {"scales": scales, "x": _zero(), "y": _zero(), "display_legend": True}
        self._prior = bqplot.Lines(colors=[PRIOR], line_style="dashed", stroke_width=2, labels=["prior"], **common)
        self._posterior = bqplot.Lines(
            colors=[POSTERIOR], fill="bottom", fill_opacities=[0.3], labels=["posterior"], **common
        )
        self._value = bqplot.Lines(colors=[BEST], stroke_width=1.5, labels=["value"], **common)
        marks = [self._prior, self._posterior, self._value]
        self.figure = _figure("marginal", "", "density", x, y, marks)
        self._x = x

    def show(self, model: Model, path: str, draws: Any, value: float) -> None:
        """`draws` (chain, draw) may be None: then the prior alone is shown."""
        prior = model.free[path]
        if draws is None:
            low, high = curves.prior_range(prior)
            _set(self._posterior, x=_zero(), y=_zero(), visible=False)
            top = 0.0
        else:
            x, density = curves.posterior_curve(draws)
            low, high = _widened(x[0], x[-1])
            top = float(density.max())
            _set(self._posterior, x=x, y=density, visible=True)
        x, density = curves.prior_curve(prior, low, high)
        _set(self._prior, x=x, y=density)
        top = max(top, float(density.max()))
        _set(self._value, x=np.array([value, value]), y=np.array([0.0, top]))
        _set(self._x, min=float(low), max=float(high))
        self.figure.axes[0].label = labelled(model, path)


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = 0.25 * (high - low) or 0.05 * max(abs(low), 1e-6)
    return low - margin, high + margin


class Trace:
    """The draws of one parameter in the order in which they were made, a line per chain."""

    def __init__(self) -> None:
        x, y = bqplot.LinearScale(), bqplot.LinearScale()
        self._chains = bqplot.Lines(
            x=_zero(), y=_zero(), scales={"x": x, "y": y}, colors=list(COMPONENTS), stroke_width=1, visible=False
        )
        self.figure = _figure("trace", "draw", "", x, y, [self._chains])

    def show(self, model: Model, path: str, draws: Any) -> None:
        if draws is None:
            self._chains.visible = False
        else:
            y = curves.thin(draws).astype(float)
            x = np.linspace(0, draws.shape[1] - 1, y.shape[1])
            _set(self._chains, x=x, y=y, visible=True)
        self.figure.axes[1].label = labelled(model, path)


class RadialProfile:
    """Data with errors, model and sources in elliptical annuli, and the posterior's 68 and 95 % bands."""

    def __init__(self, image: Image) -> None:
        self._image = image
        x = bqplot.LogScale()
        y = bqplot.LinearScale(reverse=True) if in_magnitudes(image) else bqplot.LogScale()
        self._y = y
        common = {"scales": {"x": x, "y": y}, "x": np.ones(1), "y": np.ones(1), "visible": False}
        band = {"fill": "between", "opacities": [0.0, 0.0], "colors": [POSTERIOR] * 2, **common}
        self._wide = bqplot.Lines(fill_opacities=[0.2] * 2, fill_colors=[POSTERIOR] * 2, **band)
        self._narrow = bqplot.Lines(fill_opacities=[0.35] * 2, fill_colors=[POSTERIOR] * 2, **band)
        self._errors = bqplot.Lines(colors=[DATA], stroke_width=1, **common)
        self._data = bqplot.Scatter(colors=[DATA], default_size=16, labels=["data"], display_legend=True, **common)
        self._model = bqplot.Lines(
            colors=[POSTERIOR], stroke_width=2, labels=["model"], display_legend=True, **common
        )
        self._sources = bqplot.Lines(
            colors=list(COMPONENTS), line_style="dashed", stroke_width=1.5, display_legend=True, **common
        )
        marks = [self._wide, self._narrow, self._errors, self._data, self._model, self._sources]
        unit = "mag / arcsec²" if in_magnitudes(image) else "flux / pixel"
        self.figure = _figure("radial profile", "semi-major axis [pixel]", f"brightness [{unit}]", x, y, marks)

    def show(self, profile: curves.Profile | None, bands: Any) -> None:
        """`bands` are those of `curves.bands`, or None."""
        everything = [self._wide, self._narrow, self._errors, self._data, self._model, self._sources]
        if profile is None:
            for mark in everything:
                mark.visible = False
            return
        radius = profile.rings.radius
        brightest = max(float(profile.data.max()), float(profile.model.max()))
        floor = FLOOR * brightest if brightest > 0 else 1e-30
        self._set_range(floor, brightest)
        low, high = profile.data - profile.error, profile.data + profile.error
        gap = np.full(len(radius), np.nan)
        rows = np.stack([radius, radius, gap], axis=1).reshape(-1)
        ends = np.stack([np.maximum(low, 0.1 * floor), high, gap], axis=1).reshape(-1)
        _set(self._errors, x=rows, y=self._level(ends), visible=True)
        seen = profile.data > 0
        _set(self._data, x=radius[seen], y=self._level(profile.data[seen]), visible=True)
        _set(self._model, x=radius, y=self._level(profile.model), visible=True)
        many = len(profile.sources) > 1
        if many:
            lines = self._level(np.stack(list(profile.sources.values())))
            _set(self._sources, x=radius, y=lines, labels=list(profile.sources), visible=True)
        self._sources.visible = many
        for mark, pair in ((self._wide, (0, 3)), (self._narrow, (1, 2))):
            if bands is not None:
                _set(mark, x=radius, y=self._level(np.maximum(bands[list(pair)], 0.1 * floor)), visible=True)
            mark.visible = bands is not None
        self.figure.axes[0].label = f"semi-major axis about {profile.first} [pixel]"

    def _level(self, flux: Any) -> Any:
        return brightness(self._image, flux)

    def _set_range(self, floor: float, brightest: float) -> None:
        ends = self._level(np.array([floor, 2.0 * brightest]))
        if np.isfinite(ends).all():
            _set(self._y, min=float(ends.min()), max=float(ends.max()))


def labelled(model: Model, path: str) -> str:
    """The parameter with its unit, for an axis."""
    unit = parameter_units(model)[path]
    return f"{path} [{unit}]" if unit else path
