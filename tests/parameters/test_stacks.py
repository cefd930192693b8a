"""Components of one kind in one, their numbers an affine function of the free ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab.parameters.priors as sl
from sersiclab import parameters
from sersiclab.parameters import Tied, nested, parameter
from sersiclab.parameters.stacks import Stacks, Values


class Shape(eqx.Module):
    ellip: parameters.Parameter = parameter(low=0.0, high=0.95, doc="ellipticity")


class Blob(eqx.Module):
    xc: parameters.Parameter = parameter(doc="centre")
    shape: Shape = nested()
    size: parameters.Parameter = parameter(low=0.0, open_low=True, doc="size")


class Stamp(eqx.Module):
    """Something with an array of its own."""

    pixels: jax.Array
    flux: parameters.Parameter = parameter(doc="flux")


OWNERS = {
    "a": Blob(sl.Normal(1, 1), Shape(0.3), sl.Uniform(1, 2)),
    "stamp": Stamp(jnp.arange(3.0), sl.Normal(0, 1)),
    "b": Blob(Tied("a.xc", scale=2.0, offset=-1.0), Shape(sl.Uniform(0, 0.5)), Tied("c.size")),
    "c": Blob(5.0, Shape(Tied("b.ellip", scale=0.5)), Tied("a.size", scale=3.0, offset=0.5)),
}
PATHS = tuple(parameters.free(OWNERS))
VALUES = dict(zip(PATHS, (0.7, 1.5, -2.0, 0.4), strict=True))


def stacks(*, together: bool) -> Stacks:
    return Stacks.of(OWNERS, PATHS, together=lambda owner: together)


@pytest.mark.parametrize("together", [True, False])
def test_every_number_is_what_ties_and_values_say(together: bool) -> None:
    found = stacks(together=together).at(jnp.array(list(VALUES.values())))
    expected = parameters.at(OWNERS, VALUES)
    assert list(found) == (["a", "stamp"] if together else ["a", "stamp", "b", "c"])
    for name, blob in expected.items():
        if name == "stamp":
            continue
        stacked = found["a"] if together else found[name]
        at = "abc".index(name) if together else ()
        numbers = jax.tree.map(lambda leaf, at=at: float(leaf[at]), stacked)
        assert jax.tree.leaves(numbers) == pytest.approx(jax.tree.leaves(blob))
    np.testing.assert_array_equal(found["stamp"].pixels, [0, 1, 2])
    assert float(found["stamp"].flux) == -2.0


def test_owners_with_arrays_of_their_own_stay_apart() -> None:
    owners = {name: Stamp(jnp.full(2, i), float(i)) for i, name in enumerate("ab")}
    found = Stacks.of(owners, (), together=lambda owner: True).at(jnp.zeros(0))
    assert [float(found[name].flux) for name in "ab"] == [0.0, 1.0]
    np.testing.assert_array_equal(found["b"].pixels, [1, 1])


def test_operations_do_not_grow_with_the_number_of_owners() -> None:
    def size(count: int) -> int:
        owners = {f"blob{i}": Blob(sl.Normal(i, 1), Shape(0.1 * i), 1.0) for i in range(count)}
        several = Stacks.of(owners, tuple(parameters.free(owners)), together=lambda owner: True)
        return len(jax.make_jaxpr(several.at)(jnp.zeros(count)).eqns)

    assert size(9) == size(2)


def test_values_are_a_mapping() -> None:
    values = Values.of(VALUES, PATHS)
    assert set(values) == set(VALUES)
    assert {path: float(value) for path, value in values.items()} == pytest.approx(VALUES)
    assert Values.of(values, PATHS) is values
    assert Values(PATHS, jnp.zeros((5, 4)))["a.size"].shape == (5,)
    with pytest.raises(KeyError, match="nowhere"):
        values["nowhere"]


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ValueError, match=r"a\.size is free and has no value"):
        Values.of({"a.xc": 1.0}, PATHS)
