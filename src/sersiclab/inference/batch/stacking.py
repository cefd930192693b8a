"""Densities of equal shapes and structure, stacked so that one compiled program computes with all of them."""

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from sersiclab.model.density import Density


T = TypeVar("T")

# A block of stamps is computed by one call, which takes a fraction of a second. Its size depends on the size of the
# stamps alone, so that no result depends on how many stamps there are.
BLOCK_PIXELS, MOST_STAMPS = 2**16, 16


def alike(densities: Sequence[Density]) -> list[list[int]]:
    """Return the indices of the densities that may be stacked together, kind by kind."""
    kinds: dict[Any, list[int]] = {}
    for i, density in enumerate(densities):
        leaves, structure = jax.tree.flatten(density)
        key = (structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        kinds.setdefault(key, []).append(i)
    return list(kinds.values())


def block_size(density: Density) -> int:
    """Return the number of stamps in a block of densities like this one."""
    return max(1, min(MOST_STAMPS, BLOCK_PIXELS // density.data.size))


def stacked(trees: Sequence[T], count: int) -> T:
    """Return one tree whose leaves hold those of `trees` and, up to `count`, of copies of the last."""
    filled = [*trees, *[trees[-1]] * (count - len(trees))]
    # By NumPy: JAX would compile, or dispatch, an operation for each leaf.
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *filled)


def part(tree: T, index: int | np.ndarray) -> T:
    """Return the parts of stacked trees at an index."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)
