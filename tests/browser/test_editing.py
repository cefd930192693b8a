"""Shaping priors and arranging components in JupyterLab. Each test continues from the one before."""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Opened
from .notebook import SECONDS, Notebook


CELL = """
import numpy as np, sersiclab as sl
star = {"flux": sl.LogUniform(10.0, 1e4, init=900.0)}
model = sl.Model({
    "star": sl.PointSource(xc=sl.TruncatedNormal(20.0, 2.0, low=0.0, high=39.0, init=20.0), yc=15.0, **star),
    "ghost": sl.PointSource(xc=sl.Normal(26.0, 1.0, init=26.0), yc=15.0, flux=sl.LogUniform(1.0, 1e3, init=90.0)),
})
y, x = np.mgrid[-4:5, -4:5]
psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
blank = sl.Image(np.zeros((30, 40)), sigma=1.0, psf=psf / psf.sum(), zeropoint=25.0, pixel_scale=0.2)
image = sl.simulate(model, blank, seed=1)
wb = sl.Workbench(image, model)
wb
"""


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Notebook]:
    with opened("editing.ipynb", CELL) as page:
        yield page


def prior(page: Notebook, path: str, field: str) -> float:
    return float(page.python(f"print(wb.model.free[{path!r}].{field})"))


def grip(page: Notebook, which: str) -> Any:
    return page.widget.get_by_role("slider", name=f"{which} of prior, xc of star")


def pull(page: Notebook, which: str, right: float) -> None:
    grip(page, which).scroll_into_view_if_needed()
    box = grip(page, which).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + right, y, steps=5)
    page.page.mouse.up()


def test_the_hand_moves_a_prior_widens_it_and_cuts_it_off(page):
    page.press("shape of prior, xc of star")
    pull(page, "location", 40)
    page.until(lambda: prior(page, "star.xc", "loc") > 20.5)
    loc, scale = prior(page, "star.xc", "loc"), prior(page, "star.xc", "scale")
    pull(page, "width", 30)
    page.until(lambda: prior(page, "star.xc", "scale") > scale + 0.2)
    assert prior(page, "star.xc", "loc") == loc
    pull(page, "lower bound", 30)
    page.until(lambda: prior(page, "star.xc", "low") > 0.0)
    assert prior(page, "star.xc", "init") == 20.0


# Each component's note and the bar beneath it, read in one look: a picture may come between two.
SHARES = """(widget) => [...widget.querySelectorAll(".sl-share")].map((note) => [
    note.innerText, getComputedStyle(note.querySelector(".sl-share-bar")).getPropertyValue("--sl-part")])"""


def shares(page: Notebook) -> list[str]:
    """The parts of the light that the components' notes tell; their bars must say the same."""
    told = page.widget.evaluate(SHARES)
    for note, bar in told:
        if note:
            assert float(bar.removesuffix("%")) == pytest.approx(float(note.removesuffix("%")), abs=0.5)
    return [note for note, _ in told]


def test_bars_tell_the_parts_of_the_light(page):
    page.until(lambda: shares(page) == ["91 %", "9.1 %"])
    flux = page.widget.get_by_role("spinbutton", name="ghost.flux")
    flux.fill("300")
    flux.press("Enter")
    page.until(lambda: shares(page) == ["75 %", "25 %"])
    page.widget.get_by_role("switch", name="ghost").click()
    page.until(lambda: "25 %" not in shares(page))  # one source alone has all the light
    for _ in range(2):
        page.press("Undo")
    page.until(lambda: shares(page) == ["91 %", "9.1 %"])


def test_the_keyboard_does_the_same(page):
    loc = prior(page, "star.xc", "loc")
    grip(page, "location").focus()
    page.page.keyboard.press("ArrowLeft")
    page.until(lambda: prior(page, "star.xc", "loc") < loc)
    grip(page, "lower bound").focus()
    page.page.keyboard.press("Delete")
    page.until(lambda: page.python("print(wb.model.free['star.xc'].low)") == "None")


def test_an_interval_is_said_in_words(page):
    page.press("shape of prior, flux of star")
    low = page.widget.get_by_role("spinbutton", name="prior 5 %, flux of star")
    high = page.widget.get_by_role("spinbutton", name="prior 95 %, flux of star")
    low.fill("100")
    low.press("Enter")
    high.fill("10000")
    high.press("Enter")
    page.until(lambda: prior(page, "star.flux", "high") > 1e4)
    assert page.python("print(round(float(wb.model.free['star.flux'].distribution().cdf(1e4)), 3))") == "0.95"
    assert "20.0 · 17.5 · 15.0 mag" in page.widget.locator(".sl-implied").all_inner_texts()[1]


def test_a_tie_is_a_chip_and_a_circle_is_refused(page):
    page.press("tie, xc of ghost")
    page.widget.get_by_role("combobox", name="tie target, xc of ghost").select_option("star.xc")
    page.until(lambda: "ghost.xc" not in page.python("print(list(wb.model.free))"))
    assert page.widget.get_by_text("= star.xc").count() == 1
    page.press("tie, xc of star")
    page.widget.get_by_role("combobox", name="tie target, xc of star").select_option("ghost.xc")
    page.widget.get_by_text("would make a circle").wait_for()
    assert page.python("print(wb.editor.problems, list(wb.model.free))") == "[] ['star.xc', 'star.flux', 'ghost.flux']"


