"""Messages from the page: no number of them overloads the kernel, and invalid ones are answered."""

import copy
import json
import math
import re
import threading
import time
from pathlib import Path

import anywidget
import pytest

from sersiclab.widget import Editor, current, incoming
from sersiclab.widget.incoming import BOTH, FRONT_END, KERNEL, MESSAGES, MOST_DRAWS, checked
from sersiclab.widget.mailbox import MOST

from .counting import Counting


SOURCES = Path(__file__).parents[2] / "js" / "src" / "messages.ts"
# A valid message of each type.
RIGHT = {
    "hello": {},
    "render": {"seq": 1, "values": {"star.xc": 6.0}},
    "sight": {"raster": [0, 0, 1, 5, 5]},
    "pixel": {"x": 3, "y": 4},
    "mask": {"name": "00000000"},
    "predict": {"request": 1, "number": 1, "seed": 1},
    "preset": {"name": "single Sérsic"},
    "show": {"name": "r"},
    "neighbours": {},
    "noise": {},
    "keep": {"name": "a"},
    "restore": {"name": "a"},
    "forget": {"name": "a"},
    "load": {"name": "a.json"},
    "regions": {"name": "a.reg", "selected": "star"},
    "export": {"request": "1", "kind": "python"},
    "run": {"method": "Counting", "options": {"steps": 2}},
    "recover": {},
    "cancel": {},
    "pause": {},
    "resume": {},
}
WRONG = [None, True, [], {}, {"a": None}, "\0" * 10**6, -1, 0.5, 10**400, math.nan, math.inf, "1"]
# The values in `WRONG` that are valid for a field.
RIGHT_OF_WRONG = {
    "values": [{}],
    "options": [{}, {"a": None}],
    "name": ["1"],
    "selected": ["1"],
    "request": ["1"],
    "kind": ["1"],
    "method": ["1"],
}


def wrong_messages():
    for kind, right in RIGHT.items():
        for field in MESSAGES[kind][0]:
            if MESSAGES[kind][0][field].needed:
                yield kind, field, {name: right[name] for name in right if name != field}
            for value in WRONG:
                right_of_wrong = [] if kind == "predict" else RIGHT_OF_WRONG.get(field, [])
                if not any(type(value) is type(other) and value == other for other in right_of_wrong):
                    yield kind, field, {**right, field: value}


def test_every_message_of_the_page_has_a_rule_a_handler_and_a_valid_example(editor):
    source = SOURCES.read_text(encoding="utf-8")
    declared = re.search(r"export type Outgoing =(.*?);\n(?:export type Control = (.*?);)", source, re.DOTALL)
    assert declared
    page = set(re.findall(r'"(\w+)"', " ".join(re.findall(r"t: ([^;}]+)", declared[0]))))
    assert page - {"ping"} == set(MESSAGES)
    assert set(editor._requests.handlers) == set(MESSAGES)
    assert set(RIGHT) == set(MESSAGES)


@pytest.mark.parametrize("kind", RIGHT)
def test_a_valid_message_is_accepted(kind):
    content = {"t": kind, **RIGHT[kind]}
    assert checked(content, [b""] if MESSAGES[kind][1] else []) == content


@pytest.mark.parametrize("kind", RIGHT)
def test_an_invalid_field_is_named(kind):
    for _, field, content in (each for each in wrong_messages() if each[0] == kind):
        with pytest.raises(ValueError, match=field) as raised:
            checked({"t": kind, **content}, [b""] if MESSAGES[kind][1] else [])
        assert f"the message {kind!r}" in str(raised.value)
        assert len(str(raised.value)) < 400


@pytest.mark.parametrize("content", [{}, {"t": None}, {"t": "something"}, {"t": ["hello"]}, [], None, "hello", 3])
def test_malformed_messages_are_answered(editor, heard, content):
    editor._handle_custom_msg(content, [])
    heard.settle()
    (answer,) = heard.messages
    assert answer[0]["t"] == "error"
    assert "a message" in answer[0]["detail"]
    assert "Traceback" not in answer[0]["detail"]


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if MESSAGES[kind][1]])
def test_bytes_are_one_buffer_of_limited_length(kind, monkeypatch):
    content = {"t": kind, **RIGHT[kind]}
    for buffers in ([], [b"", b""]):
        with pytest.raises(ValueError, match="one buffer"):
            checked(content, buffers)
    with pytest.raises(ValueError, match="at most"):
        checked(content, [memoryview(bytes(MESSAGES[kind][1] + 1))])


