"""Pictures of a large image: its components in the cells that the page shows, and a record of what was sent.

The page has the whole image in coarse cells, and the part that it has requested, its sight, in finer ones.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from sersiclab import parameters
from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, scaling
from sersiclab.widget.frames import LastDrawing, News, numbers_of
from sersiclab.widget.painting import Painter
from sersiclab.widget.rasters import Raster, masked, means, overall, overview, typical


KEPT = 2**29  # bytes of components stored at all pixels
SIGHTS = 3  # parts of the image that pages show
WHOLE_FROM = 0.3  # fraction of the image: a larger part is drawn together with the rest
BAND = 256  # rows


class LargeFrames:
    """Draws components as `frames.Frames` does, for an image that is too large to send all its pixels."""

    last: LastDrawing | None = None

    def __init__(self, image: Image) -> None:
        self._image = image
        self.overall = overall(image)
        self.sights: list[Raster] = []
        self._painter = Painter(image)
        self._model: Model | None = None
        self._initial: dict[str, float] = {}
        self._sheets: dict[str, tuple[Any, Plane]] = {}
        self._cells: dict[tuple[str, Raster], tuple[Any, Plane]] = {}
        self._news: dict[Raster, News] = {}

    @property
    def image(self) -> Image:
        """The image with the current mask. The cells do not depend on it: they use the image as it was given."""
        return self._image

    @image.setter
    def image(self, image: Image) -> None:
        self._image = image

    @cached_property
    def overview(self) -> Image:
        """The whole image in cells."""
        return overview(self._painter.image)

    def draw(self, model: Model, values: Mapping[str, float], raster: Raster | None = None) -> dict[str, Plane]:
        """Draw the components in the cells of a raster, by default that of the whole image; see `Frames.draw`."""
        return {name: self._pixels(*each, raster or self.overall) for name, each in self._parts(model, values).items()}

    def _parts(self, model: Model, values: Mapping[str, float]) -> dict[str, tuple[str, Any, Any]]:
        """Return the name, the key of the drawing and the numeric component, by name."""
        parameters.check_values(model.owners, values)
        if model is not self._model:
            self._model, self._initial = model, model.initial
        if self._painter.prepare(model.renderer):
            self._sheets, self._cells = {}, {}
        owners = parameters.at(model.owners, {**self._initial, **values})
        owners = scaling.scaled(owners, self._painter.exponent)
        gone = [name for name in self._sheets if name not in model.components]
        for name in gone:
            del self._sheets[name]
        return {name: (name, numbers_of(owners[name]), owners[name]) for name in model.components}

    def _pixels(self, name: str, key: Any, component: Any, raster: Raster) -> Plane:
        known, pixels = self._cells.get((name, raster), (None, None))
        if pixels is None or known != key:
            pixels = self._reduced(name, key, component, raster)
            self._cells[name, raster] = key, pixels
        return pixels

    def _reduced(self, name: str, key: Any, component: Any, raster: Raster) -> Plane:
        valid = self._painter.image.valid
        ny, nx = valid.shape
        columns = min(raster.nx * raster.step, nx - raster.x)
        rows = min(raster.ny * raster.step, ny - raster.y)
        known, sheet = self._sheets.get(name, (None, None))
        if sheet is None or known != key:
            if columns * rows < WHOLE_FROM * nx * ny:
                part = self._painter.paint(component, raster.x, raster.y, columns, rows)
                return means(part, raster, valid, (raster.x, raster.y))
            self._sheets.pop(name, None)
            sheet = self._painter.paint(component, 0, 0, nx, ny)
            if (len(self._sheets) + 1) * sheet.nbytes <= KEPT:
                self._sheets[name] = key, sheet
        return means(sheet, raster, valid)

    # -- what the page has ---------------------------------------------------------------------------

    def look(self, raster: Raster) -> None:
        """Note that a page shows this part."""
        self.sights = [*(each for each in self.sights if each not in (raster, self.overall)), raster][-SIGHTS:]
        wanted = {*self.sights, self.overall}
        self._cells = {at: cells for at, cells in self._cells.items() if at[1] in wanted}
        self._news = {at: news for at, news in self._news.items() if at in wanted}

    def forget(self) -> None:
        """Forget which components were sent, because a new view has none."""
        self._news = {}

    def news_of(
        self, model: Model, values: Mapping[str, float], raster: Raster, *, pushed: bool, most: int | None = None
    ) -> dict[str, Plane]:
        """Return the drawings that the page lacks in the cells of a raster, at most `most`, and count them as sent."""
        parts = self._parts(model, values)
        news = self._news.setdefault(raster, News())
        names = news.of({name: key for name, (_, key, _) in parts.items()}, pushed=pushed, most=most)
        drawn = {name: self._pixels(*parts[name], raster) for name in names}
        if raster == self.overall and pushed:
            self.last = LastDrawing(model, {name: self._pixels(*part, raster) for name, part in parts.items()})
        return drawn

    def planes(self, raster: Raster) -> tuple[Plane, Plane]:
        """Return data and sigma in the cells of a raster."""
        image = self._painter.image
        return means(image.data, raster, image.valid), typical(image.sigma, raster, image.valid)

    def mask_on(self, raster: Raster) -> Any:
        """Return the cells that are mostly masked."""
        return masked(self._image.mask, raster)

    # -- at all pixels -------------------------------------------------------------------------------

    def chi2(self, model: Model, on: tuple[str, ...]) -> float | None:
        """Return χ² over all pixels; None if not all components are stored."""
        parts = self._parts(model, {})
        if any(name not in self._sheets or self._sheets[name][0] != parts[name][1] for name in on):
            return None
        return sum(self._chi2_in(band, on) for band in self._bands())

    def _bands(self) -> Iterator[slice]:
        for low in range(0, self._image.shape[0], BAND):
            yield slice(low, low + BAND)

    def _chi2_in(self, band: slice, on: tuple[str, ...]) -> float:
        image = self._image
        model = np.sum([self._sheets[name][1][band] for name in on], axis=0, dtype=np.float32)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            square = np.square((image.data[band] - model) / image.sigma[band], dtype=np.float64)
        return float(np.sum(square[image.valid[band] & np.isfinite(square)]))

    def pixel(self, x: int, y: int, on: tuple[str, ...]) -> dict[str, float | None]:
        """Return data, sigma and model at a pixel, without the model if not all of it is stored."""
        image = self._image
        model = None
        if all(name in self._sheets for name in on):
            model = float(sum(float(self._sheets[name][1][y, x]) for name in on))
        numbers = {"data": float(image.data[y, x]), "sigma": float(image.sigma[y, x]), "model": model}
        return {name: value if value is not None and np.isfinite(value) else None for name, value in numbers.items()}