def test_free_and_fixed(page):
    flux = page.python("print(wb.model.free['star.flux'])")
    free = page.widget.get_by_role("checkbox", name="free, flux of star")
    free.uncheck()
    page.until(lambda: "star.flux" not in page.python("print(list(wb.model.free))"))
    free.check()
    page.until(lambda: page.python("print(wb.model.free.get('star.flux'))") == flux)
    for _ in range(2):
        page.press("Undo")


def test_a_prior_that_excludes_the_value_is_reported_in_its_row(page):
    low = page.widget.get_by_role("spinbutton", name="prior low, flux of ghost")
    low.fill("89.99")
    low.press("Enter")
    page.widget.get_by_role("slider", name="ghost.flux").press("Home")
    page.widget.get_by_role("note").filter(has_text="lies at the bound 89.99").wait_for()


def test_the_posterior_is_drawn_over_the_prior(page):
    for _ in range(3):  # with a tied centre, the data could not tell the two stars apart
        page.press("Undo")
    page.until(lambda: "ghost.xc" in page.python("print(list(wb.model.free))"))
    page.press("Laplace")
    page.until(lambda: "done" in page.widget.get_by_role("status").inner_text())
    area = page.widget.locator(".sl-posterior-area").first
    page.until(lambda: (area.get_attribute("d") or "").startswith("M"))


def test_the_priors_are_shown_as_galaxies(page):
    page.press("Prior predictive")
    page.widget.get_by_text("40 draws, without noise").wait_for(timeout=1000 * SECONDS)
    assert page.widget.get_by_role("img", name="prior draw").count() == 12
    first = page.pixels("prior draw 12")
    page.widget.get_by_role("spinbutton", name="prior 5 %, flux of star").fill("5000")
    page.page.keyboard.press("Enter")
    page.until(lambda: page.pixels("prior draw 12") != first)
    page.press("Prior predictive")


def components(page: Notebook) -> str:
    return page.python("print(*wb.model.components)")


def choose(page: Notebook, component: str, action: str) -> None:
    page.press(f"more actions for {component}")
    page.widget.get_by_role("menuitem", name=action).click()


def test_the_eye_asks_nothing_of_python(page):
    page.settle()
    sessions, residual = page.python("print(wb.editor.session)"), page.pixels("residual")
    page.press("show ghost")
    page.until(lambda: page.pixels("residual") != residual)
    page.press("show ghost")
    page.until(lambda: page.pixels("residual") == residual)
    page.press("solo ghost")
    page.until(lambda: page.pixels("residual") != residual)
    page.press("solo ghost")
    page.until(lambda: page.pixels("residual") == residual)
    assert page.python("print(wb.editor.session)") == sessions


def test_components_are_copied_named_moved_and_removed(page):
    choose(page, "ghost", "Duplicate")
    page.until(lambda: components(page) == "star ghost ghost2")
    choose(page, "ghost2", "Rename")
    page.widget.get_by_role("textbox", name="name of ghost2").fill("third")
    page.page.keyboard.press("Enter")
    page.until(lambda: components(page) == "star ghost third")
    choose(page, "third", "Move up")
    page.until(lambda: components(page) == "star third ghost")
    choose(page, "third", "Remove")
    page.until(lambda: components(page) == "star ghost")
    assert page.python("print(wb.editor.problems)") == "[]"


def test_another_kind_keeps_the_place(page):
    xc = page.python("print(wb.model.initial['star.xc'])")
    page.widget.get_by_role("combobox", name="profile of star").select_option("Gaussian")
    page.until(lambda: page.python("print(type(wb.model.components['star']).__name__)") == "Gaussian")
    assert page.python("print(wb.model.initial['star.xc'])") == xc
    page.press("Undo")
    page.until(lambda: page.python("print(type(wb.model.components['star']).__name__)") == "PointSource")


def test_a_preset_is_guessed_from_the_pixels(page):
    page.widget.get_by_role("combobox", name="start from a preset").select_option("AGN + host")
    page.until(lambda: components(page) == "nucleus host")
    page.widget.get_by_role("slider", name="host.n").wait_for()
    page.press("Undo")
    page.until(lambda: components(page) == "star ghost")


def test_settings_go_with_the_run_and_fits_are_kept_and_restored(page):
    page.press("settings of the run")
    page.widget.get_by_role("combobox", name="settings for").select_option("Laplace")
    draws = page.widget.get_by_role("spinbutton", name="draws, Laplace")
    draws.fill("150")
    draws.press("Enter")
    page.press("Laplace")
    page.until(lambda: page.python("print(wb.fit is not None and wb.fit.draws['star.xc'].size)") == "150")
    page.until(lambda: page.python("print(wb.editor.running)") == "False")
    page.press("Keep")
    page.widget.get_by_role("button", name="restore fit 1").wait_for()
    assert page.python("print(list(wb.fits))") == "['fit 1']"
    page.widget.get_by_role("spinbutton", name="star.xc").fill("18")
    page.page.keyboard.press("Enter")
    page.until(lambda: page.python("print(wb.model.initial['star.xc'])") == "18.0")
    page.press("restore fit 1")
    close = "print(abs(wb.model.initial['star.xc'] - wb.fit.best['star.xc']) < 1e-4)"
    page.until(lambda: page.python(close) == "True")
    assert page.errors == []
