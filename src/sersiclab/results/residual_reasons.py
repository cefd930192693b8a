"""Whether the residuals are noise, or something that the model lacks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Float


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

CORRELATED = 0.05  # mean product of neighbouring residuals, each in units of their standard deviation
CHANCE = 5.0  # standard errors
CLIP = 3.0  # sigma: outliers are the noise model's concern
FEW = 100  # pairs of pixels


def residual_reasons(fit: "Fit") -> Iterator[tuple[Literal["caution"], str]]:
    """What neighbouring residuals say: of noise they have nothing in common.

    In all of the image, and where the model outshines the noise, for what is lost in the whole.
    """
    residual, valid = fit.white_residual, fit.image.valid
    if not np.isfinite(residual[valid]).all():
        return
    bright = valid & (np.abs(fit.model_image - np.median(fit.model_image[valid])) > fit.image.sigma)
    found = {
        "": neighbours(residual, valid),
        " where the model is brighter than the noise": neighbours(residual, bright),
    }
    where, (correlation, error) = max(found.items(), key=lambda item: abs(item[1][0]) / item[1][1])
    if abs(correlation) > max(CORRELATED, CHANCE * error):
        yield (
            "caution",
            f"Neighbouring residuals are alike{where} (correlation {correlation:.2f} ± {error:.1g}): the model lacks "
            "structure that the galaxy has, the PSF is not quite right, or the noise is correlated (CorrelatedNoise); "
            "errors are then too small."
            if correlation > 0
            else f"Neighbouring residuals are opposite{where} (correlation {correlation:.2f} ± {error:.1g}): the noise "
            "is not independent, or the PSF is not quite right.",
        )


def neighbours(residual: Float[np.ndarray, "y x"], use: Bool[np.ndarray, "y x"]) -> tuple[float, float]:
    """The correlation of horizontally and vertically neighbouring residuals, and its standard error."""
    pairs = [(np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:, :], np.s_[:-1, :])]
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
