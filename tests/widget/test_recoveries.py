"""Mocks of the last fit, from the widget: when they are refused, progress, cancel, result."""

import json

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.recovery import mock_fits
from sersiclab.recovery.findings import findings_of
from sersiclab.widget import Editor
from sersiclab.widget.messages import NO_RECOVERY
from sersiclab.widget.recoveries import COLUMNS, result_document

from .conftest import SECONDS
from .counting import Counting


@pytest.fixture(scope="module")
def flat():
    """A sky, fitted by Laplace."""
    rng = np.random.default_rng(4)
    model = sl.Model({"sky": sl.TiltedSky(sl.Normal(0.0, 10.0), sl.Normal(0.0, 1.0), 0.0)})
    return sl.fit(model, sl.Image(rng.normal(2.0, 1.0, (20, 21)), sigma=1.0), sl.Laplace(draws=200), progress=False)


@pytest.fixture
def wb(editor, flat):
    """A workbench that shows it; `editor` is there for its check of the front end."""
    with sl.Workbench.of(flat) as made:
        yield made
        made.cancel()


def press(editor: Editor, kind: str = "recover") -> None:
    editor._handle_custom_msg({"t": kind}, [])


@pytest.fixture
def endless(monkeypatch):
    """Mocks, of which there are many, one at a time."""
    monkeypatch.setattr(mock_fits, "MOST", 1)
    monkeypatch.setattr("sersiclab.widget.recoveries.MockOptions", lambda fits: mock_fits.MockOptions(fits, 10_000))


def test_the_button_gives_the_recovery_of_the_last_fit(wb, flat, until):
    documents = []
    wb.editor.observe(lambda change: documents.append(change["new"]), "recovery")
    assert wb.recovery is None
    press(wb.editor)
    until(lambda: wb.editor.recovery["state"] == "done")
    recovery = wb.recovery
    assert (recovery.number, recovery.status) == (50, "complete")
    again = sl.recover(flat, progress=False)
    for path, found in recovery.found.items():
        np.testing.assert_array_equal(found, again.found[path])
    assert documents[0] == {**NO_RECOVERY, "refused": "", "state": "compiling"}
    steps = [document["step"] for document in documents]
    assert steps == sorted(steps)
    assert steps[-1] == 50
    assert {document["total"] for document in documents} == {50}
    assert [document["state"] for document in documents if document["result"]] == ["done"]
    assert not wb.editor.recoveries.running


def test_the_document_has_the_table_with_its_errors_and_the_pulls(flat):
    recovery = sl.recover(flat, n=20, progress=False)
    document = json.loads(json.dumps(result_document(flat, recovery), allow_nan=False))
    assert [row["path"] for row in document["rows"]] == ["sky.level", "sky.slope_x"]
    assert (document["number"], document["failed"], document["status"]) == (20, 0, "complete")
    for row in document["rows"]:
        for column in COLUMNS:
            for name in (column, f"{column}_err"):
                assert row[name] == pytest.approx(recovery.table.loc[row["path"], name])
        np.testing.assert_allclose(row["pulls"], recovery.pulls[row["path"]], atol=6e-4)
    assert document["text"] == findings_of(recovery).text


def of_pulls(pulls):
    """A recovery of one parameter with these pulls."""
    pulls = np.asarray(pulls)
    return sl.Recovery({"a.n": np.zeros_like(pulls)}, {"a.n": 0.5 * pulls}, {"a.n": np.full_like(pulls, 0.5)})


@pytest.mark.parametrize(
    ("mean", "spread", "text"),
    [
        (0.0, 1.0, "ok: errors match the scatter of 100 mock galaxies, which is known to 7 %, and no value is biased."),
        (0.0, 1.4, "caution: errors too small: a.n (by a factor of 1.40)."),
        (0.0, 0.5, "caution: errors too large: a.n (by a factor of 2.00)."),
        (-0.6, 1.0, "caution: values biased: a.n (by -0.60 sd)."),
        (1.0, 1.5, "caution: errors too small: a.n (by a factor of 1.50); values biased: a.n (by +1.00 sd)."),
    ],
)
def test_the_findings_name_what_is_wrong(mean, spread, text):
    pulls = np.random.default_rng(1).normal(size=100)
    pulls = (pulls - pulls.mean()) / pulls.std(ddof=1)
    findings = findings_of(of_pulls(mean + spread * pulls))
    assert findings.text == text
    assert findings.text.startswith(findings.level)


def test_right_errors_are_rarely_doubted():
    rng = np.random.default_rng(2)
    doubted = [findings_of(of_pulls(rng.normal(size=50))).level == "caution" for _ in range(400)]
    assert np.mean(doubted) < 0.02


