"""Cancelling: what it leaves, how soon it is heard, and what the user is told meanwhile."""

import time

import numpy as np
import pytest

from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, start
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search import field, parts
from sersiclab.model import render

from .test_field import scene


METHODS = [MAP(), Laplace(), Importance(), SVI(), NUTS(warmup=20, draws=20)]


@pytest.fixture
def cancelled_after(monkeypatch):
    """`cancelled_after(number)`: a run is cancelled when it has looked so often at its monitor while optimising."""

    def make(number):
        looked, check = [], Monitor.check

        def check_or_cancel(self):
            if self.progress.phase == "optimising":
                looked.append(self.progress.step)
                if len(looked) == number:
                    self.cancel()
            check(self)

        monkeypatch.setattr(Monitor, "check", check_or_cancel)
        return looked

    return make


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_cancelled_while_optimising_every_method_gives_the_best_point_so_far(method, blob, cancelled_after):
    model, image, _ = blob()
    cancelled_after(5)
    result = start(model, image, method).wait(300)
    assert result.status.startswith("cancelled")
    assert "cancelled before the minimiser had" in result.message
    assert isinstance(result.method, MAP)
    assert result.draws == {}
    assert result.verdict.level != "ok"
    assert "did not finish" in str(result.verdict)
    start_chi2 = np.sum(((image.data - render(model, image)) / image.sigma) ** 2)
    assert result.chi2 < 0.9 * start_chi2


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_cancelled_before_the_first_evaluation_every_method_gives_its_start(method, blob, cancelled_after):
    model, image, _ = blob()
    cancelled_after(2)
    result = start(model, image, method).wait(300)
    assert "before the minimiser had evaluated its start" in result.message
    assert result.best == pytest.approx(model.initial, rel=1e-4, abs=1e-4)
    assert result.verdict.level != "ok"


@pytest.mark.parametrize("number", [4, 20])
def test_a_field_of_sources_is_cancelled_between_two_components(number, monkeypatch, cancelled_after):
    """Not timed: from the cancellation on no component is drawn any more."""
    monkeypatch.setattr(parts, "LEAST_SIDE", 16)
    monkeypatch.setattr(parts, "REACH", 2.0)
    monkeypatch.setattr(parts, "MARGIN", 2)
    monkeypatch.setattr(field, "LARGE", 0)
    model, image, _ = scene()
    looked = cancelled_after(number)
    result = start(model, image, MAP()).wait(300)
    assert len(looked) == number
    assert looked[-1] > looked[1]  # the bar has moved, a component at a time
    assert max(np.diff(looked)) <= field.processors()
    assert result.status == "cancelled"
    assert np.isfinite(list(result.best.values())).all()
    assert np.isfinite(result.chi2)


def test_a_cancelled_run_says_when_it_will_stop():
    monitor = Monitor("MAP")
    monitor.phase("optimising", total=3)
    monitor._between, monitor._looked = 12.0, time.perf_counter() - 3.0
    assert monitor.progress.message == ""
    monitor.cancel()
    assert monitor.progress.message == "stops after this step, in about 9 s"
    monitor._between = 0.05
    assert monitor.progress.message == "stopping"
    monitor._between = None
    assert "the first, whose length is not known yet" in monitor.progress.message
    with monitor.compiling():
        assert "compilation has ended, which cannot be interrupted" in monitor.progress.message
    monitor.end("cancelled", "so it is")
    assert monitor.progress.message == "so it is"


def test_the_time_between_two_looks_is_that_of_the_last_step(monkeypatch):
    """Compiling and pausing do not count."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monitor = Monitor("MAP")
    monitor.phase("optimising", total=3)
    now[0] += 4.0
    monitor.advance(1)
    with monitor.compiling():
        now[0] += 50.0
    now[0] += 1.0
    monitor.cancel()
    assert monitor.progress.message == "stops after this step, in about 3 s"
