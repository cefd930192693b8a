"""Models as trees of arrays, which jitted functions take as arguments."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sersiclab.parameters import AbstractPrior


def lower(tree: Any) -> Any:
    """Return the tree with arrays for numbers, so that jitted functions trace them, and without `init`s."""

    def without_init(node: Any) -> Any:
        if isinstance(node, AbstractPrior) and node.init is not None:
            return eqx.tree_at(lambda prior: prior.init, node, None)
        return node

    def to_array(leaf: Any) -> Any:
        # The user's default precision, float32 or float64, whatever that of the array is.
        kind = jnp.result_type(leaf).kind
        return jnp.asarray(leaf, dtype={"f": float, "c": complex}.get(kind))

    tree = jax.tree.map(without_init, tree, is_leaf=lambda node: isinstance(node, AbstractPrior))
    return jax.tree.map(to_array, tree)
