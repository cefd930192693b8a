"""Quantities derived from the parameters, for every draw."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.model import Model
from sersiclab.parameters import AbstractPrior


Function = Callable[[Mapping[str, Any]], Any]
BATCH = 1024  # draws evaluated at once


@dataclasses.dataclass(frozen=True, eq=False)
class Derived:
    """A derived quantity: its draws (chain, draw; empty without draws), value at `best`, sd and unit."""

    draws: Float[np.ndarray, "chain draw"]
    best: float
    sd: float
    unit: str


def derive(
    fn: Function,
    model: Model,
    draws: Mapping[str, Float[np.ndarray, "chain draw"]],
    best: Mapping[str, float],
    covariance: Float[np.ndarray, "d d"] | None,
    *,
    name: str,
    unit: str,
) -> Derived:
    """Evaluate `fn` on the components at every draw and at `best`.

    Without draws the sd is the delta method's, from the covariance of the unconstrained parameters.
    Raises `TypeError` or `ValueError` if `fn` is not a JAX function with a scalar result.
    """

    def of(values: Mapping[str, Float[Array, ""]]) -> Float[Array, ""]:
        return jnp.asarray(fn(model.at(values).components), dtype=float)

    point = {path: jnp.asarray(value, dtype=float) for path, value in best.items()}
    _check(of, point, name)
    value = float(of(point))
    if not draws:
        return Derived(np.empty((0, 0)), value, delta_sd(of, model.free, best, covariance), unit)
    shape = next(iter(draws.values())).shape
    flat = {path: jnp.asarray(array.reshape(-1), dtype=float) for path, array in draws.items()}
    values = np.asarray(jax.jit(lambda v: jax.lax.map(of, v, batch_size=BATCH))(flat)).reshape(shape)
    return Derived(values, value, float(np.std(values, ddof=1)), unit)


def delta_sd(
    of: Callable[[Mapping[str, Any]], Any],
    priors: Mapping[str, AbstractPrior],
    best: Mapping[str, float],
    covariance: Float[np.ndarray, "d d"] | None,
) -> float:
    """Standard deviation of `of(values)` to first order, sqrt(g C g) with g its gradient; NaN without C."""
    if covariance is None:
        return float("nan")
    u = jnp.stack([jnp.asarray(prior.transform().inv(best[path]), dtype=float) for path, prior in priors.items()])

    def at(u: Float[Array, " d"]) -> Any:
        return of({path: prior.transform()(ui) for ui, (path, prior) in zip(u, priors.items(), strict=True)})

    gradient = np.asarray(jax.grad(at)(u), dtype=float)
    return float(np.sqrt(gradient @ covariance @ gradient))


def parameter_sds(
    priors: Mapping[str, AbstractPrior], best: Mapping[str, float], covariance: Float[np.ndarray, "d d"] | None
) -> dict[str, float]:
    """The same for the parameters themselves, each of which depends on its own u alone."""
    if covariance is None:
        return dict.fromkeys(priors, float("nan"))
    u_sds = np.sqrt(np.diag(covariance))
    sds = {}
    for (path, prior), u_sd in zip(priors.items(), u_sds, strict=True):
        transform = prior.transform()
        u = jnp.asarray(transform.inv(best[path]), dtype=float)
        sds[path] = float(abs(jax.grad(transform)(u))) * float(u_sd)
    return sds


def _check(of: Function, point: Mapping[str, Any], name: str) -> None:
    try:
        result = jax.eval_shape(of, point)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise TypeError(
            f"the function for {name!r} must work on JAX numbers: jax.numpy instead of numpy or math, and no `if`"
        ) from error
    if result.shape != ():
        raise ValueError(f"the function for {name!r} must give one number a draw, got shape {result.shape}")
