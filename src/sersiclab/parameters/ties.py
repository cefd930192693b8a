"""Ties between parameters: their order, their ranges, and their replacement when a component is removed."""

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax

from sersiclab.parameters.base import AbstractParameter, AbstractPrior, AbstractVarying, Parameter, Tied
from sersiclab.parameters.declarations import own_parameters, parameter_info
from sersiclab.parameters.scalars import Scalar, is_number
from sersiclab.parameters.tree import Owners, base_path, in_order, parameters, replace
from sersiclab.runtime.errors import InputError


SHOWN = 12  # parameters of a circle named in a message


def check_ties(owners: Owners) -> None:
    """Raise if a tie leads nowhere, in a circle, or out of its parameter's range."""
    for message in problems(owners).values():
        raise InputError(message)


def problems(owners: Owners) -> dict[str, str]:
    """Return an error message by path for each tie that leads nowhere, in a circle, or out of its range."""
    found = _whole_targets(parameters(owners))
    if not any(isinstance(value, Tied) for value in found.values()):
        return {}
    terms, wrong = products_of(found)
    infos = {f"{name}.{key}": info for name, owner in owners.items() for key, info in parameter_info(owner).items()}
    for path, (low, high) in _ranges(found, terms).items():
        never = infos[path].open_low and low == high == infos[path].low
        if infos[path].holds(low, high) and not never:
            continue
        wrong[path] = (
            f"{path} must lie in {infos[path].interval}, but it is tied to {' and '.join(found[path].targets)} and "
            f"may {f'be {low:g}' if low == high else f'reach [{low:g}, {high:g}]'}; "
            "change the tie, or narrow the prior that it follows"
        )
    return {path: wrong[path] for path in found if path in wrong}


def ranges(owners: Owners) -> dict[str, tuple[float, float]]:
    """Return the range of every tied parameter by path, except those with traced numbers."""
    found = _whole_targets(parameters(owners))
    if not any(isinstance(value, Tied) for value in found.values()):
        return {}
    return _ranges(found, products_of(found)[0])


