"""The workbench: the editor, and figures of the posterior below it."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ipywidgets

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference import AbstractMethod
from sersiclab.model import Model
from sersiclab.recovery import Recovery
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import StateError
from sersiclab.widget.checks import AnyFit, checked_fit
from sersiclab.widget.closing import announce, close_parts
from sersiclab.widget.editor import Editor


if TYPE_CHECKING:
    from sersiclab.widget.posterior_views import PosteriorViews


SNAPSHOT_DPI = 110


class Workbench(ipywidgets.VBox):
    """Fit a galaxy by hand and by inference: an `Editor` above figures of the posterior.

    Arguments:
        image: the image to fit, or `Images` to fit together, of which a menu shows one at a time.
        model: the model to start from; by default, one is guessed from the image.

    Raises:
        TypeError: if `image` is neither an `Image` nor `Images`, or `model` not a `Model`.
        FileNotFoundError: if the front end has not been built.

    Example:
        In a notebook, `wb` as the last line of a cell shows the widget. Its buttons, or `wb.run(sl.NUTS(), wait=True)`,
        fit the model; `wb.fit` is then the result.

        >>> wb = sl.Workbench(image, model)
        >>> wb.model.components["galaxy"].n
        Uniform(low=0.5, high=4.0)
        >>> wb.close()
    """

    _views: "PosteriorViews | None" = None

    def __init__(self, image: Image | Images, model: Model | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # bqplot's, on import
            from sersiclab.widget.posterior_views import PosteriorViews

        self._editor = Editor(image, model)
        self._views = PosteriorViews(self._editor.image, self._editor.screen.name, self._editor.shown, self._failed)
        self._editor.on_model(self._changed)
        self._editor.observe(self._finished, "summary")
        self._editor.on_draws(self._drawn)
        super().__init__([self._editor, self._views], layout=ipywidgets.Layout(width="100%"))

    @staticmethod
    def of(fit: AnyFit) -> "Workbench":
        """Return a workbench that shows a fit.

        Arguments:
            fit: the fit; its image and its model are those of the workbench.

        Raises:
            TypeError: if `fit` is neither a `Fit` nor a `JointFit`.
        """
        fit = checked_fit(fit)
        workbench = Workbench(fit.images if isinstance(fit, JointFit) else fit.image, fit.model)
        workbench.editor.show(fit)
        return workbench

    @property
    def editor(self) -> Editor:
        """The editor, an anywidget that can be shown alone."""
        return self._editor

    @property
    def image(self) -> Image:
        """The image that is fitted, with the current mask; of several, the one on the screen."""
        return self._editor.image

    @property
    def images(self) -> Images | None:
        """All images with their current masks; None if there is one image."""
        return self._editor.screen.images

    def show_image(self, name: str) -> None:
        """Show another one of several images: its pictures, and the model in its own pixels.

        Arguments:
            name: the name of the image.

        Raises:
            ValueError: if there is no such image, or the session has problems.
        """
        self._editor.screen.show(name)

    @property
    def model(self) -> Model:
        """The last valid model, without the components that are switched off. Assign a model to update every view."""
        return self._editor.model

    @model.setter
    def model(self, model: Model) -> None:
        self._editor.model = model

    @property
    def fit(self) -> Any:
        """The last fit, or None before the first; a `JointFit` of several images."""
        return self._editor.fit

    @property
    def fits(self) -> Mapping[str, Any]:
        """The fits that are kept, by name."""
        return self._editor.fits

    def keep(self, name: str) -> None:
        """Keep the last fit under a name, to compare it with others or to restore it.

        Arguments:
            name: the name; a fit that was kept under it is replaced.

        Raises:
            ValueError: before the first fit, or for an empty name.
        """
        self._editor.keep(name)

    def restore(self, name: str) -> None:
        """Show a kept fit again: its model, its mask and its table.

        Arguments:
            name: the name under which it was kept.

        Raises:
            KeyError: if no fit was kept under this name.
        """
        self._editor.restore(name)

    @property
    def posterior(self) -> Any:
        """The posterior of the last fit, as an object of the installed ArviZ.

        Raises:
            RuntimeError: before the first fit.
            ValueError: if the method of the fit makes no draws.
        """
        if self.fit is None:
            raise StateError("there is no posterior yet: press a button of the widget, or call run(NUTS(), wait=True)")
        return self.fit.posterior

    @property
    def recovery(self) -> Recovery | None:
        """The last recovery of mock galaxies, or None before the first: that of `sl.recover(wb.fit)`.

        The button below the fit starts one, and tests with it whether the errors of the fit are right.
        """
        return self._editor.recoveries.last

    def run(self, method: AbstractMethod, *, wait: bool = False, seed: int = 0) -> Any:
        """Fit the current model, in a thread.

        Arguments:
            method: how to fit, for example `NUTS()`.
            wait: return only when the fit is complete. Ctrl-C then cancels the run and keeps its draws.
            seed: the seed of the random numbers.

        Returns:
            The fit with `wait`, else None; `fit` has it when the run has ended.

        Raises:
            TypeError: if `method` is not a method.
            ValueError: while the session has problems.
            RuntimeError: if a run is in progress.
        """
        return self._editor.run(method, wait=wait, seed=seed)

    def cancel(self) -> None:
        """Cancel the run in progress, if any, and keep its draws; or the fits of mocks, and keep the finished ones."""
        self._editor.cancel()

    def to_python(self) -> str:
        """Return Python code that builds the model, and the mask if it was edited."""
        return self._editor.files.to_python()

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write model, priors, switches, mask and display settings to a JSON file, which `load` reads.

        Arguments:
            path: the file. An earlier session in it is replaced.
            overwrite: replace any other file too.

        Returns:
            The path of the file.

        Raises:
            FileExistsError: if the file exists and is not a session, unless `overwrite`.
        """
        return self._editor.files.save(path, overwrite=overwrite)

    def load(self, path: str | Path) -> None:
        """Load a session that was saved from an image of the same shape.

        Arguments:
            path: the file that `save` wrote.

        Raises:
            ValueError: if the file is not such a session; nothing is changed then.
        """
        self._editor.files.load(path)

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write data, model, residual, sigma, mask, every component and the PSF to a FITS file, with the WCS.

        Arguments:
            path: the file.
            overwrite: replace an existing file.

        Returns:
            The path of the file.

        Raises:
            OSError: if the file exists, unless `overwrite`.
        """
        return self._editor.files.write_fits(path, overwrite=overwrite)

    def write_regions(
        self, path: str | Path, *, frame: Literal["image", "icrs"] = "image", overwrite: bool = False
    ) -> Path:
        """Write the components as DS9 regions.

        Arguments:
            path: the file.
            frame: the coordinates of the ellipses: "image" for pixels, "icrs" for the sky.
            overwrite: replace an existing file.

        Returns:
            The path of the file.

        Raises:
            FileExistsError: if the file exists, unless `overwrite`.
            ValueError: if `frame` is "icrs" and the image has no WCS.
        """
        return self._editor.files.write_regions(path, frame=frame, overwrite=overwrite)

    def read_regions(self, path: Any, *, selected: str = "") -> str:
        """Apply the regions of a DS9 file to the model and the mask; `Files.read_regions` has the rules.

        Arguments:
            path: the file, or regions of the `regions` package.
            selected: the name of the selected component; by default, the one selected in the page.

        Returns:
            A message that lists the changes.

        Raises:
            ValueError: if no region can be used; nothing is changed then.
        """
        return self._editor.files.read_regions(path, selected=selected)

    def snapshot(self) -> bytes:
        """Return the bytes of a PNG with data, current model, residual and profile."""
        from sersiclab.plots import plot_fit

        model = self._editor.shown.model
        buffer = io.BytesIO()
        plot_fit(model, self.image, model.initial).savefig(buffer, format="png", dpi=SNAPSHOT_DPI)
        return buffer.getvalue()

    def to_html(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write an HTML file of the editor with its last pictures and summary, which needs no kernel and no network.

        Arguments:
            path: the file. An earlier page of the same kind in it is replaced.
            overwrite: replace any other file too.

        Returns:
            The path of the file.

        Raises:
            FileExistsError: if the file exists and is not such a page, unless `overwrite`.
        """
        from sersiclab.widget.page import write_page

        return write_page(path, self._editor, overwrite=overwrite)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self._editor.still.beside(super()._repr_mimebundle_(**kwargs))

    def close(self) -> None:
        """Remove the widget from the page, cancel its run and free everything that it holds."""
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
            self._views.show_image(self._editor.image, self._editor.screen.name)
            self._views.show_model(self._editor.shown)

    def _drawn(self, model: Model, draws: Any) -> None:
        if draws and self._views is not None:
            own = (model, {}) if self._editor.screen.name else None
            self._views.show_draws(model, draws, live=True, own=own)

    def _finished(self, _change: Any) -> None:
        fit = self._editor.fit
        if fit is not None and self._views is not None:
            own = self._editor.screen.fit_of(fit)
            self._views.show_draws(fit.model, fit.draws, live=False, own=(own.model, own.draws))

    def _failed(self, _kind: str, error: Exception) -> None:
        self._editor.report_failure("views", error)
