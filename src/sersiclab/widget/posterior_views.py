"""The figures of the posterior beside the editor, drawn in their own thread."""

import dataclasses
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.widget import curves
from sersiclab.widget.closing import close_parts
from sersiclab.widget.cutouts import frames_about, whole_of
from sersiclab.widget.mailbox import Mailbox
from sersiclab.widget.session import Shown
from sersiclab.widget.views import STYLE, MarginalPlot, PairPlot, ProfilePlot, TracePlot


REST_SECONDS = 0.6  # between two updates
BAND_DRAWS = 100  # draws for the bands of a finished run
LIVE_BAND_DRAWS = 20


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The inputs of the figures: the models on the screen, the last draws, and the image's model with its own draws."""

    shown: Shown
    draws: Mapping[str, Any]
    own: Model
    own_draws: Mapping[str, Any]


class PosteriorViews(ipywidgets.VBox):
    """Marginal, trace and pair plots of chosen parameters, and the radial profile."""

    _mailbox: Mailbox | None = None

    def __init__(self, image: Image, name: str, shown: Shown, failed: Callable[[str, Exception], None]) -> None:
        self._name = name
        self._frames = frames_about(image, shown.model)
        unit = image.unit
        self._marginal, self._trace, self._pairs = MarginalPlot(unit), TracePlot(unit), PairPlot(unit)
        self._profile = ProfilePlot(image)
        self._chooser = ipywidgets.Dropdown(description="Parameter")
        self._other = ipywidgets.Dropdown(description="against")
        self._wish: str | None = None
        self._assigned: str | None = None
        self._lock = threading.Lock()
        self._shown = Inputs(shown, {}, shown.model, {})
        self._choose_among(shown.fitted)
        for chooser in (self._chooser, self._other):
            chooser.observe(self._chosen, "value")
        figures = ipywidgets.HBox(
            list(self._figures),
            layout=ipywidgets.Layout(flex_flow="row wrap", width="100%"),
        )
        choosers = ipywidgets.HBox([self._chooser, self._other], layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([ipywidgets.HTML(STYLE), choosers, figures], layout=ipywidgets.Layout(width="100%"))
        self.add_class("sl-views")
        self._mailbox = Mailbox("sersiclab-views", failed, rest=REST_SECONDS)
        self.show_model(shown)

    @property
    def _figures(self) -> tuple[Any, ...]:
        return tuple(view.figure for view in (self._marginal, self._trace, self._pairs, self._profile))

    def show_model(self, shown: Shown) -> None:
        """Show another model: its profile, and the priors if there are no draws of it."""
        with self._lock:
            self._shown = dataclasses.replace(self._shown, shown=shown)
        self._post(live=False)

    def show_image(self, image: Image, name: str) -> None:
        """Show the same image with another mask or, by another name, another image."""
        if image is whole_of(self._frames):
            return
        if name == self._name:
            self._frames.image = image
        else:
            with self._lock:
                self._name, self._shown = name, dataclasses.replace(self._shown, own_draws={})
            self._frames = frames_about(image, self._shown.shown.model)
            self._profile.image = image
        self._put("profile", partial(self._draw_profile, BAND_DRAWS))

    def show_draws(
        self, model: Model, draws: Mapping[str, Any], *, live: bool, own: tuple[Model, Mapping[str, Any]] | None = None
    ) -> None:
        """Show draws, `{path: (chain, draw)}`, of a model; `live` while the run is in progress.

        `own` are the model and the draws of the image on the screen, if there are several.
        """
        mine, own_draws = (model, draws) if own is None else own
        with self._lock:
            self._shown = dataclasses.replace(self._shown, draws=draws, own=mine, own_draws=own_draws)
        self._post(live=live)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything is drawn."""
        return self._mailbox is None or self._mailbox.flush(timeout)

    def close(self) -> None:
        """Remove the figures from the page and free them."""
        if self._mailbox is not None:
            mailbox, self._mailbox = self._mailbox, None
            mailbox.close()
            for chooser in (self._chooser, self._other):
                chooser.unobserve_all()
            close_parts(self)
        super().close()

    def _post(self, *, live: bool) -> None:
        # As one job: the second of two would never run while draws keep arriving.
        self._put("all", partial(self._draw_all, LIVE_BAND_DRAWS if live else BAND_DRAWS))

    def _put(self, kind: str, job: Callable[[], None]) -> None:
        if self._mailbox is not None:
            self._mailbox.post(kind, job)

    def _chosen(self, _change: Any) -> None:
        self._put("parameter", self._draw_parameter)

    def _choose_among(self, model: Model) -> None:
        """Offer the free parameters. The user's choice is restored when its component returns."""
        paths = tuple(model.free)
        if self._chooser.value != self._assigned:
            self._wish = self._chooser.value
        if paths != self._chooser.options:
            self._chooser.options = paths
            self._chooser.value = self._assigned = self._wish if self._wish in paths else next(iter(paths), None)
            other = self._other.value
            self._other.options = paths
            self._other.value = other if other in paths else paths[min(1, len(paths) - 1)] if paths else None

    def _draw_all(self, number: int) -> None:
        self._draw_parameter()
        self._draw_profile(number)

    def _draw_parameter(self) -> None:
        with self._lock:
            shown = self._shown
        # Draws of another model than the one on the screen are kept if they have the parameter.
        model = shown.shown.fitted
        self._choose_among(model)
        path = self._chooser.value
        if path is None:
            return
        draws = shown.draws.get(path)
        self._marginal.show(model, path, draws, model.initial[path])
        self._trace.show(model, path, draws)
        if self._other.value in model.free:
            self._pairs.show(model, (path, self._other.value), shown.draws)

    def _draw_profile(self, number: int) -> None:
        with self._lock:
            shown = self._shown
        model = shown.shown.model
        profile = curves.profile(self._frames, model, {})
        bands = None
        if profile is not None and shown.own_draws:
            bands = curves.bands(self._frames, shown.own, shown.own_draws, profile.rings, number)
        self._profile.show(profile, bands, list(model.components))
