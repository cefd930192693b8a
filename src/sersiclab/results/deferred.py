"""Arrays of xarray whose values are computed when they are first asked for.

Imports xarray, so that it is imported where it is used.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing


class _Deferred(BackendArray):
    """What xarray takes for an array in a file, which it reads when need be (its guide to new backends)."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, compute: Callable[[], np.ndarray]) -> None:
        self.shape, self.dtype, self.compute = shape, dtype, compute

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._part)

    def _part(self, key: tuple[Any, ...]) -> np.ndarray:
        return np.asarray(self.compute(), dtype=self.dtype)[key]

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Deferred":
        return self  # what it computes does not change


def deferred(shape: tuple[int, ...], dtype: np.dtype, compute: Callable[[], np.ndarray]) -> Any:
    """An array of this shape and type for an xarray variable. `compute` gives its values, and keeps them itself."""
    lazy: Any = indexing.LazilyIndexedArray(_Deferred(shape, dtype, compute))
    return indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))
