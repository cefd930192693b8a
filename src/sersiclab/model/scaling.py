"""Scaling of images and models whose numbers single precision can't hold, by a power of two.

In erg/s/cm²/Hz an image holds numbers of about 1e-30, whose squares are zero in single precision. If a typical sigma
lies outside `LEAST` to `MOST`, everything is computed with an image whose sigma is about one, and with a model of it.
Parameters that are declared in units of the image are scaled with it, and so are their priors; other parameters are
unchanged. A power of two changes no digit.
"""

import dataclasses
import inspect
import math
from collections.abc import Iterable
from typing import Any

import jax.core
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Int
from numpyro.distributions import transforms

from sersiclab.data.image import Image
from sersiclab.parameters import (
    AbstractParameter,
    AbstractPrior,
    Owners,
    Parameter,
    Tied,
    own_parameters,
    parameter_info,
    with_parameters,
)
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.priors import Custom, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.parameters.scalars import is_number
from sersiclab.parameters.tree import base_path
from sersiclab.runtime.errors import InputError


LEAST, MOST = 2.0**-20, 2.0**20
SOME = 2**14  # a typical sigma is found from about this many pixels
SINGLE = 100  # the largest power of two by which single-precision numbers may be scaled

# The parameters of numpyro's distributions that scale with the quantity, and the power of the scale.
LAWS: tuple[tuple[tuple[type[dist.Distribution], ...], dict[str, int]], ...] = (
    (
        (dist.Normal, dist.StudentT, dist.Cauchy, dist.Laplace, dist.Logistic, dist.Gumbel, dist.SoftLaplace),
        {"loc": 1, "scale": 1},
    ),
    ((dist.HalfNormal, dist.HalfCauchy, dist.Weibull, dist.Pareto), {"scale": 1}),
    ((dist.Uniform, dist.LogUniform), {"low": 1, "high": 1}),
    ((dist.Gamma, dist.Exponential), {"rate": -1}),
    ((dist.InverseGamma,), {"rate": 1}),
)
TRUNCATED = (
    dist.LeftTruncatedDistribution,
    dist.RightTruncatedDistribution,
    dist.TwoSidedTruncatedDistribution,
)


def exponent_of(image: Image) -> int:
    """Return the power of two that makes a typical sigma about one; 0 if single precision needs no scaling."""
    typical = typical_sigma(image)
    return 0 if typical is None or LEAST <= typical <= MOST else 1 - math.frexp(typical)[1]


def common_exponent(images: Iterable[Image]) -> int:
    """Return the power of two that makes a typical sigma of several images about one; 0 if none needs scaling.

    Raises `ValueError` if single precision can't hold all of them with one.
    """
    known = [typical for image in images if (typical := typical_sigma(image)) is not None]
    if not known or all(LEAST <= typical <= MOST for typical in known):
        return 0
    exponent = 1 - math.frexp(math.sqrt(min(known)) * math.sqrt(max(known)))[1]
    if not all(LEAST <= math.ldexp(typical, exponent) <= MOST for typical in known):
        raise InputError(
            f"images: sigma is about {min(known):.2g} in one and {max(known):.2g} in another, which single precision "
            "can't hold together: give them in similar units"
        )
    return exponent


