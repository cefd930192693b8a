"""Cutouts of large images at full resolution about the first source, from which profiles are computed."""

from collections.abc import Mapping

from sersiclab import parameters
from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, scaling
from sersiclab.plots.isophotes import Ellipse, ellipses
from sersiclab.widget.frames import Frames
from sersiclab.widget.painting import Painter
from sersiclab.widget.rasters import is_large


SIDE = 1024  # pixels


class Cutout:
    """Draws components as `frames.Frames` does, on a cutout of an image; `corner` is the cutout's first pixel."""

    def __init__(self, image: Image, place: tuple[float, float]) -> None:
        self._place = place
        self._painter = Painter(image)
        self.image = image

    @property
    def image(self) -> Image:
        """The cutout. Assign the whole image to change it."""
        return self._part

    @image.setter
    def image(self, image: Image) -> None:
        (ny, nx), (xc, yc) = image.shape, self._place
        self.whole = image
        x, y = (max(min(round(c) - SIDE // 2, size - SIDE), 0) for c, size in ((xc, nx), (yc, ny)))
        self.corner = x, y
        rows, columns = slice(y, y + SIDE), slice(x, x + SIDE)
        planes = {name: getattr(image, name)[rows, columns] for name in ("data", "sigma", "mask")}
        if planes["mask"].all():
            planes["mask"] = ~planes["mask"]
        self._part = Image.restored(**{**image.fields, **planes, "wcs": None, "provenance": ()})

    def draw(self, model: Model, values: Mapping[str, float]) -> dict[str, Plane]:
        """Draw the components on the cutout; see `Frames.draw`."""
        parameters.check_values(model.owners, values)
        self._painter.prepare(model.renderer)
        owners = parameters.at(model.owners, {**model.initial, **values})
        owners = scaling.scaled(owners, self._painter.exponent)
        ny, nx = self._part.shape
        return {name: self._painter.paint(owners[name], *self.corner, nx, ny) for name in model.components}


def frames_about(image: Image, model: Model) -> Frames | Cutout:
    """Return the frames of an image, or a cutout of a large image about the model's first source."""
    if not is_large(image):
        return Frames(image)
    ny, nx = image.shape
    first = next(iter(ellipses(model, model.initial).values()), None)
    return Cutout(image, (nx / 2, ny / 2) if first is None else (first.xc, first.yc))


def within(frames: Frames | Cutout, ellipse: Ellipse) -> Ellipse:
    """Convert an ellipse from pixels of the image to those of the frames."""
    if isinstance(frames, Frames):
        return ellipse
    x, y = frames.corner
    return ellipse._replace(xc=ellipse.xc - x, yc=ellipse.yc - y)


def whole_of(frames: Frames | Cutout) -> Image:
    """Return the whole image."""
    return frames.image if isinstance(frames, Frames) else frames.whole
