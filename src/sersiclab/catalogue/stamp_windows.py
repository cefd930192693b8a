"""Rectangles of pixels in a mosaic."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sersiclab.data.sections import Span


@dataclasses.dataclass(frozen=True)
class StampWindow:
    """Pixels `[y0:y0 + ny, x0:x0 + nx]` of a mosaic, from 0; some or all may lie outside it."""

    x0: int
    y0: int
    nx: int
    ny: int

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.ny, self.nx

    @property
    def spans(self) -> tuple[Span, Span]:
        """The pixels along x and y."""
        return Span(self.x0 + 1, 1, self.nx), Span(self.y0 + 1, 1, self.ny)

    def within(self, shape: tuple[int, int]) -> "StampWindow | None":
        """Return the part inside a mosaic of this shape; None if there is none."""
        x0, y0 = max(self.x0, 0), max(self.y0, 0)
        nx, ny = min(self.x0 + self.nx, shape[1]) - x0, min(self.y0 + self.ny, shape[0]) - y0
        return StampWindow(x0, y0, nx, ny) if nx > 0 and ny > 0 else None

    def grown(self, side: int, shape: tuple[int, int]) -> "StampWindow":
        """Return a window at least `side` pixels wide and high, if the mosaic is, around this one inside a mosaic."""
        nx, ny = min(max(self.nx, side), shape[1]), min(max(self.ny, side), shape[0])
        x0 = min(max(self.x0 - (nx - self.nx) // 2, 0), shape[1] - nx)
        y0 = min(max(self.y0 - (ny - self.ny) // 2, 0), shape[0] - ny)
        return StampWindow(x0, y0, nx, ny)

    def fitted(self, array: Shaped[np.ndarray, "b a"], region: "StampWindow", fill: Any) -> Shaped[np.ndarray, "y x"]:
        """Return the pixels of this window from an array of those of a region, `fill` outside of it."""
        if region == self:
            return array
        result = np.full(self.shape, fill, array.dtype)
        x, y = max(self.x0, region.x0), max(self.y0, region.y0)
        nx = min(self.x0 + self.nx, region.x0 + region.nx) - x
        ny = min(self.y0 + self.ny, region.y0 + region.ny) - y
        inside = array[y - region.y0 : y - region.y0 + ny, x - region.x0 : x - region.x0 + nx]
        result[y - self.y0 : y - self.y0 + ny, x - self.x0 : x - self.x0 + nx] = inside
        return result

    def __str__(self) -> str:
        return f"[{self.x0 + 1}:{self.x0 + self.nx},{self.y0 + 1}:{self.y0 + self.ny}]"


def centred(x: float, y: float, shape: tuple[int, int]) -> StampWindow:
    """Return the window of this shape, (ny, nx), whose centre is nearest to a position: within half a pixel."""
    ny, nx = shape
    return StampWindow(int(np.floor(x - (nx - 1) / 2 + 0.5)), int(np.floor(y - (ny - 1) / 2 + 0.5)), nx, ny)
