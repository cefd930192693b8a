"""Typical work with the workbench in JupyterLab. Each test continues from the one before."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import notebook
from .conftest import Opened
from .notebook import PIXELS, SECONDS, Notebook


QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
# The different pictures from the release of the pointer on; `pixels` is that of `PIXELS`.
WATCH = f"""
(element) => {{
  const pixels = {PIXELS.strip()};
  const shown = [];
  let [released, ended] = [false, false];
  addEventListener('pointerup', () => {{ released = true; }}, {{capture: true, once: true}});
  const look = () => {{
    if (released && pixels(element) !== shown.at(-1)) shown.push(pixels(element));
    if (!ended) requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
  window.endWatch = () => {{ ended = true; return shown; }};
}}
"""
BRIGHTEST = """
(element) => {
  const canvas = element.tagName === 'CANVAS' ? element : element.querySelector('canvas');
  const {width, height} = canvas;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  let [top, x, y, count] = [0, 0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    if (data[4 * i] > top) [top, x, y, count] = [data[4 * i], 0, 0, 0];
    if (data[4 * i] === top) [x, y, count] = [x + i % width + 0.5, y + Math.floor(i / width) + 0.5, count + 1];
  }
  return [x / count, y / count, width, height];
}
"""
PATHS = [f"galaxy.{name}" for name in ("xc", "yc", "flux", "r_eff", "n", "ellip", "theta")]


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def lab_page(lab: tuple[str, Path], opened: Opened) -> Iterator[Notebook]:
    """The quickstart, run up to the workbench."""
    shutil.copy(QUICKSTART, lab[1] / "quickstart.ipynb")
    with opened("quickstart.ipynb") as page:
        yield page


@pytest.fixture
def page(lab_page: Notebook, shots: Path, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    yield lab_page
    lab_page.page.screenshot(path=shots / f"{request.node.name}.png")


def value(page: Notebook, path: str) -> float:
    return float(page.python(f"print(wb.model.initial[{path!r}])"))


def state(page: Notebook) -> str:
    return page.widget.get_by_role("status").inner_text()


def test_every_control_has_its_role_and_name(page):
    for path in PATHS:
        assert page.widget.get_by_role("slider", name=path).count() == 1
        assert page.widget.get_by_role("spinbutton", name=path).count() == 1
    assert page.widget.get_by_role("switch").count() == 1
    assert page.widget.get_by_role("switch", name="galaxy").is_checked()
    for name in ("MAP", "Laplace", "NUTS", "Cancel", "Undo", "Redo", "centre of galaxy", "angle of galaxy"):
        assert page.widget.get_by_role("button", name=name).count() == 1, name
    for name in ("data", "model", "residual"):
        assert page.widget.get_by_role("img", name=name).count() == 1
    for name in ("stretch", "limits", "colour"):
        assert page.widget.get_by_role("combobox", name=name).count() == 1
    assert page.widget.get_by_role("checkbox", name="free, n of galaxy").is_checked()
    assert page.widget.get_by_role("combobox", name="prior family, n of galaxy").count() == 1
    assert page.widget.get_by_role("status").count() == 1


def test_the_ellipse_follows_the_hand_and_the_model_the_ellipse(page):
    before = {path: value(page, path) for path in PATHS}
    residual, profile = page.pixels("residual"), page.widget.locator(".sl-model-line").first.get_attribute("d")
    page.drag("centre of galaxy", 40, -30)
    page.until(lambda: value(page, "galaxy.xc") > before["galaxy.xc"] + 2)
    assert value(page, "galaxy.yc") > before["galaxy.yc"] + 2  # up is +y
    assert value(page, "galaxy.n") == before["galaxy.n"]
    page.until(lambda: page.pixels("residual") != residual)
    assert page.widget.locator(".sl-model-line").first.get_attribute("d") != profile
    place = value(page, "galaxy.xc")
    page.widget.get_by_role("button", name="centre of galaxy").press("ArrowRight")
    page.until(lambda: value(page, "galaxy.xc") == pytest.approx(place + 0.5, abs=1e-3))
    page.drag("angle of galaxy", -25, 25)
    page.until(lambda: abs(value(page, "galaxy.theta") - before["galaxy.theta"]) > 0.05)


def test_the_last_picture_of_a_drag_is_that_of_its_last_place(page):
    """After the pointer is released, no intermediate picture is shown, except one that was already being drawn."""
    page.settle()
    model = page.widget.get_by_role("img", name="model")
    model.evaluate(WATCH)
    page.drag("centre of galaxy", -30, 20)
    page.settle()
    shown = page.page.evaluate("window.endWatch()")
    assert 1 <= len(shown) <= 3, "as it was at the release, one that was under way, the last"
    # Where the model on the screen is brightest, on the average, is its centre.
    ny, nx = map(int, page.python("print(*wb.image.shape)").split())
    x, y, width, height = model.evaluate(BRIGHTEST)
    scale = min(width / nx, height / ny)
    place = (nx - 1) / 2 + (x - width / 2) / scale, (ny - 1) / 2 - (y - height / 2) / scale
    assert place == pytest.approx((value(page, "galaxy.xc"), value(page, "galaxy.yc")), abs=0.6)
    last = page.pixels("model")
    page.python("wb.editor._pictures.push()")  # what Python draws of the model that it has
    page.settle()
    assert page.pixels("model") == last


def test_a_slider_moves_the_picture_and_undo_takes_it_back(page):
    page.settle()
    before, residual = value(page, "galaxy.n"), page.pixels("residual")
    page.widget.get_by_role("slider", name="galaxy.n").focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    page.until(lambda: value(page, "galaxy.n") > before)
    page.until(lambda: page.pixels("residual") != residual)
    after = value(page, "galaxy.n")
    while value(page, "galaxy.n") != before:
        page.press("Undo")
        page.settle()
    page.until(lambda: page.pixels("residual") == residual)
    while value(page, "galaxy.n") != after:
        page.press("Redo")
        page.settle()


def test_the_model_can_be_written_from_python(page):
    page.python('wb.model = sl.guess(image).with_component("sky", sl.FlatSky(level=sl.Normal(0.0, 0.05, init=0.0)))')
    page.widget.get_by_role("slider", name="sky.level").wait_for()
    assert page.widget.get_by_role("switch").count() == 2


def test_switching_a_component_off_and_on(page):
    page.settle()
    residual = page.pixels("residual")
    page.widget.get_by_role("switch", name="galaxy").click()
    page.until(lambda: page.python("print(list(wb.model.components))") == "['sky']")
    page.until(lambda: page.pixels("residual") != residual)
    page.widget.get_by_role("switch", name="galaxy").click()
    page.until(lambda: page.python("print(list(wb.model.components))") == "['galaxy', 'sky']")
    page.until(lambda: page.pixels("residual") == residual)


def test_bad_input_is_shown_and_the_last_valid_model_kept(page):
    before = page.python("print(wb.model)")
    low = page.widget.get_by_role("spinbutton", name="prior low, n of galaxy")
    old = low.input_value()
    low.fill("12")
    low.press("Enter")
    page.widget.get_by_role("alert").first.wait_for()
    assert "galaxy.n" in page.widget.get_by_role("alert").first.inner_text()
    assert page.python("print(wb.model)") == before
    low.fill(old)
    low.press("Enter")
    page.until(lambda: page.widget.get_by_role("alert").count() == 0)
    assert page.python("print(wb.editor.problems)") == "[]"


def test_a_fit_moves_the_model_and_shows_its_table(page):
    page.press("Laplace")
    page.until(lambda: page.python("print(wb.editor.running)") == "False" and "done" in state(page))
    assert page.python("print(wb.fit.method)").startswith("Laplace")
    page.widget.get_by_text("mean").first.wait_for()
    assert abs(value(page, "galaxy.n") - float(page.python('print(wb.fit.best["galaxy.n"])'))) < 1e-5
    page.python("assert wb._views.flush(120)")


def test_cancel_works_while_a_cell_is_busy_and_keeps_the_draws(page):
    page.press("NUTS")
    page.until(lambda: "sampling" in state(page))
    assert page.widget.get_by_role("progressbar").count() == 1
    page.until(lambda: page.python("print(len(wb.editor._fitting.runs.task._run.draws))") != "0")
    page.send("import time; busy = True; time.sleep(8); busy = False")
    page.page.wait_for_timeout(300)
    began = time.monotonic()
    page.press("Cancel")
    page.until(lambda: "cancel" in state(page).lower() and "sampling" not in state(page))
    took = time.monotonic() - began
    # The reply to this waits for the busy cell, so that cell was still busy when the run ended.
    assert page.python("print(wb.editor.running, wb.fit.status.split()[0])") == "False cancelled"
    assert took < 8, f"cancel took {took:.2f} s: it waited for the busy cell"
    assert int(page.python('print(wb.fit.draws["galaxy.n"].shape[1])')) > 0


def test_reload_brings_the_state_back(page):
    page.settle()
    before = page.python("print(wb.model)")
    residual = page.pixels("residual")
    page.python("assert wb._views.flush(120)")
    page.save()
    page.reload()
    page.widget.get_by_role("img", name="residual").wait_for(timeout=1000 * SECONDS)
    page.until(lambda: page.pixels("residual") == residual)
    assert page.python("print(wb.model)") == before
    number = float(page.widget.get_by_role("spinbutton", name="galaxy.n").input_value())
    assert number == pytest.approx(value(page, "galaxy.n"), rel=1e-3)
    assert "cancel" in state(page).lower()


def test_the_dark_theme_shows_the_pictures_too(page):
    blank = "(c) => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
    blank += " return d.every((v, i) => i % 4 === 3 || v === d[i % 4]); }"
    page.page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.page.wait_for_timeout(2000)
    for name in ("data", "model", "residual"):
        assert not page.widget.get_by_role("img", name=name).evaluate(blank), name


def test_closing_takes_the_widget_off_the_page(page):
    page.python("wb.close()")
    page.until(lambda: page.page.locator(".sl-root").count() == 0)


def test_the_console_is_silent(lab_page):
    assert lab_page.errors == []


def test_the_notebook_of_these_tests_is_ours(tmp_path):
    """The quickstart shows the workbench in a cell of its own, which these tests run up to."""
    cells = json.loads(QUICKSTART.read_text())["cells"]
    assert any("Workbench" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert notebook.write(tmp_path / "t.ipynb", ["1 + 1"]).exists()
