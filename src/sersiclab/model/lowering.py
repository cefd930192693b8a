"""Models as trees of arrays, which jitted functions take as arguments."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.parameters import AbstractPrior


def lower(tree: Any) -> Any:
    """Return the tree with arrays for numbers, so that jitted functions trace them, and without `init`s."""

    def without_init(node: Any) -> Any:
        if isinstance(node, AbstractPrior) and node.init is not None:
            return eqx.tree_at(lambda prior: prior.init, node, None)
        return node

    tree = jax.tree.map(without_init, tree, is_leaf=lambda node: isinstance(node, AbstractPrior))
    leaves, structure = jax.tree.flatten(tree)
    leaves = [_to_array(leaf) for leaf in leaves]
    # All at once, which takes little longer than one.
    moved = iter(jax.device_put([leaf for leaf in leaves if isinstance(leaf, np.ndarray)]))
    return jax.tree.unflatten(structure, [next(moved) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves])


def alike(trees: Sequence[Any]) -> list[list[int]]:
    """Return the indices of the trees whose leaves may be stacked, kind by kind."""
    kinds: dict[Any, list[int]] = {}
    for i, tree in enumerate(trees):
        leaves, structure = jax.tree.flatten(tree)
        key = (structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        kinds.setdefault(key, []).append(i)
    return list(kinds.values())


def _to_array(leaf: Any) -> Any:
    """Return a number, or an array, in the user's default precision, float32 or float64, whatever its own is."""
    if isinstance(leaf, np.ndarray):
        dtype = {"f": float, "c": complex}.get(leaf.dtype.kind, leaf.dtype)
        return leaf.astype(jax.dtypes.canonicalize_dtype(dtype), copy=False)
    kind = jnp.result_type(leaf).kind
    return jnp.asarray(leaf, dtype={"f": float, "c": complex}.get(kind))
