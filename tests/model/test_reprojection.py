"""Models in the pixels of another image: numbers, priors and ties."""

import math
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import sersiclab as sl
from sersiclab.model.reprojection import mapped_model, mapped_values
from sersiclab.parameters import AbstractPrior, Tied, parameters
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.linear import LinearMap, linear_prior
from sersiclab.parameters.priors import PRIORS


C, S = math.cos(0.5), math.sin(0.5)
ROTATION = np.array([[C, -S], [S, C]])
MATRICES = {
    "identity": np.eye(2),
    "larger": 3.0 * np.eye(2),
    "mirrored": np.diag([-2.0, 2.0]),
    "quarter turn": np.array([[0.0, -0.5], [0.5, 0.0]]),
    "turned": 1.5 * ROTATION,
    "turned and mirrored": 1.5 * ROTATION @ np.diag([1.0, -1.0]),
    "sheared": np.array([[1.0, 0.3], [-0.1, 1.2]]),
}


def frame(matrix: Any, flux: float = 2.0) -> Frame:
    return Frame(matrix, (10.0, 8.5), (41.3, 29.9), flux)


def model() -> sl.Model:
    place = {"xc": sl.Normal(10.2, 1.0), "yc": sl.Normal(8.0, 0.5)}
    shape = {"ellip": sl.Uniform(0.0, 0.9, init=0.3), "theta": sl.Angle(init=0.4)}
    disk = sl.Exponential(**place, flux=sl.LogUniform(1.0, 100.0), r_eff=sl.LogUniform(1.0, 20.0), **shape)
    same = {key: Tied(f"disk.{key}") for key in ("xc", "yc", "ellip", "theta")}
    bulge = sl.Sersic(**same, flux=Tied("disk.flux", scale=0.5, offset=1.0), r_eff=Tied("disk.r_eff", scale=0.2), n=4.0)
    near = {"xc": Tied("disk.xc", offset=3.0), "yc": Tied("disk.yc", offset=-2.0)}
    star = sl.PointSource(**near, flux=sl.Normal(5.0, 1.0))
    bar = sl.Ferrers(
        **same | {"theta": Tied("disk.theta", scale=1.0, offset=0.7), "ellip": 0.6},
        flux=3.0,
        r_out=Tied("bulge.r_eff", scale=2.0, offset=0.3),
        alpha=2.0,
        beta=sl.Uniform(-1.0, 1.0),
    )
    return sl.Model({"disk": disk, "bulge": bulge, "star": star, "bar": bar, "sky": sl.FlatSky(sl.Normal(0.1, 1.0))})


def draws(model: sl.Model, number: int = 200) -> dict[str, np.ndarray]:
    keys = jax.random.split(jax.random.key(3), len(model.free))
    return {
        path: np.asarray(prior.distribution().sample(key, (number,)), float)
        for key, (path, prior) in zip(keys, model.free.items(), strict=True)
    }


def check_ties(model: sl.Model, frame: Frame) -> sl.Model:
    """Every draw of the mapped model's free parameters gives the mapped values of all."""
    there, values = mapped_model(model, frame), mapped_values(model, draws(model), frame)
    filled = parameters(there.at({path: np.broadcast_to(values[path], 200) for path in there.free}).owners)
    assert list(filled) == list(values)
    for path, value in parameters(there.owners).items():
        if isinstance(value, Tied | AbstractPrior):
            np.testing.assert_allclose(filled[path], values[path], rtol=1e-9, atol=1e-9, err_msg=path)
    start = parameters(there.at(there.initial).owners)
    assert {path: float(start[path]) for path in start} == pytest.approx(mapped_values(model, model.initial, frame))
    return there


@pytest.mark.parametrize("kind", MATRICES)
def test_ties_that_are_kept_hold_in_every_draw(kind: str) -> None:
    there = check_ties(model(), frame(MATRICES[kind]))
    kept = {path for path, value in parameters(there.owners).items() if isinstance(value, Tied)}
    tied = {path for path, value in parameters(model().owners).items() if isinstance(value, Tied)}
    lost = {"sheared": {"bar.theta", "bar.r_out"}}
    assert tied - kept == lost.get(kind, set())
    assert set(there.free) == set(model().free) | lost.get(kind, set())


