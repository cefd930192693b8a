"""Several images in the workbench: five bands, one model. Each test continues from the one before."""

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from .conftest import Opened
from .notebook import Notebook


CELLS = (
    """
    import numpy as np
    import sersiclab as sl

    y, x = np.mgrid[-10:11, -10:11]
    truth = {"g": (80.0, 4.5), "r": (150.0, 4.1), "i": (200.0, 3.8), "z": (220.0, 3.6), "y": (230.0, 3.5)}

    def band(k, name):
        psf = np.exp(-0.5 * (x**2 + y**2) / (1.2 + 0.1 * k) ** 2)
        empty = sl.Image(np.zeros((44, 48)), sigma=0.05, psf=psf / psf.sum(), band=name, zeropoint=25.0)
        flux, r_eff = truth[name]
        galaxy = sl.Sersic(xc=24.3, yc=22.1, flux=flux, r_eff=r_eff, n=1.6, ellip=0.3, theta=0.7)
        return sl.simulate(sl.Model({"galaxy": galaxy}), empty, seed=k)

    images = sl.Images({name: band(k, name) for k, name in enumerate(truth)})
    galaxy = sl.Sersic(
        xc=sl.Normal(24.0, 1.0),
        yc=sl.Normal(22.0, 1.0),
        flux=sl.PerBand(sl.LogUniform(1.0, 1e4, init=120.0)),
        r_eff=sl.Polynomial(sl.LogUniform(0.5, 20.0, init=4.0)),
        n=sl.Uniform(0.5, 8.0, init=2.0),
        ellip=sl.Uniform(0.0, 0.9, init=0.3),
        theta=sl.Angle(init=0.6),
    )
    model = sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.01)))})
    wb = sl.Workbench(images, model)
    """,
    "wb",
)
SHARED = ("xc", "yc", "n", "ellip", "theta")
NODES = ("at_0.47", "at_0.96")


@pytest.fixture(scope="module")
def lab_page(opened: Opened) -> Iterator[Notebook]:
    with opened("images.ipynb", *(dedent(cell).strip() for cell in CELLS), width=1440, height=900) as page:
        yield page


@pytest.fixture
def page(lab_page: Notebook, tmp_path_factory: pytest.TempPathFactory, request) -> Iterator[Notebook]:
    yield lab_page
    folder: Path = tmp_path_factory.mktemp("shots")
    lab_page.page.screenshot(path=folder / f"{request.node.name}.png")


def values(page: Notebook) -> dict[str, float]:
    return json.loads(page.python("import json; print(json.dumps(wb.model.initial))"))


def choose(page: Notebook, name: str) -> None:
    """Choose an image in the menu, and wait until it is shown."""
    page.widget.get_by_role("combobox", name="image").select_option(name)
    page.until(lambda: page.widget.get_by_role("slider", name=f"galaxy.flux.{name}").count() == 1)
    page.settle()


def ellipse(page: Notebook) -> tuple[float, float]:
    """The handle of the centre, in CSS pixels."""
    box = page.widget.get_by_role("button", name="centre of galaxy").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_menu_has_all_images_and_shows_the_first(page):
    menu = page.widget.get_by_role("combobox", name="image")
    assert menu.input_value() == "g"
    assert menu.locator("option").all_inner_texts() == ["g", "r", "i", "z", "y"]
    for path in (*(f"galaxy.{name}" for name in SHARED), *(f"galaxy.r_eff.{node}" for node in NODES)):
        assert page.widget.get_by_role("slider", name=path, exact=True).count() == 1, path
    assert page.widget.get_by_role("slider", name="sky.level.g").count() == 1


def test_another_image_has_its_own_pictures_and_rows(page):
    data, model = page.pixels("data"), page.python("print(sl.to_dict(wb.model))")
    choose(page, "r")
    assert page.pixels("data") != data
    assert page.widget.get_by_role("slider", name="galaxy.flux.g").count() == 0
    assert page.widget.get_by_role("slider", name="sky.level.r").count() == 1
    assert page.python("print(sl.to_dict(wb.model))") == model


def test_a_drag_in_one_image_moves_the_galaxy_in_all(page):
    before, place = values(page), ellipse(page)
    page.drag("centre of galaxy", 30, -20)
    page.until(lambda: values(page)["galaxy.xc"] > before["galaxy.xc"] + 0.5)
    page.settle()
    moved, here = values(page), ellipse(page)
    assert here[0] > place[0] + 20
    assert {path for path in before if moved[path] != before[path]} == {"galaxy.xc", "galaxy.yc"}
    choose(page, "i")
    there = ellipse(page)
    assert there == pytest.approx(here, abs=1.0)
    assert values(page) == moved


def test_the_size_of_a_smooth_function_follows_the_hand_in_all_images(page):
    before = values(page)
    page.drag("size of galaxy", -10, -15)
    page.until(lambda: all(values(page)[f"galaxy.r_eff.{node}"] > before[f"galaxy.r_eff.{node}"] for node in NODES))
    page.settle()
    after = values(page)
    ratios = [after[f"galaxy.r_eff.{node}"] / before[f"galaxy.r_eff.{node}"] for node in NODES]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-4)
    untouched = [path for path in before if path.startswith(("galaxy.flux", "sky.", "galaxy.n"))]
    assert all(after[path] == before[path] for path in untouched)


def test_a_flux_is_that_of_the_image_on_the_screen(page):
    before = values(page)
    box = page.widget.get_by_role("spinbutton", name="galaxy.flux.i")
    box.fill("180")
    box.press("Enter")
    page.until(lambda: values(page)["galaxy.flux.i"] == 180.0)
    assert {path for path, value in values(page).items() if value != before[path]} == {"galaxy.flux.i"}


def test_a_fit_is_of_all_images_and_the_next_cell_has_its_bands(page):
    page.press("Laplace")
    page.widget.locator(".sl-summary table").wait_for(timeout=300_000)
    page.settle()
    table = page.widget.locator(".sl-summary")
    assert table.get_by_role("rowheader").count() > 15
    assert "mock galaxies" in page.widget.inner_text().lower()
    assert page.python("print(type(wb.fit).__name__, list(wb.fit.bands().columns.levels[0]))").startswith("JointFit")
    sizes = page.python("b = wb.fit.bands(); print([float(b.loc['galaxy.r_eff', (n, 'value')]) for n in images])")
    assert json.loads(sizes) == pytest.approx([4.4, 4.1, 3.8, 3.6, 3.4], abs=0.15)
    assert values(page)["galaxy.flux.y"] == pytest.approx(230.0, rel=0.05)


def test_undo_goes_back_to_the_image_of_the_edit(page):
    fitted = values(page)
    choose(page, "y")
    page.press("Undo")
    page.until(lambda: page.widget.get_by_role("combobox", name="image").input_value() == "i")
    page.settle()
    assert page.python("print(wb.editor.session['image'])") == "i"
    assert values(page) == fitted


def test_nothing_went_wrong(page):
    assert page.errors == []
    assert page.python("print(wb.editor.problems)") == "[]"
