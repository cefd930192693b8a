"""Settings of methods, as in a form."""

import pytest

from sersiclab.inference import METHODS, NUTS, SVI, Laplace
from sersiclab.widget.method_options import method_of, options_of


def rows(cls):
    return {row["name"]: row for row in options_of(cls)}


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_every_method_can_be_built_from_its_defaults(cls):
    options = {name: row["default"] for name, row in rows(cls).items()}
    assert method_of(cls.__name__, options, METHODS) == cls()


def test_kinds_are_those_of_the_fields():
    assert rows(NUTS)["warmup"] == {"name": "warmup", "kind": "int", "default": 200, "choices": []}
    assert rows(NUTS)["target_accept"]["kind"] == "float"
    assert rows(NUTS)["adapt_mass"]["kind"] == "bool"
    assert rows(SVI)["guide"]["choices"] == ["normal", "flow"]
    assert "transport" not in rows(NUTS)  # a method itself, or None


def test_numbers_are_converted_from_json():
    assert method_of("Laplace", {"draws": 50.0}, METHODS) == Laplace(draws=50)
    with pytest.raises(ValueError, match=r"NUTS\.target_accept must lie between 0 and 1"):
        method_of("NUTS", {"target_accept": 1}, METHODS)
    with pytest.raises(TypeError, match="whole number"):
        method_of("Laplace", {"draws": 50.5}, METHODS)
    with pytest.raises(ValueError, match="MAP has no setting 'draws'"):
        method_of("MAP", {"draws": 5}, METHODS)
    with pytest.raises(ValueError, match="method must be one of"):
        method_of("Magic", {}, METHODS)
