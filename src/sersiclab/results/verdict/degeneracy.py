"""Whether the data determine the model: sources lost in the noise or in the PSF, and degenerate components."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sersiclab.parameters import own_parameters
from sersiclab.profiles import AbstractSky, AbstractSource
from sersiclab.profiles.base import size_name
from sersiclab.results import per_draw
from sersiclab.results.base import AbstractFit
from sersiclab.results.derived import parameter_sds
from sersiclab.results.verdict.levels import Reason


DrawsByPath = dict[str, Float[np.ndarray, "..."]]

FAINT = 5.0  # signal-to-noise ratio of all sources together, with the best weights
UNSURE = 3.0  # standard deviations of a flux from zero
POINT_LIKE = 0.5  # pixels: a smaller source looks like a point, whatever its shape
SWAPPED = 0.05  # share of the draws in which the usually smaller parameter is the larger
SHARED = -0.95  # correlation of two fluxes whose sum alone is known


def degeneracy_reasons(fit: AbstractFit, draws: DrawsByPath) -> Iterator[Reason]:
    """Report quantities that the data do not determine, according to `draws`, or to the covariance without draws."""
    yield from _faint(fit)
    yield from _point_like(fit, draws)
    yield from _unsure(fit, draws)
    yield from _alike(fit, draws)


def signal_to_noise(fit: AbstractFit) -> float:
    """Return the signal-to-noise ratio of the sources at `best`, without the sky: sqrt(sum of (model / sigma)²)."""
    valid, image = fit.image.valid, fit.image
    y, x = (np.arange(n) - 0.5 * (n - 1) for n in image.shape)
    columns, rows = (jnp.asarray(plane, dtype=float) for plane in np.meshgrid(x, y))
    skies = [part for part in fit.model.at(fit.best).components.values() if isinstance(part, AbstractSky)]
    sky = sum((np.asarray(part.brightness(columns, rows), dtype=float) for part in skies), np.zeros(image.shape))
    return float(np.sqrt(np.sum(np.square((fit.model_image - sky)[valid] / image.sigma[valid]))))


def joint_faint_reasons(fits: Mapping[str, AbstractFit]) -> Iterator[Reason]:
    """Report sources that are not detected in all images of a joint fit together, given the fit of each."""
    yield from _faint(*fits.values())


def _faint(*fits: AbstractFit) -> Iterator[Reason]:
    if not any(isinstance(part, AbstractSource) for fit in fits for part in fit.model.components.values()):
        return
    ratio = float(np.linalg.norm([signal_to_noise(fit) for fit in fits]))
    if not ratio >= FAINT:
        yield (
            "caution",
            f"The model's signal-to-noise ratio is {ratio:.1f}: nothing is significantly detected, and the result "
            "mostly reflects the priors.",
        )


def _point_like(fit: AbstractFit, draws: DrawsByPath) -> Iterator[Reason]:
    for name, part in _sources(fit).items():
        key = size_name(part)
        path = f"{name}.{key}"
        if key is None or path not in fit.model.free:
            continue
        size = float(np.median(draws[path])) if draws else fit.best[path]
        if size < POINT_LIKE:
            yield (
                "caution",
                f"{path} is {size:.2g} pixels and not resolved: its shape depends on errors of the PSF; a "
                "PointSource may describe it equally well.",
            )


def _unsure(fit: AbstractFit, draws: DrawsByPath) -> Iterator[Reason]:
    """Report components whose flux may be zero; a single one is judged by the signal-to-noise ratio instead."""
    if len(_sources(fit)) == 1 or not (draws or fit.covariance is not None):
        return
    sds = {} if draws else parameter_sds(fit)
    paths = [f"{name}.flux" for name in _sources(fit) if f"{name}.flux" in fit.model.free]
    for path in paths:
        mean = float(np.mean(draws[path])) if draws else fit.best[path]
        sd = float(np.std(draws[path])) if draws else sds[path]
        if not sd * UNSURE <= abs(mean):
            yield "caution", f"{path} is {mean:.3g} ± {sd:.2g}: the data hardly need this component."
    several = bool(draws) and next(iter(draws.values())).size > 1
    for one, other in combinations(paths if several else [], 2):
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = float(np.corrcoef(np.ravel(draws[one]), np.ravel(draws[other]))[0, 1])
        if correlation < SHARED:
            yield (
                "caution",
                f"{one} and {other} are degenerate (correlation {correlation:.2f}): only their sum is known.",
            )


def _alike(fit: AbstractFit, draws: DrawsByPath) -> Iterator[Reason]:
    """Report components of one class that differ in no parameter."""
    if not draws:
        return
    at, kept = per_draw.parameters(fit.model, draws), fit.model.components
    for one, other in combinations(_sources(fit), 2):
        if type(kept[one]) is not type(kept[other]):
            continue
        keys = [key for key in own_parameters(kept[one]) if key != "theta"]
        told = [key for key in keys if _apart(at[f"{one}.{key}"], at[f"{other}.{key}"])]
        if not told:
            yield (
                "caution",
                f"{one} and {other} do not differ in any parameter: they are interchangeable, and draws may have "
                "swapped them. Remove one, or order them by their priors.",
            )


def _apart(one: Float[np.ndarray, " draw"], other: Float[np.ndarray, " draw"]) -> bool:
    """Whether one parameter is larger than the other in nearly all draws, or smaller in nearly all."""
    share = float(np.mean(one > other)) + 0.5 * float(np.mean(one == other))
    return not SWAPPED < share < 1 - SWAPPED


def _sources(fit: AbstractFit) -> dict[str, Any]:
    return {name: part for name, part in fit.model.components.items() if isinstance(part, AbstractSource)}
