"""Chains of the No-U-Turn Sampler, in jitted chunks of draws."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro.infer.hmc_util import IntegratorState, build_tree, dual_averaging, euclidean_kinetic_energy

from sersiclab.inference.coordinates.potential import Coordinates, potential
from sersiclab.inference.running.program import Program
from sersiclab.model.unconstrained import AbstractDensity, Vector


# Largest depth of a trajectory's tree.
DEEPEST = 10
# Draws of a chain at most between two looks at the monitor.
CHUNK = 32
# The potential of a chain that has not been evaluated.
UNKNOWN = 1e30
# Regularisation of dual averaging (gamma). With the usual 0.05 the step size changes by factors, and its average
# becomes so small that a target of 0.8 gives an acceptance of 0.9; a nearly normal posterior needs no such changes.
REGULARISATION = 0.3


Leaf = Array | np.ndarray


class Settings(NamedTuple):
    """Settings that may change from chunk to chunk without compiling."""

    adapting: Array
    target_accept: Array
    max_tree_depth: Array
    steps: Array


class Chain(NamedTuple):
    """The last point of a chain, and numpyro's state of the dual averaging of its step size."""

    z: Vector
    potential: Float[Array, ""]
    gradient: Vector
    key: Array
    averaging: Any


class Trace(NamedTuple):
    """The record of a chunk of a chain, with a row for each draw."""

    z: Leaf
    potential: Leaf
    energy: Leaf
    acceptance_rate: Leaf
    n_steps: Leaf
    tree_depth: Leaf
    diverging: Leaf
    step_size: Leaf


# Jitted on its own so that it is traced once: numpyro's nested loops trace their bodies several times.
_potential_and_gradient = jax.jit(jax.value_and_grad(potential, argnums=2))


def _transition(density: AbstractDensity, here: Coordinates, settings: Settings, chain: Chain) -> tuple[Chain, Trace]:
    """Take one draw."""

    def leapfrog(step: Array, inverse_mass: Vector, state: IntegratorState) -> IntegratorState:
        z, r, _, gradient = state
        r = r - 0.5 * step * gradient
        z = z + step * inverse_mass * r
        potential, gradient = _potential_and_gradient(density, here, z)
        return IntegratorState(z, r - 0.5 * step * gradient, potential, gradient)

    # A chain at a new point finds its potential by one leapfrog of length zero, which is accepted because the unknown
    # potential is so large. So there is only one gradient to compile.
    fresh = chain.potential >= UNKNOWN
    log_step, log_step_average, *_ = chain.averaging
    step = jnp.where(fresh, 0.0, jnp.exp(jnp.where(settings.adapting, log_step, log_step_average)))
    key, momentum_key, tree_key = jax.random.split(chain.key, 3)
    momentum = jax.random.normal(momentum_key, chain.z.shape, chain.z.dtype)
    tree = build_tree(
        leapfrog,
        euclidean_kinetic_energy,
        IntegratorState(chain.z, momentum, chain.potential, chain.gradient),
        jnp.ones_like(chain.z),
        step,
        tree_key,
        max_tree_depth=(jnp.where(fresh, 1, settings.max_tree_depth), DEEPEST),  # pyright: ignore[reportArgumentType]
    )
    acceptance = tree.sum_accept_probs / tree.num_proposals
    _, update = dual_averaging(gamma=REGULARISATION)
    adapted = update(settings.target_accept - acceptance, chain.averaging)
    learn = settings.adapting & ~fresh
    averaging = jax.tree.map(lambda new, old: jnp.where(learn, new, old), adapted, chain.averaging)
    trace = Trace(
        z=tree.z_proposal,
        potential=tree.z_proposal_pe,
        energy=tree.z_proposal_energy,
        acceptance_rate=acceptance,
        n_steps=tree.num_proposals,
        tree_depth=tree.depth,
        diverging=tree.diverging,
        step_size=step,
    )
    return Chain(tree.z_proposal, tree.z_proposal_pe, tree.z_proposal_grad, key, averaging), trace


def sample(density: AbstractDensity, here: Coordinates, settings: Settings, chains: Chain) -> tuple[Chain, Trace]:
    """Take `settings.steps` draws of each chain; the remaining rows of the trace stay empty."""

    def one(chain: Chain) -> tuple[Chain, Trace]:
        real, whole, flags = jnp.zeros(CHUNK), jnp.zeros(CHUNK, int), jnp.zeros(CHUNK, bool)
        empty = Trace(jnp.zeros((CHUNK, chain.z.size)), real, real, real, whole, whole, flags, real)

        def draw(i: Array, carry: tuple[Chain, Trace]) -> tuple[Chain, Trace]:
            chain, row = _transition(density, here, settings, carry[0])
            return chain, jax.tree.map(lambda rows, value: rows.at[i].set(value), carry[1], row)

        return jax.lax.fori_loop(0, settings.steps, draw, (chain, empty))

    if len(chains.potential) > 1:
        return jax.vmap(one)(chains)
    # A batch of one would compute both branches of every condition, and take twice as long to trace.
    alone = one(jax.tree.map(lambda leaf: leaf[0], chains))
    return jax.tree.map(lambda leaf: leaf[None], alone)


SAMPLE = Program(sample)
