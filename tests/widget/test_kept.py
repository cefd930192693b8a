"""Fits that are kept, and the convergence of draws during a run."""

import numpy as np
import pytest

from sersiclab.widget.gauges import gauge
from sersiclab.widget.kept import Kept

from .counting import Counting


def test_a_fit_is_kept_compared_and_restored(editor, heard):
    first = editor.run(Counting(steps=30), wait=True)
    editor.keep("thirty")
    editor.model = editor.model.replace({"star.xc": 7.5})
    second = editor.run(Counting(steps=40), wait=True)
    heard.send(t="keep", name="forty")
    assert editor.flush(60)
    assert list(editor.fits) == ["thirty", "forty"]
    assert editor.fits["forty"] is second
    number = int(first.image.valid.sum())
    assert editor._fitting.gauges.flush(60)
    assert heard.of("error") == []
    one, other = editor.kept
    assert one["loo"] is not None
    for row in (one, other):  # these draws are not from a posterior
        assert row["loo_says"] in ("undecided", "unreliable")
        assert "bic and log_evidence decide instead" in row["note"]
    penalty = (len(first.model.free) - len(second.model.free)) * np.log(number)
    # Relative to the other, because the constant of the likelihood is the same.
    assert one["bic"] - other["bic"] == pytest.approx(first.chi2 - second.chi2 + penalty, rel=1e-3)
    assert (one["name"], one["method"], one["free"] - other["free"]) == ("thirty", "Counting", 1)
    assert one["comparable"]
    editor.run(Counting(steps=3), wait=True)
    editor.keep("cancelled early")
    assert editor._fitting.gauges.flush(60)
    assert heard.of("error") == []
    assert "loo" not in editor.kept[2]
    editor.forget("cancelled early")
    heard.send(t="restore", name="thirty")
    assert editor.flush(60)
    assert editor.fit is first
    assert set(editor.model.free) == set(first.model.free)
    assert editor.model.initial["star.xc"] == pytest.approx(first.best["star.xc"])
    heard.send(t="forget", name="thirty")
    assert editor.flush(60)
    assert [row["name"] for row in editor.kept] == ["forty"]
    assert editor.fit is first


def test_another_mask_is_reported_and_restored(editor):
    editor.run(Counting(steps=5), wait=True)
    editor.keep("as given")
    before = editor.mask.copy()
    editor.mask = np.arange(before.size).reshape(before.shape) < 20
    editor.run(Counting(steps=5), wait=True)
    editor.keep("masked")
    assert [row["comparable"] for row in editor.kept] == [True, False]
    editor.restore("as given")
    assert np.array_equal(editor.mask, before)


def test_fits_that_cannot_be_kept_are_refused(editor):
    with pytest.raises(ValueError, match="no fit to keep yet"):
        editor.keep("a")
    editor.run(Counting(steps=5), wait=True)
    with pytest.raises(ValueError, match="needs a name"):
        editor.keep("  ")
    with pytest.raises(KeyError):
        editor.restore("nothing")
    changes, later = [], []
    Kept(changes.append, later.append).forget("nothing")
    later[0]()
    assert changes == [[]]


def test_a_gauge_names_the_worst_parameter(rng):
    good, bad = rng.normal(size=(2, 400)), rng.normal(size=(2, 400)) + np.array([[0.0], [5.0]])
    found = gauge({"a": good, "b": bad})
    assert (found["draws"], found["chains"]) == (400, 2)
    assert (found["r_hat_path"], found["ess_path"]) == ("b", "b")
    assert found["r_hat"] > 1.5
    assert found["ess"] < 10
    assert gauge({"a": good[:, :2]})["r_hat"] is None
    alone = gauge({"a": good[:1]})
    assert alone["r_hat"] is None
    assert alone["ess"] > 100


def test_a_run_sends_its_gauges(editor, heard):
    editor.run(Counting(steps=30), wait=True)
    assert editor._fitting.gauges.flush(60)
    assert heard.of("gauge")[-1][0]["chains"] == 2
