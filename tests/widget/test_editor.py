"""The editor's traits and messages, without a kernel and without a browser."""

import copy
import dataclasses
import gc
import json
import random
import threading
import time
import weakref

import jax
import numpy as np
import pytest

from sersiclab.model import Model, render_components
from sersiclab.parameters import parameter
from sersiclab.parameters.priors import Normal, Uniform
from sersiclab.profiles import AbstractSky, FlatSky, PointSource
from sersiclab.widget import Editor, bundle
from sersiclab.widget.messages import summary_document

from .counting import Counting


@pytest.fixture(autouse=True)
def _built():
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")


def edited(editor, change):
    session = copy.deepcopy(editor.session)
    change(session)
    return session


def pixels(message, image):
    content, buffers = message
    return {
        name: np.frombuffer(buffer, "<f4").reshape(image.shape)
        for name, buffer in zip(content["components"], buffers, strict=True)
    }


def test_traits_are_json_and_complete(editor, model):
    state = json.loads(json.dumps({name: getattr(editor, name) for name in ("schema", "session", "progress")}))
    assert list(state["schema"]["methods"]) == ["MAP", "Laplace", "SVI", "Importance", "SMC", "NUTS"]
    assert {component["type"] for component in state["session"]["model"]["components"].values()} <= set(
        state["schema"]["profiles"]
    )
    assert state["progress"]["state"] == "idle"
    assert editor.summary == {}
    assert editor.problems == []
    assert editor.get_state("control")["control"] == f"anywidget:{editor.control.model_id}"
    assert editor.model == model


def test_arguments_are_checked(image, model):
    with pytest.raises(TypeError, match="image must be an Image, got ndarray"):
        Editor(image.data)
    with pytest.raises(TypeError, match="model must be a Model, got dict"):
        Editor(image, model.components)


def test_the_bundle_is_text_so_that_widgets_can_be_freed(editor, monkeypatch, tmp_path, image):
    assert isinstance(editor._esm, str)
    assert len(editor._esm) < 2000  # a browser keeps it for every widget
    assert len(editor.code) > 10_000
    assert len(editor._css) > 100
    monkeypatch.setattr(bundle, "STATIC", tmp_path)
    with pytest.raises(FileNotFoundError, match="npm --prefix js run build"):
        Editor(image)
    assert bundle.read("loader.js") == ""
    (tmp_path / "loader.js").write_text("export default {}")
    assert bundle.watched("loader.js", source="widget.js") == "export default {}"
    monkeypatch.setenv("ANYWIDGET_HMR", "1")
    assert bundle.watched("loader.js", source="widget.js") == tmp_path / "widget.js"


def test_hello_is_answered_with_the_image_and_every_component(editor, heard, image, model):
    heard.send(t="hello")
    (content, buffers), frame = heard.messages
    assert content["t"] == "image"
    assert content["shape"] == [11, 14]
    assert content["layers"] == ["data", "sigma", "mask", "psf"]
    assert content["psf_shape"] == [5, 5]
    np.testing.assert_array_equal(np.frombuffer(buffers[0], "<f4").reshape(image.shape), image.data.astype("f4"))
    np.testing.assert_array_equal(np.frombuffer(buffers[1], "<f4").reshape(image.shape), image.sigma.astype("f4"))
    np.testing.assert_array_equal(np.frombuffer(buffers[2], "u1").reshape(image.shape), image.mask)
    np.testing.assert_array_equal(np.frombuffer(buffers[3], "<f4").reshape(5, 5), image.psf.astype("f4"))
    assert frame[0]["seq"] is None
    assert frame[0]["components"] == ["star", "ghost", "sky"]
    assert frame[0]["dof"] == image.valid.sum() - len(model.free)
    for name, expected in render_components(model, image).items():
        np.testing.assert_allclose(pixels(frame, image)[name], expected, rtol=1e-5, atol=1e-6)
    heard.clear()
    heard.send(t="hello")
    assert heard.messages[1][0]["components"] == ["star", "ghost", "sky"]


def test_the_image_does_not_wait_for_the_model(editor, heard, monkeypatch):
    heard.settle()
    gate = threading.Event()
    monkeypatch.setattr(editor._frames, "forget", lambda: gate.wait(60))
    editor._handle_custom_msg({"t": "hello"}, [])
    assert editor._greeter.flush(60)
    assert [message[0]["t"] for message in heard.messages] == ["image"]
    gate.set()
    heard.settle()
    assert [message[0]["t"] for message in heard.messages] == ["image", "frame"]


