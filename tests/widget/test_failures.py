"""Errors raised on purpose are shown in their own words; bugs are reported as internal errors, with a traceback."""

import logging

import pytest

from sersiclab.runtime.errors import InputError, InputKeyError, StateError
from sersiclab.widget import presets, session
from sersiclab.widget.failures import LONGEST, failure_message, label_of


MEANT = [InputError("n must be positive"), StateError("a run is in progress"), FileNotFoundError(2, "No such file")]
BUGS = [TypeError("can only concatenate str"), ValueError("x"), KeyError("x"), ZeroDivisionError("division by zero")]


@pytest.mark.parametrize("error", MEANT, ids=repr)
def test_an_error_raised_on_purpose_is_shown_in_its_own_words(error):
    content, _ = failure_message("run", error)
    assert content == {"t": "error", "title": "The run failed", "detail": str(error)}


def test_a_missing_name_is_shown_without_quotation_marks():
    assert failure_message("restore a", InputKeyError("no fit 'a'"))[0]["detail"] == "no fit 'a'"


@pytest.mark.parametrize("error", BUGS, ids=repr)
def test_a_bug_is_an_internal_error_with_its_traceback(error):
    content, _ = failure_message("render", error)
    assert content["detail"] == f"Internal error: {type(error).__name__}: {error}"
    assert type(error).__name__ in content["traceback"]


def test_long_errors_are_shortened():
    content, _ = failure_message("run", RuntimeError("x" * 10 * LONGEST))
    assert len(content["detail"]) < 1.1 * LONGEST > len(content["traceback"])


def test_the_answer_to_an_export_names_its_request():
    label = label_of({"t": "export", "request": "fits 7", "kind": "fits"})
    assert failure_message(label, InputError("too large"))[0]["request"] == "fits 7"
    assert "request" not in failure_message(label_of({"t": "run", "request": "7"}), InputError("x"))[0]
    assert label_of("nonsense") == ""


def test_a_bug_behind_a_message_is_logged_and_shown(editor, heard, monkeypatch, caplog):
    def broken(*_):
        raise TypeError("can only concatenate str")

    monkeypatch.setattr(presets, "guess", broken)
    with caplog.at_level(logging.ERROR):
        heard.send(t="preset", name="single Sérsic")
    (message, _), *others = heard.of("error")
    assert others == []
    assert message["detail"] == "Internal error: TypeError: can only concatenate str"
    assert "broken" in message["traceback"]
    assert "broken" in caplog.text


def test_a_bug_in_the_reader_is_not_a_problem_of_the_session(editor, monkeypatch, caplog):
    def broken(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(session, "from_dict", broken)
    with caplog.at_level(logging.ERROR):
        reading = session.read(editor.session)
    assert [problem["message"] for problem in reading.problems] == ["Internal error: ValueError: a bug"]
    assert "broken" in caplog.text


def test_the_request_for_a_file_that_cannot_be_made_is_answered(editor, heard):
    heard.send(t="export", request="x 1", kind="nonsense")
    assert heard.of("error")[0][0]["request"] == "x 1"
