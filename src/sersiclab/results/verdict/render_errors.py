"""Whether the drawing of a fit's model is exact enough for its data."""

from collections.abc import Iterator

import numpy as np

from sersiclab.profiles import AbstractExtended, AbstractMixture, AbstractSky, PointSource
from sersiclab.rendering import RENDERERS, FourierRenderer, HybridRenderer
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Reason


RENDER_CAUTION = 0.1  # sigma of a pixel
# The largest error, as a fraction of the brightest pixel: of Gaussian mixtures the one to which the tests hold them.
# Anything else may have an edge within a pixel, light that wraps around, or a renderer whose options make it coarse.
MIXTURE_ERROR, OTHER_ERROR = 1e-4, 1.0


def render_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report a `fit.render_error` that the data can see. It is computed only where it may be that large.

    A renderer of the user's own may mean something else by a PSF: it is not judged.
    """
    if not _may_matter(fit):
        return
    error = fit.render_error
    if not error.max_sigma <= RENDER_CAUTION:
        y, x = error.pixel
        yield (
            "caution",
            f"The model is drawn with an error of {error.max_sigma:.2g} sigma at the pixel x = {x}, y = {y}, and of "
            f"{error.flux:.1e} of the flux: draw it more finely (PixelRenderer has options), or in double precision.",
        )


def _may_matter(fit: AbstractFit) -> bool:
    """Whether the largest error that a renderer may make exceeds the data's."""
    parts = [part for part in fit.model.components.values() if not isinstance(part, AbstractSky)]
    if not isinstance(fit.model.renderer, RENDERERS) or not all(np.isfinite(value) for value in fit.best.values()):
        return False
    if not all(isinstance(part, AbstractExtended | PointSource) for part in parts):
        return False  # there is no formula for the reference to draw
    mixtures = all(isinstance(part, AbstractMixture) for part in parts)
    # Without a PSF light doesn't wrap around in Fourier space either.
    exact = HybridRenderer if fit.image.psf is not None else HybridRenderer | FourierRenderer
    largest = MIXTURE_ERROR if mixtures and isinstance(fit.model.renderer, exact) else OTHER_ERROR
    valid = fit.image.valid
    brightest = np.max(np.abs(fit.model_image[valid]) / fit.image.sigma[valid])
    return not largest * brightest <= RENDER_CAUTION