def test_a_gesture_is_answered_with_the_changes(editor, heard, image, model):
    heard.send(t="hello")
    heard.clear()
    heard.send(t="render", seq=7, values={"ghost.flux": 8.0})
    (frame,) = heard.messages
    assert frame[0]["seq"] == 7
    assert frame[0]["components"] == ["ghost"]
    expected = render_components(model, image, {"ghost.flux": 8.0})
    np.testing.assert_allclose(pixels(frame, image)["ghost"], expected["ghost"], rtol=1e-5, atol=1e-6)
    assert editor.model == model


def test_a_gesture_out_of_range_is_answered(heard):
    heard.send(t="render", seq=8, values={"star.nothing": 8.0})
    (frame,) = heard.messages
    assert frame[0]["seq"] == 8
    assert frame[0]["components"] == []


def test_only_the_newest_waiting_request_is_drawn(editor, heard, monkeypatch):
    heard.send(t="hello")
    heard.clear()
    gate, begun = threading.Event(), threading.Event()
    draw = editor._frames.draw

    def slow(*arguments):
        begun.set()
        gate.wait(60)
        return draw(*arguments)

    monkeypatch.setattr(editor._frames, "draw", slow)
    for seq in range(50):
        editor._handle_custom_msg({"t": "render", "seq": seq, "values": {"star.xc": 6.0 + 0.01 * seq}}, [])
        assert begun.wait(60)
    gate.set()
    heard.settle()
    assert [content["seq"] for content, _ in heard.messages] == [0, 49]


