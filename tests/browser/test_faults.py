"""Failures around the widget in JupyterLab: each gives a message, and nothing is lost or executed."""

import inspect
import os
import signal
from collections.abc import Iterator

import pytest

from ..widget import counting
from .conftest import TOKEN, Opened
from .notebook import Notebook


CELL = """
import numpy as np, sersiclab as sl
star = sl.PointSource(xc=sl.Normal(20.0, 2.0, init=20.0), yc=15.0, flux=sl.LogUniform(10.0, 1e4, init=900.0))
ghost = sl.PointSource(xc=sl.Normal(26.0, 1.0, init=26.0), yc=15.0, flux=90.0)
model = sl.Model({"star": star, "ghost": ghost})
image = sl.simulate(model, sl.Image(np.zeros((30, 40)), sigma=1.0), seed=1)
wb = sl.Workbench(image, model)
wb
"""
HOSTILE = "<img src=x onerror='window.pwned = 1'><script>window.pwned = 1</script>"


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Notebook]:
    with opened("faults.ipynb", inspect.getsource(counting), CELL) as page:
        yield page


def state(page: Notebook) -> str:
    return page.widget.get_by_role("status").inner_text()


def start(page: Notebook, method: str) -> None:
    """Start a run once the last one has ended, which is a moment after it says so."""
    page.until(lambda: page.python("print(wb.editor.running)") == "False")
    page.python(f"wb.run({method})")
    page.until(lambda: "counting" in state(page))


def alerts(page: Notebook) -> str:
    return " ".join(page.widget.get_by_role("alert").all_inner_texts())


def kernel(page: Notebook, what: str) -> None:
    page.page.evaluate(f"() => void jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.{what}()")


JUNK = {
    "a type that is none": ("c['star']['type'] = 'Frobnicate'", "Frobnicate"),
    "code for a type": ("c['star']['type'] = '__import__(\"os\").abort()'", "abort"),
    "words for a number": ("c['star']['yc'] = 'fifteen'", "fifteen"),
    "no number": ("c['star']['yc'] = float('nan')", "finite"),
    "nothing": ("c['star']['yc'] = None", "star.yc"),
    "a circle of ties": (
        "c['star']['yc'] = {'type': 'Tied', 'to': 'ghost.yc'}; c['ghost']['yc'] = {'type': 'Tied', 'to': 'star.yc'}",
        "circle",
    ),
    "a tower of priors": (
        "p = {'type': 'Normal', 'loc': 1.0, 'scale': 1.0, 'init': 1.0}\n"
        "for _ in range(300): p = {**p, 'loc': p}\nc['star']['yc'] = p",
        "star.yc",
    ),
    "a list of components": ("session['model']['components'] = [1, 2]", "components must be a mapping"),
    "no components": ("session['model']['components'] = {}", "at least one"),
    "a hostile name": (f"c[{HOSTILE!r}] = c.pop('ghost')", "identifier"),
}
# What another front end, or a hand on the console, may send.
WRITE = """
async ({id, session}) => {
  const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const comm = kernel.createComm('jupyter.widget', `${id}x`);
  Object.defineProperty(comm, '_id', {value: id});
  Object.defineProperty(comm, 'commId', {value: id});
  comm.send({method: 'update', state: {session}, buffer_paths: []});
}
"""
PASTE = """
import copy
session = copy.deepcopy(good)
c = session["model"]["components"]
{change}
wb.editor.session = session
"""


@pytest.mark.parametrize("name", JUNK)
def test_an_invalid_session_is_reported_and_the_model_kept(page, name):
    change, words = JUNK[name]
    before = page.python("print(wb.model)")
    page.python("if not wb.editor.problems: good = wb.editor.session")
    page.python(PASTE.format(change=change))
    page.until(lambda: words in alerts(page), 10)
    assert page.python("print(wb.model)") == before
    assert page.widget.get_by_role("img", name="residual").count() == 1
    page.python("wb.editor.session = good")
    page.until(lambda: alerts(page) == "", 10)
    assert page.widget.get_by_role("slider", name="star.flux").count() == 1
    assert page.page.evaluate("window.pwned") is None


def test_a_session_written_by_the_page_is_not_trusted(page):
    before = page.python("print(wb.model)")
    page.python("good = wb.editor.session")
    bad = {"version": 1, "model": {"components": {"x": {"type": '__import__("os").abort()'}}}, "off": [{}]}
    page.page.evaluate(WRITE, {"id": page.python("print(wb.editor.model_id)"), "session": bad})
    page.until(lambda: page.python("print(wb.editor.problems)") != "[]", 10)
    assert page.python("print(wb.model)") == before
    page.python("wb.editor.session = good")
    page.until(lambda: alerts(page) == "", 10)


