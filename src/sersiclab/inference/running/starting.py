"""`start` begins a run, `fit` waits for one, and `resume` continues a cancelled one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

import numpy as np

from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.nuts import NUTS
from sersiclab.inference.running import checkpoints
from sersiclab.inference.running.beginning import Beginning, Init, beginning_of, data_of, overlap
from sersiclab.inference.running.checkpoints import Checkpoint
from sersiclab.inference.running.monitor import Monitor, Progress
from sersiclab.inference.running.program import is_double, unconstrain
from sersiclab.inference.running.run import Run, Unfinished, begun, watched
from sersiclab.model import Model, check_one_image, checked_model
from sersiclab.model.joint_density import density_of
from sersiclab.model.joint_pictures import bound
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.parameters.priors import Angle
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.runtime.memory import check_memory
from sersiclab.runtime.seeds import checked_seed


# Each number of a draw is kept twice, in the sampler's coordinates and in the model's.
BYTES_A_NUMBER = 16


def start(
    model: Model,
    image: Image | Images,
    method: AbstractMethod = NUTS(),  # noqa: B008 (frozen)
    *,
    seed: int = 0,
    init: Init = None,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = checkpoints.EVERY,
) -> Run:
    """Begin an inference in a thread, and return at once.

    If a process with a checkpoint is killed, the same call continues from there: the draws, and the warm-up, are those
    of a run that was never stopped. A checkpoint of another run (model, image, method, seed or init) is refused. The
    file of a run that has ended gives its draws at once; delete it when the fit is saved.

    Arguments:
        model: the model. At least one of its parameters must have a prior.
        image: the data: an `Image`, or `Images` for a joint fit of several.
        method: the method of inference with its options, such as `MAP()` or `NUTS(draws=500)`.
        seed: the seed of all random numbers. The same seed gives the same draws.
        init: where to begin: `{path: number}`, with which other parameters begin at the initial value of their prior;
            or an earlier fit, whose best values are used where the paths agree. If that was a fit of the same model
            and data, methods that begin with a covariance (`SVI`, `NUTS`) use its covariance too. Without `init`
            other starts are tried if the first maximum is in doubt.
        on_progress: is called with a `Progress` from the thread of the run, at each new state and at most ten times a
            second in between.
        checkpoint: an `.asdf` file to which `NUTS` writes its state every `checkpoint_every` seconds, when it is
            cancelled and when it ends. Other methods write none: a run of theirs that is killed begins anew.
        checkpoint_every: seconds between two checkpoints.

    Returns:
        The run, which may be paused, cancelled and waited for.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument has an impossible value; the message names it. Errors of the run itself are raised by
            `Run.wait`.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> run = sl.start(model, sl.Image(np.full((4, 5), 2.0), sigma=1.0), sl.MAP(), seed=1)
        >>> round(run.wait().best["sky.level"], 3)
        1.905
    """
    model = check_fit(model, image, method, seed)
    if on_progress is not None and not callable(on_progress):
        raise InputTypeError(f"on_progress must be a function of a Progress, or None, got {on_progress!r}")
    beginning, double = beginning_of(model, image, init), is_double()
    kept = None
    if checkpoints.wanted(checkpoint, checkpoint_every, method):
        identity = checkpoints.identity(model, image, method, int(seed), beginning, double=double)
        kept = Checkpoint(checkpoint, identity, every=checkpoint_every)
    density = density_of(model, image)

    def solve(monitor: Monitor) -> Outcome:
        return method.solve(problem_of(density, model, image, beginning, int(seed), monitor, kept), monitor)

    spent = {} if kept is None else kept.spent
    monitor = Monitor(type(method).__name__, on_progress)
    return begun(model, image, int(seed), monitor, spent, Unfinished(solve, double))


@overload
def fit(
    model: Model,
    image: Image,
    method: AbstractMethod = ...,
    *,
    seed: int = ...,
    init: Init = ...,
    progress: bool = ...,
    checkpoint: str | Path | None = ...,
    checkpoint_every: float = ...,
) -> Fit: ...
@overload
def fit(
    model: Model,
    image: Images,
    method: AbstractMethod = ...,
    *,
    seed: int = ...,
    init: Init = ...,
    progress: bool = ...,
    checkpoint: str | Path | None = ...,
    checkpoint_every: float = ...,
) -> JointFit: ...
def fit(
    model: Model,
    image: Any,
    method: AbstractMethod = NUTS(),  # noqa: B008 (frozen)
    *,
    seed: int = 0,
    init: Init = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = checkpoints.EVERY,
) -> Any:
    """Fit a model to an image, and wait for the result.

    Ctrl-C stops the run and returns the draws so far, if there are any; `resume` continues it.

    Arguments:
        model: the model. At least one of its parameters must have a prior.
        image: the data: an `Image`, or `Images` for a joint fit of several.
        method: the method of inference with its options: `MAP()`, `Laplace()`, `SVI()`, `Importance()`,
            `SMC()` or `NUTS()`.
        seed: the seed of all random numbers. The same seed gives the same draws.
        init: where to begin, as in `start`: `{path: number}`, an earlier fit, or None for the priors' values.
        progress: whether to show a progress bar.
        checkpoint: an `.asdf` file from which a killed run of `NUTS` continues, as in `start`. Other methods write
            none.
        checkpoint_every: seconds between two checkpoints.

    Returns:
        A `Fit`, or a `JointFit` of several images, with best values, draws and a verdict on how far it can be trusted.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument has an impossible value, or the posterior is not finite where the search begins.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.full((4, 5), 2.0), sigma=1.0)
        >>> fit = sl.fit(model, image, sl.Laplace(draws=500), progress=False)
        >>> fit.draws["sky.level"].shape, round(float(fit.covariance[0, 0]), 4)
        ((1, 500), 0.0476)
    """
    run = start(model, image, method, seed=seed, init=init, checkpoint=checkpoint, checkpoint_every=checkpoint_every)
    return watched(run, bar=progress)


@overload
def resume(fit: Fit, *, progress: bool = True) -> Fit: ...
@overload
def resume(fit: JointFit, *, progress: bool = True) -> JointFit: ...
def resume(fit: Any, *, progress: bool = True) -> Any:
    """Continue a cancelled fit of `NUTS`, as if its chains had never been stopped, or of `SMC`, to its end.

    Waits for the result as `fit` does. The chains live in memory, so a fit from a file has none; use a checkpoint to
    continue in another process.

    Arguments:
        fit: a `Fit` or a `JointFit` that was cancelled in this process, of `NUTS` after its first draw.
        progress: whether to show a progress bar.

    Returns:
        The complete fit.

    Raises:
        TypeError: `fit` is not a fit.
        ValueError: the fit has no chains to continue.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> fit = sl.fit(model, sl.Image(np.full((4, 5), 2.0), sigma=1.0), sl.MAP(), progress=False)
        >>> sl.resume(fit)
        Traceback (most recent call last):
            ...
        sersiclab.runtime.errors.InputError: fit has no chains to continue: ...
    """
    if not isinstance(fit, Fit | JointFit):
        raise InputTypeError(f"fit must be a Fit that was cancelled, got {fit!r}")
    if not isinstance(fit.unfinished, Unfinished):
        raise InputError(
            f"fit has no chains to continue: its status is {fit.status!r}; only a cancelled run has, of NUTS after "
            "its first draw or of SMC, until Python ends"
        )
    monitor = Monitor(type(fit.method).__name__)
    data = data_of(fit)
    return watched(begun(fit.model, data, fit.seed, monitor, fit.timing, fit.unfinished), bar=progress)


def check_fit(model: Any, image: Any, method: Any, seed: Any) -> Model:
    """Return the model, which knows the images if there are several.

    Raises an error that names the argument unless a method can fit it to the data.
    """
    model = checked_model(model)
    if isinstance(image, Images):
        model = bound(model, image)
    else:
        checked_image(image)
        check_one_image(model)
    checked_seed(seed)
    if not isinstance(method, AbstractMethod):
        raise InputTypeError(f"method must be an object such as NUTS() or MAP(), got {method!r}")
    if not model.free:
        raise InputError("model has no free parameter: give at least one parameter a prior, such as Normal(60, 1)")
    drawn = f"{type(method).__name__} of {method.number_of_draws} draws of {len(model.free)} parameters"
    size = float(BYTES_A_NUMBER) * min(method.number_of_draws, 10**100) * (len(model.free) + 1)
    check_memory(drawn, size, "ask for fewer draws, or chains")
    return model


def problem_of(
    density: AbstractDensity,
    model: Model,
    image: Image | Images,
    beginning: Beginning,
    seed: int,
    monitor: Monitor,
    checkpoint: Checkpoint | None = None,
) -> Problem:
    """Return the problem of fitting a model to an image, whose density may be that of a padded image."""
    return Problem(
        density=density,
        start=unconstrain(monitor, density, np.array(list(beginning.values.values()))),
        angles=np.array([isinstance(prior, Angle) for prior in model.free.values()]),
        seed=seed,
        settled=beginning.settled,
        overlapping=overlap(model, beginning.values),
        covariance=beginning.covariance,
        draws=beginning.draws,
        checkpoint=checkpoint,
        image=None if isinstance(image, Images) else image,
    )
