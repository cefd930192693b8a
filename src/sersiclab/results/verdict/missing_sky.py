"""Whether the model lacks a sky that the image has."""

from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from sersiclab.detection import find
from sersiclab.profiles import AbstractSky, AbstractSource
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Level, Reason
from sersiclab.results.verdict.residuals import shining


FEW = 100  # pixels of sky
CLIP = 3.0  # sigma
CHANCE = 5.0  # standard errors
SMALL = 0.05  # sigma of a pixel: a smaller offset hardly matters
BLOCK = 8  # pixels: the means of squares of this size show how uncertain the mean of correlated noise is
SCATTERS = 3.0  # sigma of a pixel: a brighter sky can't be the wings of a galaxy


class Offset(NamedTuple):
    """The difference of the sky from the model's, in sigma of a pixel and in image units."""

    sigma: float
    error: float
    level: float


def sky_offset(fit: AbstractFit, chi2: float) -> Offset | None:
    """Return the sky that the model lacks, if it is significant and the model has no free sky.

    It is measured on the residuals where the model is fainter than the noise. A model with a bad `chi2` may have
    stretched a source over the whole image to replace the sky: then it is measured on the image itself.
    """
    if _has_free_sky(fit):
        return None
    found = _of_residuals(fit)
    if found is not None and abs(found.sigma) > max(SMALL, CHANCE * found.error):
        return found
    skies = any(isinstance(part, AbstractSky) for part in fit.model.components.values())
    sources = any(isinstance(part, AbstractSource) for part in fit.model.components.values())
    if chi2 <= 1.0 or skies or not sources:
        return None
    sky = find(fit.image).sky()
    if abs(sky.level) > SCATTERS * sky.scatter:
        return Offset(sky.level / sky.scatter, 1.0 / np.sqrt(fit.image.valid.sum()), sky.level)
    return None


def sky_reason(fit: AbstractFit, offset: Offset, level: Level) -> Iterator[Reason]:
    """Report a missing or a wrong sky, with the remedy."""
    names = [name for name, part in fit.model.components.items() if isinstance(part, AbstractSky)]
    told = f"{offset.sigma:.2g} ± {offset.error:.1g} sigma of a pixel"
    if names:
        yield level, f"The sky differs from the model's by {told}: give {names[0]}.level a prior."
    else:
        yield (
            level,
            f"The sky is not zero but {told}, and the model has no sky: add a FlatSky with a level of about "
            f"{offset.level:.3g}.",
        )


def _has_free_sky(fit: AbstractFit) -> bool:
    """Whether any parameter of a sky is not fixed."""
    skies = [name for name, part in fit.model.components.items() if isinstance(part, AbstractSky)]
    return any(path.split(".", 1)[0] in skies for path in fit.model.free)


def _of_residuals(fit: AbstractFit) -> Offset | None:
    """Return the mean residual of the sky; its error is that of the means of blocks, or of independent pixels."""
    sky = fit.image.valid & ~shining(fit)
    number = int(sky.sum())
    if number < FEW:
        return None
    residual = np.clip(fit.residual, -CLIP, CLIP)
    mean = float(np.mean(residual[sky]))
    blocks = _block_means(residual, sky)
    scatter = float(np.std(blocks)) / np.sqrt(len(blocks)) if len(blocks) > 1 else 0.0
    level = float(np.median((fit.image.data - fit.model_image)[sky])) + _sky_at_best(fit)
    return Offset(mean, max(scatter, 1 / np.sqrt(number)), level)


def _block_means(residual: Float[np.ndarray, "y x"], sky: Bool[np.ndarray, "y x"]) -> Float[np.ndarray, " block"]:
    """Return the mean of the sky in each square that is mostly sky."""
    y, x = np.nonzero(sky)
    label = (y // BLOCK) * (sky.shape[1] // BLOCK + 1) + x // BLOCK
    count, total = np.bincount(label), np.bincount(label, weights=residual[sky])
    full = count > 0.5 * BLOCK**2
    return total[full] / count[full]


def _sky_at_best(fit: AbstractFit) -> float:
    """Return the level of the model's sky; zero without one."""
    skies = [part for part in fit.model.at(fit.best).components.values() if isinstance(part, AbstractSky)]
    middle = jnp.zeros((1, 1))
    return float(sum(np.asarray(part.brightness(middle, middle)).item() for part in skies))
