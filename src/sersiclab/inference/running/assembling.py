"""The fit that the outcome of a method becomes: values by path, and angles wrapped or unwrapped."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference.base import Outcome
from sersiclab.model import Model
from sersiclab.parameters.priors import Angle
from sersiclab.results import Fit, circular
from sersiclab.results.joint import JointFit


def fit_of(
    model: Model,
    image: Image | Images,
    seed: int,
    outcome: Outcome,
    timing: Mapping[str, float],
    unfinished: Any = None,
) -> Any:
    """Return the fit of a model to an image, or to several, that a method's outcome describes."""
    best = dict(zip(model.free, outcome.best.tolist(), strict=True))
    fitted = partial(JointFit, images=image) if isinstance(image, Images) else partial(Fit, image=image)
    return fitted(
        model=model,
        method=outcome.method,
        seed=seed,
        draws={} if outcome.draws is None else draws_by_path(model, outcome.draws),
        best={path: circular.wrap(best[path]) if angle else best[path] for path, angle in _angles(model).items()},
        stats=outcome.stats,
        covariance=outcome.covariance,
        status=outcome.cancelled or "complete",
        message=outcome.message,
        timing=dict(timing),
        unfinished=unfinished,
    )


def draws_by_path(model: Model, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Return draws, of shape (chain, draw, parameter), by path; those of angles lie about their circular mean."""
    return {
        path: circular.unwrap(draws[..., i]) if angle else draws[..., i]
        for i, (path, angle) in enumerate(_angles(model).items())
    }


def _angles(model: Model) -> dict[str, bool]:
    return {path: isinstance(prior, Angle) for path, prior in model.free.items()}
