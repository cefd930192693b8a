"""Fits of many models to many images by the methods whose work is a search for a maximum."""

import time
from collections.abc import Sequence

import numpy as np

from sersiclab.data.image import Image
from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.batch.minimising import Result, minimise_all
from sersiclab.inference.batch.padding import padded
from sersiclab.inference.laplace import Laplace, approximate
from sersiclab.inference.map import MAP
from sersiclab.inference.running.assembling import fit_of
from sersiclab.inference.running.beginning import beginning_of
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.running.starting import check_fit, problem_of
from sersiclab.inference.search.minimum import Minimum
from sersiclab.model import Model
from sersiclab.model.density import Density
from sersiclab.results import Fit
from sersiclab.runtime.errors import SersiclabError


Failure = SersiclabError | TimeoutError


def fits_together(method: AbstractMethod) -> bool:
    """Return whether `fit_together` can fit by this method."""
    return isinstance(method, MAP | Laplace)


def fit_together(
    pairs: Sequence[tuple[Model, Image]],
    method: AbstractMethod,
    seeds: Sequence[int],
    monitor: Monitor,
    *,
    seconds: Sequence[float] | None = None,
) -> list[Fit | Failure]:
    """Fit each model to its image, all at once; images of similar sizes and models of one kind share their programs.

    Arguments:
        pairs: models and images.
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
    made = [_problem(*pair, method, seed, monitor) for pair, seed in zip(pairs, seeds, strict=True)]
    limits = [np.inf] * len(made) if seconds is None else seconds
    ready = [(problem, limit) for problem, limit in zip(made, limits, strict=True) if isinstance(problem, Problem)]
    problems, allowed = [problem for problem, _ in ready], [limit for _, limit in ready]
    minima = iter(minimise_all(problems, monitor, jacobian=isinstance(method, Laplace), seconds=allowed))
    results = [_outcome(method, each, next(minima), monitor) if isinstance(each, Problem) else each for each in made]
    # Threads that wait for one compilation count it several times.
    compiling = min(monitor.compile_seconds - compiled, time.perf_counter() - began)
    whole = {"compile": compiling, "run": time.perf_counter() - began - compiling}
    timing = {stage: spent / max(len(pairs), 1) for stage, spent in whole.items()}
    return [
        fit_of(model, image, seed, result, timing) if isinstance(result, Outcome) else result
        for (model, image), seed, result in zip(pairs, seeds, results, strict=True)
    ]


def _problem(
    model: Model, image: Image, method: AbstractMethod, seed: int, monitor: Monitor
) -> Problem | SersiclabError:
    try:
        check_fit(model, image, method, seed)
        density = Density.of(model, padded(image))
        return problem_of(density, model, image, beginning_of(model, image, None), seed, monitor)
    except SersiclabError as error:
        return error


def _outcome(method: AbstractMethod, problem: Problem, minimum: Result, monitor: Monitor) -> Outcome | Failure:
    if not isinstance(minimum, Minimum):
        return minimum
    if isinstance(method, Laplace):
        return approximate(method, problem, monitor, minimum)
    return Outcome(method, constrain(monitor, problem.density, minimum.u), message=minimum.message)