def test_hostile_text_is_text(page, tmp_path):
    page.python(f"wb.editor.report({HOSTILE!r}, {HOSTILE!r})")
    page.until(lambda: HOSTILE in alerts(page), 10)
    page.press("Dismiss")
    page.python("wb.run(Counting(steps=2), wait=True)")
    page.python(f"wb.keep({HOSTILE!r})")
    page.widget.get_by_text(HOSTILE).first.wait_for()
    file = tmp_path / "page.html"
    page.python(f"wb.to_html({str(file)!r})")
    other = page.page.context.new_page()
    other.goto(file.as_uri())
    other.get_by_text(HOSTILE).first.wait_for()
    assert other.evaluate("window.pwned") is None
    other.close()
    assert page.page.evaluate("window.pwned") is None
    page.python(f"wb.editor.forget({HOSTILE!r})")


def test_the_picture_follows_the_hand_while_python_is_busy(page):
    page.settle()
    place, pid = page.python("print(wb.model.initial['star.xc'])"), int(page.python("import os; print(os.getpid())"))
    residual = page.pixels("residual")
    os.kill(pid, signal.SIGSTOP)
    try:
        page.drag("centre of star", 24, 0)
        page.until(lambda: page.pixels("residual") != residual, 10)
        carried = page.pixels("residual")
        page.widget.get_by_text("Python is drawing").wait_for()
    finally:
        os.kill(pid, signal.SIGCONT)
    page.settle()
    assert page.python("print(wb.model.initial['star.xc'])") != place
    assert page.pixels("residual") != carried  # Python's own takes its place
    page.press("Undo")
    page.settle()


def test_an_interrupt_of_a_cell_that_waits_for_a_run_keeps_its_draws(page):
    page.until(lambda: page.python("print(wb.editor.running)") == "False")
    page.send("kept = wb.run(Counting(steps=200, step_seconds=0.05), wait=True)")
    page.until(lambda: "counting" in state(page) and "3" in state(page))
    kernel(page, "interrupt")
    page.until(lambda: "cancelled" in state(page))
    assert int(page.python("print(kept.draws['star.flux'].shape[1])")) > 0
    assert page.errors == []


def test_an_interrupt_of_the_kernel_leaves_a_run_of_the_widget_alone(page):
    start(page, "Counting(steps=80, step_seconds=0.05)")
    page.send("import time; time.sleep(60)")
    page.page.wait_for_timeout(300)
    kernel(page, "interrupt")
    page.until(lambda: "done" in state(page))
    assert page.python("print(wb.fit.status)") == "complete"


def test_a_run_is_held_and_goes_on(page):
    start(page, "Counting(steps=60, step_seconds=0.05)")
    page.press("Pause")
    page.until(lambda: "paused" in state(page))
    held = state(page)
    page.page.wait_for_timeout(500)
    assert state(page) == held
    page.press("Resume")
    page.until(lambda: "done" in state(page))
    assert page.python("print(wb.fit.draws['star.flux'].shape[1])") == "60"
    for gauge in ("R̂", "ESS", "divergences"):
        assert page.widget.get_by_text(gauge, exact=True).first.is_visible()


def test_a_reload_of_the_page_finds_the_run_going_on(page):
    start(page, "Counting(steps=160, step_seconds=0.05)")
    page.save()
    page.reload()
    page.widget.get_by_role("img", name="residual").wait_for()
    page.until(lambda: "counting" in state(page))
    assert page.widget.get_by_role("progressbar").count() == 1
    page.until(lambda: "done" in state(page))
    page.widget.get_by_text("mean").first.wait_for()


def test_two_tabs_show_one_workbench(page, lab):
    page.save()
    other = Notebook(page.page.context.new_page(), lab[0], TOKEN, view="lab/workspaces/twin/tree")
    other.open("faults.ipynb")
    other.widget.get_by_role("img", name="residual").wait_for()
    box = page.widget.get_by_role("spinbutton", name="star.xc")
    twin = other.widget.get_by_role("spinbutton", name="star.xc")
    twin.fill("22.5")
    twin.press("Enter")
    page.until(lambda: page.python("print(wb.model.initial['star.xc'])") == "22.5")
    page.until(lambda: box.input_value() == "22.5", 10)
    page.press("Undo")
    page.until(lambda: twin.input_value() != "22.5", 10)
    assert other.errors == []
    other.page.close()


def test_a_kernel_that_is_restarted_or_killed_mid_run_is_reported_and_the_model_kept(page):
    number = page.widget.get_by_role("spinbutton", name="star.xc")
    number.fill("19.25")
    number.press("Enter")
    page.until(lambda: page.python("print(wb.model.initial['star.xc'])") == "19.25")
    for end in ("restart", "kill"):
        start(page, "Counting(steps=200, step_seconds=0.05)")
        if end == "restart":
            kernel(page, "restart")
        else:
            os.kill(int(page.python("import os; print(os.getpid())")), signal.SIGKILL)
        page.until(lambda: "Python does not answer" in alerts(page), 20)
        assert "kept" in alerts(page)
        assert number.input_value() == "19.25"
        assert page.widget.get_by_role("img", name="residual").count() == 1
        dialog = page.page.get_by_role("dialog")
        if dialog.count():
            dialog.get_by_role("button").last.click()
        page.page.wait_for_timeout(1000)
        page.run_all()
        page.until(lambda: page.page.locator(".sl-root").count() == 1 and "ready" in state(page))
        page.until(lambda: alerts(page) == "", 10)
        number.fill("19.25")
        number.press("Enter")
