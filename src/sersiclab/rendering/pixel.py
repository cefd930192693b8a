"""The renderer that draws sources from their surface brightness."""

from collections.abc import Mapping

import equinox as eqx

from sersiclab.data.image import Image
from sersiclab.parameters.scalars import check_count, plain
from sersiclab.profiles import AbstractExtended, AbstractProfile, AbstractSky, AbstractSource, PointSource
from sersiclab.rendering import patches, rays
from sersiclab.rendering.base import cannot_draw
from sersiclab.rendering.canvas import Canvas, Light, canvas_of, phase
from sersiclab.rendering.groups import AbstractGroupRenderer, Group, by_kind
from sersiclab.rendering.unblurred import point_pixels


RANGES = {"cells": (16, 4096), "levels": (1, 32), "oversampling": (1, 64), "padding": (0, 10**6)}  # of the options


class PixelRenderer(AbstractGroupRenderer):
    """Draws every source from its surface brightness, most finely around its centre.

    Without a PSF the pixels are integrated (`rays.py`), more finely for larger `cells` and `oversampling`.

    Arguments:
        cells: points along each side of the grids on which the centre is drawn; the grids follow the source.
        levels: the number of these grids.
        oversampling: points per pixel along each axis farther out; double precision uses one more. Rings and edges
            thinner than half a pixel need more.
        padding: the smallest number of pixels by which the grid exceeds the image.

    Example:
        >>> star = sl.PointSource(xc=50.0, yc=41.0, flux=80.0)
        >>> model = sl.Model({"star": star}, renderer=sl.PixelRenderer(oversampling=3))
        >>> round(float(sl.render(model, sl.datasets.example()).sum()))
        80
    """

    cells: int = eqx.field(default=64, static=True, kw_only=True, converter=plain)
    levels: int = eqx.field(default=4, static=True, kw_only=True, converter=plain)
    oversampling: int = eqx.field(default=2, static=True, kw_only=True, converter=plain)
    padding: int = eqx.field(default=64, static=True, kw_only=True, converter=plain)

    def __check_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            check_count(f"PixelRenderer.{name}", getattr(self, name), least=least, most=most)

    def check(self, name: str, component: AbstractProfile) -> None:
        if not isinstance(component, AbstractExtended | PointSource | AbstractSky):
            raise cannot_draw(self, name, component, "sources with a brightness(x, y), point sources and skies")

    def prepare(self, image: Image) -> Canvas:
        return canvas_of(image, (self.padding, self.padding))

    def groups(self, sources: Mapping[str, AbstractSource], canvas: Canvas) -> list[Group]:
        points = {name: source for name, source in sources.items() if isinstance(source, PointSource)}
        others = {name: source for name, source in sources.items() if name not in points}
        fineness = patches.Fineness(self.cells, self.levels, self.oversampling)

        def draw_point(point: PointSource, canvas: Canvas) -> Light:
            if not canvas.blurred:
                return Light(pixels=point_pixels(point.flux, point.xc, point.yc, canvas))
            return Light(spectrum=point.flux * phase(point.xc, point.yc, canvas))

        groups = [Group(names, stacked, draw_point) for names, stacked in by_kind(points, canvas.x.dtype)]
        return groups + (patches if canvas.blurred else rays).groups(others, canvas, fineness)
