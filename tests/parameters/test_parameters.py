"""Reading parameters from a tree: free, fixed, tied."""

import math
import sys
from collections import Counter

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab.parameters.priors as sl
from sersiclab import parameters
from sersiclab.documents.spec import from_dict, to_dict
from sersiclab.model import Model
from sersiclab.noise import GaussianNoise
from sersiclab.parameters import Parameter, Tied, ties
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
        ({"xc": np.array([5.0, 20.0])}, TypeError, r"Sersic\.xc must be a number.* an array of shape \(2,\)"),
        ({"xc": jnp.array([5.0])}, TypeError, r"Sersic\.xc must be a number.* an array of shape \(1,\)"),
        ({"n": 10**400}, ValueError, r"Sersic\.n must be finite, got inf"),
        ({"xc": sl.Angle()}, ValueError, r"Sersic\.xc is in pixel, but its prior Angle\(\) is for parameters in rad"),
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


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"scale": math.nan}, ValueError, r"Tied\.scale must be finite, got nan"),
        ({"offset": math.inf}, ValueError, r"Tied\.offset must be finite, got inf"),
        ({"scale": 10**400}, ValueError, r"Tied\.scale must be finite"),
        ({"scale": np.ones(3)}, TypeError, r"Tied\.scale must be a number, got an array of shape \(3,\)"),
        ({"scale": "2"}, TypeError, r"Tied\.scale must be a number, got '2'"),
        ({"offset": None}, TypeError, r"Tied\.offset must be a number, got None"),
        ({"by": Tied("a.b", by=Tied("a.c"))}, TypeError, r"Tied\.by must be a Tied to one parameter"),
    ],
)
def test_bad_numbers_of_a_tie_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        Tied("bulge.xc", **changes)


def test_the_traced_numbers_of_a_tie_are_taken():
    found = jax.jit(lambda scale: parameters.at({"b": bulge(xc=Tied("b.n", scale=scale))}, START)["b"].xc)(2.5)
    assert float(found) == 10.0


START = {"b.flux": 2.0, "b.r_eff": 3.0, "b.theta": 0.0}

# The range of each is that of its extremes, which are found on a fine grid of the two numbers it follows.
REACHED = {
    "of a number": Tied("a.fixed", scale=0.6, offset=0.1),
    "of a prior": Tied("a.x", scale=-2.0, offset=0.5),
    "of a tie": Tied("b.tied", scale=3.0),
    "of a product": Tied("a.x", scale=2.0, offset=-1.0, by=Tied("a.y", offset=1.0)),
    "of a square": Tied("a.x", scale=2.0, offset=-1.0, by=Tied("a.x", scale=0.5, offset=0.3)),
    "of a far product": Tied("b.product", scale=-0.5),
}


class Numbers(eqx.Module):
    x: Parameter = parameters.parameter(doc="one")
    y: Parameter = parameters.parameter(doc="another")
    fixed: Parameter = parameters.parameter(doc="a number")


class Followers(eqx.Module):
    tied: Parameter = parameters.parameter(doc="a tie")
    product: Parameter = parameters.parameter(doc="a product")
    tried: Parameter = parameters.parameter(doc="what is tried")


@pytest.mark.parametrize("tie", REACHED.values(), ids=REACHED)
def test_the_range_of_a_tie_is_that_of_its_values(tie):
    owners = {
        "a": Numbers(sl.Uniform(-1.0, 2.0), sl.TruncatedNormal(0, 1, low=-3, high=0.5), fixed=0.25),
        "b": Followers(Tied("a.y", offset=0.1), Tied("a.x", by=Tied("a.y")), tie),
    }
    grid = np.meshgrid(np.linspace(-1, 2, 601), np.linspace(-3, 0.5, 8))
    points = zip(*(axis.ravel() for axis in grid), strict=True)
    tried = [parameters.at(owners, {"a.x": x, "a.y": y})["b"].tried for x, y in points]
    assert ties.ranges(owners)["b.tried"] == pytest.approx((min(tried), max(tried)), abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ellip": Tied("bulge.n", scale=0.3)}, r"bulge\.ellip must lie in \[0, 0\.95\].*bulge\.n.* may be 1\.2"),
        ({"n": sl.Uniform(0.5, 8), "ellip": Tied("bulge.n", scale=0.2)}, r"bulge\.ellip .* may reach \[0\.1, 1\.6\]"),
        ({"r_eff": Tied("bulge.n", scale=0.0)}, r"bulge\.r_eff must lie in \(0, inf\), .* may be 0"),
        ({"ellip": Tied("bulge.xc")}, r"bulge\.ellip .* may reach \[-inf, inf\]"),
        ({"r_eff": Tied("bulge.flux", offset=-2)}, r"bulge\.r_eff must lie in \(0, inf\), .* may reach \[-1, 98\]"),
        ({"n": Tied("bulge.r_eff", by=Tied("bulge.yc"))}, r"bulge\.n must lie in \[0\.1, 10\].* reach \[6, 240\]"),
    ],
)
def test_a_tie_that_may_leave_its_range_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ties.check_ties({"bulge": bulge(**changes)})


