"""Renderers: from components to pixels."""

from sersiclab.rendering.base import AbstractCanvas as AbstractCanvas
from sersiclab.rendering.base import AbstractRenderer as AbstractRenderer
from sersiclab.rendering.hybrid import HybridRenderer as HybridRenderer


RENDERERS: tuple[type[AbstractRenderer], ...] = (HybridRenderer,)
