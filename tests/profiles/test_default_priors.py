"""The rule for default priors, and the table that holds the front end to it."""

import json
import math
import runpy
from pathlib import Path

import pytest

from sersiclab.parameters import ParameterInfo
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles.default_priors import Factors, Spread, default_prior, start_value


TABLES = Path(__file__).parents[2] / "js" / "tests" / "tables"
SPREAD = Spread(
    position=0.5,
    flux=Factors(100.0, 10.0),
    brightness=Factors(20.0, 30.0),
    length=Factors(4.0, 8.0),
    sky=0.1,
    shape=(20, 40),
)


def declared(name: str, low: float = -math.inf, high: float = math.inf, **more: object) -> ParameterInfo:
    known = {"open_low": False, "unit": "", "doc": "", "usual": None, "start": None, "logarithmic": False}
    return ParameterInfo(name=name, low=low, high=high, **(known | more))  # pyright: ignore[reportArgumentType]


def test_the_front_ends_table_is_of_today() -> None:
    """Run `python js/tests/tables/defaults.py` after a change of the rule or of a profile's declarations."""
    assert json.loads((TABLES / "defaults.json").read_text()) == runpy.run_path(str(TABLES / "defaults.py"))["table"]()


@pytest.mark.parametrize(
    ("info", "value", "prior"),
    [
        (declared("xc", unit="pixel"), 7.0, Normal(7.0, 0.5, init=7.0)),
        (declared("theta", unit="rad"), 1.0, Angle(init=1.0)),
        (declared("flux", unit="image"), 50.0, LogUniform(0.5, 500.0, init=50.0)),
        (declared("i_b", unit="image/pixel"), 2.0, LogUniform(0.1, 60.0, init=2.0)),
        (declared("r_eff", 0.0, unit="pixel"), 2.0, LogUniform(0.5, 16.0, init=2.0)),
        (declared("k", 0.0, unit="1/pixel"), 2.0, LogUniform(0.25, 8.0, init=2.0)),
        (declared("r", 1.0, 10.0, unit="pixel"), 2.0, LogUniform(1.0, 10.0, init=2.0)),
        (declared("r", 40.0, unit="pixel"), 2.0, LogUniform(40.0, 400.0, init=40.0)),
        (declared("ellip", 0.0, 0.95), 0.3, Uniform(0.0, 0.95, init=0.3)),
        (declared("n", 0.5, 8.0, logarithmic=True), 2.0, LogUniform(0.5, 8.0, init=2.0)),
        (declared("c0", -2.0, 2.0, usual=(-1.0, 1.0)), 1.5, Uniform(-1.0, 1.5, init=1.5)),
        (declared("level", unit="image/pixel"), 3.0, Normal(3.0, 0.1, init=3.0)),
        (declared("slope_x", unit="image/pixel²"), 0.0, Normal(0.0, 0.005, init=0.0)),
        (declared("slope_y", unit="image/pixel²"), 0.0, Normal(0.0, 0.01, init=0.0)),
        (declared("other"), 1.0, None),
    ],
)
def test_each_kind_of_parameter_has_its_prior(
    info: ParameterInfo, value: float, prior: Normal | LogUniform | Uniform | Angle | None
) -> None:
    found = default_prior(info, value, SPREAD)
    assert type(found) is type(prior)
    if found is not None:
        assert repr(found) == repr(prior)


@pytest.mark.parametrize(
    ("info", "found", "value"),
    [
        (declared("r_eff", 0.0, unit="pixel"), None, 6.0),
        (declared("r_core", 0.0, unit="pixel", start=0.1), None, pytest.approx(0.6)),
        (declared("k", 0.0, unit="1/pixel", start=3.0), None, 0.5),
        (declared("ellip", 0.0, 0.95), 0.99, 0.95),
        (declared("n", 0.5, 8.0, logarithmic=True), None, 2.0),
        (declared("m", 0.0, 4.0), None, 2.0),
        (declared("m", 0.0, 4.0, start=1.0), 3.0, 1.0),
        (declared("flux", unit="image"), 12.0, 12.0),
        (declared("other"), None, None),
    ],
)
def test_a_parameter_starts_from_the_best_known_value(info: ParameterInfo, found: float, value: object) -> None:
    assert start_value(info, size=6.0, found=found) == value
