"""Figures of the posterior in bqplot: a marginal with its prior, a trace, and the radial profile."""

from typing import Any

import ipywidgets
import numpy as np
from bqplot.axes import Axis
from bqplot.figure import Figure
from bqplot.marks import Lines, Scatter
from bqplot.scales import LinearScale, LogScale

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.plots.profile import brightness, in_magnitudes
from sersiclab.results.declared_units import parameter_units
from sersiclab.widget import curves


# Okabe & Ito's colours, distinguishable with colour-blindness; the blue is lighter than theirs, so that faint points
# can be seen on dark backgrounds, too.
POSTERIOR = "#2B8FD9"
PRIOR = "#E69F00"
VALUE = "#D55E00"
DATA = "#808080"
# Colours of components, by their order, and of chains; as for the editor's ellipses (js/src/views/colours.ts).
COMPONENTS = ("#56b4e9", "#f0a020", "#2fc08c", "#ee7fb6", "#f0e442", "#e8663c")
FLOOR = 1e-3  # fraction of the brightest annulus at which a logarithmic axis ends
TICKS = 4
FEWEST = 2
# Sizes are set by the page: bqplot would subtract its margins from the width of a figure in a hidden tab, 0.
MARGIN = "28px 16px 46px 76px"
NO_MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), 0)
TEXT = "var(--jp-ui-font-color1, CanvasText)"
# bqplot writes labels in orange on dark backgrounds.
STYLE = f"""<style>
.sl-views .bqplot {{ --bq-axislabel-fill: {TEXT}; --bq-mainheading-fill: {TEXT}; }}
.sl-views .bqplot, .sl-views .bqplot > svg {{ overflow: visible; }}
.sl-views .bqplot .mainheading {{ translate: 0 -16px; }}
</style>"""


def _figure(title: str, x_label: str, y_label: str, scales: dict[str, Any], marks: list[Any]) -> Figure:
    axes = [
        Axis(scale=scales["x"], label=x_label, grid_lines="none", tick_format=".6~g", label_offset="36px"),
        Axis(
            scale=scales["y"],
            label=y_label,
            side="left",
            grid_lines="none",
            tick_format=".6~g",
            label_offset="58px",
        ),
    ]
    return Figure(
        marks=marks,
        axes=axes,
        title=title,
        title_style={"font-size": "13px", "fill": TEXT},
        background_style={"fill": "transparent"},
        legend_style={"fill": "transparent", "stroke-width": "0"},
        legend_text={"font-size": "11px"},
        fig_margin=NO_MARGIN,
        display_toolbar=False,
        animation_duration=0,
        layout=ipywidgets.Layout(margin=MARGIN, width="auto", height="226px", min_width="190px", flex="1 1 210px"),
    )


def _set_range(axis: Axis, low: float, high: float, *, log: bool = False) -> None:
    """Set the range of an axis, with ticks at round numbers, because bqplot's own overlap."""
    if not high > low:
        high = low + (abs(low) or 1.0) * 1e-3
    _set(axis.scale, min=float(low), max=float(high))
    axis.tick_values = _ticks(low, high, log=log)


def _ticks(low: float, high: float, *, log: bool) -> Any:
    if log:
        decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        many = len(decades) > TICKS
        ticks = decades if many else np.sort(np.concatenate([decades, 2 * decades, 5 * decades]))
    else:
        power = 10.0 ** np.floor(np.log10((high - low) / TICKS))
        ticks = next(few for k in (10, 5, 2, 1) if len(few := _multiples(low, high, k * power)) >= FEWEST)
    return ticks[(ticks >= low) & (ticks <= high)]


def _multiples(low: float, high: float, step: float) -> Any:
    return step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)


def _set(widget: Any, **values: Any) -> None:
    """Set several traits in one message."""
    with widget.hold_sync():
        for name, value in values.items():
            setattr(widget, name, value)


def _zero() -> Any:
    return np.zeros(1)