def test_ties_within_their_ranges_are_taken():
    changes = [
        {"ellip": Tied("bulge.r_eff", scale=0.95 / 20)},
        {"ellip": sl.Uniform(0, 0.95), "n": Tied("bulge.ellip", scale=1 / 0.95, offset=0.1)},
        {"yc": Tied("bulge.xc", scale=-7, offset=1e30)},
        {"flux": Tied("bulge.xc", by=Tied("bulge.xc"))},
        {"r_eff": Tied("bulge.flux", scale=3.0)},
        {"theta": Tied("bulge.xc")},
    ]
    for change in changes:
        ties.check_ties({"bulge": bulge(**change)})


def test_an_infinite_value_never_makes_an_unknown_range():
    link = Numbers(sl.Normal(0, 1), sl.LogNormal(0, 1), fixed=0.0)
    shares = [Tied("a.x", by=Tied("a.fixed")), Tied("a.x", scale=0.0, by=Tied("a.y")), Tied("a.y", by=Tied("a.y"))]
    for tie, expected in zip(shares, [(0, 0), (0, 0), (0, math.inf)], strict=True):
        assert ties.ranges({"a": link, "b": Followers(tie, 0.0, 0.0)})["b.tied"] == expected


def chain(length):
    """Components each of which follows the one before."""
    first = Exponential(xc=sl.Normal(10, 1), yc=1, flux=1, r_eff=1, ellip=0, theta=0)
    rest = {
        f"c{i}": Exponential(xc=Tied(f"c{i - 1}.xc", offset=0.5), yc=1, flux=1, r_eff=1, ellip=0, theta=0)
        for i in range(1, length)
    }
    return {"c0": first, **rest}


def test_long_chains_of_ties_work():
    owners = dict(reversed(chain(1500).items()))
    ties.check_ties(owners)
    assert parameters.at(owners, {"c0.xc": 1.0})["c1499"].xc == pytest.approx(1.0 + 0.5 * 1499)
    assert ties.products(owners)["c1499.xc"][0].offset == pytest.approx(0.5 * 1499)


def test_long_circles_of_ties_are_named():
    owners = chain(1500)
    owners["c0"] = parameters.with_parameters(owners["c0"], {"xc": Tied("c1499.xc")})
    with pytest.raises(ValueError, match=r"^c0\.xc is tied in a circle: c0\.xc -> c1499\.xc -> .* -> \.\.\.$"):
        ties.check_ties(owners)


def calls(function):
    """How many functions of this package are called."""
    found = Counter()

    def count(frame, event, _):
        if event == "call" and "sersiclab" in frame.f_code.co_filename:
            found[frame.f_code.co_name] += 1

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return sum(found.values())


def test_a_model_of_four_times_the_sources_takes_four_times_the_steps():
    def build(number):
        model = Model(chain(number) | {f"s{i}": bulge(n=Tied(f"c{i}.ellip", offset=1)) for i in range(number)})
        drawn = model.at(model.initial)
        changed = model.replace({f"s{i}.yc": sl.Normal(0, 1) for i in range(number)})
        assert from_dict(to_dict(changed)) == changed
        return drawn

    few, many = (calls(lambda number=number: build(number)) for number in (25, 100))
    assert many < 4.2 * few


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


def test_draws_are_taken_as_arrays_where_they_are_read():
    owners = {"bulge": bulge(), "disk": disk(), "noise": GaussianNoise()}
    draws = {path: np.full(3, value) for path, value in parameters.initial(owners).items()}
    drawn = parameters.at(owners, draws | {"bulge.xc": np.arange(3.0)})
    np.testing.assert_array_equal(drawn["disk"].xc, [0, 1, 2])
    assert drawn["bulge"].n == 4.0
