"""`sersiclab fit`, ended by signals at chosen moments: the files that are kept, its messages, and how it continues."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl


# The command line, to which a signal is sent at a step of a phase; only fit.asdf is written, which takes no time.
SCRIPT = """
import os, signal, sys, time
from sersiclab.cli import fitting, main
from sersiclab.inference.running.monitor import Monitor

def write(result, folder):
    path = folder / "fit.asdf"
    result.save(path, overwrite=True)
    if when == "writing":
        os.kill(os.getpid(), number)
        time.sleep(60)
    return {"fit.asdf": path}

def advance_or_send(self, step, **counts):
    advance(self, step, **counts)
    if self.progress.phase == when and step >= at and not sent:
        sent.append(True)
        os.kill(os.getpid(), number)
        if twice:
            while signal.getsignal(number) != signal.SIG_DFL:
                time.sleep(0.01)
            os.kill(os.getpid(), number)
        if number == signal.SIGTERM:
            while not self._cancel.is_set():  # by the main thread
                time.sleep(0.01)

when, at, number, twice = sys.argv[1], int(sys.argv[2]), getattr(signal, sys.argv[3]), sys.argv[4] == "twice"
sent, advance = [], Monitor.advance
fitting._write = write
Monitor.advance = advance_or_send
sys.exit(main(sys.argv[5:]))
"""


def run(folder, *, when="never", at=0, send="SIGTERM", twice=False, options=()):
    arguments = ["fit", "sci.fits", "--sigma", "rms.fits", "--components", "galaxy=gaussian", *options, "-o", "out"]
    command = [sys.executable, "-c", SCRIPT, when, str(at), send, "twice" if twice else "once", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


NUTS = ["--method", "nuts", "--warmup", "40", "--draws", "60", "--chains", "2", "--checkpoint-every", "1e-3"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("interrupts")
    y, x = np.indices((24, 25))
    data = 30 * np.exp(-0.5 * ((x - 12.3) ** 2 + (y - 11.2) ** 2) / 9.0)
    fits.writeto(folder / "sci.fits", data + np.random.default_rng(0).normal(size=data.shape))
    fits.writeto(folder / "rms.fits", np.ones_like(data))
    return folder


@pytest.fixture(scope="module")
def whole(files):
    done = run(files, options=NUTS)
    assert done.returncode == 0, done.stderr
    assert os.listdir(files / "out") == ["fit.asdf"]
    return sl.load(files / "out" / "fit.asdf")


def goes_on(folder, whole):
    done = run(folder, options=NUTS)
    assert done.returncode == 0, done.stderr
    assert "sersiclab fit: resuming from out/checkpoint.asdf; --restart starts again\n" in done.stderr
    resumed = sl.load(folder / "out" / "fit.asdf")
    assert resumed.status == "complete"
    for path, draws in whole.draws.items():
        np.testing.assert_array_equal(resumed.draws[path], draws)
    np.testing.assert_array_equal(resumed.stats["lp"], whole.stats["lp"])
    assert os.listdir(folder / "out") == ["fit.asdf"]


@pytest.fixture
def again(files, tmp_path) -> Path:
    for name in ("sci.fits", "rms.fits"):
        (tmp_path / name).symlink_to(files / name)
    return tmp_path


@pytest.mark.parametrize(
    "phase", [pytest.param("warm-up", marks=pytest.mark.slow), pytest.param("sampling", id="sampling")]
)
def test_a_killed_run_goes_on(again, whole, phase):
    done = run(again, when=phase, at=25 if phase == "warm-up" else 70, send="SIGKILL", options=NUTS)
    assert done.returncode == -signal.SIGKILL
    assert os.listdir(again / "out") == ["checkpoint.asdf"]
    goes_on(again, whole)


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "at"), [("warm-up", 25), ("sampling", 70)])
def test_so_does_one_that_was_terminated(again, whole, phase, at):
    done = run(again, when=phase, at=at, options=NUTS)
    assert done.returncode == 143, done.stderr
    part = sl.load(again / "out" / "fit.asdf")
    if phase == "sampling":
        count = part.draws["galaxy.flux"].shape[1]
        assert part.status == f"cancelled after {count} of 60 draws"
    else:
        assert part.status == "cancelled before the first draw"
    assert "interrupted by SIGTERM; writing the result so far" in done.stderr
    assert "the same command resumes from out/checkpoint.asdf" in done.stderr
    goes_on(again, whole)


def test_sigterm_keeps_the_best_point(again):
    """Of a minimisation, which has no draws."""
    done = run(again, when="optimising", at=1, options=["--method", "nuts"])
    assert done.returncode == 143, done.stderr
    part = sl.load(again / "out" / "fit.asdf")
    assert part.status.startswith("cancelled")
    assert part.best["galaxy.xc"] == pytest.approx(12.3, abs=0.3)
    assert "interrupted by SIGTERM; writing the result so far" in done.stderr


@pytest.mark.slow
def test_the_second_sigterm_ends_at_once(again):
    done = run(again, when="sampling", at=50, twice=True, options=NUTS)
    assert done.returncode == -signal.SIGTERM
    assert os.listdir(again / "out") == ["checkpoint.asdf"]


@pytest.mark.slow
def test_sigterm_while_files_are_written(again, whole):
    done = run(again, when="writing", options=NUTS)
    assert done.returncode == 143
    assert "interrupted by SIGTERM while files were written to out; the same command writes them all" in done.stderr
    assert sorted(os.listdir(again / "out")) == ["checkpoint.asdf", "fit.asdf"]
    goes_on(again, whole)


@pytest.mark.slow
def test_the_checkpoint_of_another_run_is_refused(again, whole):
    run(again, when="sampling", at=70, send="SIGKILL", options=NUTS)
    other = [*NUTS, "--seed", "5"]
    done = run(again, options=other)
    assert done.returncode == 2
    assert "out/checkpoint.asdf is of another run: seed 0 (now 5). Delete it to begin anew" in done.stderr
    assert "--restart starts again" in done.stderr
    done = run(again, options=[*other, "--restart"])
    assert done.returncode == 0, done.stderr
    assert sl.load(again / "out" / "fit.asdf").seed == 5
    assert os.listdir(again / "out") == ["fit.asdf"]