def test_identity_changes_nothing_but_init() -> None:
    there, before = mapped_model(model(), Frame(np.eye(2), (10.0, 8.5), (10.0, 8.5))), model()
    assert there.initial == pytest.approx(before.initial, rel=1e-15)
    for path, value in parameters(before.owners).items():
        found = parameters(there.owners)[path]
        if isinstance(value, AbstractPrior):
            assert linear_prior(found, LinearMap(1.0)) == linear_prior(value, LinearMap(1.0))
        else:
            assert found == value


def test_totals_ratios_and_products() -> None:
    place = {"xc": 9.0, "yc": sl.Normal(7.0, 1.0), "ellip": 0.2, "theta": 0.0}
    bulge = sl.DeVaucouleurs(**place, flux=3.0, r_eff=1.0)
    disk = sl.Exponential(**place, flux=7.0, r_eff=sl.LogUniform(2.0, 9.0))
    both = sl.Model({"bulge": bulge, "disk": disk}).with_total_flux("bulge", "disk")
    both = both.with_order("bulge.r_eff", "disk.r_eff")
    there = check_ties(both, frame(MATRICES["turned"]))
    assert {"total.flux", "total.fraction", "order.ratio"} <= set(there.free)
    assert there.initial["total.flux"] == pytest.approx(20.0)
    assert there.initial["total.fraction"] == pytest.approx(0.3)
    assert isinstance(parameters(there.owners)["bulge.r_eff"], Tied)


def test_every_draw_lies_at_the_same_place_in_both_images() -> None:
    values = draws(model())
    for matrix in MATRICES.values():
        found = mapped_values(model(), values, frame(matrix))
        x, y = frame(matrix).to_image(values["disk.xc"] + 3.0, values["disk.yc"] - 2.0)
        np.testing.assert_allclose([found["star.xc"], found["star.yc"]], [x, y])
        np.testing.assert_array_equal(found["star.flux"], 2.0 * values["star.flux"])
        np.testing.assert_array_equal(found["sky.level"], values["sky.level"])
        assert found["bulge.n"] == 4.0


def test_values_of_tied_parameters_may_be_given_too() -> None:
    values = parameters(model().at(draws(model())).owners)
    for matrix in MATRICES.values():
        given, filled = (mapped_values(model(), some, frame(matrix)) for some in (values, draws(model())))
        for path, value in filled.items():
            np.testing.assert_allclose(given[path], value, err_msg=path)


def test_normal_centres_of_a_turned_image_have_combined_widths() -> None:
    there, values = mapped_model(model(), frame(MATRICES["turned"])), draws(model(), 20_000)
    found = mapped_values(model(), values, frame(MATRICES["turned"]))
    for path in ("disk.xc", "disk.yc"):
        prior: Any = there.free[path]
        assert isinstance(prior, sl.Normal)
        assert prior.loc == pytest.approx(found[path].mean(), abs=0.05)
        assert prior.scale == pytest.approx(found[path].std(), rel=0.02)


def at(**centre: Any) -> sl.Model:
    return sl.Model({"star": sl.PointSource(**centre, flux=1.0)})


def test_boxes_of_a_turned_image_enclose_all_positions() -> None:
    boxed = at(xc=sl.Uniform(9.0, 11.0, init=9.2), yc=sl.Uniform(5.0, 6.0))
    there = mapped_model(boxed, frame(MATRICES["turned and mirrored"]))
    corners = frame(MATRICES["turned and mirrored"]).to_image(np.array([9, 9, 11, 11]), np.array([5, 6, 5, 6]))
    for path, ends in zip(("star.xc", "star.yc"), corners, strict=True):
        assert there.free[path].support() == pytest.approx((ends.min(), ends.max()))