def _whole_targets(found: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters with ties to nodes as ties to the parameter, which varies between images, that has them."""
    varying = {path for path, value in found.items() if isinstance(value, AbstractVarying)}

    def whole(value: Parameter) -> Parameter:
        if not isinstance(value, Tied) or base_path(value.to) not in varying:
            return value
        return dataclasses.replace(value, to=base_path(value.to))

    return {path: whole(value) for path, value in found.items()} if varying else dict(found)


class Term(NamedTuple):
    """`scale * free + offset`, where `path` is that of the free parameter; None for a fixed number, `offset`."""

    path: str | None
    scale: Scalar
    offset: Scalar


ONE = Term(None, 0.0, 1.0)


class Product(NamedTuple):
    """`first * second + above`. For most parameters `second` is one and `above` is zero."""

    first: Term
    second: Term = ONE
    above: Scalar = 0.0


def products(owners: Owners) -> dict[str, Product]:
    """Return every parameter by path as a product of two terms plus a number."""
    return products_of(parameters(owners))[0]


def products_of(found: Mapping[str, Parameter]) -> tuple[dict[str, Product], dict[str, str]]:
    """Return products and error messages by path. A parameter that follows an invalid one has neither."""
    terms: dict[str, Product] = {}
    wrong: dict[str, str] = {}
    order = in_order(found)
    for path in order:
        value = found[path]
        if not isinstance(value, Tied):
            is_free = isinstance(value, AbstractParameter)
            terms[path] = Product(Term(path, 1.0, 0.0) if is_free else Term(None, 0.0, value))
            continue
        nowhere = [to for to in value.targets if to not in found]
        if nowhere:
            wrong[path] = f"{path} is tied to {nowhere[0]!r}, which is not a parameter of this model"
        elif all(to in terms for to in value.targets):
            try:
                terms[path] = _product(path, value, terms)
            except InputError as error:
                wrong[path] = str(error)
    circular = {path: value for path, value in found.items() if path not in set(order)}
    return terms, wrong | {path: f"{path} is tied in a circle: {_circle(path, circular)}" for path in circular}


def _product(path: str, tie: Tied, terms: Mapping[str, Product]) -> Product:
    first, second, above = terms[tie.to]
    if second is not ONE:
        if tie.by is not None:
            raise InputError(f"{path} is tied to {tie.to}, a product of two others: it can't be multiplied by a third")
        scaled = Term(first.path, tie.scale * first.scale, tie.scale * first.offset)
        return Product(scaled, second, tie.scale * above + tie.offset)
    first = Term(first.path, tie.scale * first.scale, tie.scale * first.offset + tie.offset)
    if tie.by is None:
        return Product(first)
    factor, more, _ = terms[tie.by.to]
    if more is not ONE:
        raise InputError(f"{path} is tied by {tie.by.to}, which is a product of two others itself")
    return Product(first, Term(factor.path, tie.by.scale * factor.scale, tie.by.scale * factor.offset + tie.by.offset))


def _circle(path: str, circular: Mapping[str, Tied]) -> str:
    chain = [path]
    while chain[-1] not in chain[:-1] and len(chain) <= SHOWN:
        chain.append(next(to for to in circular[chain[-1]].targets if to in circular))
    return " -> ".join(chain if chain[-1] in chain[:-1] else [*chain, "..."])


def _ranges(found: Mapping[str, Parameter], terms: Mapping[str, Product]) -> dict[str, tuple[float, float]]:
    """Return the ranges of the tied parameters whose products are known."""
    reached = {}
    for path, product in terms.items():
        first, second, above = product
        numbers = (first.scale, first.offset, second.scale, second.offset, above)
        if isinstance(found[path], Tied) and all(is_number(number) for number in numbers):
            reached[path] = _range_of_product(product, found)
    return reached


def _range_of_product(product: Product, found: Mapping[str, Parameter]) -> tuple[float, float]:
    first, second, above = product
    supports = [support(found[term.path]) if term.path is not None else (0.0, 0.0) for term in (first, second)]
    if first.path is not None and first.path == second.path:
        # A parabola has its extremes at the ends or at its vertex.
        (low, high), curvature = supports[0], first.scale * second.scale
        linear = first.scale * second.offset + second.scale * first.offset
        vertex = [-0.5 * linear / curvature] if curvature else []
        places = [low, high, *(x for x in vertex if low < x < high)]
        values = [_times(_value(first, x), _value(second, x)) for x in places]
    else:
        values = [_times(_value(first, x), _value(second, y)) for x in supports[0] for y in supports[1]]
    return min(values) + float(above), max(values) + float(above)


def support(prior: Parameter) -> tuple[float, float]:
    """Return the interval outside which a prior is zero; the whole real line if its numbers are traced.

    For a parameter that varies between images it is that of all its nodes.
    """
    if isinstance(prior, AbstractVarying):
        given = [node for node in prior.given.values() if not isinstance(node, Tied)]
        ends = [support(node) if isinstance(node, AbstractPrior) else (float(node), float(node)) for node in given]
        return min((low for low, _ in ends), default=-math.inf), max((high for _, high in ends), default=math.inf)
    known = isinstance(prior, AbstractPrior) and all(is_number(leaf) for leaf in jax.tree.leaves(prior))
    return prior.support() if known else (-math.inf, math.inf)


def _value(term: Term, x: float) -> float:
    return float(_times(term.scale, x) + term.offset)


def _times(a: Scalar, b: Scalar) -> float:
    """Return a product in which zero times infinity is zero: the end of an open range is never reached."""
    return 0.0 if a == 0.0 or b == 0.0 else float(a * b)


def detach(owners: Owners, gone_name: str, gone: eqx.Module) -> dict[str, eqx.Module]:
    """Return the modules after one of them was removed; parameters that were tied to it stay tied to each other.

    The first follower of a parameter inherits its value or prior, and the others follow the first. Raises `ValueError`
    where that is not possible: a prior can't be inherited through a tie with a scale or an offset.
    """
    changes: dict[str, Parameter] = {}
    for name in parameter_info(gone):
        target = f"{gone_name}.{name}"
        followers = [(p, v) for p, v in parameters(owners).items() if isinstance(v, Tied) and target in v.targets]
        if not followers:
            continue
        for path, tie in followers:
            if tie.by is not None:
                raise InputError(f"{path} follows {' and '.join(tie.targets)}; give it a prior of its own first")
        (heir, first), *others = followers
        changes[heir] = _inherit(heir, first, own_parameters(gone)[name])
        for path, tie in others:
            scale = tie.scale / first.scale
            changes[path] = Tied(heir, scale=scale, offset=tie.offset - scale * first.offset)
    return replace(owners, changes)


def _inherit(path: str, tie: Tied, value: Parameter) -> Parameter:
    if isinstance(value, Tied) and value.by is not None:
        if tie.offset != 0.0:
            raise InputError(
                f"{path} is a product of two others, plus {tie.offset:g}; give it a prior of its own first"
            )
        return Tied(value.to, scale=tie.scale * value.scale, offset=tie.scale * value.offset, by=value.by)
    if isinstance(value, Tied):
        return Tied(value.to, scale=tie.scale * value.scale, offset=tie.scale * value.offset + tie.offset)
    if isinstance(value, AbstractParameter):
        if tie.scale != 1.0 or tie.offset != 0.0:
            raise InputError(f"{path} is {tie.scale:g} * {tie.to} + {tie.offset:g}; give it a prior of its own first")
        return value
    return tie.scale * value + tie.offset
