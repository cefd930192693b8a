"""Whether the residuals are as large as the noise, and where they are not."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.model import lower, scaled, scaling
from sersiclab.noise import AbstractNoise, AbstractNormalNoise, CorrelatedNoise
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Level, Reason
from sersiclab.results.verdict.missing_sky import sky_offset, sky_reason
from sersiclab.results.verdict.residuals import more_structure, remainder, shining


# Error maps are seldom better than 20 %: a smaller excess is no reason to worry, a factor of two is.
CHI2_CAUTION, CHI2_BAD = 1.2, 2.0
OUTLIER = 5.0  # sigma: Gaussian noise puts one in two million pixels beyond
OUTLIERS = 4  # more than 200 000 pixels have by chance if sigma is 15 % too small
OUTLIER_SHARE = 0.1  # of the pixels: a larger share shows a wrong model
CHI2_SIGMA = 5.0  # in units of the standard deviation of chi2/dof, sqrt(2/dof): less may be chance


def chi2_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report a missing sky, then chi2 per degree of freedom, or its equivalent for noise that is not normal."""
    value = _reduced(fit)
    offset = sky_offset(fit, value) if np.isfinite(value) else None
    if offset is not None:
        yield from sky_reason(fit, offset, "bad" if value > CHI2_BAD else "caution")
    if not isinstance(fit.model.noise, AbstractNormalNoise):
        yield from _surprise(fit)
        return
    if not np.isfinite(value):
        yield "bad", f"chi2 can't be judged: it is {fit.chi2:g} for {fit.dof} degrees of freedom."
        return
    if value < 1.0:
        value = min(1.0, value / remainder(fit.model.noise)[0])
    if value <= CHI2_CAUTION and offset is None:
        yield from _outliers(fit)
    if abs(value - 1.0) < CHI2_SIGMA * np.sqrt(2.0 / fit.dof):
        return
    level: Level = "caution" if 1 / CHI2_BAD <= value <= CHI2_BAD else "bad"
    if value > CHI2_CAUTION:
        why = "the sky explains some or all of it." if offset is not None else _excess(fit, value)
        yield level, f"chi2 per degree of freedom is {value:.3g}, more than 1: {why}"
    elif value < 1 / CHI2_CAUTION:
        yield (
            level,
            f"chi2 per degree of freedom is {value:.3g}, less than 1: sigma is too large; {_rescale(fit, value)}.",
        )


def _reduced(fit: AbstractFit) -> float:
    """Return chi2 per degree of freedom of the white residuals; NaN without degrees of freedom."""
    return float(np.sum(fit.white_residual**2)) / fit.dof if fit.dof > 0 else float("nan")


def _outliers(fit: AbstractFit) -> Iterator[Reason]:
    """Report outliers: a neighbour that is not masked may spoil a fit without raising the chi2 of the whole image."""
    squares = np.square(fit.white_residual)
    number = int(np.sum(squares > OUTLIER**2))
    if number >= OUTLIERS:
        y, x = np.unravel_index(np.argmax(squares), squares.shape)
        yield (
            "caution",
            f"{number} pixels lie beyond {OUTLIER:g} sigma, the worst at x = {x}, y = {y}. Mask the "
            "object that they belong to, such as a neighbour, or choose Student t as the noise.",
        )


def _excess(fit: AbstractFit, value: float) -> str:
    """Return the cause of a large chi2 and its remedy: outliers, the sources or sigma itself."""
    squares, bright = np.square(fit.white_residual), shining(fit)
    outliers, sky = squares > OUTLIER**2, fit.image.valid & ~bright
    few = np.sum(outliers) <= OUTLIER_SHARE * np.sum(fit.image.valid)
    if few and np.sum(squares[~outliers]) <= CHI2_CAUTION * fit.dof:
        return (
            f"{int(outliers.sum())} pixels beyond {OUTLIER:g} sigma cause it. Mask the object that they belong to, "
            "such as a neighbour, or choose Student t as the noise."
        )
    if bright.any() and sky.any() and np.mean(squares[sky]) <= CHI2_CAUTION < np.mean(squares[bright]):
        return (
            f"it is {np.mean(squares[bright]):.3g} where the model is brighter than the noise and "
            f"{np.mean(squares[sky]):.2g} elsewhere: the model is too simple. {more_structure(fit)}"
        )
    return (
        "the model is too simple, a neighbour is not masked, or sigma is too small. Mask the neighbours and add a sky; "
        f"if that does not help, {_rescale(fit, value)}."
    )


def _rescale(fit: AbstractFit, value: float) -> str:
    """Return the remedy for a sigma that is wrong everywhere; that of correlated noise can't be inflated."""
    if isinstance(fit.model.noise, CorrelatedNoise):
        return f"multiply sigma by {np.sqrt(value):.2g}"
    return "choose Inflated as the noise, which fits the factor"


@jax.jit
def _found_and_expected(noise: AbstractNoise, mean: Any, sigma: Any, data: Any) -> tuple[Any, Any]:
    """Return the log likelihood of each pixel, and that of a pixel drawn from the noise model."""
    law = noise.distribution(mean, sigma)
    return law.log_prob(data), law.log_prob(law.sample(jax.random.key(0)))


def _surprise(fit: AbstractFit) -> Iterator[Reason]:
    """Report data that are less or more likely than data drawn from the noise model."""
    valid, image = fit.image.valid, fit.image
    planes = [np.where(valid, plane, 1.0) for plane in (fit.model_image, image.sigma, image.data)]
    exponent = scaling.exponent_of(image)
    noise = lower(scaled(fit.model.at(fit.best), exponent)).noise
    both = _found_and_expected(noise, *(jnp.asarray(scaling.times(plane, exponent), dtype=float) for plane in planes))
    found, expected = (np.asarray(plane, dtype=float)[valid] for plane in both)
    # For Gaussian noise twice the difference is chi2/dof - 1.
    excess = 2 * float(np.mean(expected) - np.mean(found))
    error = 2 * float(np.sqrt((np.var(expected) + np.var(found)) / len(found)))
    if not (np.isfinite(excess) and np.isfinite(error)):
        yield "bad", "The likelihood of the data is not finite at the best values."
    elif excess > max(CHI2_CAUTION - 1, CHI2_SIGMA * error):
        yield (
            "bad" if excess > CHI2_BAD - 1 else "caution",
            f"The data are less likely than the noise model expects, as with a chi2 per degree of freedom of "
            f"{1 + excess:.3g}: the model is too simple, a neighbour is not masked, or the noise is underestimated.",
        )
    elif -excess > max(1 - 1 / CHI2_CAUTION, CHI2_SIGMA * error):
        yield "caution", "The data are more likely than the noise model expects: the noise is overestimated."
