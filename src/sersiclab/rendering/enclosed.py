"""The light within each isophote of a mixture of Gaussians, with the derivatives that fitting needs."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


# The number of pairs of Gaussians that are added in one iteration of the loop.
_PAIRS = 4


class Growth(eqx.Module):
    """`constant + sum_j w_j (1 - exp(-2^(j/2) q))`: the fraction of the light within the squared radius of `q`.

    The weights and the constant are functions of `scales`. The rows of `chains` are w_j and its derivatives with
    respect to each of the scales, arranged by `pairs_of`; `constants` are the constant of each row.

    Derivatives are those with respect to `scales`, which include the changes of the other fields.
    """

    scales: Float[Array, " d"]
    chains: Float[Array, "c p two m"]
    constants: Float[Array, " m"]


def pairs_of(rows: Float[Array, "m k"]) -> Float[Array, "c p two m"]:
    """Return weights, the widest Gaussian first, in the arrangement of `Growth.chains`."""
    kinds, size = rows.shape
    pieces = math.ceil(size / (2 * _PAIRS))
    padded = jnp.pad(rows, ((0, 0), (0, 2 * _PAIRS * pieces - size)))
    return padded.reshape(kinds, pieces, _PAIRS, 2).transpose(1, 2, 3, 0)


@jax.custom_jvp
def enclosed(growth: Growth, q: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Return the fraction of the light within `q`, with a small relative error however small the fraction is."""
    return _sums(growth, q, 1)[0]


@enclosed.defjvp
def _enclosed_jvp(primals: Any, tangents: Any) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    (growth, q), (change, q_dot) = primals, tangents
    sums = _sums(growth, q, growth.constants.size, sloped=True)
    tangent = sums[-1] * q_dot
    for i in range(growth.scales.size):
        tangent = tangent + sums[1 + i] * change.scales[i]
    return sums[0], tangent


def _sums(growth: Growth, q: Float[Array, "*s"], kinds: int, *, sloped: bool = False) -> tuple[Float[Array, "*s"], ...]:
    """Return the sums for the first `kinds` rows, and the derivative of the first with respect to q.

    With f = 1 - exp for one Gaussian, the one two further on has f (2 - f). The relative error does not grow from one
    to the next.
    """
    chains = growth.chains[..., :kinds]
    start = [jnp.broadcast_to(constant, q.shape) for constant in growth.constants[:kinds]]
    start += [jnp.zeros_like(q)] * sloped
    first = tuple(-jnp.expm1(-rate * q) for rate in (1.0, math.sqrt(2.0)))
    rates = (2.0 ** np.arange(chains.shape[0] * _PAIRS)).reshape(-1, _PAIRS).astype(q.dtype)

    def add(carry: Any, piece: Any) -> tuple[Any, None]:
        sums, parts = carry
        weights, rate = piece
        sums = list(sums)
        for step in range(_PAIRS):
            for i, part in enumerate(parts):
                for kind in range(kinds):
                    sums[kind] = sums[kind] + weights[step, i, kind] * part
                if sloped:
                    slope = weights[step, i, 0] * rate[step] * 2.0 ** (i / 2)
                    sums[-1] = sums[-1] + slope * (1.0 - part)
            parts = tuple(part * (2.0 - part) for part in parts)
        return (tuple(sums), parts), None

    return lax.scan(add, (tuple(start), first), (chains, jnp.asarray(rates)))[0][0]