def test_invalid_messages_change_nothing_and_are_answered(editor, heard, model):
    before = copy.deepcopy(editor.session), editor.progress, editor.kept
    wrong = [content for kind, field, content in wrong_messages() if field != "name"][:60]
    for content in wrong:
        editor._handle_custom_msg({"t": "render", **content, "seq": "x"}, [])
    heard.settle()
    assert len(heard.of("error")) == len(wrong)
    assert (editor.session, editor.progress, editor.kept) == before
    assert editor.model == model


def test_unknown_names_are_explained(heard):
    for content in ({"t": "restore", "name": "x"}, {"t": "preset", "name": "x"}, {"t": "run", "method": "x"}):
        heard.clear()
        heard.send(**content)
        (answer,) = heard.of("error")
        assert "'x'" in answer[0]["detail"]
        assert "Traceback" not in answer[0]["detail"]


def test_the_number_of_draws_is_limited(heard):
    heard.send(t="predict", request=1, number=10**9, seed=1)
    (answer,) = heard.messages
    assert f"number of the message 'predict' must be a whole number from 1 to {MOST_DRAWS}" in answer[0]["detail"]


def test_a_new_request_for_draws_ends_the_previous_one(editor, heard, until):
    editor._handle_custom_msg({"t": "predict", "request": 1, "number": MOST_DRAWS, "seed": 1}, [])
    until(lambda: heard.of("prediction"))
    heard.send(t="predict", request=2, number=3, seed=1)
    answers = [(content["request"], content["index"]) for content, _ in heard.of("prediction")]
    assert answers[-3:] == [(2, 0), (2, 1), (2, 2)]
    assert len(answers) < MOST_DRAWS
    assert [request for request, _ in answers] == sorted(request for request, _ in answers)


def test_of_many_sessions_only_the_last_is_read(editor, heard, monkeypatch):
    heard.send(t="hello")
    heard.clear()
    gate, begun, read = threading.Event(), threading.Event(), []
    draw, original = editor._frames.draw, current.read

    def slow(*arguments):
        begun.set()
        gate.wait(60)
        return draw(*arguments)

    monkeypatch.setattr(current, "read", lambda *arguments: read.append(1) or original(*arguments))
    monkeypatch.setattr(editor._frames, "draw", slow)
    editor._handle_custom_msg({"t": "render", "seq": 1, "values": {}}, [])
    assert begun.wait(60)
    begin = time.process_time()
    for k in range(2000):
        session = copy.deepcopy(editor.session)
        session["model"]["components"]["star"]["flux"]["init"] = 20.0 + 0.01 * k
        session["off"] = ["sky"] if k == 1000 else []
        editor.set_state({"session": session})
    spent = time.process_time() - begin
    assert read == []
    assert editor.model.initial["star.flux"] == pytest.approx(39.99)  # reading the model gives the last
    gate.set()
    heard.settle()
    assert len(read) == 1
    assert [content["seq"] for content, _ in heard.of("frame")] == [1, None]
    assert editor.session["off"] == []
    assert spent / 2000 < 5e-3


def test_a_change_is_not_lost_between_a_read_and_the_next(editor, heard):
    """Each change edits another parameter, as a user does, and the last state has them all."""
    session = copy.deepcopy(editor.session)
    for path, value in {"star.xc": 6.5, "star.yc": 5.2, "star.flux": 44.0, "ghost.flux": 3.0}.items():
        name, key = path.split(".")
        session = copy.deepcopy(session)
        session["model"]["components"][name][key]["init"] = value
        editor.set_state({"session": session})
        editor._handle_custom_msg({"t": "render", "seq": 5, "values": {"star.flux": 45.0}}, [])
    heard.settle()
    assert editor.model.initial == {"star.xc": 6.5, "star.yc": 5.2, "star.flux": 44.0, "ghost.flux": 3.0}


def test_no_job_of_the_user_is_dropped(editor, heard, monkeypatch):
    monkeypatch.setattr("sersiclab.widget.requests.METHODS", (Counting,))
    editor.run(Counting(steps=60), wait=True)
    heard.settle()
    gate = threading.Event()
    editor._post("block", lambda: gate.wait(60))
    for name in ("a", "b", "c"):
        editor._handle_custom_msg({"t": "keep", "name": name}, [])
        editor._handle_custom_msg({"t": "export", "request": name, "kind": "python"}, [])
    editor._handle_custom_msg({"t": "forget", "name": "b"}, [])
    gate.set()
    heard.settle()
    assert list(editor.fits) == ["a", "c"]
    assert [content["request"] for content, _ in heard.of("file")] == ["a", "b", "c"]