class MarginalPlot:
    """The density of one parameter: prior, posterior and the current value."""

    def __init__(self, unit: str | None) -> None:
        self._unit = unit
        scales = {"x": LinearScale(), "y": LinearScale()}
        common = {"scales": scales, "x": _zero(), "y": _zero(), "display_legend": True}
        self._prior = Lines(colors=[PRIOR], line_style="dashed", stroke_width=2, labels=["prior"], **common)
        self._posterior = Lines(colors=[POSTERIOR], fill="bottom", fill_opacities=[0.3], labels=["posterior"], **common)
        self._value = Lines(colors=[VALUE], stroke_width=1.5, labels=["value"], **common)
        self.figure = _figure("marginal", "", "density", scales, [self._prior, self._posterior, self._value])

    def show(self, model: Model, path: str, draws: Any, value: float) -> None:
        """Show `draws` (chain, draw), or the prior alone if they are None."""
        prior = model.free[path]
        x_axis, y_axis = self.figure.axes
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
        _set_range(x_axis, low, high)
        _set_range(y_axis, 0.0, 1.4 * top)  # room for the legend
        x_axis.label = labelled(model, path, self._unit)


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = 0.1 * (high - low) or 0.05 * max(abs(low), 1e-6)
    return low - margin, high + margin


class TracePlot:
    """The draws of one parameter in the order in which they were made, a line per chain."""

    def __init__(self, unit: str | None) -> None:
        self._unit = unit
        scales = {"x": LinearScale(), "y": LinearScale()}
        self._chains = Lines(
            x=_zero(), y=_zero(), scales=scales, colors=list(COMPONENTS), stroke_width=1, visible=False
        )
        self.figure = _figure("trace", "draw", "", scales, [self._chains])

    def show(self, model: Model, path: str, draws: Any) -> None:
        x_axis, y_axis = self.figure.axes
        y_axis.label = labelled(model, path, self._unit)
        if draws is None:
            self._chains.visible = False
            return
        y = curves.thin(draws).astype(float)
        x = np.linspace(0, draws.shape[1] - 1, y.shape[1])
        _set(self._chains, x=x, y=y, visible=True)
        _set_range(x_axis, 0.0, x[-1])
        _set_range(y_axis, y.min(), y.max())


class PairPlot:
    """Two parameters against each other: draws, and the current values."""

    def __init__(self, unit: str | None) -> None:
        self._unit = unit
        scales = {"x": LinearScale(), "y": LinearScale()}
        common = {"scales": scales, "x": _zero(), "y": _zero(), "visible": False}
        self._draws = Scatter(colors=[POSTERIOR], default_size=6, opacities=[0.5], stroke_width=0, **common)
        self._value = Scatter(colors=[VALUE], marker="cross", default_size=90, **common)
        self.figure = _figure("pair", "", "", scales, [self._draws, self._value])

    def show(self, model: Model, paths: tuple[str, str], draws: Any) -> None:
        """Show the draws of two parameters, `{path: (chain, draw)}`; nothing if they lack one."""
        axes = self.figure.axes
        known = all(path in draws for path in paths)
        self._draws.visible = self._value.visible = known
        for axis, path in zip(axes, paths, strict=True):
            axis.label = labelled(model, path, self._unit)
        if not known:
            return
        x, y = (curves.thin(draws[path]).reshape(-1).astype(float) for path in paths)
        _set(self._draws, x=x, y=y)
        value = [np.array([model.initial[path]]) for path in paths]
        _set(self._value, x=value[0], y=value[1])
        for axis, points, own in zip(axes, (x, y), value, strict=True):
            _set_range(axis, *_widened(min(points.min(), own[0]), max(points.max(), own[0])))


