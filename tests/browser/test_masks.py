"""Drawing a mask in JupyterLab. Each test continues from the one before."""

from collections.abc import Iterator

import pytest

from .conftest import Opened
from .notebook import RUN_ONE, SECONDS, Notebook


CELL = """
import numpy as np, sersiclab as sl
model = sl.Model({
    "star": sl.PointSource(xc=sl.Normal(30.0, 1.0, init=30.0), yc=20.0, flux=sl.LogUniform(1.0, 1e5, init=2e3)),
})
y, x = np.mgrid[-4:5, -4:5]
psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
blank = sl.Image(np.zeros((40, 50)), sigma=1.0, psf=psf / psf.sum())
data = np.array(sl.render(model, blank)) + np.sin(np.arange(2000.0)).reshape(40, 50)
data[28:32, 8:12] += 80.0  # a neighbour
image = sl.Image(data, sigma=1.0, psf=blank.psf)
wb = sl.Workbench(image, model)
wb
"""
MASKED = "print(int(wb.image.mask.sum()))"


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Notebook]:
    with opened("masks.ipynb", CELL, height=1300) as page:
        yield page


def place(page: Notebook, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the data is on the screen."""
    box = page.widget.get_by_role("img", name="data").bounding_box()
    scale = min(box["width"] / 50, box["height"] / 40)
    return box["x"] + box["width"] / 2 + (x - 24.5) * scale, box["y"] + box["height"] / 2 - (y - 19.5) * scale


def masked(page: Notebook) -> int:
    return int(page.python(MASKED))


def still(page: Notebook) -> int:
    """The residual's pixels, once they stay as they are: a busy machine paints late."""
    found = [page.pixels("residual")]

    def stays() -> bool:
        page.page.wait_for_timeout(500)
        found.append(page.pixels("residual"))
        return found[-1] == found[-2]

    page.until(stays)
    return found[-1]


def test_a_click_masks_the_neighbour_and_the_fit_is_without_it(page):
    page.settle()
    before = page.python("print(wb.model.initial)")
    page.press("Edit the mask")
    page.press("Pick a source")
    page.page.mouse.click(*place(page, 10, 29))
    page.until(lambda: masked(page) > 0)
    assert page.python("print(wb.image.mask[28:32, 8:12].all(), wb.image.mask[15:25, 25:36].any())") == "True False"
    assert page.python("print(wb.model.initial)") == before
    page.settle()
    # The frame's degrees of freedom are those of the new mask.
    free = 2000 - masked(page) - 2
    assert page.python("print(wb.image.valid.sum() - len(wb.model.free))") == str(free)


def test_brush_and_eraser_draw_where_the_hand_goes(page):
    count = masked(page)
    page.press("Brush")
    page.page.mouse.move(*place(page, 40, 8))
    page.page.mouse.down()
    page.page.mouse.move(*place(page, 46, 8), steps=4)
    page.page.mouse.up()
    page.until(lambda: masked(page) > count)
    assert page.python("print(wb.image.mask[8, 40:47].all(), wb.image.mask[8, 34])") == "True False"
    drawn = masked(page)
    page.press("Eraser")
    page.page.mouse.click(*place(page, 46, 8))
    page.until(lambda: masked(page) < drawn)


def test_undo_takes_each_step_back_and_python_has_its_say(page):
    for _ in range(3):
        page.press("Undo")
        page.settle()
    assert masked(page) == 0
    assert page.python("print(wb.image is image)") == "True"
    page.press("Redo")
    page.until(lambda: masked(page) > 0)
    residual = page.pixels("residual")
    page.python("wb.editor.mask = np.arange(2000).reshape(40, 50) < 500")
    page.until(lambda: page.pixels("residual") != residual)
    assert page.widget.get_by_text("500 pixels masked, 25 %").count() == 1
    assert "500 of 2000 pixels are excluded" in page.python("print(wb.to_python())")


def test_one_button_masks_what_the_model_lacks(page):
    page.press("Reset mask")
    page.until(lambda: masked(page) == 0)
    page.press("Mask neighbours")
    page.until(lambda: masked(page) > 0)
    assert page.python("print(wb.image.mask[28:32, 8:12].all(), wb.image.mask[18:23, 28:33].any())") == "True False"


def test_lasso_threshold_grow_and_invert(page):
    page.python("wb.editor.mask = np.zeros((40, 50))")
    page.settle()
    page.press("Lasso")
    page.page.mouse.move(*place(page, 38, 4))
    page.page.mouse.down()
    for corner in ((46, 4), (46, 10), (38, 10)):
        page.page.mouse.move(*place(page, *corner), steps=4)
    page.page.mouse.up()
    page.until(lambda: masked(page) > 30)
    assert page.python("print(wb.image.mask[6:9, 40:45].all(), wb.image.mask[:, :36].any())") == "True False"
    drawn = masked(page)
    page.press("Grow mask")
    page.until(lambda: masked(page) > drawn)
    grown = masked(page)
    page.press("Invert mask")
    page.until(lambda: masked(page) == 2000 - grown)
    page.press("Invert mask")
    page.press("Add to mask")
    page.until(lambda: page.python("print(wb.image.mask[28:32, 8:12].all())") == "True")


def test_a_double_click_adds_a_source_there(page):
    page.python("wb.editor.mask = np.zeros((40, 50))")
    page.press("Edit the mask")
    page.settle()
    page.page.mouse.dblclick(*place(page, 10, 29))
    page.widget.get_by_role("menuitem", name="Point source").click()
    page.widget.get_by_role("switch", name="pointsource").wait_for()
    page.until(lambda: page.python("print(list(wb.model.components))") == "['star', 'pointsource']")
    values = "print(*(wb.model.initial[f'pointsource.{name}'] for name in ('xc', 'yc', 'flux')))"
    x, y, flux = map(float, page.python(values).split())
    assert (x, y) == pytest.approx((9.5, 29.5), abs=0.5)
    assert flux == pytest.approx(16 * 80, rel=0.2)
    page.press("Undo")
    page.until(lambda: page.python("print(list(wb.model.components))") == "['star']")
    page.python("wb.editor.mask = np.arange(2000).reshape(40, 50) < 500")
    page.settle()


def test_reload_brings_the_mask_back(page):
    page.settle()
    residual = still(page)
    page.save()
    page.reload()
    page.widget.get_by_role("img", name="residual").wait_for(timeout=1000 * SECONDS)
    page.until(lambda: page.pixels("residual") == residual)
    assert masked(page) == 500


def test_what_is_drawn_in_a_hidden_tab_is_there_when_the_tab_is_shown(page):
    page.page.evaluate("jupyterapp.shell.currentWidget.hide()")
    page.page.evaluate(RUN_ONE, 0)
    page.until(lambda: page.widget.locator("canvas").count() > 0 and page.page.locator(".bqplot .axis").count() > 4)
    page.python("assert wb.editor.flush(120) and wb._views.flush(120)")
    page.page.wait_for_timeout(500)
    assert page.widget.bounding_box() is None
    page.page.evaluate("jupyterapp.shell.currentWidget.show()")
    page.widget.get_by_role("img", name="residual").wait_for()
    page.until(lambda: page.page.locator(".bqplot").first.bounding_box()["width"] > 100)
    page.until(lambda: page.widget.get_by_text("χ²/ν").count() == 1)
    assert page.errors == []
