"""Whether the PSF's samples are fine enough for a fit's model and data."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from sersiclab.data.image import Image
from sersiclab.data.psf import transfer_function
from sersiclab.data.psf_shape import ROUGH, Smooth, sampling, smooth_psf, without_pixel
from sersiclab.model import render
from sersiclab.rendering import RENDERERS
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Reason


COARSE_CAUTION = 0.1  # sigma of a pixel
WELL_SAMPLED = 3.0  # samples per FWHM: with more, the error is below 1e-5 of the peak
REACH = 4.0  # half width of the stand-in, in FWHM
FINE = 4.0  # samples per FWHM of the fine stand-in, at least


def psf_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report a PSF whose samples are too coarse for the model, or that is narrower than a pixel.

    The PSF between its samples is not known. A smooth PSF of the same width and wings stands in for it: the model is
    rendered with its coarse samples and with fine ones. The error is scaled down if the PSF has less power than the
    stand-in at the highest frequencies of its samples. A renderer of the user's own is not judged.
    """
    image = fit.image
    if image.psf is None or not isinstance(fit.model.renderer, RENDERERS) or np.count_nonzero(image.psf) == 1:
        return
    if not all(np.isfinite(value) for value in fit.best.values()):
        return
    smooth = smooth_psf(image.psf)
    if smooth.misfit > ROUGH:
        return
    if image.psf_includes_pixel and without_pixel(image.psf, smooth, image.psf_oversampling):
        yield (
            "caution",
            f"The PSF, with a FWHM of {smooth.fwhm / image.psf_oversampling:.2g} pixels, is narrower than the "
            "response of a pixel and can't include it: if it is an optical PSF, give psf_includes_pixel=False.",
        )
    elif smooth.fwhm < WELL_SAMPLED and _may_matter(fit, smooth):
        yield from _coarse(fit, image.psf, smooth)


def _may_matter(fit: AbstractFit, smooth: Smooth) -> bool:
    """Whether the error of a point source as bright as the model would be significant."""
    fine = _stand_in(smooth, 4)
    spectrum = np.abs(np.fft.fft2(fine))
    within = np.abs(np.fft.fftfreq(fine.shape[0])) <= 0.5 / 4
    beyond = 1.0 - spectrum[np.ix_(within, within)].sum() / spectrum.sum()
    brightest = np.max(np.abs(fit.model_image[fit.image.valid]) / fit.image.sigma[fit.image.valid])
    return not 2.0 * beyond * brightest <= COARSE_CAUTION


def _coarse(fit: AbstractFit, psf: Float[np.ndarray, "v u"], smooth: Smooth) -> Iterator[Reason]:
    image, times = fit.image, 2 * int(np.ceil(0.5 * (FINE / smooth.fwhm - 1.0))) + 1
    drawn = [render(fit.model, _with(image, _stand_in(smooth, k), k), fit.best) for k in (1, max(times, 3))]
    error = np.where(image.valid, np.abs(drawn[0] - drawn[1]), 0.0)
    error *= min(1.0, _edge(psf) / _edge(_stand_in(smooth, 1)))
    scaled = error / np.where(image.valid, image.sigma, 1.0)
    y, x = np.unravel_index(np.argmax(scaled), image.shape)
    if not scaled[y, x] <= COARSE_CAUTION:
        yield (
            "caution",
            f"The PSF's samples are too coarse for this model: its FWHM is {smooth.fwhm / image.psf_oversampling:.2g} "
            f"pixels, {sampling(smooth, image.psf_oversampling)}, so that the model is wrong by about "
            f"{error.max() / np.abs(drawn[1]).max():.1g} of its peak, {scaled[y, x]:.2g} sigma at the pixel x = {x}, "
            f"y = {y}. Give a more finely sampled PSF, with psf_oversampling=.",
        )


def _edge(psf: Float[np.ndarray, "v u"]) -> float:
    """Return the PSF's transfer function at the highest frequencies of its samples, where aliasing is strongest."""
    k = np.linspace(-np.pi, np.pi, 33)
    transfer = np.abs(transfer_function(psf, k, k))
    return float(np.sqrt(np.mean(transfer[0] ** 2) + np.mean(transfer[:, 0] ** 2)))


def _stand_in(smooth: Smooth, times: int) -> Float[np.ndarray, "v u"]:
    """Return the smooth PSF on samples finer by a factor, centred."""
    half = int(np.ceil(REACH * smooth.widest)) * times
    y, x = np.indices((2 * half + 1, 2 * half + 1)) - half
    psf = smooth.at(y / times, x / times)
    return psf / psf.sum()


def _with(image: Image, psf: Float[np.ndarray, "v u"], times: int) -> Image:
    fields = image.fields | {"psf": psf, "psf_oversampling": times * image.psf_oversampling, "psf_centre": "array"}
    return Image.restored(**fields | {"wcs": None})
