"""A flow: an invertible map from standard normal points to draws from a posterior.

Each layer maps e to shift + scale sinh(tail arcsinh(e) + skew), number by number; shift, scale, tail and skew of
a number come from a masked network of the numbers before it (autoregressive flows: Kingma et al. 2016,
arXiv:1606.04934; masks: Germain et al. 2015, arXiv:1502.03509; sinh-arcsinh: Jones & Pewsey 2009, Biometrika 96,
761). The order is reversed from layer to layer. With all weights of the last step zero it is the identity.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.example_libraries import stax
from jaxtyping import Array, Float
from numpyro.nn import AutoregressiveNN

from sersiclab.model.unconstrained import Vector


LAYERS = 2
# Width of the hidden layer of each network.
WIDTH = 24
# Largest ln scale, skew and ln tail: a map that bends more has been fitted to noise.
MOST_SCALE, MOST_SKEW, MOST_TAIL = 2.0, 1.0, 0.5
ROWS = 16


class Flow(NamedTuple):
    """The weights of each layer's network."""

    layers: tuple[Any, ...]


def identity(size: int, key: Array) -> Flow:
    """Return the flow of this many parameters that changes nothing."""
    begin, _ = _network(size)
    layers = []
    for each in jax.random.split(key, LAYERS):
        _, weights = begin(each, (size,))
        layers.append([*weights[:-1], jax.tree.map(jnp.zeros_like, weights[-1])])
    return Flow(tuple(layers))


def transport(flow: Flow, e: Vector) -> tuple[Float[Array, " d"], Float[Array, ""]]:
    """Return the image of a point, and ln |det J| there."""
    z, log_stretch = jnp.asarray(e), jnp.zeros(())
    _, network = _network(z.size)
    for weights in flow.layers:
        shift, scale, skew, tail = network(weights, z)
        log_scale, log_tail = _within(MOST_SCALE, scale), _within(MOST_TAIL, tail)
        bent = jnp.exp(log_tail) * jnp.arcsinh(z) + _within(MOST_SKEW, skew)
        log_cosh = jnp.logaddexp(bent, -bent) - jnp.log(2.0)
        log_stretch += jnp.sum(log_scale + log_tail + log_cosh - 0.5 * jnp.log1p(z**2))
        z = (shift + jnp.exp(log_scale) * jnp.sinh(bent))[::-1]
    return z, log_stretch


def score(flow: Flow, e: Vector) -> Vector:
    """Return the gradient of the flow's log density at the image of `e`."""
    jacobian = jax.jacfwd(lambda point: transport(flow, point)[0])(e)
    stretch = jax.grad(lambda point: transport(flow, point)[1])(e)
    return jnp.linalg.solve(jacobian.T, -e - stretch)


def rows_at_once(size: int) -> int:
    """Return how many points are mapped at once: a multiple of `ROWS`, and at least twice the parameters."""
    return ROWS * -(-2 * size // ROWS)


@jax.jit
def push(flow: Flow, e: Float[Array, "row d"]) -> tuple[Float[Array, "row d"], Float[Array, " row"]]:
    """Apply `transport` to many points."""
    return jax.vmap(lambda row: transport(flow, row))(e)


def transported(flow: Flow, e: Array | Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s d"]:
    """Return the images of points in double precision, a fixed number of rows at a time so that it compiles once."""
    rows = np.reshape(np.asarray(e, dtype=float), (-1, np.shape(e)[-1]))
    many = rows_at_once(rows.shape[1])
    padded = np.resize(rows, (-(-len(rows) // many) * many, rows.shape[1])).astype(jnp.result_type(float))
    blocks = [np.asarray(push(flow, block)[0], dtype=float) for block in np.split(padded, len(padded) // many)]
    return np.concatenate(blocks)[: len(rows)].reshape(np.shape(e))


def _network(size: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the functions that initialise and apply the network of a layer."""
    return AutoregressiveNN(size, [max(WIDTH, size)], param_dims=[1, 1, 1, 1], nonlinearity=stax.Tanh)


def _within(limit: float, x: Vector) -> Vector:
    return limit * jnp.tanh(x / limit)
