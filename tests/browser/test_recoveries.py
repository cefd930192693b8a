"""The test of the errors with mock galaxies, in a notebook. Each test continues from the one before."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from .conftest import Opened
from .notebook import Notebook


CELL = """
import numpy as np, sersiclab as sl
disk = sl.Exponential(xc=14.0, yc=11.0, flux=sl.LogUniform(1.0, 1e3, init=30.0),
    r_eff=sl.LogNormal(1.0, 0.3, init=3.0), ellip=0.0, theta=0.0)
model = sl.Model({"disk": disk, "sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
image = sl.simulate(model, sl.Image(np.zeros((24, 30)), sigma=0.05), {"disk.flux": 20.0}, seed=1)
wb = sl.Workbench(image, model)
wb
"""
NAME = "Are these errors right?"
SLOW = """
import time
from sersiclab.recovery import mock_fits
made = mock_fits.mock_of
mock_fits.mock_of = lambda *given, **options: (time.sleep(0.3), made(*given, **options))[1]
"""


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Notebook]:
    with opened("recoveries.ipynb", CELL, width=1100, height=1500) as page:
        yield page
        assert page.errors == []


def section(page: Notebook):
    return page.widget.get_by_role("region", name=NAME)


def button(page: Notebook):
    return section(page).get_by_role("button", name="Test with 50 mocks")


def fit(page: Notebook, method: str) -> None:
    page.press(method)
    page.until(lambda: f"{method} done" in page.widget.get_by_role("status").inner_text())


def test_without_errors_there_is_nothing_to_test(page):
    assert not section(page).is_visible()
    fit(page, "MAP")
    section(page).get_by_text("The last fit is by MAP, which gives no errors.").wait_for()
    assert button(page).is_disabled()


def test_the_table_is_that_of_python(page):
    fit(page, "Laplace")
    page.until(lambda: button(page).is_enabled())
    button(page).click()
    page.until(lambda: section(page).locator("table").count())
    recovery = page.python("print(wb.recovery)")
    assert recovery == "Recovery(50 mocks of 3 parameters)"
    words = page.python("from sersiclab.recovery.findings import findings_of; print(findings_of(wb.recovery).text)")
    section(page).get_by_text(words).wait_for()
    row = section(page).get_by_role("row", name="r_eff")
    shown = row.get_by_role("cell").nth(2).inner_text()
    value, error = (float(word) for word in shown.split(" ± "))
    expected = page.python("row = wb.recovery.table.loc['disk.r_eff']; print(row.pull_sd, row.pull_sd_err)")
    assert [value, error] == pytest.approx([float(word) for word in expected.split()], abs=0.006)
    assert row.locator("circle").count() == 50 + 1
    assert row.get_by_role("img").get_attribute("aria-label").startswith("pulls of disk.r_eff: mean")


def test_points_lie_where_their_pulls_are(page):
    pulls = [float(word) for word in page.python("print(*wb.recovery.pulls['disk.r_eff'])").split()]
    row = section(page).get_by_role("row", name="r_eff")
    places = row.locator(".sl-pull").evaluate_all("(points) => points.map((each) => each.getBoundingClientRect().x)")
    assert np.corrcoef(pulls, places)[0, 1] > 0.999


def test_cancel_answers_within_a_second_and_keeps_the_finished_mocks(page):
    page.python(SLOW)
    button(page).click()
    page.until(lambda: "of 50 mocks" in section(page).inner_text() and "0 of 50" not in section(page).inner_text())
    page.until(lambda: int(page.python("print(wb.editor.recovery['step'])")) >= 5)
    began = time.monotonic()
    section(page).get_by_role("button", name="Cancel mocks").click()
    button(page).wait_for()
    assert time.monotonic() - began < 2.0
    finished = int(page.python("print(wb.recovery.number)"))
    assert 5 <= finished < 50
    section(page).get_by_text(f"cancelled after {finished} of 50 mocks").wait_for()