class ProfilePlot:
    """Data with errors, model and sources in elliptical annuli, and the posterior's 68 and 95 % bands."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._log = not in_magnitudes(image)
        scales = {"x": LogScale(), "y": LogScale() if self._log else LinearScale(reverse=True)}
        common = {"scales": scales, "x": np.ones(1), "y": np.ones(1), "visible": False}
        band = {"fill": "between", "opacities": [0.0, 0.0], "colors": [POSTERIOR] * 2, **common}
        self._wide = Lines(fill_opacities=[0.2] * 2, fill_colors=[POSTERIOR] * 2, **band)
        self._narrow = Lines(fill_opacities=[0.35] * 2, fill_colors=[POSTERIOR] * 2, **band)
        self._errors = Lines(colors=[DATA], stroke_width=1, **common)
        self._data = Scatter(colors=[DATA], default_size=16, labels=["data"], display_legend=True, **common)
        self._model = Lines(colors=[POSTERIOR], stroke_width=2, labels=["model"], display_legend=True, **common)
        self._sources = Lines(line_style="dashed", stroke_width=1.5, **common)
        unit = "flux / pixel" if self._log else "mag / arcsec²"
        marks = [self._wide, self._narrow, self._errors, self._data, self._model, self._sources]
        self.figure = _figure("radial profile", "semi-major axis [pixel]", f"brightness [{unit}]", scales, marks)

    def show(self, profile: curves.Profile | None, bands: Any, order: list[str]) -> None:
        """Show a profile with `bands` from `curves.bands`, or None; `order` is that of the components on the screen."""
        if profile is None:
            for mark in self.figure.marks:
                mark.visible = False
            return
        radius = profile.rings.radius
        brightest = max(float(profile.data.max()), float(profile.model.max()))
        floor = FLOOR * brightest if brightest > 0 else 1e-30
        self._show_data(profile, floor)
        _set(self._model, x=radius, y=self._level(profile.model, floor), visible=True)
        many = len(profile.sources) > 1
        if many:
            lines = np.stack([self._level(flux, floor) for flux in profile.sources.values()])
            colours = [COMPONENTS[order.index(name) % len(COMPONENTS)] for name in profile.sources]
            _set(self._sources, x=radius, y=lines, colors=colours, labels=list(profile.sources))
        _set(self._sources, visible=many, display_legend=many)
        for mark, pair in ((self._wide, (0, 3)), (self._narrow, (1, 2))):
            if bands is not None:
                _set(mark, x=radius, y=self._level(bands[list(pair)], floor))
            mark.visible = bands is not None
        x_axis, y_axis = self.figure.axes
        x_axis.label = f"semi-major axis about {profile.first} [pixel]"
        _set_range(x_axis, 0.9 * radius[0], 1.1 * radius[-1], log=True)
        ends = brightness(self.image, np.array([floor, 2.0 * brightest]))
        _set_range(y_axis, np.nanmin(ends), np.nanmax(ends), log=self._log)

    def _show_data(self, profile: curves.Profile, floor: float) -> None:
        radius, data, error = profile.rings.radius, profile.data, profile.error
        gap = np.full(len(radius), np.nan)
        # One line with gaps. It must not end in a gap, because bqplot writes its label at the end.
        x = np.stack([radius, radius, gap], axis=1).reshape(-1)[:-1]
        ends = self._level(np.stack([data - error, data + error]), floor)
        y = np.stack([*ends, gap], axis=1).reshape(-1)[:-1]
        _set(self._errors, x=x, y=y, visible=True)
        seen = data > 0
        _set(self._data, x=radius[seen], y=brightness(self.image, data[seen]), visible=True)

    def _level(self, flux: Any, floor: float) -> Any:
        """Return brightness, limited to just outside the axis."""
        return brightness(self.image, np.maximum(flux, 0.1 * floor))


def labelled(model: Model, path: str, image_unit: str | None) -> str:
    """Return the parameter with its unit for an axis, without a unit if that of the image is unknown."""
    unit = parameter_units(model, image_unit)[path].replace("image/", "per ").removeprefix("image")
    return f"{path} [{unit}]" if unit else path
