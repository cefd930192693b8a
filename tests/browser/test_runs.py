"""Runs started by buttons, and the display of prior and posterior. Each test continues from the one before."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from .conftest import Opened
from .notebook import SECONDS, Notebook


# A round source: its band is a ring, and its ellipses are circles.
CELL = """
import numpy as np, sersiclab as sl
disk = sl.Exponential(xc=14.0, yc=11.0, flux=sl.LogUniform(1.0, 1e3, init=30.0),
    r_eff=sl.LogNormal(1.0, 0.3, init=3.0), ellip=0.0, theta=0.0)
model = sl.Model({"disk": disk})
image = sl.simulate(model, sl.Image(np.zeros((24, 30)), sigma=0.05), {"disk.flux": 20.0}, seed=1)
wb = sl.Workbench(image, model)
wb
"""
SHAPE = (24, 30)
# What the page shows of a run, each time that it says something else.
WATCH = """
(status) => {
  const root = status.closest('.sl-root');
  const [bar, pause, cancel] = ['progress', 'Pause', 'Cancel'].map((name) =>
    root.querySelector(name) ?? [...root.querySelectorAll('button')].find((each) => each.textContent === name));
  const look = () => {
    const told = [...root.querySelectorAll('.sl-of-before, [data-component] > title')].map((each) => each.textContent);
    window.watched.push({
      words: status.textContent, progress: !bar.hidden, counted: bar.hasAttribute('value'),
      pause: !pause.disabled, cancel: !cancel.disabled, told: told.filter((text) => text !== ''),
    });
  };
  window.watched = [];
  new MutationObserver(look).observe(status, {childList: true, characterData: true, subtree: true});
}
"""


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Notebook]:
    with opened("runs.ipynb", CELL, height=1300) as page:
        yield page
        assert page.errors == []


def drawn(page: Notebook, what: str) -> Any:
    """What is drawn of the disk, in this way, over the data."""
    return page.widget.get_by_role("group", name="data panel").locator(f'[data-component="disk"] .sl-{what}')


def widest(page: Notebook, what: str) -> float:
    """How wide that is, in pixels of the image."""
    picture = page.widget.get_by_role("img", name="data").bounding_box()
    scale = min(picture["width"] / SHAPE[1], picture["height"] / SHAPE[0])
    return drawn(page, what).evaluate("(path) => path.getBBox().width") / scale


def run(page: Notebook, method: str) -> list[dict[str, Any]]:
    """Press the button of a method, and wait for its end; what the page showed meanwhile."""
    status = page.widget.get_by_role("status")
    status.evaluate(WATCH)
    page.press(method)
    page.until(lambda: f"{method} done" in status.inner_text())
    return page.page.evaluate("window.watched")


def verdict(page: Notebook) -> str:
    """That of Python, which the page must show."""
    page.until(lambda: page.python("print(wb.editor.running)") == "False")
    words = page.python("print(wb.fit.verdict)")
    page.widget.get_by_text(words).wait_for(timeout=1000 * SECONDS)
    assert words.startswith(page.python("print(wb.fit.verdict.level)"))
    return words


def test_the_prior_is_a_band_and_there_is_no_posterior_yet(page):
    high = float(page.python("from scipy import stats; print(np.exp(1.0 + 0.3 * stats.norm.ppf(0.8413447)))"))
    assert widest(page, "band") == pytest.approx(2 * high, rel=0.01)
    assert drawn(page, "draws").get_attribute("d") == ""
    size = page.widget.get_by_role("spinbutton", name="prior loc, r_eff of disk")
    size.fill("1.5")
    size.press("Enter")
    page.until(lambda: widest(page, "band") == pytest.approx(2 * high * np.exp(0.5), rel=0.01))
    page.press("Undo")


def test_importance_compiles_draws_and_is_judged(page):
    shown = run(page, "Importance")
    compiling = [each for each in shown if each["words"] == "Importance compiling"]
    running = [each for each in shown if "/" in each["words"]]
    assert compiling
    assert shown.index(compiling[0]) < shown.index(running[0])
    assert not any(each["counted"] or each["pause"] for each in compiling), "nobody knows how long that takes"
    assert all(each["progress"] and each["cancel"] for each in compiling)
    assert all(each["counted"] and each["pause"] for each in running)
    assert all(each["told"] == [] for each in shown), "there was no run before"
    assert re.fullmatch(r"(ok|caution|bad): \w+ \w+ .+\.", verdict(page))
    assert page.python("print(type(wb.fit.method).__name__)") == "Importance"


def test_the_posterior_is_thin_ellipses(page):
    ellipses = drawn(page, "draws")
    assert ellipses.get_attribute("d").count("Z") == 30
    size = float(page.python("print(wb.fit.draws['disk.r_eff'].max())"))
    assert widest(page, "draws") == pytest.approx(2 * size, rel=0.05)
    both = [drawn(page, what) for what in ("band", "draws")]
    assert all(each.is_visible() for each in both)
    page.press("Ellipses")
    page.until(lambda: not any(each.is_visible() for each in both))
    page.press("Ellipses")
    page.until(lambda: all(each.is_visible() for each in both))


def test_svi_is_judged_and_what_is_of_the_last_run_says_so_meanwhile(page):
    before = drawn(page, "draws").get_attribute("d")
    shown = run(page, "SVI")
    assert any(each["words"] == "SVI compiling" for each in shown)
    under_way = [each for each in shown if each["cancel"] and "judging" not in each["words"]]
    assert under_way
    for each in under_way:
        assert set(each["told"]) == {"last run", "dashed ellipses: posterior of the previous run"}
    assert shown[-1]["told"] == []
    assert re.fullmatch(r"(ok|caution|bad): \w+ \w+ .+\.", verdict(page))
    assert page.python("print(type(wb.fit.method).__name__)") == "SVI"
    assert drawn(page, "draws").get_attribute("d") != before
