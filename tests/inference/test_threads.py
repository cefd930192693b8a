"""How many threads compute, and that their number changes no result."""

import threading

import numpy as np
import pytest

from sersiclab.inference import Importance, fit, weighing
from sersiclab.inference.threads import processors, threads


def test_no_more_threads_than_processors(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5, 8}, raising=False)
    assert processors() == 3
    gate = threading.Barrier(3)
    with threads("test") as pool:
        assert sorted(pool.map(lambda i: (gate.wait(10), i)[1], range(3))) == [0, 1, 2]  # all three at once
    with threads("test", most=1) as pool:
        names = set(pool.map(lambda _: threading.current_thread().name, range(4)))
    assert len(names) == 1


def test_without_affinity_all_processors_are_used(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert processors() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_threads_changes_no_draw(blob, monkeypatch, count):
    model, image, _ = blob()
    expected = fit(model, image, Importance(draws=50), seed=3, progress=False)
    monkeypatch.setattr(weighing, "processors", lambda: count)
    found = fit(model, image, Importance(draws=50), seed=3, progress=False)
    np.testing.assert_array_equal(found.stats["lp"], expected.stats["lp"])
