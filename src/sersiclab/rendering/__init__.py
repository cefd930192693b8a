"""Renderers: from components to pixels."""

from sersiclab.rendering.base import AbstractCanvas as AbstractCanvas
from sersiclab.rendering.base import AbstractRenderer as AbstractRenderer
from sersiclab.rendering.fourier import FourierRenderer as FourierRenderer
from sersiclab.rendering.hybrid import HybridRenderer as HybridRenderer
from sersiclab.rendering.pixel import PixelRenderer as PixelRenderer


RENDERERS: tuple[type[AbstractRenderer], ...] = (HybridRenderer, PixelRenderer, FourierRenderer)
