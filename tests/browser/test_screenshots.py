"""The look of the widget, compared with reference pictures that a person has checked: light, dark and narrow.

The mean colours of blocks of pixels are compared. They do not depend on how fonts are drawn, but on positions and
colours. After an intended change, check the new pictures and commit them:

    SERSICLAB_REFERENCES=write pytest tests/browser/test_screenshots.py
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.widget import Editor, bundle
from sersiclab.widget.page import write_page


REFERENCES = Path(__file__).with_name("references")
WRITE = os.environ.get("SERSICLAB_REFERENCES") == "write"
BLOCK = 12  # pixels
FAR = 20.0  # between two colours of a block, of 255
ALLOWED = 0.02  # part of the blocks that may be so far off
SCENES: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 480, "height": 1100}, "color_scheme": "light"},
}
SAMPLE = """() => {
  const sample = document.createElement('span');
  sample.textContent = 'residual in σ · χ²/ν 0.1234567890 free Normal';
  document.querySelector('.sl-root').append(sample);
  const {width, height} = sample.getBoundingClientRect();
  sample.remove();
  return `${Math.round(width / 6)} x ${Math.round(height / 2)}`;
}"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    y, x = np.mgrid[-4:5, -4:5]
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    blank = Image(np.zeros((30, 40)), sigma=1.0, psf=psf / psf.sum())
    star = PointSource(xc=Normal(24.0, 1.0), yc=12.0, flux=LogUniform(1.0, 1e5, init=2e3))
    model = Model({"star": star, "sky": FlatSky(level=Normal(0.0, 1.0))})
    waves = np.sin(np.arange(1200.0) ** 1.5).reshape(30, 40)
    mask = np.zeros((30, 40), bool)
    mask[22:, :8] = True
    image = Image(render(model, blank) + waves, sigma=1.0, psf=blank.psf, mask=mask)
    editor = Editor(image, model)
    path = write_page(tmp_path_factory.mktemp("screenshots") / "star.html", editor)
    editor.close()
    return path


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, chromium: Any, file: Path) -> Iterator[tuple[str, Any]]:
    context = chromium.new_context(offline=True, reduced_motion="reduce", **SCENES[request.param])
    page = context.new_page()
    page.goto(file.as_uri())
    page.get_by_role("img", name="residual").wait_for()
    page.wait_for_timeout(500)
    yield request.param, page
    context.close()


def test_the_widget_looks_as_it_did(scene):
    name, page = scene
    path, fonts = REFERENCES / f"{name}.png", page.evaluate(SAMPLE)
    if WRITE:
        REFERENCES.mkdir(exist_ok=True)
        info = PngInfo()
        info.add_text("fonts", fonts)
        Picture.fromarray(blocks(page)).save(path, pnginfo=info, optimize=True)
    reference = Picture.open(path)
    if reference.text["fonts"] != fonts:
        pytest.skip(f"the fonts are others than the reference's: {fonts}, not {reference.text['fonts']}")
    assert far(np.asarray(reference), blocks(page)) < ALLOWED


def test_the_comparison_sees_another_colour_table_and_a_picture_in_another_place(scene):
    _, page = scene
    before = blocks(page)
    assert far(before, blocks(page)) == 0.0
    table = page.get_by_role("combobox", name="colour table")
    table.select_option("viridis")
    page.wait_for_timeout(200)
    assert far(before, blocks(page)) > 2 * ALLOWED
    table.select_option("gray")
    page.locator(".sl-pictures").evaluate("(element) => { element.style.translate = '40px 0'; }")
    page.wait_for_timeout(200)
    assert far(before, blocks(page)) > 2 * ALLOWED


def blocks(page: Any) -> np.ndarray:
    """The mean colour of each block of the page, as it is seen without a cursor in it."""
    page.mouse.move(0, 0)
    shot = Picture.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    return np.asarray(shot.resize((shot.width // BLOCK, shot.height // BLOCK), Picture.Resampling.BOX))


def far(one: np.ndarray, other: np.ndarray) -> float:
    """The part of the blocks whose colours are far off."""
    assert one.shape == other.shape
    return float((np.abs(one.astype(float) - other.astype(float)).max(axis=-1) > FAR).mean())
