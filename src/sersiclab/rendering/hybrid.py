"""The default renderer: Gaussian mixtures fast, all other sources from their surface brightness."""

import math
from collections.abc import Mapping

import equinox as eqx
import jax
import numpy as np

from sersiclab.data.image import Image
from sersiclab.parameters.scalars import check_count, check_finite, described, is_number, plain, to_float
from sersiclab.profiles import AbstractExtended, AbstractMixture, AbstractProfile, AbstractSky, AbstractSource
from sersiclab.profiles.decomposition import SPACING
from sersiclab.rendering import patches, rays, unblurred
from sersiclab.rendering.base import cannot_draw, check_limits
from sersiclab.rendering.canvas import Canvas, canvas_of
from sersiclab.rendering.groups import AbstractGroupRenderer, Group
from sersiclab.rendering.mixtures import Widths
from sersiclab.rendering.sources import draw, prepare, stack
from sersiclab.runtime.errors import InputError, InputTypeError


_MOST_PADDING = 10**6  # pixels
# The width of the widest Gaussian, as a multiple of the padded grid's side; wider ones are drawn as parabolas.
_WIDEST = 8.0
# Gaussians with a thin minor axis are drawn in Fourier space up to this width, in pixels.
_THIN_SPLIT = 17.0
# A Gaussian of at least this width, in pixels, is smooth between pixels at any ellipticity.
_THICK_FROM = 30.0


class HybridRenderer(AbstractGroupRenderer):
    """Draws Gaussian mixtures in Fourier and in real space, and other sources as `PixelRenderer` does.

    The Gaussians of a mixture have fixed widths in pixels. Narrow ones are drawn in Fourier space, which is exact for
    any small width; wide ones are drawn in real space on the padded grid, which is exact for any large width. Without a
    PSF the pixels of all sources are integrated in real space (`unblurred.py`, `rays.py`), and the arguments have no
    effect.

    Arguments:
        narrowest: the width of the narrowest Gaussian, in pixels.
        split: the width, in pixels, up to which Gaussians are drawn in Fourier space.
        padding: the smallest number of pixels by which the grid exceeds the image. Ten times `split` keeps the light of
            a source outside the image from wrapping around.

    Example:
        >>> image = sl.datasets.example()
        >>> model = sl.Model({"star": sl.PointSource(xc=50.0, yc=41.0, flux=80.0)}, renderer=sl.HybridRenderer())
        >>> round(float(sl.render(model, image).sum()))
        80
    """

    narrowest: float = eqx.field(default=0.125, static=True, kw_only=True, converter=plain)
    split: float = eqx.field(default=7.0, static=True, kw_only=True, converter=lambda value: to_float(plain(value)))
    padding: int = eqx.field(default=64, static=True, kw_only=True, converter=plain)

    def __check_init__(self) -> None:
        check_finite("HybridRenderer.narrowest", self.narrowest)
        if not is_number(self.split):
            raise InputTypeError(f"HybridRenderer.split must be a number, got {described(self.split)}")
        if not 0 < self.narrowest < self.split:
            raise InputError(
                f"HybridRenderer needs 0 < narrowest < split, got narrowest={self.narrowest}, split={self.split}"
            )
        check_count("HybridRenderer.padding", self.padding, least=0, most=_MOST_PADDING)

    def check(self, name: str, component: AbstractProfile) -> None:
        if isinstance(component, AbstractMixture):
            check_limits(self, name, component)
        elif not isinstance(component, AbstractExtended | AbstractSky):
            raise cannot_draw(self, name, component, "Gaussian mixtures, sources with a brightness(x, y) and skies")

    def prepare(self, image: Image) -> Canvas:
        return canvas_of(image, (self.padding, self.padding))

    def groups(self, sources: Mapping[str, AbstractSource], canvas: Canvas) -> list[Group]:
        mixtures = {name: source for name, source in sources.items() if isinstance(source, AbstractMixture)}
        others = {name: source for name, source in sources.items() if name not in mixtures}
        if not canvas.blurred:
            return unblurred.groups(mixtures, canvas) + rays.groups(others, canvas, patches.Fineness())
        widths = self._widths(canvas)

        groups = []
        for names, stacked in stack(mixtures, canvas.x.dtype):
            prepared = jax.vmap(lambda source: prepare(source, widths, canvas))(stacked)
            groups.append(Group(names, prepared, draw))
        return groups + patches.groups(others, canvas, patches.Fineness())

    def _widths(self, canvas: Canvas) -> Widths:
        first = math.log(self.narrowest)

        def before(sigma: float) -> int:
            return math.floor((math.log(sigma) - first) / SPACING + 1e-9) + 1

        count = math.ceil((math.log(_WIDEST * max(canvas.padded)) - first) / SPACING) + 1
        log = (first + SPACING * np.arange(count)).astype(canvas.x.dtype)
        end, thick = (min(before(max(self.split, width)), count - 1) for width in (_THIN_SPLIT, _THICK_FROM))
        return Widths(log, before(self.split), end, thick)
