"""A large image in JupyterLab: it is sent in cells, which are finer where the user zooms in."""

import re

import numpy as np

from .notebook import PIXELS


IMAGE = """
import numpy as np
import sersiclab as sl
from sersiclab.parameters.priors import LogUniform, Normal
y, x = np.mgrid[:901, :1303]
data = np.random.default_rng(1).normal(size=y.shape) + 40 * np.exp(-np.hypot(x - 1003, y - 300) / 30)
mask = np.zeros(y.shape, bool)
mask[700:760, 100:260] = True
image = sl.Image(data, sigma=1.0, mask=mask)
source = sl.Sersic(
    xc=Normal(1003.0, 3.0), yc=Normal(300.0, 3.0), flux=LogUniform(1e3, 1e6, init=2e5), r_eff=50.0, n=1.0,
    ellip=0.0, theta=0.0,
)
model = sl.Model({"galaxy": source})
"""
WIDGET = "wb = sl.Workbench(image, model)\nwb"
NUMBER = re.compile(r"[-\u2212]?[\d.]+(?:e[-\u2212]?\d+)?")


def reading(page, field):
    """A number of the readout, once it is that of the pixel and not of its cell."""
    cell = page.widget.locator(".sl-readout > div", has=page.page.get_by_text(field, exact=True))
    page.until(lambda: (text := cell.locator(".sl-reading").inner_text()) != "–" and "≈" not in text, 20)
    return float(NUMBER.search(cell.locator(".sl-reading").inner_text())[0].replace("−", "-"))


def hover(page, x, y):
    """Point at a place of the data picture, in parts of its width and height; the pixel there."""
    box = page.widget.locator(".sl-stage").first.bounding_box()
    page.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    return int(reading(page, "x")), int(reading(page, "y"))


def test_a_large_image_is_seen_and_edited(opened):
    with opened("large.ipynb", IMAGE, WIDGET) as page:
        note = page.widget.locator(".sl-panel-data .sl-note")
        assert note.inner_text() == "means of 3 × 3 pixels"
        assert "χ²/ν" in page.widget.locator(".sl-panel-residual .sl-note").inner_text()

        # A pixel's own value, though the page has but means.
        x, y = hover(page, 0.3, 0.5)
        data = reading(page, "data")
        np.testing.assert_allclose(data, float(page.python(f"print(image.data[{y}, {x}])")), rtol=2e-3)

        # Zooming in about the galaxy brings single pixels, at their places.
        stage = page.widget.locator(".sl-stage").first
        stage.focus()
        box = stage.bounding_box()
        scale = min(box["width"] / 1303, box["height"] / 901)
        at = box["width"] / 2 + (1003 - 651) * scale, box["height"] / 2 - (300 - 450) * scale
        page.page.mouse.move(box["x"] + at[0], box["y"] + at[1])
        for _ in range(7):
            page.page.mouse.wheel(0, -200)
        page.until(lambda: note.inner_text() == "", 20)
        page.settle()
        x, y = hover(page, at[0] / box["width"], at[1] / box["height"])
        assert abs(x - 1003) <= 1 / scale  # whole pixels of the screen are pointed at
        assert abs(y - 300) <= 1 / scale
        x, y = hover(page, 0.7, 0.4)
        np.testing.assert_allclose(
            reading(page, "data"), float(page.python(f"print(image.data[{y}, {x}])")), rtol=2e-3, atol=1e-3
        )

        # A drag is drawn in those pixels, and the session's χ² is Python's.
        before = page.widget.get_by_role("img", name="model").evaluate(PIXELS)
        page.drag("centre of galaxy", 12, 0)
        page.settle()
        assert page.widget.get_by_role("img", name="model").evaluate(PIXELS) != before
        assert float(page.python("print(wb.model.initial['galaxy.xc'])")) > 1003.5
        assert len(page.python("print(wb.editor._frames.sights)")) > 10
        code = "r = sl.render(wb.model, image); v = image.valid; print(np.sum(((image.data - r)[v])**2) / v.sum())"
        told = page.widget.locator(".sl-panel-residual .sl-note").inner_text()
        np.testing.assert_allclose(float(NUMBER.findall(told.split("ν")[1])[0]), float(page.python(code)), rtol=2e-3)

        # The whole again, with what was changed.
        stage.focus()
        page.page.keyboard.press("0")
        page.until(lambda: note.inner_text() != "", 20)
        assert page.errors == []
