"""Statistics of position angles, which are defined modulo pi (Mardia & Jupp 2000, chapter 2)."""

from typing import TypeVar

import numpy as np
from jaxtyping import Float


PERIOD = np.pi
A = TypeVar("A", float, np.ndarray)


def mean(angles: Float[np.ndarray, "*s"]) -> float:
    """Return the circular mean in [0, pi): the direction of the mean of exp(2i theta)."""
    return float(_wrap(0.5 * np.angle(_resultant(angles))))


def sd(angles: Float[np.ndarray, "*s"]) -> float:
    """Return the circular standard deviation, sqrt(-2 ln R) / 2, with R the length of the mean of exp(2i theta)."""
    length = np.clip(np.abs(_resultant(angles)), np.finfo(float).tiny, 1.0)
    return float(0.5 * np.sqrt(-2.0 * np.log(length)))


def unwrap(angles: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """Return the angles, moved by multiples of pi to within pi/2 of their circular mean.

    Quantiles, densities and r_hat of the result have no seam at 0 and pi.
    """
    return near(angles, mean(angles))


def near(angles: A, centre: float) -> A:
    """Return the angles, moved by multiples of pi to within pi/2 of `centre`."""
    return centre + (angles - centre + 0.5 * PERIOD) % PERIOD - 0.5 * PERIOD


def wrap(angle: float) -> float:
    """Return the angle modulo pi, in [0, pi)."""
    return float(_wrap(angle))


def _wrap(angle: float) -> float:
    wrapped = angle % PERIOD
    return 0.0 if wrapped >= PERIOD else wrapped  # -1e-20 % pi rounds to pi


def _resultant(angles: Float[np.ndarray, "*s"]) -> complex:
    return complex(np.mean(np.exp(2j * np.asarray(angles, dtype=float))))