def test_an_unexpected_error_is_shown_and_the_request_answered(editor, heard, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("inside the renderer")

    monkeypatch.setattr(editor._frames, "draw", broken)
    heard.send(t="render", seq=3, values={})
    assert heard.of("frame")[0][0]["seq"] == 3
    assert "inside the renderer" in heard.of("error")[0][0]["detail"]


def test_a_committed_session_becomes_the_model(editor, heard):
    heard.send(t="hello")
    heard.clear()

    def change(session):
        session["model"]["components"]["star"]["flux"] = {"type": "Uniform", "low": 1.0, "high": 50.0, "init": 20.0}

    editor.set_state({"session": edited(editor, change)})
    assert editor.model.free["star.flux"] == Uniform(1.0, 50.0, init=20.0)
    heard.settle()
    (frame,) = heard.messages
    assert frame[0]["seq"] is None
    assert frame[0]["components"] == ["star"]


def test_an_invalid_session_keeps_the_last_valid_model(editor, heard, model):
    def change(session):
        session["model"]["components"]["star"]["xc"]["scale"] = -1.0

    editor.set_state({"session": edited(editor, change)})
    assert editor.model == model
    assert [problem["path"] for problem in editor.problems] == ["star.xc"]
    with pytest.raises(ValueError, match="scale must be positive"):
        editor.run(object.__new__(_method()))
    editor.model = model
    assert editor.problems == []
    heard.settle()


def _method():
    from sersiclab.inference import MAP

    return MAP


def test_switching_off_and_on(editor, heard, image, model):
    heard.send(t="hello")
    heard.clear()
    editor.set_state({"session": {**editor.session, "off": ["star"]}})
    heard.settle()
    assert list(editor.model.components) == ["ghost", "sky"]
    assert editor.model.free["ghost.xc"] == Normal(6.0, 0.5, init=6.2)
    assert heard.messages[-1][0]["dof"] == image.valid.sum() - len(editor.model.free)
    # A tie to the component that is off still resolves, in the pictures of a gesture too.
    heard.clear()
    heard.send(t="render", seq=1, values={"star.xc": 8.0})
    expected = render_components(model, image, {"star.xc": 8.0})
    np.testing.assert_allclose(pixels(heard.messages[0], image)["ghost"], expected["ghost"], rtol=1e-5, atol=1e-6)
    editor.set_state({"session": {**editor.session, "off": []}})
    assert list(editor.model.components) == ["star", "ghost", "sky"]


def test_assigning_the_model(editor, heard):
    heard.send(t="hello")
    heard.clear()
    other = Model({"only": PointSource(xc=5.0, yc=5.0, flux=Normal(3.0, 1.0))})
    editor.model = other
    assert editor.model is other
    assert editor.session["model"]["components"]["only"]["flux"] == {
        "type": "Normal",
        "loc": 3.0,
        "scale": 1.0,
        "init": 3.0,
    }
    heard.settle()
    assert heard.messages[-1][0]["components"] == ["only"]
    with pytest.raises(TypeError, match="model must be a Model, got str"):
        editor.model = "sersic"
    assert editor.model is other


class Gradient(AbstractSky):
    """A user's own sky."""

    slope: float = parameter(doc="slope along x")

    def brightness(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return self.slope * x


def test_a_users_own_profile_can_be_edited(editor, heard):
    editor.model = editor.model.with_component("mine", Gradient(slope=Normal(0.0, 1.0)))
    assert "Gradient" in editor.schema["profiles"]

    def change(session):
        session["model"]["components"]["mine"]["slope"]["init"] = 0.5

    editor.set_state({"session": edited(editor, change)})
    assert editor.problems == []
    assert editor.model.initial["mine.slope"] == 0.5
    heard.settle()
    assert heard.of("error") == []


def test_the_control_answers_inside_its_handler(editor):
    sent = []
    editor.control.send = lambda content: sent.append(content)
    editor.control._handle_custom_msg({"t": "ping"}, [])
    assert sent == [{"t": "pong"}]
    editor.control._handle_custom_msg({"t": "cancel"}, [])  # without a run, nothing happens


def test_close_frees_everything(image, model):
    editor = Editor(image, model)
    editor._handle_custom_msg({"t": "hello"}, [])
    assert editor.flush(120)
    held = [weakref.ref(part) for part in (editor, editor.control, editor._greeter, editor._mailbox)]
    threads = [
        box._thread for box in (editor._greeter, editor._mailbox, editor._fitting.gauges._mailbox)
    ]  # each holds it
    editor.close()
    editor.close()  # twice is fine
    del editor
    for thread in threads:
        thread.join(30)
    gc.collect()
    assert [ref() for ref in held] == [None] * len(held)


def test_many_updates_while_a_worker_writes(editor, heard):
    """Nothing is lost, no matter which side writes: the last session and the last progress remain at the end."""
    stop = threading.Event()
    written = []

    def work():
        while not stop.is_set():
            with editor._desk.turn:
                editor.progress = {**editor.progress, "step": len(written)}
            written.append(editor.progress["step"])

    worker = threading.Thread(target=work)
    worker.start()
    chance = random.Random(1)
    session = copy.deepcopy(editor.session)
    before = len(editor.model.free)
    for _ in range(300):
        session = copy.deepcopy(session)
        session["off"] = chance.choice([[], ["sky"]])
        session["model"]["components"]["star"]["flux"]["init"] = value = chance.uniform(1.0, 100.0)
        editor.set_state({"session": session})
        assert editor.model.initial["star.flux"] == value
    stop.set()
    worker.join(30)
    assert editor.session == session
    assert editor.progress["step"] == len(written) - 1
    assert len(editor.model.free) == before
    heard.settle()
    assert heard.of("error") == []


def test_handlers_only_enqueue(editor, heard, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(editor._frames, "draw", lambda *_: gate.wait(60))
    returned = threading.Event()

    def front_end():
        editor._handle_custom_msg({"t": "hello"}, [])
        editor._handle_custom_msg({"t": "render", "seq": 1, "values": {}}, [])
        editor.set_state({"session": {**editor.session, "off": ["sky"]}})
        returned.set()

    threading.Thread(target=front_end, daemon=True).start()
    assert returned.wait(60)
    gate.set()
    time.sleep(0)


def test_a_flat_sky_alone(image):
    with_sky = Editor(image, Model({"sky": FlatSky(level=Normal(0.0, 1.0))}))
    try:
        assert with_sky.model.initial == {"sky.level": 0.0}
    finally:
        with_sky.close()


def test_a_row_names_the_same_bound_as_the_verdict(editor):
    """Two exponentials that start at the lower bound of their priors: one rule, used in two places."""
    fit = editor.run(Counting(steps=200), wait=True)
    low, _ = fit.model.free["star.flux"].support()
    draws = low + np.random.default_rng(1).exponential(2.0, fit.draws["star.flux"].shape)
    bounded = dataclasses.replace(fit, draws={**fit.draws, "star.flux": draws})
    document = summary_document(bounded)
    assert {row["path"]: row["bounds"] for row in document["rows"] if row["bounds"]} == {"star.flux": {"lower": low}}
    assert f"star.flux lies at the lower bound of its prior, {low:g}." in document["verdict"]["text"]