def test_other_centres() -> None:
    turned, quarter = frame(MATRICES["turned"]), frame(MATRICES["quarter turn"])
    fixed = mapped_model(at(xc=9.0, yc=8.0), turned)
    assert not fixed.free
    one: Any = mapped_model(at(xc=9.0, yc=sl.TruncatedNormal(8.0, 1.0, low=7.0)), turned).free
    assert set(one) == {"star.xc", "star.yc"}
    assert one["star.xc"].scale == pytest.approx(1.5 * S)
    assert one["star.xc"].high is not None  # y runs to smaller x
    assert one["star.yc"].low == pytest.approx(turned.to_image(9.0, 7.0)[1])
    mixed: Any = mapped_model(at(xc=sl.Uniform(8.0, 10.0), yc=sl.Normal(8.0, 1.0)), turned).free["star.xc"]
    assert mixed.scale == pytest.approx(1.5 * math.hypot(C * 2.0 / math.sqrt(12.0), S))
    swapped: Any = mapped_model(at(xc=sl.Uniform(8.0, 10.0), yc=8.0), quarter)
    assert set(swapped.free) == {"star.yc"}
    logarithmic: Any = mapped_model(at(xc=sl.LogUniform(8.0, 10.0), yc=8.0), quarter).free["star.yc"]
    assert isinstance(logarithmic, sl.Normal)


def test_centres_tied_to_one_coordinate_become_free_if_turned() -> None:
    place = {"xc": sl.Normal(10.0, 1.0), "yc": sl.Normal(8.0, 1.0), "flux": 1.0}
    other = sl.PointSource(xc=Tied("star.xc"), yc=sl.Normal(9.0, 1.0), flux=1.0)
    pair = sl.Model({"star": sl.PointSource(**place), "other": other})
    assert "other.xc" in check_ties(pair, frame(MATRICES["turned"])).free
    assert "other.xc" not in check_ties(pair, frame(MATRICES["mirrored"])).free


EXAMPLES: dict[type, AbstractPrior] = {
    sl.Normal: sl.Normal(2.0, 0.5),
    sl.TruncatedNormal: sl.TruncatedNormal(2.0, 0.5, low=1.5, high=9.0),
    sl.LogNormal: sl.LogNormal(0.5, 0.3),
    sl.Uniform: sl.Uniform(0.5, 4.0),
    sl.LogUniform: sl.LogUniform(0.5, 4.0),
    sl.Custom: sl.Custom(dist.Gamma(2.0, 1.0)),
}


@pytest.mark.parametrize("law", [LinearMap(3.0), LinearMap(1.0), LinearMap(0.5, 4.0), LinearMap(-2.0, 1.0)])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_priors_keep_their_kind_and_their_probability(kind: type, law: LinearMap) -> None:
    prior, there = EXAMPLES[kind], linear_prior(EXAMPLES[kind], law)
    if there is None:
        assert kind in (sl.LogNormal, sl.LogUniform, sl.Custom)
        assert law.offset != 0.0
        return
    assert isinstance(there, kind)
    x = np.array([1.6, 2.2, 3.7])
    before, after = prior.distribution().log_prob(x), there.distribution().log_prob(law.at(x))
    np.testing.assert_allclose(np.asarray(after), np.asarray(before) - math.log(abs(law.factor)), rtol=1e-5, atol=1e-5)


def test_every_kind_of_prior_is_tested() -> None:
    assert set(PRIORS) - set(EXAMPLES) == {sl.Angle}


def test_angles_phases_and_bends_of_a_mirror_image() -> None:
    galaxy = sl.Sersic(xc=9.0, yc=7.0, flux=1.0, r_eff=2.0, n=1.0, ellip=0.3, theta=sl.Angle(init=0.4))
    bent = sl.Bent(sl.FourierModes(galaxy, a1=0.1, phi1=sl.Uniform(-1.0, 2.0, init=0.3)), b2=sl.Normal(0.5, 0.1))
    there: Any = mapped_model(sl.Model({"galaxy": bent}), frame(MATRICES["mirrored"])).free
    assert there["galaxy.theta"].init == pytest.approx(-0.4)
    assert there["galaxy.phi1"].support() == (-2.0, 1.0)
    assert there["galaxy.phi1"].init == pytest.approx(-0.3)
    assert (there["galaxy.b2"].loc, there["galaxy.b2"].scale) == pytest.approx((-1.0, 0.2))
    reversed_: Any = mapped_model(
        sl.Model({"galaxy": sl.Bent(galaxy, b2=sl.LogUniform(0.1, 1.0))}), frame(MATRICES["mirrored"])
    ).free["galaxy.b2"]
    assert isinstance(reversed_, sl.Normal)
    assert reversed_.loc == pytest.approx(-2.0 * math.sqrt(0.1))
