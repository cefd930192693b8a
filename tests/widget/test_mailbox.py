"""The worker thread with a slot per kind of job."""

import threading
import time
import weakref

import pytest

from sersiclab.widget.mailbox import Mailbox


@pytest.fixture
def failures():
    return []


@pytest.fixture
def mailbox(failures):
    made = Mailbox("test", lambda kind, error: failures.append((kind, str(error))))
    yield made
    made.close()


def test_the_newest_job_of_a_kind_wins_and_kinds_keep_their_order(mailbox):
    gate, begun, done = threading.Event(), threading.Event(), []

    def first():
        begun.set()
        gate.wait(30)
        done.append("first")

    mailbox.post("render", first)
    assert begun.wait(30)
    for k in range(100):
        mailbox.post("render", lambda k=k: done.append(k))
    mailbox.post("session", lambda: done.append("session"))
    gate.set()
    assert mailbox.flush(30)
    assert done == ["first", 99, "session"]


def test_an_exception_is_reported_and_the_thread_continues(mailbox, failures):
    done = []
    mailbox.post("a", lambda: 1 / 0)
    mailbox.flush(30)
    mailbox.post("b", lambda: done.append(1))
    mailbox.flush(30)
    assert failures == [("a", "division by zero")]
    assert done == [1]


def test_flush_reports_a_timeout(mailbox):
    gate = threading.Event()
    mailbox.post("a", lambda: gate.wait(30))
    assert not mailbox.flush(0.01)
    gate.set()
    assert mailbox.flush(30)


def test_close_drops_waiting_jobs_and_ends_the_thread(mailbox):
    gate, done = threading.Event(), []
    mailbox.post("a", lambda: gate.wait(30))
    mailbox.post("b", lambda: done.append(1))
    mailbox.close()
    mailbox.post("c", lambda: done.append(1))
    gate.set()
    mailbox._thread.join(30)
    assert not mailbox._thread.is_alive()
    assert done == []


def test_a_finished_job_is_not_held(mailbox):
    class Big:
        def work(self):
            pass

    big = Big()
    held = weakref.ref(big)
    mailbox.post("a", big.work)
    mailbox.flush(30)
    del big
    end = time.monotonic() + 30
    while held() is not None and time.monotonic() < end:
        time.sleep(0.01)
    assert held() is None


def test_it_rests_between_jobs_but_not_when_closed(failures):
    mailbox = Mailbox("test", lambda kind, error: failures.append(error), rest=60.0)
    done = []
    mailbox.post("a", lambda: done.append(1))
    while not done:
        time.sleep(0.01)
    mailbox.close()
    mailbox._thread.join(30)
    assert not mailbox._thread.is_alive()
