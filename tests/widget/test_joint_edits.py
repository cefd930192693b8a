"""Edits of one of several images: what they change in the joint model, and that they change nothing else."""

import json
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

import sersiclab as sl
from sersiclab.widget.joint_edits import image_view, joint_model, own_model
from sersiclab.widget.joint_session import opened, read_in, view_of
from sersiclab.widget.session import with_values


BANDS = ("g", "r", "i")


def wcs(scale: float, angle: float, parity: int, pixel: tuple[float, float]) -> WCS:
    found = WCS(naxis=2)
    found.wcs.ctype, found.wcs.crval, found.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], pixel
    c, s = np.cos(angle), np.sin(angle)
    found.wcs.cd = scale / 3600 * np.array([[-c * parity, s], [s * parity, c]])
    return found


def blank(shape: tuple[int, int], band: str, **options: Any) -> sl.Image:
    return sl.Image(np.zeros(shape), sigma=0.1, band=band, zeropoint=25.0, **options)


SAME = sl.Images({band: blank((20, 24), band) for band in BANDS})
TWO = sl.Images(
    {
        "g": blank((60, 64), "g", wcs=wcs(0.2, 0.0, 1, (30.3, 31.0))),
        "r": blank((90, 84), "r", wcs=wcs(0.11, np.radians(30), -1, (43.0, 44.4))),
    }
)


def model(**changes: Any) -> sl.Model:
    settings = {
        "xc": sl.Normal(12.0, 1.0),
        "yc": sl.Normal(10.0, 1.0, init=10.5),
        "flux": sl.PerBand(sl.LogUniform(1.0, 1e4, init=50.0)),
        "r_eff": sl.Polynomial(sl.LogUniform(0.5, 20.0, init=4.0)),
        "n": sl.Spline(sl.Uniform(0.5, 8.0, init=2.0), knots=(0.4, 0.6, 0.9)),
        "ellip": sl.Uniform(0.0, 0.9, init=0.3),
        "theta": sl.Angle(init=0.4),
    }
    star = sl.PointSource(xc=sl.Tied("galaxy.xc", offset=3.0), yc=5.0, flux=sl.PerBand({"g": 1.0, "r": 2.0, "i": 3.0}))
    sky = sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.1)))
    return sl.Model({"galaxy": sl.Sersic(**{**settings, **changes}), "star": star, "sky": sky})


def session_of(joint: sl.Model, name: str, images: sl.Images = SAME) -> dict[str, Any]:
    """A session as the page has it, after JSON."""
    return json.loads(json.dumps(opened(image_view(joint.for_images(images), images, name))))


def read_again(session: dict[str, Any], images: sl.Images = SAME) -> sl.Model:
    reading = read_in(view_of(session, images, ()), session, ())
    assert reading.problems == []
    assert reading.whole is not None
    return reading.whole


