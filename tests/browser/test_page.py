"""The one-file page, opened from disk with the network off."""

import numpy as np
import pytest

from sersiclab.image import Image
from sersiclab.model import Model, render
from sersiclab.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.widget import Workbench, bundle

from .notebook import PIXELS


def test_the_page_shows_the_pictures_offline(chromium, rng, tmp_path):
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    model = Model(
        {
            "star": PointSource(xc=Normal(11.0, 1.0), yc=9.0, flux=LogUniform(1.0, 1e3, init=100.0)),
            "sky": FlatSky(level=Normal(0.0, 1.0)),
        }
    )
    blank = Image(np.zeros((20, 30)), sigma=1.0)
    image = Image(render(model, blank) + rng.normal(size=blank.shape), sigma=1.0)
    with Workbench(image, model) as workbench:
        file = workbench.to_html(tmp_path / "star.html")
    context = chromium.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    residual = page.get_by_role("img", name="residual")
    residual.wait_for()
    page.wait_for_timeout(500)
    before = residual.evaluate(PIXELS)
    page.get_by_role("switch", name="star").click()
    page.wait_for_timeout(500)
    assert residual.evaluate(PIXELS) != before
    page.get_by_role("switch", name="star").click()
    page.get_by_role("slider", name="star.flux").press("ArrowRight")
    page.wait_for_timeout(1500)  # nobody waits for what Python does not draw: the last picture follows
    assert residual.evaluate(PIXELS) != before
    assert page.get_by_text("χ²/ν ≈").count() == 1
    page.get_by_role("button", name="NUTS").click()
    page.get_by_role("alert").wait_for()
    assert "No Python here" in page.get_by_role("alert").inner_text()
    page.screenshot(path=tmp_path / "page.png")
    context.close()
    assert errors == []
