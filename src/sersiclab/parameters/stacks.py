"""The components of a model as a function of its free parameters, with components of one kind stacked.

Every number of a model is fixed, free or tied to others. Unless ties multiply two parameters, all numbers together are
an affine function of the free parameters' values. It is derived here once, so that jitted code computes all numbers in
one step. With separate operations for each number, a model of many components would take long to compile.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import GetAttrKey
from jaxtyping import Array, Float, Int

from sersiclab.parameters.base import AbstractParameter
from sersiclab.parameters.declarations import parameter_info
from sersiclab.parameters.ties import ONE, Term, products
from sersiclab.parameters.tree import Owners
from sersiclab.runtime.errors import InputError


class Values(eqx.Module, Mapping[str, Array]):
    """The values of free parameters by path, stored in one vector."""

    paths: tuple[str, ...] = eqx.field(static=True)
    vector: Float[Array, "*s d"]

    @staticmethod
    def of(values: Mapping[str, Any], paths: tuple[str, ...]) -> "Values":
        """Return the values of `paths`. Raises `ValueError` if one is missing."""
        if isinstance(values, Values) and values.paths == paths:
            return values
        missing = [path for path in paths if path not in values]
        if missing:
            raise InputError(f"{missing[0]} is free and has no value; values must hold {list(paths)}")
        numbers = [jnp.asarray(values[path], dtype=float) for path in paths]
        return Values(paths, jnp.stack(numbers, -1) if numbers else jnp.zeros(0))

    def __getitem__(self, path: str) -> Array:
        if path not in self.paths:
            raise KeyError(path)
        return self.vector[..., self.paths.index(path)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


class Kind(NamedTuple):
    """Owners that share a structure: their names, and the parameter in each leaf of the structure, or None."""

    names: tuple[str, ...]
    structure: Any
    parameters: tuple[str | None, ...]


class Affine(eqx.Module):
    """Numbers `offset + scale * values[index]`. Fixed numbers have the index of a zero appended to the values."""

    index: tuple[int, ...] = eqx.field(static=True)
    scale: Float[Array | np.ndarray, " number"]
    offset: Float[Array | np.ndarray, " number"]

    @staticmethod
    def of(terms: list[Term], paths: tuple[str, ...]) -> "Affine":
        """Return the numbers of `terms` as a function of the values of `paths`."""
        places = {path: i for i, path in enumerate(paths)}
        return Affine(
            index=tuple(len(paths) if term.path is None else places[term.path] for term in terms),
            scale=_vector([term.scale for term in terms]),
            offset=_vector([term.offset for term in terms]),
        )

    def at(self, padded: Float[Array, " _"]) -> Float[Array, " number"]:
        """Return the numbers, given the values with a zero appended."""
        return jnp.asarray(self.offset) + self.scale * padded.at[np.array(self.index, int)].get(
            mode="promise_in_bounds"
        )


class Stacks(eqx.Module):
    """Owners of parameters, filled with numbers by `at`.

    Owners of one kind become a single owner, under the name of the first, whose parameters are vectors. All numbers
    are affine functions of the values; if some are products of two parameters, they are multiplied by `factors`, and
    `above` is added. `rest` holds the leaves that are not parameters.
    """

    kinds: tuple[Kind, ...] = eqx.field(static=True)
    numbers: Affine
    factors: Affine | None
    above: Float[Array | np.ndarray, " number"] | None
    rest: tuple[Any, ...]

    @staticmethod
    def of(owners: Owners, paths: tuple[str, ...], *, together: Callable[[eqx.Module], bool]) -> "Stacks":
        """Return the owners as a function of the values of `paths`; `together` says which may be stacked."""
        kinds, rest = _kinds(owners, together)
        terms = products(owners)
        found = [terms[f"{name}.{key}"] for kind in kinds for key in kind.parameters if key for name in kind.names]
        factors = [product.second for product in found]
        single = all(factor is ONE for factor in factors)
        return Stacks(
            kinds=kinds,
            numbers=Affine.of([product.first for product in found], paths),
            factors=None if single else Affine.of(factors, paths),
            above=None if single else _vector([product.above for product in found]),
            rest=rest,
        )

    def at(self, values: Float[Array, " d"]) -> dict[str, Any]:
        """Return the owners at the free parameters' values."""
        return self.filled(self.numbers_at(values))

    def numbers_at(self, values: Float[Array, " d"]) -> Float[Array, " number"]:
        """Return all numbers at the free parameters' values, in the order of `rows`."""
        padded = jnp.concatenate([values, jnp.zeros(1, values.dtype)])
        numbers = self.numbers.at(padded)
        if self.factors is None:
            return numbers
        return numbers * self.factors.at(padded) + jnp.asarray(self.above)

    def filled(self, numbers: Float[Array, " number"]) -> dict[str, Any]:
        """Return the owners with these numbers."""
        rest, owners = iter(self.rest), {}
        for kind, rows in zip(self.kinds, self.rows, strict=True):
            columns = iter(rows)
            leaves = []
            for key in kind.parameters:
                if key is None:
                    leaves.append(next(rest))
                    continue
                column = next(columns)
                block = numbers[column[0] : column[-1] + 1]
                leaves.append(block[0] if block.size == 1 else block)
            owners[kind.names[0]] = jax.tree.unflatten(kind.structure, leaves)
        return owners

    @property
    def rows(self) -> tuple[Int[np.ndarray, "parameter owner"], ...]:
        """For each kind, the indices of its parameters among all numbers, with one column for each owner."""
        shapes = [(sum(key is not None for key in kind.parameters), len(kind.names)) for kind in self.kinds]
        ends = np.cumsum([count * owners for count, owners in shapes])
        return tuple(np.arange(end - a * b, end).reshape(a, b) for end, (a, b) in zip(ends, shapes, strict=True))


def _kinds(owners: Owners, together: Callable[[eqx.Module], bool]) -> tuple[tuple[Kind, ...], tuple[Any, ...]]:
    kinds: dict[Any, Kind] = {}
    rest: list[Any] = []
    for name, owner in owners.items():
        leaves, structure = jax.tree_util.tree_flatten_with_path(owner, is_leaf=_is_parameter)
        known = parameter_info(owner)
        fields = [path[-1] for path, _ in leaves]
        keys = tuple(f.name if isinstance(f, GetAttrKey) and f.name in known else None for f in fields)
        rest += [leaf for (_, leaf), key in zip(leaves, keys, strict=True) if key is None]
        label = (structure,) if together(owner) and None not in keys else (structure, name)
        kind = kinds.get(label, Kind((), structure, keys))
        kinds[label] = kind._replace(names=(*kind.names, name))
    return tuple(kinds.values()), tuple(rest)


def _is_parameter(node: Any) -> bool:
    return isinstance(node, AbstractParameter)


def _vector(numbers: list[Any]) -> Float[Array | np.ndarray, " number"]:
    return jnp.stack(numbers) if any(isinstance(n, jax.Array) for n in numbers) else np.array(numbers, float)
