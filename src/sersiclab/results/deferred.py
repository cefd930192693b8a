"""Arrays of xarray whose values are computed when they are first needed.

This module imports xarray; import it only where it is used.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing


class _Deferred(BackendArray):
    """An array that xarray treats like one in a file, which it reads when needed (its guide to new backends)."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, compute: Callable[[], np.ndarray]) -> None:
        self.shape, self.dtype, self.compute = shape, dtype, compute

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._part)

    def _part(self, key: tuple[Any, ...]) -> np.ndarray:
        return np.asarray(self.compute(), dtype=self.dtype)[key]

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Deferred":
        return self  # its values do not change


def deferred(shape: tuple[int, ...], dtype: np.dtype, compute: Callable[[], np.ndarray]) -> Any:
    """Return an array for an xarray variable; `compute` returns its values, and should cache them."""
    lazy: Any = indexing.LazilyIndexedArray(_Deferred(shape, dtype, compute))
    return indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))
