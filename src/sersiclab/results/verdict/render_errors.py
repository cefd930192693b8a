"""Whether the model is rendered exactly enough for the data."""

from collections.abc import Iterator

import numpy as np

from sersiclab.profiles import AbstractExtended, AbstractMixture, AbstractSky, PointSource
from sersiclab.rendering import RENDERERS, FourierRenderer, HybridRenderer
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Reason


RENDER_CAUTION = 0.1  # sigma of a pixel
# The largest error as a fraction of the brightest pixel. For Gaussian mixtures it is the tolerance of the tests;
# anything else may have an edge within a pixel, light that wraps around, or a renderer with coarse options.
MIXTURE_ERROR, OTHER_ERROR = 1e-4, 1.0


def render_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report a `fit.render_error` that is significant; it is computed only if it may be.

    A renderer of the user's own is not judged, because it may use the PSF in another way.
    """
    if not _may_matter(fit):
        return
    error = fit.render_error
    if not error.max_sigma <= RENDER_CAUTION:
        y, x = error.pixel
        yield (
            "caution",
            f"The model is rendered with an error of {error.max_sigma:.2g} sigma at the pixel x = {x}, y = {y}, and of "
            f"{error.flux:.1e} of the flux: use a finer renderer (PixelRenderer has options), or double precision.",
        )


def _may_matter(fit: AbstractFit) -> bool:
    """Whether the largest possible error of the renderer would be significant."""
    parts = [part for part in fit.model.components.values() if not isinstance(part, AbstractSky)]
    if not isinstance(fit.model.renderer, RENDERERS) or not all(np.isfinite(value) for value in fit.best.values()):
        return False
    if not all(isinstance(part, AbstractExtended | PointSource) for part in parts):
        return False  # the reference has no formula for them
    mixtures = all(isinstance(part, AbstractMixture) for part in parts)
    # Without a PSF light doesn't wrap around in Fourier space either.
    exact = HybridRenderer if fit.image.psf is not None else HybridRenderer | FourierRenderer
    largest = MIXTURE_ERROR if mixtures and isinstance(fit.model.renderer, exact) else OTHER_ERROR
    valid = fit.image.valid
    brightest = np.max(np.abs(fit.model_image[valid]) / fit.image.sigma[valid])
    return not largest * brightest <= RENDER_CAUTION
