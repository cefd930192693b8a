"""Guides: distributions that approximate a posterior, fitted by lowering their Kullback-Leibler divergence from it.

Draws from a guide are images of standard normal points, so a guide is given by its `Coordinates`.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpyro.optim import ClippedAdam

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates import flow as flows
from sersiclab.inference.coordinates.flow import Flow
from sersiclab.inference.coordinates.potential import Coordinates, coordinates_about, potential
from sersiclab.inference.running.monitor import Cancelled, Monitor, Pace
from sersiclab.inference.running.program import Program
from sersiclab.model.unconstrained import AbstractDensity
from sersiclab.runtime.errors import InputError
from sersiclab.runtime.seeds import key_of


# Pixels whose gradients are computed at once.
AT_ONCE_PIXELS = 2**14
# Number of full steps; later ones are averaged.
FULL_STEPS = 3
LEAST_STEPS = 5
# Error of a normal guide, in sigma, at which the fit ends.
SETTLED = 0.01
# Largest shift and change of curvature in one step, in the guide's own units.
MOST_SHIFT, MOST_CURVATURE = 1.0, 3.0
# Largest force of one draw on a flow, in units of that at a standard normal point.
MOST_FORCE = 10.0


class Guide(NamedTuple):
    """The coordinates of a guide, and the number of steps after which its fit ended or was cancelled."""

    coordinates: Coordinates
    steps: int
    cancelled: bool


def _pairs(rng: np.random.Generator, size: int) -> Float[np.ndarray, "row d"]:
    """Draw standard normal points, each with its mirror image, so that means of odd functions have no noise."""
    half = rng.normal(size=(flows.rows_at_once(size) // 2, size))
    return np.concatenate([half, -half])


def fit_normal(problem: Problem, monitor: Monitor, here: Coordinates, *, most: int) -> Guide:
    """Fit the normal guide by natural gradients (Lin, Schmidt & Khan 2020, arXiv:2002.10060).

    In the guide's own coordinates e the force of the posterior is -e if the guide is right; the difference is the error
    of the guide. A normal posterior is therefore found exactly, in a step or two.
    """
    size = len(problem.start)
    rng = np.random.default_rng(problem.seed)
    mean, factor = np.zeros(size), np.eye(size)
    monitor.phase("fitting the guide", total=most)
    gradients = _gradients_of(problem, monitor, here)
    step, uncertain = 0, np.inf
    try:
        while step < most and not (step >= LEAST_STEPS and uncertain < SETTLED):
            e = _pairs(rng, size)
            potentials, slopes = gradients(mean + e @ factor.T)
            usable = np.isfinite(potentials) & np.isfinite(slopes).all(axis=1)
            if not usable.any():
                raise InputError("the posterior is not finite about its mode")
            elbo = _elbo(here, factor, potentials[usable], e[usable])
            e, error = e[usable], slopes[usable] @ factor - e[usable]
            rate = 1 / (1 + max(0, step - FULL_STEPS))
            step += 1
            mean, factor, uncertain = _natural_step(mean, factor, e, error, rate)
            monitor.advance(step, message=f"ELBO {elbo:.2f}")
    except Cancelled:
        return Guide(_moved(here, mean, factor), step, cancelled=True)
    covariance = factor @ factor.T
    turn = np.asarray(here.factor, dtype=float)
    try:
        found = coordinates_about(problem, monitor, here.points(mean), turn @ covariance @ turn.T)
        monitor.check()
    except Cancelled:
        return Guide(_moved(here, mean, factor), step, cancelled=True)
    return Guide(found, step, cancelled=False)


def _natural_step(
    mean: Float[np.ndarray, " d"],
    factor: Float[np.ndarray, "d d"],
    e: Float[np.ndarray, "row d"],
    error: Float[np.ndarray, "row d"],
    rate: float,
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"], float]:
    """Return the next mean and factor, and their uncertainty after the steps that were averaged."""
    count = len(e)
    shift = np.mean(error, axis=0)
    products = 0.5 * (e[:, :, None] * error[:, None, :] + error[:, :, None] * e[:, None, :])
    # By Stein's identity, the mean curvature of the posterior minus that of the guide.
    curvature = np.mean(products, axis=0)
    uncertain = np.sqrt(rate / count) * max(np.std(error, axis=0).max(), 0.5 * np.std(products, axis=0).max())
    values, vectors = np.linalg.eigh(rate * curvature)
    # Unlike 1 + the rate's share of the curvature, this precision is always positive; it is smallest at -1.
    precision = 0.5 * (1 + (1 + np.clip(values, -1.0, MOST_CURVATURE)) ** 2)
    step = rate * shift
    step *= min(1.0, MOST_SHIFT / max(float(np.linalg.norm(step)), 1e-30))
    new = np.linalg.cholesky(factor @ ((vectors / precision) @ vectors.T) @ factor.T)
    return mean - factor @ step, new, float(uncertain)


def _moved(here: Coordinates, mean: Float[np.ndarray, " d"], factor: Float[np.ndarray, "d d"]) -> Coordinates:
    """Return the coordinates of a guide that is given in other coordinates, with the reference of those."""
    return here._replace(
        centre=jnp.asarray(here.points(mean), dtype=float),
        factor=jnp.asarray(np.asarray(here.factor, dtype=float) @ factor, dtype=float),
    )


def _elbo(
    here: Coordinates,
    factor: Float[np.ndarray, "d d"],
    potentials: Float[np.ndarray, " row"],
    e: Float[np.ndarray, "row d"],
) -> float:
    """Return the evidence lower bound, for a normalised prior. For a flow `factor` is the identity."""
    volume = np.linalg.slogdet(np.asarray(here.factor, dtype=float) @ factor)[1]
    log_guide = -0.5 * np.sum(e**2, axis=1) - 0.5 * e.shape[1] * np.log(2 * np.pi)
    return here.offset() + float(volume) - float(np.mean(potentials + log_guide))


def fit_flow(problem: Problem, monitor: Monitor, here: Coordinates, *, steps: int) -> Guide:
    """Fit a flow in the coordinates of a normal guide by Adam, beginning with the identity.

    The gradient is the path gradient (Roeder, Wu & Duvenaud 2017, arXiv:1703.09194), which has no noise if the guide
    equals the posterior.
    """
    size = len(problem.start)
    rng = np.random.default_rng(problem.seed + 1)
    state = _begin(size, key_of(problem.seed))
    step = 0
    monitor.phase("fitting the flow", total=steps)
    try:
        gradients = _gradients_of(problem, monitor, here)
        blank = jnp.zeros((flows.rows_at_once(size), size))
        flows.push(_ADAM.get_params(state), blank)  # compiled now: a run that is cancelled later needs it at once
        improve = _IMPROVE.prepare(monitor, state, blank, blank)
        for step in range(steps):
            e = jnp.asarray(_pairs(rng, size), dtype=float)
            points, log_stretch = flows.push(_ADAM.get_params(state), e)
            potentials, slopes = gradients(np.asarray(points, dtype=float))
            elbo = _elbo(here, np.eye(size), potentials - np.asarray(log_stretch), np.asarray(e, dtype=float))
            state = improve(state, e, jnp.asarray(slopes, dtype=float))
            monitor.advance(step + 1, message=f"ELBO {elbo:.2f}")
    except Cancelled:
        return Guide(here._replace(flow=_ADAM.get_params(state)), step, cancelled=True)
    return Guide(here._replace(flow=_ADAM.get_params(state)), steps, cancelled=False)


_ADAM = ClippedAdam(lambda step: 0.02 / (1 + step / 100), clip_norm=1.0)


@partial(jax.jit, static_argnums=0)
def _begin(size: int, key: jax.Array) -> Any:
    """Return the state of Adam at the identity."""
    return _ADAM.init(flows.identity(size, key))


def _improve(state: Any, e: Float[Array, "row d"], slopes: Float[Array, "row d"]) -> Any:
    """Take a step of Adam, given the slopes of the potential at the points to which the flow maps `e`."""
    flow: Flow = _ADAM.get_params(state)
    force = slopes + jax.vmap(lambda row: flows.score(flow, row))(e)
    # A draw far out, where the posterior is steep, must not drown the others.
    most = MOST_FORCE * jnp.sqrt(1.0 * e.shape[1])
    norm = jnp.linalg.norm(force, axis=1, keepdims=True)
    force = jnp.where(jnp.isfinite(norm), force * jnp.minimum(1.0, most / jnp.maximum(norm, 1e-30)), 0.0)

    def paths(flow: Flow) -> Float[Array, "row d"]:
        return jax.vmap(lambda row: flows.transport(flow, row)[0])(e)

    _, pull = jax.vjp(paths, flow)
    (gradient,) = pull(force / e.shape[0])
    return _ADAM.update(gradient, state)


_IMPROVE = Program(_improve)


def _gradients(
    density: AbstractDensity, here: Coordinates, z: Float[Array, "row d"], first: Int[Array, ""], last: Int[Array, ""]
) -> tuple[Float[Array, " row"], Float[Array, "row d"]]:
    """Potentials and their gradients of the batches from `first` to before `last`; zero elsewhere."""
    blocks = jnp.reshape(z, (-1, _at_once(density), z.shape[1]))
    slope = jax.vmap(lambda row: jax.value_and_grad(potential, argnums=2)(density, here, row))

    def batch(i: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        return jax.tree.map(lambda all_, part: all_.at[i].set(part), found, slope(blocks[i]))

    values, slopes = jax.lax.fori_loop(first, last, batch, (jnp.zeros(blocks.shape[:2]), jnp.zeros(blocks.shape)))
    return values.ravel(), slopes.reshape(z.shape)


_GRADIENTS = Program(_gradients)


def _at_once(density: AbstractDensity) -> int:
    """How many gradients are computed at once: a power of two that divides the rows."""
    if jax.default_backend() != "cpu":
        return flows.ROWS
    return 2 ** int(np.log2(np.clip(AT_ONCE_PIXELS // density.size, 1, flows.ROWS)))


def _gradients_of(
    problem: Problem, monitor: Monitor, here: Coordinates
) -> Callable[[Float[np.ndarray, "row d"]], tuple[Float[np.ndarray, " row"], Float[np.ndarray, "row d"]]]:
    """Return a function for potentials and gradients of many points, which checks the monitor between batches."""
    density, zero, size = problem.density, jnp.asarray(0), len(problem.start)
    rows = flows.rows_at_once(size)
    blank = jnp.zeros((rows, size))
    program = _GRADIENTS.prepare(monitor, density, here, blank, zero, zero)
    batches = rows // _at_once(density)
    pace = Pace(first=1, most=batches)

    def evaluate(z: Float[np.ndarray, "row d"]) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, "row d"]]:
        points, done = jnp.asarray(z, dtype=float), 0
        values, slopes = np.zeros(len(z)), np.zeros(z.shape)
        while done < batches:
            monitor.check()
            began, last = time.perf_counter(), min(done + pace.steps, batches)
            parts = program(density, here, points, jnp.asarray(done), jnp.asarray(last))
            values, slopes = values + np.asarray(parts[0], dtype=float), slopes + np.asarray(parts[1], dtype=float)
            pace.took(last - done, time.perf_counter() - began)
            done = last
        return values, slopes

    return evaluate
