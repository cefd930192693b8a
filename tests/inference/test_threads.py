"""How many threads compute, and that their number changes no result."""

import os
import threading

import numpy as np
import pytest

from sersiclab.inference import MAP, NUTS, Importance, Laplace, fit, start, weighing
from sersiclab.inference.running.threads import processors, threads
from sersiclab.runtime import process


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


def test_twenty_runs_at_once_give_what_each_gives_alone(blob):
    methods = (NUTS(warmup=20, draws=20), Laplace(draws=50), MAP(), Importance(draws=50), NUTS(draws=15, chains=1))
    jobs = [(blob(seed=1 + i, xc=14.0 + 0.1 * i)[:2], methods[i % len(methods)], i) for i in range(20)]
    alone = [fit(*data, method, seed=seed, progress=False) for data, method, seed in jobs]
    runs = [start(*data, method, seed=seed) for data, method, seed in jobs]
    for run, expected in zip(runs, alone, strict=True):
        found = run.wait(300)
        assert found.best == expected.best
        assert found.draws.keys() == expected.draws.keys()
        for path, draws in expected.draws.items():
            np.testing.assert_array_equal(found.draws[path], draws)
        for name, values in expected.stats.items():
            np.testing.assert_array_equal(found.stats[name], values)


def held():
    """What a process holds: threads, open files, mappings of memory, and MB of it."""
    files, mappings = os.listdir("/proc/self/fd"), process.MAPPINGS.read_bytes().count(b"\n")
    with open("/proc/self/statm") as file:
        memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return threading.active_count(), len(files), mappings, memory


@pytest.mark.slow
@pytest.mark.skipif(not process.MAPPINGS.exists(), reason="counted on Linux alone")
@pytest.mark.parametrize("shapes", [1, 150])
def test_hundreds_of_fits_hold_no_more_than_a_few(blob, monkeypatch, shapes):
    """500 fits of one shape, or fits of 150 shapes, whose programs would need more mappings than a process may have."""
    monkeypatch.setattr(process, "PROGRAMS", 250)
    fits, counts = 500 if shapes == 1 else shapes, []
    for i in range(fits):
        model, image, _ = blob(seed=i, shape=(20 + i % shapes // 25, 21 + i % shapes % 25))
        fit(model, image, Laplace(draws=50), seed=i, progress=False)
        counts.append(held())
    threads, files, mappings, memory = np.transpose(counts)
    settled = len(counts) // 2  # by then programs have been released, if they are at all
    assert threads.max() <= threads[:20].min() + 1
    assert files.max() <= files[:20].max()
    assert mappings[settled:].max() <= max(1.02 * mappings[:settled].max(), mappings[20])
    assert memory[settled:].max() <= 1.05 * memory[:settled].max() + 20