def test_a_pull_without_an_error_is_null():
    model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
    fit = sl.fit(model, sl.Image(np.ones((4, 5)), sigma=1.0), sl.MAP(), progress=False)
    flat = sl.Recovery(*({"sky.level": np.array(values)} for values in ([0.0, 0.0], [1.0, 2.0], [0.0, 1.0])))
    with np.errstate(all="ignore"):
        row = json.loads(json.dumps(result_document(fit, flat), allow_nan=False))["rows"][0]
    assert row["pulls"] == [None, 2.0]
    assert row["pull_sd"] is None


def test_cancel_keeps_the_finished_mocks(wb, endless, until):
    press(wb.editor)
    until(lambda: wb.editor.recovery["step"] > 8)
    assert wb.editor.recovery["state"] == "running"
    wb.editor.control._handle_custom_msg({"t": "cancel"}, [])
    assert "stop" in wb.editor.recovery["message"]
    until(lambda: not wb.editor.recoveries.running)
    assert 8 < wb.recovery.number < 10_000
    document = wb.editor.recovery
    assert document["state"] == "done"
    assert document["result"]["status"] == wb.recovery.status == f"cancelled after {wb.recovery.number} of 10000 mocks"


def test_cancelling_before_enough_are_finished_gives_none(wb, endless, until):
    press(wb.editor)
    wb.cancel()
    until(lambda: not wb.editor.recoveries.running)
    assert wb.recovery is None
    assert wb.editor.recovery["state"] == "cancelled"
    assert wb.editor.recovery["message"].endswith("a recovery needs at least 5")
    assert wb.editor.recovery["result"] is None


def test_a_fit_without_errors_by_laplace_is_refused_in_words(editor, heard, flat):
    press(editor)
    assert heard.of("error")[-1][0] == {
        "t": "error",
        "title": "The errors could not be tested",
        "detail": "Fit the galaxy first, by Laplace.",
    }
    assert editor.recovery == NO_RECOVERY
    editor.run(Counting(steps=60), wait=True)
    words = "The last fit is by Counting, which takes too long for 50 mock galaxies. Run Laplace, then test "
    assert editor.recovery["refused"] == f"{words}its errors here."
    press(editor)
    assert heard.of("error")[-1][0]["detail"].startswith(words)
    editor.show(sl.fit(flat.model, flat.image, sl.MAP(), progress=False))
    assert "by MAP, which gives no errors. Run Laplace" in editor.recovery["refused"]


def test_laplace_without_an_approximation_is_refused(editor, heard):
    offsets = {"one": sl.FlatSky(sl.Normal(0.0, 1e6)), "two": sl.FlatSky(sl.Normal(0.0, 1e6))}
    fit = sl.fit(sl.Model(offsets), sl.Image(np.ones((4, 5)), sigma=1.0), sl.Laplace(), progress=False)
    assert not fit.draws
    editor.show(fit)
    assert editor.recovery["refused"] == "The last fit has no errors: Laplace found no normal approximation."


def test_one_thing_at_a_time(wb, endless, until):
    press(wb.editor)
    with pytest.raises(RuntimeError, match="mocks are being fitted: wait for them, or cancel"):
        wb.run(sl.MAP())
    with pytest.raises(RuntimeError, match="mocks are being fitted"):
        wb.editor.recoveries.begin()
    wb.cancel()
    until(lambda: not wb.editor.recoveries.running)
    wb.editor.run(Counting(steps=100_000, step_seconds=0.01))
    with pytest.raises(RuntimeError, match="a run is in progress"):
        wb.editor.recoveries.begin()
    wb.cancel()
    until(lambda: not wb.editor.running)


def test_the_result_is_outdated_by_another_fit(wb, flat, until):
    press(wb.editor)
    until(lambda: wb.editor.recovery["state"] == "done")
    recovery = wb.recovery
    wb.editor.show(flat)
    assert not wb.editor.recovery["outdated"]
    wb.run(sl.Laplace(draws=100), wait=True)
    assert wb.editor.recovery["outdated"]
    assert wb.editor.recovery["result"] is not None
    assert wb.recovery is recovery


def test_an_error_is_shown(wb, monkeypatch, until):
    def fail(*_, **__):
        raise ArithmeticError("the stars are not right")

    messages = []
    monkeypatch.setattr(wb.editor, "send", lambda content, buffers=None: messages.append(content))
    monkeypatch.setattr(mock_fits, "mock_of", fail)
    press(wb.editor)
    until(lambda: not wb.editor.recoveries.running)
    assert wb.editor.recovery["state"] == "error"
    assert "the stars are not right" in wb.editor.recovery["message"]
    assert [message["title"] for message in messages if message["t"] == "error"] == ["The errors could not be tested"]
    assert wb.recovery is None


def test_closing_ends_it(flat, endless, editor, until):
    wb = sl.Workbench.of(flat)
    press(wb.editor)
    wb.close()
    until(lambda: not wb.editor.recoveries.running)
    assert wb.editor.recoveries._work is not None
    assert wb.editor.recoveries._work._finished.wait(SECONDS)
