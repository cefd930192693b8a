"""Values that no argument accepts, and a few that some arguments accept."""

import datetime
import decimal
import fractions
import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import astropy.units as u
import jax.numpy as jnp
import numpy as np

from .case import Case, named, right


# Made anew for each case: a generator can be read once.
NONSENSE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "abc",
    "empty text": lambda: "",
    "text of a number": lambda: "3.0",
    "NumPy text": lambda: np.str_("3"),
    "bytes": lambda: b"3",
    "True": lambda: True,
    "NumPy False": lambda: np.bool_(False),
    "NaN": lambda: math.nan,
    "NumPy NaN": lambda: np.float32("nan"),
    "JAX NaN": lambda: jnp.array(math.nan),
    "infinity": lambda: math.inf,
    "minus infinity": lambda: -math.inf,
    "a number of 400 digits": lambda: 10**400,
    "complex": lambda: 3.0 + 1.0j,
    "complex of no dimensions": lambda: np.array(3.0 + 0j),
    "list": lambda: [3.0],
    "ragged list": lambda: [[1.0], [1.0, 2.0]],
    "empty list": list,
    "tuple of three": lambda: (1.0, 2.0, 3.0),
    "dict": lambda: {"a": 3.0},
    "set": lambda: {3.0},
    "object": object,
    "class": lambda: float,
    "function": lambda: len,
    "generator": lambda: (n for n in (1.0, 2.0)),
    "empty array": lambda: np.zeros(0),
    "array of one": lambda: np.ones(1),
    "array of three": lambda: np.full(3, 2.0),
    "JAX array of three": lambda: jnp.full(3, 2.0),
    "cube": lambda: np.ones((2, 2, 2)),
    "text of no dimensions": lambda: np.array("3"),
    "object of no dimensions": lambda: np.array(None, dtype=object),
    "masked": lambda: np.ma.masked,
    "quantity": lambda: 3.0 * u.m,
    "date": lambda: datetime.date(2026, 1, 1),
    "NumPy date": lambda: np.datetime64("2026-01-01"),
    "NumPy time": lambda: np.timedelta64(3, "s"),
    "decimal NaN": lambda: decimal.Decimal("nan"),
}
NUMBERS: dict[str, Callable[[], Any]] = {
    "whole": lambda: 3,
    "NumPy single": lambda: np.float32(3),
    "NumPy short": lambda: np.int16(3),
    "no dimensions": lambda: np.array(3.0),
    "JAX number": lambda: jnp.array(3.0),
}
EXOTIC: dict[str, Callable[[], Any]] = {
    "fraction": lambda: fractions.Fraction(3),
    "decimal": lambda: decimal.Decimal(3),
}


def refused(
    of: str,
    argument: str,
    call: Callable[[Any], Any],
    *fragments: str,
    fine: Collection[str] = (),
    only: Collection[str] = tuple(NONSENSE),
    also: dict[str, Any] | None = None,
) -> Iterator[Case]:
    """A case for every kind of nonsense that the argument must refuse, but not `fine`, and for `also`."""
    for kind in only:
        if kind not in fine:
            yield named(of, f"{argument} = {kind}", lambda make=NONSENSE[kind]: call(make()), *fragments)
    for kind, value in (also or {}).items():
        yield named(of, f"{argument} = {kind}", lambda value=value: call(value), *fragments)


def taken(of: str, argument: str, call: Callable[[Any], Any], check: Callable[[Any], Any]) -> Iterator[Case]:
    """A case for every kind of number three."""
    for kind, make in NUMBERS.items():
        yield right(of, f"{argument} = {kind}", lambda make=make: call(make()), check)
