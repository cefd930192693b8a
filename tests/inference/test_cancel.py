"""Cancelling: its result, how soon it takes effect, and the messages until then."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, start
from sersiclab.inference.running.monitor import Cancelled, Monitor
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


@pytest.fixture
def clock(monkeypatch):
    """`clock[0]`: the time in seconds, which passes only when a test says so."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


@pytest.fixture
def stepped(clock):
    """`stepped(0.1, 4.0)`: a monitor whose run has taken steps of these lengths."""

    def make(*seconds):
        monitor = Monitor("MAP")
        monitor.phase("optimising", total=3)
        for each in seconds:
            clock[0] += each
            monitor.advance(1)
        return monitor

    return make


def test_a_cancelled_field_compiles_no_other_window(monkeypatch):
    """Cancelled while the first window is compiled, it does not compile those of the same batch."""
    monkeypatch.setattr(parts, "LEAST_SIDE", 16)
    monkeypatch.setattr(parts, "REACH", 2.0)
    monkeypatch.setattr(parts, "MARGIN", 2)
    monkeypatch.setattr(field, "LARGE", 0)
    monkeypatch.setattr(field, "processors", lambda: 4)
    prepare, prepared = field._DRAW.prepare, []

    def prepare_and_cancel(monitor, *arguments):
        prepared.append(monitor.progress.step)
        monitor.cancel()
        return prepare(monitor, *arguments)

    monkeypatch.setattr(field._DRAW, "prepare", prepare_and_cancel)
    model, image, _ = scene()
    result = start(model, image, MAP()).wait(300)
    assert prepared == [0]
    assert result.status == "cancelled"


def test_a_cancelled_run_says_when_it_will_stop(stepped, clock):
    monitor = stepped(12.0)
    clock[0] += 3.0
    assert monitor.progress.message == ""
    monitor.cancel()
    assert monitor.progress.message == "stops after this step, within about 9 s"
    with monitor.compiling():
        assert "compilation has ended, which cannot be interrupted" in monitor.progress.message
    monitor.end("cancelled", "so it is")
    assert monitor.progress.message == "so it is"


def test_the_length_of_the_first_step_of_a_phase_is_unknown(stepped):
    monitor = stepped(12.0)
    monitor.phase("drawing", total=1)
    monitor.cancel()
    assert "the first, whose length is not known yet" in monitor.progress.message


def test_the_time_between_two_looks_is_that_of_the_last_step(stepped, clock):
    """Compiling and pausing do not count."""
    monitor = stepped(4.0)
    with monitor.compiling():
        clock[0] += 50.0
    clock[0] += 1.0
    monitor.cancel()
    assert monitor.progress.message == "stops after this step, within about 3 s"


def test_a_step_is_cancelled_and_compiles_with_the_whole():
    whole = Monitor("recovery")
    whole.phase("mocks", total=3)
    step = Monitor("MAP", part_of=whole)
    step.phase("drawing", total=1)
    assert (whole.progress.phase, whole.progress.total) == ("mocks", 3)
    with step.compiling():
        assert whole.progress.state == "compiling"
    assert whole.progress.state == "running"
    assert whole.compile_seconds > 0
    step.check()
    whole.cancel()
    with pytest.raises(Cancelled):
        step.check()


def test_compilation_ends_with_that_of_the_last_thread():
    monitor = Monitor("batch")
    monitor.phase("searching", total=3)
    first, last = monitor.compiling(), monitor.compiling()
    first.__enter__()
    last.__enter__()
    first.__exit__(None, None, None)
    assert monitor.progress.state == "compiling"
    last.__exit__(None, None, None)
    assert monitor.progress.state == "running"


@pytest.mark.parametrize(
    ("seconds", "since", "message"),
    [
        ([0.05, 0.2, 0.05], 0.2, "stopping"),
        ([0.05, 0.3, 0.05], 0.0, "stops after this step, within about 1 s"),  # there may be another long one
        ([0.05, 7.0, *[0.05] * 600], 0.0, "stops after this step, within about 7 s"),
        ([7.0, *[0.05] * 1000], 0.0, "stopping"),
        ([0.05], 0.3, "stops after this step, within about 1 s"),  # longer than any before
        ([0.3], 4.0, "stops after this step, within about 4 s"),
    ],
)
def test_a_run_that_may_not_stop_within_half_a_second_says_so(seconds, since, message, stepped, clock):
    monitor = stepped(*seconds)
    clock[0] += since
    monitor.cancel()
    assert monitor.progress.message == message


def test_threads_that_look_in_turn_have_steps_of_their_own(stepped, clock):
    """Each takes 4 s, and one of them looks every 2 s; the other one begins when the phase is half over."""
    monitor = stepped(0.1)
    clock[0] += 0.1
    monitor.check()
    with ThreadPoolExecutor(1) as other:
        for look in [other.submit, lambda check: check()] * 3:
            clock[0] += 2.0
            look(monitor.check)
            other.submit(int).result()
    monitor.cancel()
    assert monitor.progress.message == "stops after this step, within about 4 s"