def changed(before: Any, after: Any, place: str = "") -> set[str]:
    """The places at which two documents differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = {**before, **after}
        return {found for key in keys for found in changed(before.get(key), after.get(key), f"{place}.{key}")}
    return set() if before == after else {place}


def starts(joint: sl.Model) -> dict[str, float]:
    return joint.initial


@pytest.mark.parametrize("name", BANDS)
def test_opening_an_image_changes_nothing(name):
    joint = model().for_images(SAME)
    assert sl.to_dict(read_again(session_of(joint, name))) == sl.to_dict(joint)


@pytest.mark.parametrize("name", BANDS)
@pytest.mark.parametrize(("key", "value"), [("xc", 13.0), ("yc", 9.0), ("ellip", 0.5), ("theta", 1.1)])
def test_a_shared_parameter_is_edited_in_all_images_and_nothing_else(name, key, value):
    joint = model().for_images(SAME)
    after = read_again(with_values(session_of(joint, name), {f"galaxy.{key}": value}))
    path = f".components.galaxy.{key}.init"
    assert changed(sl.to_dict(joint), sl.to_dict(after)) == {path}
    assert all(after.of(band).initial[f"galaxy.{key}"] == value for band in BANDS)


@pytest.mark.parametrize("name", BANDS)
@pytest.mark.parametrize(("path", "value"), [("galaxy.flux", 80.0), ("sky.level", 0.05)])
def test_a_value_of_a_band_or_an_image_is_edited_there_alone(name, path, value):
    joint = model().for_images(SAME)
    after = read_again(with_values(session_of(joint, name), {path: value}))
    differ = {key for key, found in after.initial.items() if found != joint.initial[key]}
    assert differ == {f"{path}.{name}"}
    assert after.initial[f"{path}.{name}"] == value
    assert {p: type(prior) for p, prior in after.free.items()} == {p: type(prior) for p, prior in joint.free.items()}


@pytest.mark.parametrize("name", BANDS)
@pytest.mark.parametrize(("key", "value"), [("r_eff", 6.0), ("n", 3.1)])
def test_a_smooth_function_is_shifted_as_a_whole(name, key, value):
    joint = model().for_images(SAME)
    after = read_again(with_values(session_of(joint, name), {f"galaxy.{key}": value}))
    assert after.of(name).initial[f"galaxy.{key}"] == pytest.approx(value, rel=1e-6)
    nodes = [path for path in joint.free if path.startswith(f"galaxy.{key}.")]
    assert {path for path in joint.initial if after.initial[path] != joint.initial[path]} == set(nodes)
    # The starting values are all equal, and so are the shifted ones.
    assert [after.initial[path] for path in nodes] == pytest.approx([value] * len(nodes), rel=1e-6)


def test_a_node_of_a_smooth_function_is_edited_alone():
    joint = model().for_images(SAME)
    session = session_of(joint, "r")
    galaxy = session["model"]["components"]["galaxy"]
    node = next(key for key in galaxy if key.startswith("r_eff.at_"))
    galaxy[node] = {**galaxy[node], "init": 7.0, "high": 30.0}
    after = read_again(session)
    assert {path for path in joint.initial if after.initial[path] != joint.initial[path]} == {f"galaxy.{node}"}
    assert after.free[f"galaxy.{node}"] == sl.LogUniform(0.5, 30.0, init=7.0)
    reading = read_in(view_of(session, SAME, ()), session, ())
    assert reading.everything is not None
    assert reading.everything.initial["galaxy.r_eff"] == pytest.approx(after.of("r").initial["galaxy.r_eff"], rel=1e-6)


def test_priors_ties_and_fixed_numbers_are_edited_too():
    joint = model().for_images(SAME)
    session = session_of(joint, "r")
    galaxy, star = session["model"]["components"]["galaxy"], session["model"]["components"]["star"]
    galaxy["flux"] = 70.0
    galaxy["ellip"] = {**galaxy["ellip"], "high": 0.6}
    star["flux"] = {"type": "Tied", "to": "galaxy.flux", "scale": 0.1, "offset": 0.0}
    after = read_again(session)
    assert "galaxy.flux.r" not in after.free
    assert "galaxy.flux.g" in after.free
    assert after.free["galaxy.ellip"].support() == (0.0, pytest.approx(0.6))
    assert after.at(after.initial).of("r").starts["star.flux"] == pytest.approx(7.0)
    assert after.at(after.initial).of("g").starts["star.flux"] == pytest.approx(5.0)


def test_a_tie_that_is_removed_leaves_a_value_per_band():
    tied = model().replace({"star.flux": sl.Tied("galaxy.flux", scale=0.1)})
    session = session_of(tied, "r")
    session["model"]["components"]["star"]["flux"] = {"type": "LogUniform", "low": 1.0, "high": 100.0, "init": 5.0}
    after = read_again(session)
    assert {f"star.flux.{band}" for band in BANDS} <= set(after.free)


def test_components_are_added_removed_and_renamed():
    joint = model().for_images(SAME)
    session = session_of(joint, "r")
    components = session["model"]["components"]
    prior = {"type": "LogUniform", "low": 1.0, "high": 100.0, "init": 5.0}
    components["other"] = {"type": "PointSource", "xc": 3.0, "yc": 4.0, "flux": prior}
    del components["star"]
    after = read_again(session)
    assert list(after.components) == ["galaxy", "sky", "other"]
    assert {f"other.flux.{band}" for band in BANDS} <= set(after.free)
    assert after.components["galaxy"] == joint.components["galaxy"]

    session = session_of(joint, "r")
    components = session["model"]["components"]
    components["star"]["xc"]["to"] = "disk.xc"
    session["model"]["components"] = {"disk" if key == "galaxy" else key: part for key, part in components.items()}
    after = read_again(session)
    assert after.components["disk"] == joint.components["galaxy"]
    assert after.components["star"].xc == sl.Tied("disk.xc", offset=3.0)


def test_components_that_are_off_are_not_fitted_and_not_lost():
    joint = model().for_images(SAME)
    session = {**session_of(joint, "i"), "off": ["star"]}
    reading = read_in(view_of(session, SAME, ()), session, ())
    assert reading.whole == joint
    assert reading.fitted is not None
    assert list(reading.fitted.components) == ["galaxy", "sky"]
    assert reading.on == ("galaxy", "sky")


def two() -> sl.Model:
    galaxy = sl.Sersic(
        xc=sl.Normal(30.0, 2.0),
        yc=sl.Normal(30.0, 2.0),
        flux=sl.PerBand(sl.LogUniform(1.0, 1e4, init=100.0)),
        r_eff=sl.LogUniform(0.5, 20.0, init=4.0),
        n=sl.Uniform(0.5, 8.0, init=1.5),
        ellip=sl.Uniform(0.0, 0.9, init=0.3),
        theta=sl.Angle(init=0.6),
    )
    return sl.Model({"galaxy": galaxy}).for_images(TWO)


def test_a_galaxy_that_is_moved_in_other_pixels_lies_there():
    """The second image is mirrored, rotated by 30 degrees, and has finer pixels."""
    joint = two()
    view = image_view(joint, TWO, "r")
    moved = {path: value + by for (path, value), by in zip(view.own.initial.items(), (3.0, -2.0), strict=False)}
    assert list(moved) == ["galaxy.xc", "galaxy.yc"]
    after = read_again(with_values(session_of(joint, "r", TWO), moved), TWO)
    there = own_model(view, after).initial
    assert [there[path] for path in moved] == pytest.approx(list(moved.values()), abs=1e-6)
    differ = {path for path, value in after.initial.items() if value != joint.initial[path]}
    assert differ == {"galaxy.xc", "galaxy.yc"}
    assert view.frame is not None
    x, y = view.frame.to_frame(*moved.values())
    assert after.initial["galaxy.xc"] == pytest.approx(float(x), abs=1e-6)
    assert after.initial["galaxy.yc"] == pytest.approx(float(y), abs=1e-6)


def test_a_shape_that_is_changed_in_other_pixels_has_that_shape_there():
    joint = two()
    view = image_view(joint, TWO, "r")
    wanted = {"galaxy.r_eff": 9.0, "galaxy.theta": 1.2, "galaxy.flux": 140.0}
    after = read_again(with_values(session_of(joint, "r", TWO), wanted), TWO)
    there = own_model(view, after).initial
    assert [there[path] for path in wanted] == pytest.approx(list(wanted.values()), abs=1e-6)
    differ = {path for path, value in after.initial.items() if value != joint.initial[path]}
    assert differ == {"galaxy.r_eff", "galaxy.theta", "galaxy.flux.r"}
    assert after.initial["galaxy.r_eff"] == pytest.approx(9.0 * 0.11 / 0.2, rel=1e-4)


def test_a_prior_that_is_edited_in_other_pixels_is_one_of_the_first():
    joint = two()
    session = session_of(joint, "r", TWO)
    galaxy = session["model"]["components"]["galaxy"]
    galaxy["r_eff"] = {**galaxy["r_eff"], "high": 2.0 * galaxy["r_eff"]["high"]}
    after = read_again(session, TWO)
    assert after.free["galaxy.r_eff"].support() == pytest.approx((0.5, 40.0), rel=1e-6)
    assert after.free["galaxy.n"] == joint.free["galaxy.n"]


def test_a_bad_edit_is_a_problem_of_its_parameter():
    session = session_of(model(), "r")
    galaxy = session["model"]["components"]["galaxy"]
    node = next(key for key in galaxy if key.startswith("r_eff.at_"))
    galaxy[node] = {"type": "LogUniform", "low": -1.0, "high": 3.0}
    reading = read_in(view_of(session, SAME, ()), session, ())
    assert reading.whole is None
    assert [each["path"] for each in reading.problems] == [f"galaxy.{node}"]


def test_an_edit_of_nothing_gives_the_same_model():
    view = image_view(model().for_images(SAME), SAME, "r")
    assert joint_model(view, view.own, view.nodes) is view.joint
