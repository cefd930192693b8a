"""A part of a large image at full resolution, about its first source: what profiles are made from."""

from collections.abc import Mapping

from sersiclab import parameters
from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, scaling
from sersiclab.plots.sources import Ellipse, ellipses
from sersiclab.widget.frames import Frames
from sersiclab.widget.painting import Painter
from sersiclab.widget.rasters import is_large


SIDE = 1024  # pixels


class Cutout:
    """As `frames.Frames`, of the part of an image about a place; `corner` is its first pixel."""

    def __init__(self, image: Image, place: tuple[float, float]) -> None:
        self._place = place
        self._painter = Painter(image)
        self.image = image

    @property
    def image(self) -> Image:
        """The part."""
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
        """The components on the part; see `Frames.draw`."""
        parameters.check_values(model.owners, values)
        self._painter.prepare(model.renderer)
        owners = parameters.at(model.owners, {**model.initial, **values})
        owners = scaling.scaled(owners, self._painter.exponent)
        ny, nx = self._part.shape
        return {name: self._painter.paint(owners[name], *self.corner, nx, ny) for name in model.components}


def frames_about(image: Image, model: Model) -> Frames | Cutout:
    """The frames of an image, or of the part of a large one about the model's first source."""
    if not is_large(image):
        return Frames(image)
    ny, nx = image.shape
    first = next(iter(ellipses(model, model.initial).values()), None)
    return Cutout(image, (nx / 2, ny / 2) if first is None else (first.xc, first.yc))


def within(frames: Frames | Cutout, ellipse: Ellipse) -> Ellipse:
    """An ellipse of the image in the pixels that the frames have."""
    if isinstance(frames, Frames):
        return ellipse
    x, y = frames.corner
    return ellipse._replace(xc=ellipse.xc - x, yc=ellipse.yc - y)


def whole_of(frames: Frames | Cutout) -> Image:
    """The image that they are of."""
    return frames.image if isinstance(frames, Frames) else frames.whole