def test_the_number_of_waiting_requests_is_limited(editor, heard):
    heard.settle()
    gate = threading.Event()
    editor._post("block", lambda: gate.wait(60))
    for k in range(3 * MOST):
        editor._handle_custom_msg({"t": "export", "request": str(k), "kind": "python"}, [])
    assert 2 * MOST <= len(heard.of("error")) <= 2 * MOST + 1
    assert "requests are waiting already" in heard.of("error")[0][0]["detail"]
    gate.set()
    heard.settle()
    assert MOST - 1 <= len(heard.of("file")) <= MOST


# -- traits ----------------------------------------------------------------------------------------------


def test_every_synced_trait_has_an_owner(editor):
    own = set(Editor.class_traits(sync=True)) - set(anywidget.AnyWidget.class_traits(sync=True))
    assert own == {*BOTH, *FRONT_END, *KERNEL}
    assert len({*BOTH, *FRONT_END, *KERNEL}) == len((*BOTH, *FRONT_END, *KERNEL))


@pytest.mark.parametrize("name", KERNEL)
def test_a_change_of_a_trait_of_the_kernel_is_refused_and_reverted(editor, heard, monkeypatch, name):
    heard.settle()
    sent = []
    monkeypatch.setattr(editor, "send_state", lambda key=None: sent.append(key))
    before = getattr(editor, name)
    for value in (None, {}, [], [{"message": "x", "path": ""}], {"state": "done"}, "x", 10**400):
        if value == before:
            continue
        heard.clear()
        sent.clear()
        editor.set_state({name: value})
        assert getattr(editor, name) == before
        assert sent == [name]
        assert heard.of("refused") == [({"t": "refused", "detail": f"only Python may write {name}"}, [])]


@pytest.mark.parametrize("name", ["_esm", "_css", "_anywidget_id", "comm", "no_such"])
def test_no_other_attribute_can_be_written(editor, name):
    before = getattr(editor, name, None)
    editor.set_state({name: "something else"})
    assert getattr(editor, name, None) == before


def test_a_host_that_sends_unchanged_traits_back_gets_no_answer(editor, heard):
    heard.settle()
    heard.clear()
    editor.set_state(json.loads(json.dumps({name: getattr(editor, name) for name in (*BOTH, *KERNEL[:-1])})))
    editor.set_state(editor.get_state())
    heard.settle()
    assert heard.of("refused") == heard.of("error") == []


@pytest.mark.parametrize("name", [*BOTH, *FRONT_END])
@pytest.mark.parametrize("value", [None, "x", 3, ["x"], math.nan])
def test_a_trait_of_the_wrong_type_is_answered(editor, heard, model, name, value):
    before = copy.deepcopy(getattr(editor, name))
    heard.settle()
    heard.clear()
    editor.set_state({name: value})
    heard.settle()
    assert getattr(editor, name) == before
    (answer,) = heard.of("error")
    assert name in answer[0]["detail"]
    assert editor.model == model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "x"}, "version must be 1, got 'x'"),
        ({"version": 2}, "version must be 1, got 2"),
        ({"version": None}, "version must be 1"),
        ({"off": ["nobody"]}, "'off' names 'nobody', which is not a component; there are star, ghost, sky"),
        ({"off": [3]}, "'off' must be a list of names"),
        ({"off": "sky"}, "'off' must be a list of names"),
        ({"off": ["x" * 10**6]}, "which is not a component"),
        ({"mask": 7}, "7"),
        ({"mask": "nothing"}, "nothing"),
        ({"model": None}, ""),
        ({"model": {"type": "Model", "components": {"star": {"type": "PointSource", "xc": math.nan}}}}, ""),
        ({"model": {"type": "Model", "components": {"star": {"type": "FlatSky", "level": 10**400}}}}, ""),
    ],
    ids=range(12),
)
def test_an_invalid_session_is_reported_and_changes_nothing(editor, heard, model, change, words):
    mask = editor.mask
    editor.set_state({"session": {**editor.session, **change}})
    assert editor.problems
    message = editor.problems[0]["message"]
    assert words in message
    assert len(message) < 500
    heard.settle()
    assert editor.model.initial == model.initial
    assert list(editor.shown.on) == list(model.components)
    assert editor.mask is mask


def test_the_control_answers_unknown_messages(editor):
    sent = []
    editor.control.send = lambda content: sent.append(content)
    for content in ({"t": "stop"}, {}, None, {"t": ["ping"]}):
        editor.control._handle_custom_msg(content, [])
    assert len(sent) == 4
    assert all(answer["t"] == "refused" and "'t' must be one of ping, cancel" in answer["detail"] for answer in sent)


def test_a_value_is_shortened_in_errors():
    for value in WRONG:
        assert len(incoming.short(value)) < 80
