"""Seeds of random numbers: whole numbers of up to 63 bits, each with its own sequence."""

from typing import Any

import jax
import numpy as np

from sersiclab.runtime.errors import InputError, InputTypeError


def checked_seed(seed: Any) -> int:
    """Return the seed; raise `TypeError` or `ValueError` unless it is a whole number of up to 63 bits."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool | np.timedelta64)
    if not whole or seed < 0:
        raise InputTypeError(f"seed must be a whole number, not negative, got {seed!r}")
    if seed >= 2**63:
        raise InputError(f"seed must be below 2**63, got {seed!r}")
    return int(seed)


def subseed(seed: int, *numbers: int) -> int:
    """Return the seed of one of several parts, which `numbers` tell apart."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1, np.uint64)[0]) >> 1


def key_of(seed: int) -> jax.Array:
    """Return the key of a seed, equal in single and double precision; JAX itself drops the higher bits in single."""
    high, low = divmod(int(seed), 2**32)
    key = jax.random.key(np.uint32(low))
    return jax.random.fold_in(key, np.uint32(high)) if high else key
