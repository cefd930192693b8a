"""Ties between parameters: what follows what, and what becomes of it when a component goes."""

from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx

from sersiclab.parameters import (
    AbstractParameter,
    Owners,
    Parameter,
    Scalar,
    Tied,
    is_number,
    own_parameters,
    parameter_info,
    parameters,
    replace,
)


def check_tie(owners: Owners, path: str) -> None:
    """Raise if the parameter at `path` is tied to nothing, or round in a circle."""
    found = parameters(owners)

    def follow(chain: list[str]) -> None:
        value = found[chain[-1]]
        for to in value.targets if isinstance(value, Tied) else ():
            if to not in found:
                if len(chain) > 1:
                    continue  # that is the fault of the tie at the chain's end
                raise ValueError(f"{path} is tied to {to!r}, which is not a parameter of this model")
            if to in chain:
                raise ValueError(f"{path} is tied in a circle: {' -> '.join([*chain, to])}")
            follow([*chain, to])

    follow([path])
    _product(found, path)


def check_ties(owners: Owners) -> None:
    """Raise if a tie leads nowhere or round in a circle."""
    for path in parameters(owners):
        check_tie(owners, path)


class Term(NamedTuple):
    """`scale * free + offset`: the free parameter's path, or None for a fixed number, which is its offset."""

    path: str | None
    scale: Scalar
    offset: Scalar


ONE = Term(None, 0.0, 1.0)


def products(owners: Owners) -> dict[str, tuple[Term, Term]]:
    """Every parameter by path as a product of two terms, the second of which is mostly one."""
    found = parameters(owners)
    return {path: _product(found, path) for path in found}


def _product(found: Mapping[str, Parameter], path: str) -> tuple[Term, Term]:
    value = found[path]
    if not isinstance(value, Tied):
        return (Term(path, 1.0, 0.0) if isinstance(value, AbstractParameter) else Term(None, 0.0, value)), ONE
    if value.to not in found or (value.by is not None and value.by.to not in found):
        return Term(None, 0.0, 0.0), ONE  # the fault of a tie that leads nowhere is told elsewhere
    first, second = _product(found, value.to)
    if second is not ONE and (value.by is not None or (is_number(value.offset) and value.offset != 0.0)):
        raise ValueError(f"{path} is tied to {value.to}, a product of two others: it can't add to it or take a third")
    first = Term(first.path, value.scale * first.scale, value.scale * first.offset + value.offset)
    if value.by is None:
        return first, second
    factor, more = _product(found, value.by.to)
    if more is not ONE:
        raise ValueError(f"{path} is tied by {value.by.to}, which is a product of two others itself")
    return first, Term(factor.path, value.by.scale * factor.scale, value.by.scale * factor.offset + value.by.offset)


def detach(owners: Owners, gone_name: str, gone: eqx.Module) -> dict[str, eqx.Module]:
    """The modules after one of their number is gone: who followed its parameters goes on together.

    The first follower of a parameter inherits it, the others follow the first. Raises `ValueError`
    where that cannot be said (a prior through a tie with scale or offset).
    """
    changes: dict[str, Parameter] = {}
    for name in parameter_info(gone):
        target = f"{gone_name}.{name}"
        followers = [(p, v) for p, v in parameters(owners).items() if isinstance(v, Tied) and target in v.targets]
        if not followers:
            continue
        for path, tie in followers:
            if tie.by is not None:
                raise ValueError(f"{path} follows {' and '.join(tie.targets)}; give it a prior of its own first")
        (heir, first), *others = followers
        changes[heir] = _inherit(heir, first, own_parameters(gone)[name])
        for path, tie in others:
            scale = tie.scale / first.scale
            changes[path] = Tied(heir, scale=scale, offset=tie.offset - scale * first.offset)
    return replace(owners, changes)


def _inherit(path: str, tie: Tied, value: Parameter) -> Parameter:
    if isinstance(value, Tied) and value.by is not None:
        return Tied(value.to, scale=tie.scale * value.scale, offset=tie.scale * value.offset, by=value.by)
    if isinstance(value, Tied):
        return Tied(value.to, scale=tie.scale * value.scale, offset=tie.scale * value.offset + tie.offset)
    if isinstance(value, AbstractParameter):
        if tie.scale != 1.0 or tie.offset != 0.0:
            raise ValueError(f"{path} is {tie.scale:g} * {tie.to} + {tie.offset:g}; give it a prior of its own first")
        return value
    return tie.scale * value + tie.offset
