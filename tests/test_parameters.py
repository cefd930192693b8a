"""Reading parameters from a tree: free, fixed, tied."""

import equinox as eqx
import pytest

import sersiclab.priors as sl
from sersiclab import parameters, ties
from sersiclab.parameters import Parameter, Tied
from sersiclab.profiles import Exponential, FlatSky, Sersic


def bulge(**changes):
    fields = dict(
        xc=sl.Normal(10, 1),
        yc=12,
        flux=sl.LogUniform(1, 100),
        r_eff=sl.LogUniform(0.5, 20, init=2),
        n=4.0,
        ellip=0.2,
        theta=sl.Angle(),
    )
    return Sersic(**{**fields, **changes})


def disk(**changes):
    fields = dict(xc=Tied("bulge.xc"), yc=Tied("bulge.yc"), flux=50.0, r_eff=6.0, ellip=0.5, theta=0.1)
    return Exponential(**{**fields, **changes})


def test_free_lists_priors_by_path_in_order():
    owners = {"bulge": bulge(), "sky": FlatSky(level=0.0)}
    assert list(parameters.free(owners)) == ["bulge.xc", "bulge.flux", "bulge.r_eff", "bulge.theta"]


def test_initial_is_init_else_median():
    initial = parameters.initial({"bulge": bulge()})
    assert initial["bulge.r_eff"] == 2.0
    assert initial["bulge.xc"] == 10.0
    assert initial["bulge.flux"] == pytest.approx(10.0)


def test_at_resolves_numbers_values_and_chained_ties():
    owners = {"bulge": bulge(), "disk": disk(r_eff=Tied("bulge.r_eff", scale=3, offset=1), theta=Tied("disk.ellip"))}
    drawn = parameters.at(owners, parameters.initial(owners) | {"bulge.xc": 11.5})
    assert drawn["disk"].xc == 11.5
    assert drawn["disk"].yc == 12
    assert drawn["disk"].r_eff == 7.0
    assert drawn["disk"].theta == 0.5


def test_at_names_a_free_parameter_without_value():
    with pytest.raises(ValueError, match=r"bulge\.xc is free and has no value"):
        parameters.at({"bulge": bulge()}, {})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n": 11}, ValueError, r"Sersic\.n must lie in \[0\.1, 10\], got 11"),
        ({"n": float("nan")}, ValueError, r"Sersic\.n must be finite, got nan"),
        ({"xc": float("inf")}, ValueError, r"Sersic\.xc must be finite, got inf"),
        ({"ellip": -0.1}, ValueError, r"Sersic\.ellip must lie in \[0, 0\.95\], got -0\.1"),
        ({"r_eff": 0}, ValueError, r"Sersic\.r_eff must lie in \(0, inf\), got 0"),
        ({"n": "four"}, TypeError, r"Sersic\.n must be a number, a prior or Tied\(path\), got 'four'"),
        ({"n": sl.Uniform(0.05, 8)}, ValueError, r"Sersic\.n must lie in \[0\.1, 10\], but its prior Uniform"),
        ({"r_eff": sl.Normal(5, 1)}, ValueError, "truncate the prior"),
        ({"n": sl.Uniform(1, 4, init=5)}, ValueError, r"Sersic\.n: init must lie in its prior's \[1, 4\], got 5"),
        ({"n": None}, TypeError, r"Sersic\.n must be a number"),
    ],
)
def test_bad_parameters_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        bulge(**changes)


def test_a_missing_parameter_is_named():
    with pytest.raises(TypeError, match="n"):
        Sersic(xc=1, yc=1, flux=1, r_eff=1, ellip=0, theta=0)


def test_negative_flux_is_allowed():
    assert bulge(flux=-3).flux == -3.0


@pytest.mark.parametrize(
    ("owners", "message"),
    [
        ({"disk": disk()}, r"disk\.xc is tied to 'bulge\.xc', which is not a parameter"),
        (
            {"bulge": bulge(xc=Tied("disk.xc")), "disk": disk()},
            r"tied in a circle: bulge\.xc -> disk\.xc -> bulge\.xc",
        ),
        ({"bulge": bulge(n=Tied("bulge.n"))}, r"tied in a circle: bulge\.n -> bulge\.n"),
    ],
)
def test_ties_to_nowhere_and_circles_are_refused(owners, message):
    with pytest.raises(ValueError, match=message):
        ties.check_ties(owners)


def test_replace_checks_paths_and_ranges():
    owners = {"bulge": bulge()}
    assert parameters.replace(owners, {"bulge.n": 2})["bulge"].n == 2.0
    assert owners["bulge"].n == 4.0
    with pytest.raises(ValueError, match=r"'bulge\.m' is not a parameter of this model"):
        parameters.replace(owners, {"bulge.m": 2})
    with pytest.raises(ValueError, match=r"bulge\.n must lie in \[0\.1, 10\], got 12"):
        parameters.replace(owners, {"bulge.n": 12})


def test_followers_inherit_what_they_followed():
    bar = Exponential(xc=Tied("bulge.xc", offset=1), yc=Tied("bulge.yc"), flux=1, r_eff=1, ellip=0, theta=0)
    left = ties.detach({"disk": disk(), "bar": bar}, "bulge", bulge())
    assert left["disk"].xc == sl.Normal(10, 1)
    assert left["disk"].yc == 12.0
    assert left["bar"].xc == Tied("disk.xc", scale=1.0, offset=1.0)
    assert left["bar"].yc == Tied("disk.yc")


def test_a_prior_is_not_inherited_through_a_scale():
    with pytest.raises(ValueError, match=r"disk\.r_eff is 3 \* bulge\.r_eff"):
        ties.detach({"disk": disk(r_eff=Tied("bulge.r_eff", scale=3))}, "bulge", bulge())


class Reshaped(eqx.Module):
    """A module whose parameters are its own and those of what it wraps."""

    inner: eqx.Module = parameters.nested()
    c0: Parameter = parameters.parameter(low=-1, high=1, doc="boxiness")

    def __check_init__(self) -> None:
        parameters.check_parameters(self)


def test_nested_parameters_are_the_owner_s():
    level = Reshaped(FlatSky(level=sl.Normal(1, 2)), c0=0.5)
    owners = {"a": level, "b": bulge(xc=Tied("a.level"), n=Tied("a.c0"), flux=1.0, r_eff=1.0, theta=0.0)}
    assert list(parameters.parameters(owners))[:2] == ["a.level", "a.c0"]
    assert list(parameters.free(owners)) == ["a.level"]
    drawn = parameters.at(owners, {"a.level": 7.0})
    assert drawn["a"].inner.level == drawn["b"].xc == 7.0
    assert drawn["b"].n == 0.5
    changed = parameters.replace(owners, {"a.level": 3.0, "a.c0": 0.1})
    assert changed["a"].inner.level == 3.0
    assert changed["a"].c0 == 0.1
    assert list(parameters.free(ties.detach({"b": owners["b"]}, "a", level))) == ["b.xc"]
    with pytest.raises(ValueError, match=r"Reshaped.c0 is a parameter of its inner too"):
        Reshaped(level, c0=0.0)