def typical_sigma(image: Image) -> float | None:
    """Return the median sigma of some of the pixels; None if it is traced."""
    if isinstance(image.sigma, jax.core.Tracer) or isinstance(image.mask, jax.core.Tracer):
        return None
    valid, sigma = np.ravel(image.valid), np.ravel(image.sigma)
    step = -(-sigma.size // SOME)
    some = sigma[::step][valid[::step]]
    if not some.size:
        some = sigma[valid]
    return float(np.median(some))


def times(array: Any, exponent: int | Int[np.ndarray, " d"]) -> Any:
    """Return the array times two to the power of `exponent`; in double precision if scaled and not traced."""
    if isinstance(array, jax.core.Tracer):
        return jnp.ldexp(array, exponent) if np.any(exponent) else array
    return np.ldexp(np.asarray(array, float), exponent) if np.any(exponent) else np.asarray(array)


def powers(owners: Owners) -> dict[str, int]:
    """Return the power of the image's unit with which each parameter scales, by path."""
    return {f"{name}.{key}": _power(info.unit) for name, o in owners.items() for key, info in parameter_info(o).items()}


def shifts(owners: Owners, paths: tuple[str, ...], exponent: int) -> Int[np.ndarray, " d"]:
    """Return the powers of two by which the parameters at `paths` are scaled."""
    known = powers(owners)
    return np.array([known[base_path(path)] * exponent for path in paths], int)


def scaled(owners: Owners, exponent: int) -> dict[str, Any]:
    """Return the owners for an image that is two to the power of `exponent` times as bright.

    Raises `ValueError` naming a parameter whose prior can't be scaled.
    """
    if exponent == 0:
        return dict(owners)
    known = powers(owners)

    def scale(path: str, value: Parameter) -> Parameter:
        power = exponent * known[base_path(path)]
        if isinstance(value, AbstractVarying):
            nodes = {name: scale(f"{path}.{name}" if name else path, given) for name, given in value.given.items()}
            return dataclasses.replace(value, prior=nodes.get("", nodes))
        if isinstance(value, Tied):
            # The second factor scales as its target does, and the first takes the rest of the power.
            by = value.by and _tie(
                value.by, exponent * known[base_path(value.by.to)], exponent * known[base_path(value.by.to)]
            )
            rest = power - (exponent * known[base_path(value.by.to)] if value.by else 0)
            return dataclasses.replace(_tie(value, rest, exponent * known[base_path(value.to)]), by=by)
        if isinstance(value, AbstractPrior) and power:
            return _prior(path, value, power)
        return value if isinstance(value, AbstractParameter) else _ldexp(value, power)

    return {
        name: with_parameters(owner, {key: scale(f"{name}.{key}", v) for key, v in own_parameters(owner).items()})
        for name, owner in owners.items()
    }


def _power(unit: str) -> int:
    top, *bottom = unit.split("/")
    return int(top.strip() == "image") - sum(part.strip() == "image" for part in bottom)


def _tie(tie: Tied, own: int, other: int) -> Tied:
    """Return a tie between parameters that are scaled by these powers of two."""
    return dataclasses.replace(tie, scale=_ldexp(tie.scale, own - other), offset=_ldexp(tie.offset, own))


def _ldexp(value: Any, exponent: int) -> Any:
    if exponent == 0 or value is None:
        return value
    return math.ldexp(float(value), exponent) if is_number(value) else jnp.ldexp(value, exponent)


def _prior(path: str, prior: AbstractPrior, exponent: int) -> AbstractPrior:
    """Return the prior of a parameter times two to the power of `exponent`."""
    if isinstance(prior, LogNormal):
        changes = {"loc": prior.loc + exponent * math.log(2)}
    elif isinstance(prior, Custom):
        changes = {"base": _law(path, prior.base, exponent)}
    elif isinstance(prior, Normal | TruncatedNormal | Uniform | LogUniform):
        names = [field.name for field in dataclasses.fields(prior) if field.name != "init"]
        changes = {name: _ldexp(getattr(prior, name), exponent) for name in names}
    else:
        raise _unknown(path, prior)
    return dataclasses.replace(prior, **changes, init=_ldexp(prior.init, exponent))


def _law(path: str, law: dist.Distribution, exponent: int) -> dist.Distribution:
    """Return the distribution of a number times two to the power of `exponent`."""
    names = [name for name in inspect.signature(type(law)).parameters if name != "validate_args"]
    if isinstance(law, dist.LogNormal):
        return dist.LogNormal(law.loc + exponent * math.log(2), law.scale)
    known = next((powers for classes, powers in LAWS if type(law) in classes), None)
    if known is not None:
        return type(law)(**{name: _ldexp(getattr(law, name), exponent * known.get(name, 0)) for name in names})
    if isinstance(law, TRUNCATED):
        ends: dict[str, Any] = {name: _ldexp(getattr(law, name), exponent) for name in names if name != "base_dist"}
        return type(law)(_law(path, law.base_dist, exponent), **ends)
    if abs(exponent) > SINGLE:
        raise _unknown(path, law)
    domain: Any = law.support
    return dist.TransformedDistribution(law, transforms.AffineTransform(0.0, 2.0**exponent, domain=domain))


def _unknown(path: str, prior: Any) -> InputError:
    return InputError(
        f"{path}: this image's numbers are too large or too small for single precision, and its prior {prior} can't be "
        "scaled with them: multiply data, sigma, priors and values by a power of ten"
    )
