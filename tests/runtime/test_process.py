"""A process that was forked after JAX began, and one that compiles without end."""

import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.runtime import process


# In the child of a parent that has used JAX everything that would compute is refused; else it computes.
FORK = """
import os, sys, time, warnings
import numpy as np
import jax, jax.numpy as jnp
import sersiclab as sl

image = sl.Image(np.random.default_rng(0).normal(size=(9, 10)), sigma=1.0)
model = sl.Model({"star": sl.PointSource(5.0, 4.0, flux=sl.Normal(0, 10))})
if sys.argv[1] == "fit":
    sl.fit(model, image, sl.MAP(), progress=False)
elif sys.argv[1] == "jax":
    jnp.ones(3) + 1
warnings.simplefilter("ignore")
entries = {
    "fit": lambda: sl.fit(model, image, sl.MAP(), progress=False),
    "start": lambda: sl.start(model, image, sl.NUTS()),
    "render": lambda: sl.render(model, image),
    "render_components": lambda: sl.render_components(model, image),
    "guess": lambda: sl.guess(image),
}
if os.fork() == 0:
    for name, entry in entries.items():
        began = time.monotonic()
        try:
            entry()
            print(name, "done", flush=True)
        except RuntimeError as error:
            print(name, time.monotonic() - began < 1, error, flush=True)
    os._exit(0)
os.wait()
print("parent", sl.render(model, image).shape)
"""


def forked(before):
    done = subprocess.run(
        [sys.executable, "-c", FORK, before], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    *child, parent = done.stdout.splitlines()
    assert parent == "parent (9, 10)"
    return dict(line.split(" ", 1) for line in child)


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")
@pytest.mark.parametrize("before", ["fit", pytest.param("jax", marks=pytest.mark.slow)])
def test_a_child_forked_after_jax_is_refused_at_once(before):
    said = forked(before)
    assert list(said) == ["fit", "start", "render", "render_components", "guess"]
    for line in said.values():
        assert line.startswith("True this process was forked after its parent had used JAX")
        assert 'multiprocessing.get_context("spawn")' in line


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")
def test_a_child_forked_before_jax_computes():
    assert forked("nothing")["fit"] == "done"


@pytest.fixture
def few(monkeypatch):
    """A limit that a few shapes exceed."""
    process.release_programs()
    monkeypatch.setattr(process, "PROGRAMS", 12)


def star(side):
    image = sl.Image(np.random.default_rng(0).normal(size=(side, 9)), sigma=1.0)
    return sl.Model({"star": sl.PointSource(4.0, 4.0, 10.0), "sky": sl.FlatSky(0.1)}), image


@pytest.mark.usefixtures("few")
def test_programs_of_many_shapes_are_released():
    model, image = star(8)
    first, before = sl.render(model, image), process.releases()
    for side in range(9, 17):
        sl.render(*star(side))
    assert process.releases() > before
    np.testing.assert_array_equal(sl.render(model, image), first)


@pytest.mark.skipif(not process.MAPPINGS.exists(), reason="mappings are counted on Linux alone")
def test_so_are_those_that_fill_the_mappings(monkeypatch, tmp_path):
    limit = tmp_path / "max_map_count"
    mappings = process.MAPPINGS.read_bytes().count(b"\n")
    monkeypatch.setattr(process, "MOST_MAPPINGS", limit)
    monkeypatch.setattr(process, "LOOK", 1)
    for allowed, released in ((process.SHARE * (mappings + 10_000), 0), (process.SHARE * (mappings - 50), 1)):
        limit.write_text(f"{allowed}\n")
        before = process.releases()
        sl.render(*star(20 + released))  # something new
        jax.jit(lambda x, released=released: x + released)(1.0)
        process.check_process()
        assert process.releases() - before == released


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_runs_are_not_disturbed_by_a_release(monkeypatch):
    """Programs are released again and again while two runs draw."""
    rng = np.random.default_rng(1)
    image = sl.Image(rng.normal(size=(11, 12)) + 0.3, sigma=1.0)
    model = sl.Model({"sky": sl.FlatSky(sl.Normal(0, 1))})
    method = sl.NUTS(warmup=20, draws=400, chains=1)
    alone = [sl.fit(model, image, method, seed=seed, progress=False) for seed in (1, 2)]
    runs = [sl.start(model, image, method, seed=seed) for seed in (1, 2)]
    before = process.releases()
    for _ in range(8):
        process.release_programs()
        time.sleep(0.2)
    assert process.releases() > before
    for run, expected in zip(runs, alone, strict=True):
        np.testing.assert_array_equal(run.wait().draws["sky.level"], expected.draws["sky.level"])
