"""Quantities derived from the parameters, for every draw."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.model.accuracy import enable_x64
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived
from sersiclab.results.spaces import spaces_of
from sersiclab.runtime.errors import InputError, InputTypeError


FunctionOfComponents = Callable[[Mapping[str, Any]], Any]
BATCH = 1024  # draws evaluated at once


def derive(fn: FunctionOfComponents, fit: AbstractDrawn, *, name: str, unit: str) -> Derived:
    """Evaluate `fn` on the components at every draw and at `best`.

    Double precision is used if the image's numbers are out of range for single precision. Without draws the sd is the
    delta method's, from the covariance of the unconstrained parameters. Raises `TypeError` or `ValueError` if `fn` is
    not a JAX function with a scalar result.
    """

    if not callable(fn):
        raise InputTypeError(f"fn must be a function of the components, such as lambda s: s['disk'].flux, got {fn!r}")
    if not isinstance(unit, str):
        raise InputTypeError(f"unit must be a string such as 'pixel', got {unit!r}")

    def of(values: Mapping[str, Float[Array, ""]]) -> Float[Array, ""]:
        return jnp.asarray(fn(fit.model.at(values).components), dtype=float)

    with enable_x64() if fit.exponent else nullcontext():
        point = {path: jnp.asarray(value, dtype=float) for path, value in fit.best.items()}
        _check(of, point, name)
        value = float(of(point))
        if not fit.draws:
            return Derived(np.empty((0, 0)), value, delta_sd(of, fit), unit)
        shape = next(iter(fit.draws.values())).shape
        flat = {path: jnp.asarray(array.reshape(-1), dtype=float) for path, array in fit.draws.items()}
        values = np.asarray(jax.jit(lambda v: jax.lax.map(of, v, batch_size=BATCH))(flat)).reshape(shape)
    return Derived(values, value, float(np.std(values, ddof=1)), unit)


def delta_sd(of: Callable[[Mapping[str, Any]], Any], fit: AbstractDrawn) -> float:
    """Return the standard deviation of `of(values)` to first order, sqrt(g C g) with g its gradient; NaN without C."""
    if fit.covariance is None:
        return float("nan")
    spaces = spaces_of(fit)
    u = jnp.stack([jnp.asarray(space.u, dtype=float) for space in spaces.values()])

    def at(u: Float[Array, " d"]) -> Any:
        return of({path: space.value(ui) for ui, (path, space) in zip(u, spaces.items(), strict=True)})

    gradient = np.asarray(jax.grad(at)(u), dtype=float)
    return float(np.sqrt(gradient @ fit.covariance @ gradient))


def parameter_sds(fit: AbstractDrawn) -> dict[str, float]:
    """Return the standard deviations of the parameters, each of which depends on its own u alone."""
    if fit.covariance is None:
        return dict.fromkeys(fit.model.free, float("nan"))
    sds = np.sqrt(np.diag(fit.covariance))
    return {path: space.slope() * float(sd) for (path, space), sd in zip(spaces_of(fit).items(), sds, strict=True)}


def _check(of: Callable[[Mapping[str, Any]], Any], point: Mapping[str, Any], name: str) -> None:
    try:
        result = jax.eval_shape(of, point)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise InputTypeError(
            f"the function for {name!r} must work on JAX numbers: jax.numpy instead of numpy or math, and no `if`"
        ) from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        error.add_note(f"raised by the function for {name!r}, which takes the components by name and gives a number")
        raise
    if result.shape != ():
        raise InputError(f"the function for {name!r} must give one number a draw, got shape {result.shape}")
