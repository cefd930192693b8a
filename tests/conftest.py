"""Fixtures shared by all tests, and JAX set to complain about careless code."""

import _thread
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


# Most of the tests' time is compilation; the workers and the processes they start share theirs.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "sersiclab-tests-jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook


# Shapes and types of arrays are checked at each call of the mathematics. User input has checks of its own.
install_import_hook(
    ["sersiclab.profiles", "sersiclab.data.psf", "sersiclab.rendering", "sersiclab.model.density"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)
jax.config.update("jax_numpy_rank_promotion", "raise")

from sersiclab.inference.running.background import BackgroundWork
from sersiclab.inference.running.monitor import Monitor
from sersiclab.runtime import process


# Each compiled program takes four mappings of memory or so; Linux allows a process 65,530 of them.
MOST_MAPPINGS = 8_000
MAPPINGS = Path("/proc/self/maps")
process.PROGRAMS = 10**9  # not in the midst of a test: some count what is compiled

# Seconds that the main thread has to answer Ctrl-C.
PATIENCE = 300.0
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# A shell that runs us in the background has us and our children ignore Ctrl-C, which some tests press, and `nohup` the
# end of the terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes too long for every day, unless it is asked for by its mark."""
    unasked = [mark for mark in ("calibration", "slow") if mark not in config.getoption("-m")]
    long = [item for item in items if any(item.get_closest_marker(mark) for mark in unasked)]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the outcomes of the bad inputs of tests/attack, a row for each public entry."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    rows = [value for report in reports for name, value in report.user_properties if name == "attack"]
    if rows:
        terminalreporter.section("bad and odd inputs by outcome")
        head = ("door", "cases", "right", "named", "told", "silent", "unclear", "hang", "crash")
        total = ["all", *map(sum, zip(*(row[1:] for row in rows), strict=True))]
        for row in (head, *sorted(rows), total):
            terminalreporter.write_line(f"{row[0]:14}" + "".join(f"{cell:>9}" for cell in row[1:]))


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Tests reach nothing but this machine."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test wants to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


@pytest.fixture(scope="module", autouse=True)
def few_programs() -> Iterator[None]:
    """Forget what was compiled once there is much of it: a worker would otherwise fill its memory with it."""
    yield
    if MAPPINGS.exists() and MAPPINGS.read_bytes().count(b"\n") > MOST_MAPPINGS:
        process.release_programs()


@pytest.fixture
def shared_data() -> Path:
    """Real galaxies, which are not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real galaxies of ../shared/data are not here")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)


@pytest.fixture
def x64() -> Iterator[None]:
    """Double precision for one test."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture
def press_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> Callable[[Monitor], None]:
    """`press_ctrl_c(monitor)`: Ctrl-C, from the run's thread, which waits until the main thread has cancelled it.

    It is not pressed before the main thread waits for the run: that would leave `fit`. Nor is it pressed again before
    it is answered: that would interrupt pytest.
    """
    waits, look_on = threading.Semaphore(0), BackgroundWork._look_on

    def tell_and_look_on(work: BackgroundWork[Any], *, bar: bool) -> None:
        waits.release()
        look_on(work, bar=bar)

    def press(monitor: Monitor) -> None:
        if not monitor._cancel.is_set():
            assert waits.acquire(timeout=PATIENCE)
            _thread.interrupt_main()
            assert monitor._cancel.wait(PATIENCE)

    monkeypatch.setattr(BackgroundWork, "_look_on", tell_and_look_on)
    return press
