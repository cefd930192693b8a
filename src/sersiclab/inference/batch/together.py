"""Fits of many models to many images by the methods whose work is a search for a maximum."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.batch.minimising import Result, minimise_all
from sersiclab.inference.batch.padding import may_be_padded, padded
from sersiclab.inference.laplace import Laplace, approximate
from sersiclab.inference.map import MAP
from sersiclab.inference.running.assembling import fit_of
from sersiclab.inference.running.beginning import beginning_of
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.running.starting import check_fit, problem_of
from sersiclab.inference.search.minimum import Minimum
from sersiclab.model import Model
from sersiclab.model.joint_density import density_of
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import SersiclabError


Failure = SersiclabError | TimeoutError
Pair = tuple[Model, Image | Images]


def fits_together(method: AbstractMethod) -> bool:
    """Return whether `fit_together` can fit by this method."""
    return isinstance(method, MAP | Laplace)


def fit_together(
    pairs: Sequence[Pair],
    method: AbstractMethod,
    seeds: Sequence[int],
    monitor: Monitor,
    *,
    seconds: Sequence[float] | None = None,
) -> list[Fit | JointFit | Failure]:
    """Fit each model to its image, or images, all at once.

    Images of similar sizes, in the same bands if there are several, and models of one kind share their programs.

    Arguments:
        pairs: models, each with an image or with several.
        method: `MAP()` or `Laplace()`.
        seeds: the seed of each fit. A fit depends on its own model, image and seed alone, not on the others.
        monitor: may cancel.
        seconds: the time that the search of each fit may take, without compilation; None for any time. Fits that are
            computed together share theirs.

    Returns:
        For each pair its fit or, where it could not be fitted, the error.

    Raises:
        Cancelled: the run was cancelled.
    """
    began, compiled = time.perf_counter(), monitor.compile_seconds
    made = [_prepared(*pair, method, seed, monitor) for pair, seed in zip(pairs, seeds, strict=True)]
    limits = [np.inf] * len(made) if seconds is None else seconds
    ready = [(each.problem, limit) for each, limit in zip(made, limits, strict=True) if isinstance(each, _Ready)]
    problems, allowed = [problem for problem, _ in ready], [limit for _, limit in ready]
    minima = iter(minimise_all(problems, monitor, jacobian=isinstance(method, Laplace), seconds=allowed))
    results = [
        _outcome(method, each.problem, next(minima), monitor) if isinstance(each, _Ready) else each for each in made
    ]
    # Threads that wait for one compilation count it several times.
    compiling = min(monitor.compile_seconds - compiled, time.perf_counter() - began)
    whole = {"compile": compiling, "run": time.perf_counter() - began - compiling}
    timing = {stage: spent / max(len(pairs), 1) for stage, spent in whole.items()}
    return [
        _fit(each, image, seed, result, timing) if isinstance(result, Outcome) else result
        for each, (_, image), seed, result in zip(made, pairs, seeds, results, strict=True)
    ]


class _Ready(NamedTuple):
    """A problem, and its model, which knows the images if there are several."""

    model: Model
    problem: Problem


def _fit(
    ready: _Ready | SersiclabError, image: Image | Images, seed: int, outcome: Outcome, timing: Mapping[str, float]
) -> Fit | JointFit:
    assert isinstance(ready, _Ready)
    return fit_of(ready.model, image, seed, outcome, timing)


def _prepared(
    model: Model, image: Image | Images, method: AbstractMethod, seed: int, monitor: Monitor
) -> _Ready | SersiclabError:
    try:
        model = check_fit(model, image, method, seed)
        beginning = beginning_of(model, image, None)
        density = density_of(model, padded(image) if may_be_padded(model) else image)
        return _Ready(model, problem_of(density, model, image, beginning, seed, monitor))
    except SersiclabError as error:
        return error


def _outcome(method: AbstractMethod, problem: Problem, minimum: Result, monitor: Monitor) -> Outcome | Failure:
    if not isinstance(minimum, Minimum):
        return minimum
    if isinstance(method, Laplace):
        return approximate(method, problem, monitor, minimum)
    return Outcome(method, constrain(monitor, problem.density, minimum.u), message=minimum.message)
