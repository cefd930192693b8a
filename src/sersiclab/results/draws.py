"""Draws of one quantity, and a derived quantity with its draws."""

import dataclasses

import numpy as np
from jaxtyping import Float


Draws = Float[np.ndarray, "chain draw"]
"""The draws of one quantity: a row for each chain."""


@dataclasses.dataclass(frozen=True, eq=False)
class Derived:
    """A derived quantity: its draws (chain, draw; empty without draws), its value at `best`, its sd and its unit."""

    draws: Draws
    best: float
    sd: float
    unit: str


def coordinates(chains: int, number: int) -> dict[str, np.ndarray]:
    """Return xarray's coordinates for arrays (chain, draw) of this shape."""
    return {"chain": np.arange(chains), "draw": np.arange(number)}
