"""Sessions and the models that they describe."""

import copy
import json
import math

import pytest

from sersiclab.model import Model
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Angle, Normal, Uniform
from sersiclab.profiles import Boxy, Exponential, FlatSky, PointSource
from sersiclab.widget.session import allowed, from_model, read, with_values


def test_a_session_is_json_in_which_every_prior_has_a_value(model):
    session = json.loads(json.dumps(from_model(model)))
    star = session["model"]["components"]["star"]
    assert star["xc"] == {"type": "Normal", "loc": 6.0, "scale": 0.5, "init": 6.2}
    assert star["yc"]["init"] == 5.0
    assert star["flux"]["init"] == pytest.approx(10.0)
    assert list(session["model"]["components"]) == ["star", "ghost", "sky"]
    assert session["off"] == []


def test_reading_a_session_gives_its_model(model):
    reading = read(from_model(model))
    assert reading.problems == []
    assert reading.on == ("star", "ghost", "sky")
    assert reading.model == model.replace(
        {path: type(prior)(**{**vars(prior), "init": model.initial[path]}) for path, prior in model.free.items()}
    )


def test_a_component_that_is_off_is_not_in_the_model_and_its_ties_are_inherited(model):
    session = {**from_model(model), "off": ["star"]}
    reading = read(session)
    assert list(reading.model.components) == ["ghost", "sky"]
    assert reading.model.free["ghost.xc"] == model.free["star.xc"]
    assert reading.on == ("ghost", "sky")
    assert list(reading.everything.components) == ["star", "ghost", "sky"]


def test_a_tie_that_cannot_be_inherited_is_a_problem_of_the_component():
    base = Model(
        {
            "star": PointSource(xc=Normal(6.0, 1.0), yc=5.0, flux=1.0),
            "ghost": PointSource(xc=Tied("star.xc", scale=2.0), yc=5.0, flux=1.0),
        }
    )
    reading = read({**from_model(base), "off": ["star"]})
    assert reading.model is None
    assert reading.everything is not None
    assert [problem["path"] for problem in reading.problems] == ["star"]
    both = Model({**base.components, "sky": FlatSky(level=0.0)})
    assert list(read({**from_model(both), "off": ["star", "ghost"]}).model.components) == ["sky"]


def test_values_of_nested_profiles_are_set_in_their_priors():
    disk = Exponential(xc=Normal(6.0, 1.0), yc=5.0, flux=1.0, r_eff=Uniform(1, 9), ellip=0.1, theta=0.0)
    base = Model({"disk": Boxy(disk, c0=Uniform(0, 1)), "star": PointSource(xc=Tied("disk.xc"), yc=5.0, flux=1.0)})
    session = from_model(base)
    before = copy.deepcopy(session)
    changed = with_values(session, {"disk.r_eff": 3.0, "disk.c0": 0.25, "star.xc": 6.5, "disk.n": 1.0})
    assert session == before
    document = changed["model"]["components"]["disk"]
    assert (document["c0"]["init"], document["profile"]["r_eff"]["init"]) == (0.25, 3.0)
    assert read(changed).model.initial == {"disk.xc": 6.5, "disk.r_eff": 3.0, "disk.c0": 0.25}


def test_switching_everything_off_is_a_problem(model):
    reading = read({**from_model(model), "off": ["star", "ghost", "sky"]})
    assert reading.model is None
    assert "switch at least one on" in reading.problems[0]["message"]


@pytest.mark.parametrize(
    ("component", "name", "value", "words"),
    [
        ("star", "xc", {"type": "Normal", "loc": 6.0, "scale": -1.0, "init": 6.0}, "scale must be positive"),
        ("star", "xc", {"type": "Uniform", "low": 3.0, "high": 2.0, "init": 2.5}, "low < high"),
        ("star", "flux", {"type": "Uniform", "low": 0.0, "high": 2.0, "init": 7.0}, "init"),
        ("star", "flux", "bright", "star.flux"),
        ("ghost", "xc", {"type": "Tied", "to": "nowhere.xc", "scale": 1.0, "offset": 0.0}, "nowhere.xc"),
        ("ghost", "xc", {"type": "Tied", "to": "ghost.xc", "scale": 1.0, "offset": 0.0}, "circle"),
    ],
)
def test_the_error_about_invalid_input_names_the_parameter(model, component, name, value, words):
    session = copy.deepcopy(from_model(model))
    session["model"]["components"][component][name] = value
    reading = read(session)
    assert reading.model is None
    assert words in reading.problems[0]["message"]
    assert reading.problems[0]["path"] == f"{component}.{name}"


@pytest.mark.parametrize("session", [{}, {"model": []}, {"model": {"version": 1}, "off": "star"}, {"off": None}])
def test_junk_is_a_problem_rather_than_an_exception(session):
    reading = read(session)
    assert reading.model is None
    assert reading.problems


def nested(depth):
    document = {"type": "Normal", "loc": 1.0, "scale": 1.0, "init": 1.0}
    for _ in range(depth):
        document = {**document, "loc": document}
    return document


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("noise", 3, "noise"),
        ("star", {"type": "__import__('os').abort()"}, "star has the type"),
        ("star.yc", nested(3000), "nested too deeply"),
        ("star.yc", 10**400, "must be finite"),
        ("star.xc", {"type": "Normal", "loc": 1.0, "scale": 1.0, "init": "x"}, "'x'"),
    ],
    ids=["noise", "type", "depth", "size", "init"],
)
def test_pasted_text_is_read_and_never_run(model, key, value, words):
    session = from_model(model)
    *parts, last = key.split(".")
    holder = session["model"] if key == "noise" else session["model"]["components"]
    for part in parts:
        holder = holder[part]
    holder[last] = value
    reading = read(session)
    assert reading.model is None
    assert words in reading.problems[0]["message"]


@pytest.mark.parametrize("name", [3, [], "unheard of"])
def test_an_unknown_mask_leaves_the_last_one(editor, name):
    editor.session = {**editor.session, "mask": name}
    assert "unknown mask" in editor.problems[0]["message"]
    assert editor.mask.sum() == 3


def test_values_are_set_at_the_free_end_of_ties(model):
    model = model.replace({"ghost.yc": Tied("star.yc", offset=2.0)})
    session = with_values(from_model(model), {"ghost.yc": 9.0, "star.flux": 3.0, "sky.level": 7.0, "no.such": 1.0})
    components = session["model"]["components"]
    assert components["star"]["yc"]["init"] == 7.0
    assert components["star"]["flux"]["init"] == 3.0
    assert components["sky"]["level"] == 0.1  # fixed
    assert from_model(model)["model"]["components"]["star"]["yc"]["init"] == 5.0  # a copy


def test_only_values_within_the_priors_are_used(model):
    assert allowed(model, {"star.flux": 0.5, "ghost.flux": 3.0, "sky.level": 1.0}) == {"ghost.flux": 3.0}


def test_angles_and_null_bounds(model):
    flux = model.components["star"].flux
    base = Model({"disk": Exponential(xc=0, yc=Uniform(0, 1), flux=flux, r_eff=1, ellip=0, theta=Angle())})
    session = from_model(base)
    assert session["model"]["components"]["disk"]["theta"]["init"] == pytest.approx(math.pi / 2)
    assert read(session).problems == []


def test_an_edit_of_the_order_alone_is_accepted(editor):
    session = editor.session
    components = dict(reversed(session["model"]["components"].items()))
    order = list(components)  # without it, traitlets see no change
    editor.set_state({"session": {**session, "order": order, "model": {**session["model"], "components": components}}})
    assert list(editor.model.components) == list(components) == ["sky", "ghost", "star"]
