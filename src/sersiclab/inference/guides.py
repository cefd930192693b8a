"""Guides: distributions made to be like a posterior, by lowering their Kullback-Leibler divergence from it.

All draws of a guide are frame points of standard normal ones, so a guide is a `Coordinates`.
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
from sersiclab.model.density import Density
from sersiclab.runtime.errors import InputError
from sersiclab.runtime.seeds import key_of


AT_ONCE_PIXELS = 2**14  # of which gradients are computed at once
EAGER = 3  # whole steps; later ones are averaged
LEAST_STEPS = 5
SETTLED = 0.01  # of a sigma: by how much a normal guide may still be off
MOST_SHIFT, MOST_CURVATURE = 1.0, 3.0  # of one step, in the guide's own units
MOST_FORCE = 10.0  # of one draw on a flow, in units of a standard normal point's


class Guide(NamedTuple):
    """A guide's coordinates, and after how many steps the user cancelled, if so."""

    coordinates: Coordinates
    steps: int
    cancelled: bool


def _pairs(rng: np.random.Generator, size: int) -> Float[np.ndarray, "row d"]:
    """Standard normal points, each with its mirror image, so that means of odd functions have no noise."""
    half = rng.normal(size=(flows.rows_at_once(size) // 2, size))
    return np.concatenate([half, -half])


def fit_normal(problem: Problem, monitor: Monitor, here: Coordinates, *, most: int) -> Guide:
    """The normal guide, by natural gradients (Lin, Schmidt & Khan 2020, arXiv:2002.10060).

    In the guide's own coordinates e the posterior's force is minus e if the guide is right, so what is left of
    the force is the error, and none is left for a normal posterior: it is met in a step or two, exactly.
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
            rate = 1 / (1 + max(0, step - EAGER))
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
    """The next mean and factor, and how uncertain they are after the steps that were averaged."""
    count = len(e)
    shift = np.mean(error, axis=0)
    products = 0.5 * (e[:, :, None] * error[:, None, :] + error[:, :, None] * e[:, None, :])
    # By Stein's identity, how much more than the guide the posterior is curved on average.
    curvature = np.mean(products, axis=0)
    uncertain = np.sqrt(rate / count) * max(np.std(error, axis=0).max(), 0.5 * np.std(products, axis=0).max())
    values, vectors = np.linalg.eigh(rate * curvature)
    # This precision, unlike 1 + the rate's share of the curvature, is always positive; it is least at -1.
    precision = 0.5 * (1 + (1 + np.clip(values, -1.0, MOST_CURVATURE)) ** 2)
    step = rate * shift
    step *= min(1.0, MOST_SHIFT / max(float(np.linalg.norm(step)), 1e-30))
    new = np.linalg.cholesky(factor @ ((vectors / precision) @ vectors.T) @ factor.T)
    return mean - factor @ step, new, float(uncertain)


def _moved(here: Coordinates, mean: Float[np.ndarray, " d"], factor: Float[np.ndarray, "d d"]) -> Coordinates:
    """The frame of a guide in the coordinates of another; the reference stays the other's."""
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
    """The evidence lower bound, if the prior is normalised: that of a flow comes with unit `factor`."""
    volume = np.linalg.slogdet(np.asarray(here.factor, dtype=float) @ factor)[1]
    log_guide = -0.5 * np.sum(e**2, axis=1) - 0.5 * e.shape[1] * np.log(2 * np.pi)
    return here.offset() + float(volume) - float(np.mean(potentials + log_guide))


def fit_flow(problem: Problem, monitor: Monitor, here: Coordinates, *, steps: int) -> Guide:
    """A flow in the coordinates of a normal guide, from the identity, by Adam.

    The gradient is the path gradient (Roeder, Wu & Duvenaud 2017, arXiv:1703.09194), which has no noise where
    the guide is the posterior.
    """
    size = len(problem.start)
    rng = np.random.default_rng(problem.seed + 1)
    state = _begin(size, key_of(problem.seed))
    step = 0
    monitor.phase("fitting the flow", total=steps)
    try:
        gradients = _gradients_of(problem, monitor, here)
        blank = jnp.zeros((flows.rows_at_once(size), size))
        flows.push(_ADAM.get_params(state), blank)  # so that a cancelled run need not compile
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
    """Adam's state at the identity."""
    return _ADAM.init(flows.identity(size, key))


def _improve(state: Any, e: Float[Array, "row d"], slopes: Float[Array, "row d"]) -> Any:
    """A step of Adam, given the potential's slopes at the points where the flow takes `e`."""
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
    density: Density, here: Coordinates, z: Float[Array, "row d"], first: Int[Array, ""], last: Int[Array, ""]
) -> tuple[Float[Array, " row"], Float[Array, "row d"]]:
    """Potentials and their gradients of the batches from `first` to before `last`; zero elsewhere."""
    blocks = jnp.reshape(z, (-1, _at_once(density), z.shape[1]))
    slope = jax.vmap(lambda row: jax.value_and_grad(potential, argnums=2)(density, here, row))

    def batch(i: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        return jax.tree.map(lambda all_, part: all_.at[i].set(part), found, slope(blocks[i]))

    values, slopes = jax.lax.fori_loop(first, last, batch, (jnp.zeros(blocks.shape[:2]), jnp.zeros(blocks.shape)))
    return values.ravel(), slopes.reshape(z.shape)


_GRADIENTS = Program(_gradients)


def _at_once(density: Density) -> int:
    """How many gradients are computed at once: a power of two that divides the rows."""
    if jax.default_backend() != "cpu":
        return flows.ROWS
    return 2 ** int(np.log2(np.clip(AT_ONCE_PIXELS // density.data.size, 1, flows.ROWS)))


def _gradients_of(
    problem: Problem, monitor: Monitor, here: Coordinates
) -> Callable[[Float[np.ndarray, "row d"]], tuple[Float[np.ndarray, " row"], Float[np.ndarray, "row d"]]]:
    """A function that gives potentials and gradients of a step's points, looking at the monitor between batches."""
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
