"""The session in JupyterLab: saved, opened, and as files of other programs. Each test continues from the one before."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image as Picture

from .conftest import Opened
from .notebook import Notebook


CELL = """
import numpy as np, sersiclab as sl
from astropy.wcs import WCS
wcs = WCS(naxis=2)
wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (150.0, 2.0), (25.0, 20.0), (-0.25 / 3600, 0.25 / 3600)
model = sl.Model({
    "galaxy": sl.Sersic(
        xc=sl.Normal(30.0, 1.0), yc=sl.Normal(20.0, 1.0), flux=sl.LogUniform(1.0, 1e5, init=2e3),
        r_eff=sl.LogUniform(0.5, 30.0, init=5.0), n=1.0, ellip=sl.Uniform(0, 0.9, init=0.3), theta=sl.Angle(init=0.5),
    ),
    "core": sl.PointSource(xc=sl.Tied("galaxy.xc"), yc=sl.Tied("galaxy.yc"), flux=sl.Uniform(0.0, 100.0, init=20.0)),
})
blank = sl.Image(np.zeros((40, 50)), sigma=1.0, wcs=wcs)
noise = np.random.default_rng(1).normal(size=(40, 50))
image = sl.Image(np.array(sl.render(model, blank)) + noise, sigma=1.0, wcs=wcs, zeropoint=25.0)
wb = sl.Workbench(image, model)
wb
"""
STATE = """
import json
session, mask = wb.editor.session, wb.image.mask.nonzero()[0]
print(json.dumps([session["model"], session["off"], dict(wb.editor.display), mask.tolist()]))
"""


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Notebook]:
    with opened("session.ipynb", CELL, height=1300, accept_downloads=True, device_scale_factor=2) as page:
        page.settle()
        exactly(page, "Session")
        yield page
        assert page.errors == []


def exactly(page: Notebook, name: str) -> None:
    """Press the button that has this very name."""
    page.widget.get_by_role("button", name=name, exact=True).click()


def downloaded(page: Notebook, name: str) -> bytes:
    """What the button of this name gives."""
    with page.page.expect_download() as waiting:
        exactly(page, name)
    return Path(waiting.value.path()).read_bytes()


def choose(page: Notebook, name: str, file: str, content: bytes) -> None:
    """Press the button of this name, and give it a file."""
    with page.page.expect_file_chooser() as waiting:
        exactly(page, name)
    waiting.value.set_files({"name": file, "mimeType": "text/plain", "buffer": content})


def said(page: Notebook) -> str:
    return page.widget.locator(".sl-session [aria-live]").inner_text()


def state(page: Notebook) -> list[Any]:
    """What Python has, once the hand is off the widget: the look of the pictures goes along with other messages."""
    page.page.mouse.move(1, 1)
    page.settle()
    return json.loads(page.python(STATE))


def told(page: Notebook) -> str:
    """The text of the error strip, which is then dismissed."""
    strip = page.widget.get_by_role("alert")
    strip.wait_for()
    text = strip.inner_text()
    page.press("Dismiss")
    return text


def test_save_change_open(page, tmp_path):
    page.python("m = wb.image.mask.copy(); m[3:6, 7:9] = True; wb.editor.mask = m")
    page.widget.get_by_role("combobox", name="stretch").select_option("log")
    page.press("lock core")
    page.press("Two by two")
    page.settle()
    saved = downloaded(page, "Save session")
    before = state(page)
    document = json.loads(saved)
    assert (document["sersiclab"], document["shape"]) == ("session", [40, 50])
    assert document["display"]["stretch"] == "log"
    # Python writes the same document.
    page.python(f"wb.save({str(tmp_path / 'python.json')!r})")
    assert json.loads((tmp_path / "python.json").read_text()) == document
    page.python("wb.model = sl.Model({'sky': sl.FlatSky(level=0.5)}); wb.editor.mask = image.mask")
    page.widget.get_by_role("combobox", name="stretch").select_option("linear")
    page.press("Three side by side")
    page.until(lambda: page.widget.get_by_role("switch", name="galaxy").count() == 0)
    choose(page, "Open session", "mine.json", saved)
    page.until(lambda: said(page) == "mine.json loaded")
    page.settle()
    after = state(page)
    assert after[0] == before[0]
    assert after[3] == before[3]
    assert len(after[3]) == 6
    assert page.widget.get_by_role("combobox", name="stretch").input_value() == "log"
    assert page.widget.get_by_role("button", name="lock core").get_attribute("aria-pressed") == "true"
    assert page.widget.get_by_role("button", name="Two by two").get_attribute("aria-pressed") == "true"
    # One step.
    page.press("Undo")
    page.until(lambda: page.python("print(list(wb.model.components))") == "['sky']")
    assert page.widget.get_by_role("combobox", name="stretch").input_value() == "linear"
    page.press("Redo")
    page.until(lambda: page.python("print(list(wb.model.components))") == "['galaxy', 'core']")
    assert page.widget.get_by_role("combobox", name="stretch").input_value() == "log"
    page.press("lock core")
    page.press("Three side by side")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"sersiclab": "session", "version": 1, "sha', "truncated"),
        (b'{"sersiclab": "session", "version": 7}', "made by a newer sersiclab"),
        (b"hello", "not JSON"),
    ],
)
def test_a_broken_file_is_reported_and_changes_nothing(page, content, words):
    before = state(page)
    choose(page, "Open session", "broken.json", content)
    text = told(page)
    assert "The session was not loaded" in text
    assert "broken.json" in text
    assert words in text
    assert state(page) == before


def test_a_session_can_be_pasted(page):
    saved = json.loads(downloaded(page, "Save session"))
    saved["session"]["model"]["components"]["galaxy"]["n"] = 2.5
    exactly(page, "Paste")
    page.widget.get_by_role("textbox", name="a session, or DS9 regions").fill(json.dumps(saved))
    exactly(page, "Apply")
    page.until(lambda: page.python("print(wb.model.components['galaxy'].n)") == "2.5")
    page.press("Undo")
    page.until(lambda: page.python("print(wb.model.components['galaxy'].n)") == "1.0")


@pytest.mark.parametrize("frame", ["in pixels", "on the sky"])
def test_regions_out_and_in(page, frame):
    regions = downloaded(page, f"DS9 regions {frame}")
    assert b"ellipse(" in regions
    page.python("wb.model = wb.model.replace({'galaxy.r_eff': sl.LogUniform(0.5, 30.0, init=9.0)})")
    choose(page, "Open DS9 regions", "out.reg", regions + b"image;circle(10,10,3.3)\nannulus(1,2,3,4)\n")
    page.until(lambda: "galaxy set, core set" in said(page))
    text = told(page)
    assert "annulus(1,2,3,4) is ignored" in text
    assert abs(float(page.python("print(wb.model.initial['galaxy.r_eff'])")) - 5.0) < 1e-2
    assert page.python("print(wb.image.mask[9, 9])") == "True"
    page.press("Undo")
    page.until(lambda: page.python("print(wb.image.mask[9, 9])") == "False")
    assert page.python("print(wb.model.initial['galaxy.r_eff'])") == "9.0"
    page.press("Undo")


def test_the_code_builds_the_model(page):
    exactly(page, "Copy as Python")
    box = page.widget.get_by_role("textbox", name="Python code")
    box.wait_for()
    page.until(lambda: "model = sl.Model" in box.input_value())
    code = box.input_value()
    same = page.python(f"space = {{}}; exec({code!r}, space); print(space['model'] == wb.model, space['mask'].sum())")
    assert same == "True 6"
    exactly(page, "Close")


def test_the_pictures_as_png(page):
    png = np.asarray(Picture.open(io.BytesIO(downloaded(page, "PNG"))).convert("RGB"))
    box = page.widget.get_by_role("img", name="data").bounding_box()
    # At the resolution of the screen, of two pixels to one of the page.
    assert png.shape[1] > 3 * 2 * box["width"]
    assert len(np.unique(png.reshape(-1, 3), axis=0)) > 200
    # The ellipse's own blue.
    assert (np.abs(png.astype(int) - (86, 180, 233)).max(axis=2) < 25).sum() > 100


def test_the_pictures_as_svg(page, chromium, tmp_path):
    svg = downloaded(page, "SVG").decode()
    for element in ("<image", "<path", "<linearGradient", "<text"):
        assert element in svg
    for foreign in ("var(", "class=", "color-mix", "blob:", "http://127"):
        assert foreign not in svg
    (tmp_path / "pictures.svg").write_text(svg)
    context = chromium.new_context()
    alone = context.new_page()
    alone.goto((tmp_path / "pictures.svg").as_uri())
    drawn = np.asarray(Picture.open(io.BytesIO(alone.screenshot())).convert("RGB"))
    context.close()
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 200
    assert (np.abs(drawn.astype(int) - (86, 180, 233)).max(axis=2) < 40).sum() > 50


def test_fits_with_the_sky(page):
    with fits.open(io.BytesIO(downloaded(page, "FITS"))) as file:
        names = [hdu.name for hdu in file]
        residual = file["SCI"].data - file["MODEL"].data
        np.testing.assert_allclose(file["RESIDUAL"].data, residual, atol=1e-4)
        sky = WCS(file["COMP_GALAXY"].header).pixel_to_world(24, 19)
    assert names == ["PRIMARY", "SCI", "MODEL", "RESIDUAL", "SIGMA", "MASK", "COMP_GALAXY", "COMP_CORE", "PARAMETERS"]
    assert (sky.ra.deg, sky.dec.deg) == pytest.approx((150.0, 2.0))


def test_the_output_has_a_picture_for_readers_without_a_kernel(page):
    page.python("bundle = wb._repr_mimebundle_()")
    assert page.python("print(len(bundle['image/png']) > 5000)") == "True"


def test_the_noise_is_chosen_and_shared_parameters_have_rows(page):
    page.widget.get_by_role("combobox", name="noise model").select_option("Student t")
    page.until(lambda: page.python("print(type(wb.model.noise).__name__)") == "StudentTNoise")
    page.widget.get_by_role("spinbutton", name="noise.nu").fill("4")
    page.widget.get_by_role("spinbutton", name="noise.nu").press("Enter")
    page.until(lambda: page.python("print(wb.model.noise.nu)") == "4.0")
    chooser = page.widget.get_by_role("combobox", name="share between components")
    chooser.select_option(label="total flux of galaxy and core")
    share = page.widget.get_by_role("spinbutton", name="total.fraction")
    share.wait_for()
    share.fill("0.25")
    share.press("Enter")
    page.until(lambda: page.python("print(wb.model.initial['total.fraction'])") == "0.25")
    total = float(page.python("print(wb.model.initial['total.flux'])"))
    shown = float(page.widget.get_by_role("spinbutton", name="galaxy.flux").input_value())
    assert shown == pytest.approx(0.25 * total, rel=1e-4)
    page.settle()
    assert page.widget.get_by_role("alert").count() == 0


def test_by_the_keyboard(page):
    exactly(page, "Session")
    assert not page.widget.get_by_role("toolbar", name="session").is_visible()
    page.page.keyboard.press("Enter")
    page.widget.get_by_role("toolbar", name="session").wait_for()
    page.widget.get_by_role("button", name="Save session").focus()
    with page.page.expect_download() as waiting:
        page.page.keyboard.press("Enter")
    assert waiting.value.suggested_filename == "session.json"
