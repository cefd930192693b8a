"""Whether the residuals are noise, or structure that the model lacks."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from sersiclab.noise import AbstractNoise, CorrelatedNoise, whitening
from sersiclab.profiles import AbstractSource
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Reason


CORRELATED = 0.05  # mean product of neighbouring residuals, each in units of their standard deviation
CHANCE = 5.0  # standard errors
CLIP = 3.0  # sigma: outliers are the noise model's concern
FEW = 100  # pairs of pixels
FAR = 5  # pixels: resampling does not correlate noise over this distance
STILL = 0.5  # share of a correlation that is left at that distance: above it, the cause is light rather than noise


def residual_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report correlations between neighbouring residuals, which white noise does not have.

    Two places are examined: the sky, where only the noise and unmodelled light can correlate them, and the pixels in
    which the model is brighter than the noise, where stronger correlations show that the model is too simple.
    """
    residual, valid = fit.white_residual, fit.image.valid
    if not np.isfinite(residual[valid]).all():
        yield "bad", "The residuals can't be judged: some are not finite."
        return
    bright, expected = shining(fit), remainder(fit.model.noise)[1]
    of_sky, sky_error = neighbours(residual, valid & ~bright)
    of_sources, source_error = neighbours(residual, bright)
    of_sky, of_sources = (each - np.clip(each, 0.0, expected) for each in (of_sky, of_sources))
    if _significant(of_sky, sky_error):
        yield "caution", _of_the_sky(fit, residual, of_sky, sky_error)
    else:
        of_sky, sky_error = 0.0, 0.0
    if not _significant(of_sources - max(of_sky, 0.0), float(np.hypot(source_error, sky_error))):
        return
    told = f"where the model is brighter than the noise ({of_sources:.2f} ± {source_error:.1g})"
    yield (
        "caution",
        f"Neighbouring residuals are correlated {told}: the model lacks structure that the galaxy has, or the PSF "
        f"is slightly wrong; errors are too small. {more_structure(fit)}"
        if of_sources > 0
        else f"Neighbouring residuals are anticorrelated {told}: the PSF is slightly wrong, or the noise is "
        "correlated.",
    )


def remainder(noise: AbstractNoise) -> tuple[float, float]:
    """Return the variance of the whitened noise and the correlation of neighbours: one and zero, or nearly."""
    return whitening.remainder(noise.correlation) if isinstance(noise, CorrelatedNoise) else (1.0, 0.0)


def shining(fit: AbstractFit) -> Bool[np.ndarray, "y x"]:
    """Return the pixels in which the model, less its sky, is brighter than the noise."""
    valid = fit.image.valid
    return valid & (np.abs(fit.model_image - np.median(fit.model_image[valid])) > fit.image.sigma)


def more_structure(fit: AbstractFit) -> str:
    """Return advice for a model that is too simple."""
    sources = [part for part in fit.model.components.values() if isinstance(part, AbstractSource)]
    if len(sources) > 1:
        return "Add a component, such as a bar or a point source; smooth components can't describe spiral arms or dust."
    return "Start from bulge + disk, or add a component."


def _significant(correlation: float, error: float) -> bool:
    return bool(abs(correlation) > max(CORRELATED, CHANCE * error))


def _of_the_sky(fit: AbstractFit, residual: Float[np.ndarray, "y x"], correlation: float, error: float) -> str:
    told = f"({correlation:.2f} ± {error:.1g})"
    if correlation < 0:
        return f"Neighbouring residuals of the sky are anticorrelated {told}: choose Correlated as the noise."
    far, _ = neighbours(residual, fit.image.valid & ~shining(fit), FAR)
    if far > STILL * correlation or isinstance(fit.model.noise, CorrelatedNoise):
        return (
            f"The sky is not empty: neighbouring residuals are correlated {told}, and still {far:.2f} at {FAR} "
            "pixels. Mask the neighbours, and add a sky if the model has none."
        )
    return (
        f"Neighbouring pixels of the sky are correlated {told}: resampling has correlated the noise; errors are too "
        "small. Choose Correlated as the noise, which is measured on the sky (CorrelatedNoise.measured)."
    )


def neighbours(residual: Float[np.ndarray, "y x"], use: Bool[np.ndarray, "y x"], lag: int = 1) -> tuple[float, float]:
    """Return the correlation of residuals `lag` pixels apart, along rows and columns, and its standard error."""
    pairs = [(np.s_[:, lag:], np.s_[:, :-lag]), (np.s_[lag:, :], np.s_[:-lag, :])]
    both = [use[one] & use[other] for one, other in pairs]
    number = sum(int(each.sum()) for each in both)
    if number < FEW:
        return 0.0, np.inf
    clipped = np.clip(residual, -CLIP, CLIP)
    variance = float(np.mean(np.square(clipped[use])))
    products = sum(
        float(np.sum((clipped[one] * clipped[other])[each])) for (one, other), each in zip(pairs, both, strict=True)
    )
    return products / number / max(variance, np.finfo(float).tiny), 1.0 / np.sqrt(number)
