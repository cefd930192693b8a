"""Densities of equal shapes and structure, stacked so that one compiled program computes with all of them."""

from collections.abc import Sequence
from typing import TypeVar

import jax
import numpy as np

from sersiclab.model.unconstrained import AbstractDensity


T = TypeVar("T")

# A block of stamps is computed by one call, which takes a fraction of a second. Its size depends on the size of the
# stamps alone, so that no result depends on how many stamps there are.
BLOCK_PIXELS, MOST_STAMPS = 2**16, 16


def block_size(density: AbstractDensity) -> int:
    """Return the number of stamps in a block of densities like this one."""
    return max(1, min(MOST_STAMPS, BLOCK_PIXELS // density.size))


def stacked(trees: Sequence[T], count: int) -> T:
    """Return one tree whose leaves hold those of `trees` and, up to `count`, of copies of the last."""
    filled = [*trees, *[trees[-1]] * (count - len(trees))]
    # By NumPy: JAX would compile, or dispatch, an operation for each leaf.
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *filled)


def part(tree: T, index: int | np.ndarray) -> T:
    """Return the parts of stacked trees at an index."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)
