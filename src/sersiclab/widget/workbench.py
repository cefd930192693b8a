"""The workbench: the editor, and the posterior beside it."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ipywidgets

from sersiclab.data.image import Image
from sersiclab.inference import AbstractMethod
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.runtime.errors import StateError
from sersiclab.widget.checks import checked_fit
from sersiclab.widget.closing import announce, close_parts
from sersiclab.widget.editor import Editor


if TYPE_CHECKING:
    from sersiclab.widget.posterior_views import PosteriorViews


SNAPSHOT_DPI = 110


class Workbench(ipywidgets.VBox):
    """Fit a galaxy by hand and by inference: an `Editor` above figures of the posterior.

    Without a `model`, one is guessed from the image. Raises `TypeError` if `image` is not an Image or
    `model` not a Model.
    """

    _views: "PosteriorViews | None" = None

    def __init__(self, image: Image, model: Model | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # bqplot's, on import
            from sersiclab.widget.posterior_views import PosteriorViews

        self._editor = Editor(image, model)
        self._views = PosteriorViews(image, self._editor.model, self._failed)
        self._editor.on_model(self._changed)
        self._editor.observe(self._finished, "summary")
        self._editor.on_draws(self._drawn)
        super().__init__([self._editor, self._views], layout=ipywidgets.Layout(width="100%"))

    @staticmethod
    def of(fit: Fit) -> "Workbench":
        """A workbench that shows a fit."""
        workbench = Workbench(checked_fit(fit).image, fit.model)
        workbench.editor.show(fit)
        return workbench

    @property
    def editor(self) -> Editor:
        """The editor alone, an anywidget."""
        return self._editor

    @property
    def image(self) -> Image:
        """The image that is fitted, with the mask as it was edited."""
        return self._editor.image

    @property
    def model(self) -> Model:
        """The last valid model, without the components that are switched off. Write it to update every view."""
        return self._editor.model

    @model.setter
    def model(self, model: Model) -> None:
        self._editor.model = model

    @property
    def fit(self) -> Fit | None:
        """The last fit, or None."""
        return self._editor.fit

    @property
    def fits(self) -> Mapping[str, Fit]:
        """The fits that were kept, by name."""
        return self._editor.fits

    def keep(self, name: str) -> None:
        """Keep the last fit under a name; see `Editor.keep`."""
        self._editor.keep(name)

    def restore(self, name: str) -> None:
        """Go back to a kept fit; see `Editor.restore`."""
        self._editor.restore(name)

    @property
    def posterior(self) -> Any:
        """The posterior of the last fit, as the installed ArviZ has it.

        Raises `RuntimeError` before the first fit, and `ValueError` if its method makes no draws.
        """
        if self.fit is None:
            raise StateError("there is no posterior yet: press a button of the widget or call run(NUTS(), wait=True)")
        return self.fit.posterior

    def run(self, method: AbstractMethod, *, wait: bool = False, seed: int = 0) -> Fit | None:
        """Fit the model as it is now; see `Editor.run`."""
        return self._editor.run(method, wait=wait, seed=seed)

    def cancel(self) -> None:
        """End the run under way, if there is one, and keep its draws."""
        self._editor.cancel()

    def to_python(self) -> str:
        """Python code that builds the model, and the mask if it was edited."""
        return self._editor.files.to_python()

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write model, mask and the look of the pictures to a JSON file; see `Files.save`."""
        return self._editor.files.save(path, overwrite=overwrite)

    def load(self, path: str | Path) -> None:
        """Take up a session that was saved; see `Files.load`."""
        self._editor.files.load(path)

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write data, model, residual and components to a FITS file; see `Files.write_fits`."""
        return self._editor.files.write_fits(path, overwrite=overwrite)

    def write_regions(
        self, path: str | Path, *, frame: Literal["image", "icrs"] = "image", overwrite: bool = False
    ) -> Path:
        """Write the components as DS9 regions; see `Files.write_regions`."""
        return self._editor.files.write_regions(path, frame=frame, overwrite=overwrite)

    def read_regions(self, path: str | Path, *, selected: str = "") -> str:
        """Take up DS9 regions, and say what was done; see `Files.read_regions`."""
        return self._editor.files.read_regions(path, selected=selected)

    def snapshot(self) -> bytes:
        """A PNG of data, model and residual, and the profile, of the model as it is now."""
        from sersiclab.plots import plot_fit

        model = self.model
        buffer = io.BytesIO()
        plot_fit(model, self.image, model.initial).savefig(buffer, format="png", dpi=SNAPSHOT_DPI)
        return buffer.getvalue()

    def to_html(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write one HTML file that needs no kernel and no network: the editor with its last pictures and summary.

        An earlier page of ours in this file is replaced. Raises `FileExistsError` for any other, unless `overwrite`.
        """
        from sersiclab.widget.page import write_page

        return write_page(path, self._editor, overwrite=overwrite)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self._editor.still.beside(super()._repr_mimebundle_(**kwargs))

    def close(self) -> None:
        """Take the widget off the page, end its run and free all that it holds."""
        if self._views is not None:
            announce(self._editor, self)
            self._editor.close()
            self._views.close()
            close_parts(self)
        super().close()

    def __enter__(self) -> "Workbench":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _changed(self) -> None:
        if self._views is not None:
            self._views.show_image(self._editor.image)
            self._views.show_model(self._editor.model)

    def _drawn(self, model: Model, draws: Any) -> None:
        if draws and self._views is not None:
            self._views.show_draws(model, draws, live=True)

    def _finished(self, _change: Any) -> None:
        fit = self._editor.fit
        if fit is not None and self._views is not None:
            self._views.show_draws(fit.model, fit.draws, live=False)

    def _failed(self, _kind: str, error: Exception) -> None:
        self._editor.report_failure("views", error)
