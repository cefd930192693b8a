"""Runs from the widget: progress, results, cancel, errors."""

import threading
import time

import numpy as np
import pytest

from sersiclab.inference import Cancelled

from .conftest import Failing
from .counting import Counting


@pytest.fixture(autouse=True)
def _buttons(monkeypatch):
    monkeypatch.setattr("sersiclab.widget.requests.METHODS", (Counting, Failing))


def test_a_run_gives_its_fit_and_its_summary(editor, heard, model):
    documents = []
    editor.observe(lambda change: documents.append(change["new"]), "progress")
    fit = editor.run(Counting(steps=5), wait=True, seed=3)
    assert fit is editor.fit
    assert fit.seed == 3
    assert fit.model == model
    assert fit.draws["star.flux"].shape == (2, 5)
    assert editor.progress["state"] == "done"
    assert editor.progress["method"] == "Counting"
    # The steps, then the slow work after them, then the end.
    phases = [(document["state"], document["phase"], document["total"]) for document in documents[-3:]]
    assert phases[0] == ("running", "counting", 5)
    assert phases[1:] == [("running", "judging the result", 0), ("done", "judging the result", 0)]
    rows = {row["path"]: row for row in editor.summary["rows"]}
    assert list(rows) == list(model.free)
    assert rows["star.xc"]["unit"] == "pixel"
    assert rows["star.xc"]["mean"] == pytest.approx(fit.draws["star.xc"].mean())
    assert editor.summary["best"] == fit.best
    assert editor.summary["verdict"]["level"] == fit.verdict.level
    assert not editor.running


def test_the_sliders_move_to_the_best_values_in_one_step(editor, heard, model):
    sessions = []
    editor.observe(lambda change: sessions.append(change["new"]), "session")
    fit = editor.run(Counting(), wait=True)
    assert len(sessions) == 1
    assert editor.model.initial == pytest.approx(fit.best)
    assert list(editor.model.free) == list(model.free)
    heard.settle()
    assert heard.of("frame")[-1][0]["seq"] is None


def test_best_values_reach_a_component_that_is_off_through_its_ties(editor, heard):
    editor.set_state({"session": {**editor.session, "off": ["star"]}})
    fit = editor.run(Counting(), wait=True)
    assert "ghost.xc" in fit.best
    assert editor.session["model"]["components"]["star"]["xc"]["init"] == pytest.approx(fit.best["ghost.xc"])
    assert editor.model.initial["ghost.xc"] == pytest.approx(fit.best["ghost.xc"])
    heard.settle()


def test_a_run_fits_the_model_at_the_press_of_the_button(editor, heard, model, until):
    editor.run(Counting(steps=20, step_seconds=0.02))
    editor.model = model.without("sky")
    until(lambda: not editor.running)
    assert editor.fit.model == model
    assert list(editor.model.components) == ["star", "ghost"]
    heard.settle()


def test_the_button_starts_a_run(editor, heard, until):
    heard.send(t="run", method="Counting", options={"steps": 3})
    until(lambda: editor.progress["state"] == "done")
    assert editor.fit.draws["star.xc"].shape == (2, 3)
    heard.send(t="run", method="Guessing", options={})
    assert "method must be one of" in heard.of("error")[-1][0]["detail"]


def test_cancel_from_the_front_end_keeps_the_draws(editor, heard, until):
    heard.send(t="run", method="Counting", options={"steps": 100_000, "step_seconds": 0.01})
    until(lambda: editor.progress["step"] > 2)
    assert editor.progress["state"] == "running"
    editor.control._handle_custom_msg({"t": "cancel"}, [])
    until(lambda: not editor.running)
    assert editor.progress["state"] == "cancelled"
    assert 2 < editor.fit.draws["star.xc"].shape[1] < 100_000
    assert editor.fit.status.startswith("cancelled")


def test_pause_and_resume(editor, heard, until):
    editor.run(Counting(steps=60, step_seconds=0.01))
    until(lambda: editor.progress["step"] > 0)
    editor.control._handle_custom_msg({"t": "pause"}, [])
    until(lambda: editor.progress["state"] == "paused")
    editor.control._handle_custom_msg({"t": "resume"}, [])
    until(lambda: editor.progress["state"] == "done")


def test_one_run_at_a_time(editor, heard, until):
    editor.run(Counting(steps=100_000, step_seconds=0.01))
    with pytest.raises(RuntimeError, match="a run is in progress"):
        editor.run(Counting())
    heard.send(t="run", method="Counting", options={})
    assert "a run is in progress" in heard.of("error")[0][0]["detail"]
    editor.cancel()
    until(lambda: not editor.running)


def test_progress_is_sent_at_most_ten_times_a_second(editor, heard):
    seen = []
    editor.observe(lambda change: seen.append(change["new"]["step"]), "progress")
    editor.run(Counting(steps=400, step_seconds=0.001), wait=True)
    assert seen == sorted(seen)
    assert len(seen) < 100


def test_an_error_in_a_run_is_shown_and_raised(editor, heard, model):
    with pytest.raises(ArithmeticError, match="the stars are not right"):
        editor.run(Failing(), wait=True)
    assert editor.progress["state"] == "error"
    assert "the stars are not right" in heard.of("error")[0][0]["detail"]
    assert editor.fit is None
    assert editor.model == model


def test_run_requires_a_method(editor):
    with pytest.raises(TypeError, match="method must be a method such as NUTS"):
        editor.run("NUTS")


def test_an_interrupt_cancels_and_keeps_the_draws(editor, heard, monkeypatch, until):
    editor.run(Counting(steps=100_000, step_seconds=0.01))
    until(lambda: editor.progress["step"] > 2)
    wait = editor._fitting.runs.task._done.wait
    monkeypatch.setattr(editor._fitting.runs.task._done, "wait", _interrupting(wait))
    fit = editor._fitting.runs.task.wait()
    assert fit.draws["star.xc"].shape[1] > 2
    assert fit.status.startswith("cancelled")


def _interrupting(wait):
    """A wait that is interrupted once by Ctrl-C."""
    struck = threading.Event()

    def interrupted(timeout):
        if not struck.is_set():
            struck.set()
            raise KeyboardInterrupt
        return wait(timeout)

    return interrupted


def test_cancelling_before_the_start_is_not_an_error(editor, heard, monkeypatch, until):
    def slow_start(*_, **__):
        time.sleep(0.05)
        raise Cancelled("the run was cancelled before it had any result")

    monkeypatch.setattr("sersiclab.widget.runs.start", slow_start)
    editor.run(Counting())
    until(lambda: not editor.running)
    assert editor.progress["state"] == "cancelled"
    assert heard.of("error") == []


def test_draws_are_reported_during_a_run(editor, heard, until):
    seen = []
    editor.on_draws(lambda model, draws: seen.append({path: array.shape for path, array in draws.items()}))
    editor.run(Counting(steps=40, step_seconds=0.02), wait=True)
    grown = [shapes["star.xc"][1] for shapes in seen if shapes]
    assert grown == sorted(grown)
    assert len(grown) >= 2
    assert np.all(np.array(grown) <= 40)


def test_closing_ends_the_run(editor, heard, until):
    editor.run(Counting(steps=100_000, step_seconds=0.01))
    task = editor._fitting.runs.task
    editor.close()
    until(lambda: task.done)
