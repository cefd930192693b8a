"""Profiles of other packages are found by their entry points."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

import sersiclab as sl
from sersiclab.profiles import installed


class Spiral(sl.AbstractElliptical):
    """Spiral, of another package."""

    xc: sl.Parameter = sl.parameter(unit="pixel", doc="centre, x")
    yc: sl.Parameter = sl.parameter(unit="pixel", doc="centre, y")
    flux: sl.Parameter = sl.parameter(unit="image", doc="light")
    r_eff: sl.Parameter = sl.parameter(unit="pixel", low=0.0, open_low=True, doc="size")
    ellip: sl.Parameter = sl.parameter(low=0.0, high=0.95, doc="ellipticity")
    theta: sl.Parameter = sl.parameter(unit="rad", doc="angle")

    def radial(self, m):
        return (1.0 + m) ** -4


@pytest.fixture
def declared(monkeypatch):
    """Declare entry points of a package that is made up."""
    package = ModuleType("spirals")
    package.Spiral, package.number = Spiral, 3
    monkeypatch.setitem(sys.modules, "spirals", package)

    def declare(*values):
        points = [EntryPoint(f"p{k}", value, installed.GROUP) for k, value in enumerate(values)]
        monkeypatch.setattr(installed, "entry_points", lambda group: points if group == installed.GROUP else [])
        installed.installed_profiles.cache_clear()

    yield declare
    installed.installed_profiles.cache_clear()


def test_a_declared_profile_is_known_everywhere(declared):
    declared("spirals:Spiral")
    model = sl.guess(sl.datasets.example(), {"galaxy": "spiral"})
    assert isinstance(model.components["galaxy"], Spiral)
    assert sl.from_dict(sl.to_dict(model)) == model
    assert sl.schema()["profiles"]["Spiral"]["title"] == "Spiral"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("spirals:Absent", "the profile spirals:Absent can't be loaded: AttributeError"),
        ("nowhere:Spiral", "the profile nowhere:Spiral can't be loaded: ModuleNotFoundError"),
        ("spirals:number", "must be a class under AbstractProfile, got 3"),
    ],
)
def test_one_that_can_not_be_loaded_is_left_out_with_a_warning(declared, value, message):
    declared(value, "spirals:Spiral")
    with pytest.warns(UserWarning, match=message):
        assert installed.installed_profiles() == (Spiral,)
